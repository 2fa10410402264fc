import Testing

/// What stdin may hold, and what of it is nobody's fault.
@Suite struct InputTests {
    /// More than a test's pipe holds, so that a shell must write it.
    @Test(arguments: [
        ("head -c 9000000 /dev/zero | tr '\\0' ' '", "longer than 8 MiB"),
        ("head -c 4000000 /dev/zero | tr '\\0' '['", "nests too deeply"),
        (#"printf '{"a":%.0s' $(seq 70); printf '1'; printf '}%.0s' $(seq 70)"#, "nests too deeply"),
        (#"printf '{"name": "\377"}'"#, "UTF-8"),
        (#"printf '{"name": "x"} {}'"#, "more after its end"),
        (#"printf '{"name": "a\tb"}'"#, "a control character must be escaped"),
    ])
    func whatCannotBeRead(script: String, told: String) throws {
        let node = try TestNode()
        for verb in ["ADD", "DEL", "CHECK", "GET", "GC", "STATUS"] {
            let output = try node.attempt(
                "{ \(script); } 2>/dev/null | $PLUMB", environment: Call(verb: verb).environment)
            #expect(output.status == 1, "\(output.all)")
            let answer = try JSON(output.stdout)
            #expect(answer["code"] == 6 && answer["cniVersion"] == "1.1.0")
            #expect(answer["msg"].text?.contains(told) == true, "\(output.all)")
        }
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
    }

    /// Keys of others, and of chains and tools to come; of a key that is there twice the last counts.
    @Test func whatIsTolerated() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = """
            "mtu": 20, "mtu": 1400, "type": "plumb", "capabilities": {"ips": true}, "x": [[{"y": null}]], "args": {"z": 1}, \
            "prevResult": null, "cniVersions": ["1.0.0"], "disableCheck": false, "bridge": null, \(dualStack)
            """
        let output = try node.call(
            Call(members: members, variables: ["CNI_ARGS": "COLOUR=red;IgnoreUnknown=TRUE;K8S_POD_NAME=web"]))
        #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
        #expect(try JSON(output.stdout)["interfaces"][2]["mtu"] == 1400)
        try node.delete("pod1", members)
    }

    /// What has no effect yet is named, a line each, and stops nothing.
    @Test func whatHasNoEffectIsNamed() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = """
            "runtimeConfig": {"bandwidth": {"IngressRate": 1000, "IngressBurst": 2000},
            "PortMappings": [{"HostPort": 80, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}]}, \(dualStack)
            """
        let output = try node.call(Call(members: members))
        #expect(output.status == 0, "\(output.all)")
        #expect(try JSON(output.stdout)["cniVersion"] == "1.1.0")
        let lines = output.stderr.split(separator: "\n")
        for key in ["runtimeConfig.bandwidth", "runtimeConfig.portMappings"] {
            #expect(lines.count { $0.contains("network pods: key \(key) ") } == 1, "\(output.stderr)")
        }
        #expect(lines.count == 2)
        try node.delete("pod1", members)
    }

    /// DEL works with whatever is in CNI_ARGS, without CNI_PATH, and in a version that nobody speaks.
    @Test func whatDoesNotStopDEL() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let output = try node.call(
            Call(verb: "DEL", version: "9.0.0", variables: ["CNI_ARGS": "COLOUR", "CNI_PATH": "", "CNI_NETNS": ""]))
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        try node.expectNothingLeft()
    }

    /// An error is told in the version of the call, on every verb.
    @Test(arguments: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
    func errorsAreOfTheCallersVersion(version: String) throws {
        let node = try TestNode()
        for verb in ["ADD", "DEL", "CHECK", "GET"] {
            let output = try node.call(Call(verb: verb, version: version, variables: ["CNI_IFNAME": ""]))
            let answer = try JSON(output.stdout)
            #expect(output.status == 1 && answer["cniVersion"] == .string(version), "\(output.all)")
            #expect(answer["code"] == 4 && answer["msg"].text?.contains("CNI_IFNAME") == true)
        }
    }

    /// The host's own namespace only where the caller insists, by whatever path.
    @Test func theHostsNamespace() throws {
        let node = try TestNode()
        try node.run("touch /run/netns/host; mount --bind /proc/self/ns/net /run/netns/host")
        let members = #""bridge": "br0", "ipam": {"subnet": "10.9.0.0/24"}"#
        var call = Call(pod: "host", members: members, variables: ["CNI_IFNAME": "eth7"])
        try node.expectError(call, code: 8, saying: ["/run/netns/host", "CNI_NETNS_OVERRIDE"])
        call.variables["CNI_NETNS_OVERRIDE"] = "0"
        try node.expectError(call, code: 8, saying: ["/run/netns/host"])
        #expect(try node.attempt(#"test -e "$DATA" || ip link show br0"#).status == 1)
        call.variables["CNI_NETNS_OVERRIDE"] = "1"
        let output = try node.call(call)
        #expect(output.status == 0, "\(output.all)")
        #expect(try node.json("ip -j addr show eth7")[0].addresses == ["10.9.0.2/24"])
        try node.expectRest()
        try node.run("ip addr flush dev eth7")
        try node.expectConvergence()
        #expect(try node.json("ip -j addr show eth7")[0].addresses == ["10.9.0.2/24"])
        call.verb = "DEL"
        #expect(try node.call(call).status == 0)
        try node.expectNothingLeft()
    }

    /// Nobody will ever write to it: an open that waited would hold the pod, and apply, for ever.
    @Test func aNamedPipeIsNoNamespace() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("mkfifo /run/netns/pipe")
        let call = Call(pod: "pipe")
        let output = try node.attempt(
            #"timeout 5 "$PLUMB" <<< "$CONFIGURATION""#,
            environment: call.environment.merging(["CONFIGURATION": call.configuration(node.dataDirectory)]) { $1 })
        #expect(output.status == 1, "\(output.all)")
        let answer = try JSON(output.stdout)
        #expect(answer["code"] == 4 && answer["msg"].text?.contains("/run/netns/pipe") == true, "\(output.all)")
    }

    /// Read as text they would be another name, which the runtime would look for in vain.
    @Test func bytesThatAreNoText() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call()
        let output = try node.attempt(
            #"CNI_IFNAME=$(printf 'eth\377') "$PLUMB" <<< "$CONFIGURATION""#,
            environment: call.environment.merging(["CONFIGURATION": call.configuration(node.dataDirectory)]) { $1 })
        #expect(output.status == 1, "\(output.all)")
        let answer = try JSON(output.stdout)
        #expect(answer["code"] == 4 && answer["msg"].text?.contains("no UTF-8") == true, "\(output.all)")
    }

    /// A pod whose name the runtime left empty is called by its container.
    @Test func aPodWithoutAName() throws {
        let node = try TestNode()
        try node.addPods(1)
        let empty = ["CNI_ARGS": "IgnoreUnknown=true;K8S_POD_NAMESPACE=;K8S_POD_NAME="]
        #expect(try node.call(Call(variables: empty)).status == 0)
        try node.expectError(Call(variables: empty), code: 102, saying: ["eth0 of container c-pod1"])
        #expect(try node.sql("SELECT pod_name IS NULL, pod_namespace IS NULL FROM attachments") == "1|1")
    }
}
