import Testing

@Suite struct ProtocolTests {
    @Test(arguments: ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
    func resultAndKernelAgree(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = """
            "subnets": ["10.244.0.0/24", "fd00:10:244::/64"], "mtu": 1400
            """
        let output = try node.call(Call(version: version, members: members))
        #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
        let result = try JSON(output.stdout)

        #expect(result.keys == ["cniVersion", "interfaces", "ips", "routes"])
        #expect(result["cniVersion"] == .string(version))
        let interfaces = result["interfaces"]
        let hostEnd = try #require(interfaces[1]["name"].text)
        #expect(interfaces.elements.map { $0["name"] } == ["cni0", .string(hostEnd), "eth0"])
        #expect(interfaces.elements.map { $0["sandbox"] } == [.null, .null, "/run/netns/pod1"])
        #expect(interfaces[2]["mtu"] == (version == "1.1.0" ? 1400 : .null))
        #expect(result["ips"].elements.map { $0["address"] } == ["10.244.0.2/24", "fd00:10:244::2/64"])
        #expect(result["ips"].elements.map { $0["gateway"] } == ["10.244.0.1", "fd00:10:244::1"])
        #expect(result["ips"].elements.map { $0["interface"] } == [2, 2])
        let families: [JSON] = version < "1.0.0" ? ["4", "6"] : [.null, .null]
        #expect(result["ips"].elements.map { $0["version"] } == families)
        #expect(result["routes"].elements.map { $0["dst"] } == ["0.0.0.0/0", "::/0"])
        #expect(result["routes"].elements.map { $0["gw"] } == ["10.244.0.1", "fd00:10:244::1"])

        try expectHostLinks(node, interfaces, hostEnd)
        try expectPod(node, mac: interfaces[2]["mac"])
        try node.expectRest()
        let deletion = try node.call(Call(verb: "DEL", version: version, members: members))
        #expect(deletion.status == 0 && deletion.stdout.isEmpty && deletion.stderr.isEmpty, "\(deletion.all)")
        try node.expectNothingLeft()
        #expect(try node.ourLinks() == ["cni0"])
    }

    /// What else a route has came with 1.1.0, and is in the kernel whatever the version.
    @Test(arguments: ["0.1.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]) func whatARouteMayTell(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = """
            "ipam": {"subnet": "10.9.0.0/24", "routes": [{"dst": "10.20.0.0/16", "gw": "10.9.0.9", "mtu": 1300, "advmss": 1200,
            "priority": 7, "table": 100, "scope": 200}]}
            """
        let output = try node.call(Call(version: version, members: members))
        #expect(output.status == 0, "\(output.all)")
        let result = try JSON(output.stdout)
        let route = version < "0.3.0" ? result["ip4"]["routes"][0] : result["routes"][0]
        let old: [String: JSON] = ["dst": "10.20.0.0/16", "gw": "10.9.0.9"]
        let new: [String: JSON] = ["mtu": 1300, "advmss": 1200, "priority": 7, "table": 100, "scope": 200]
        #expect(route == .object(version == "1.1.0" ? old.merging(new) { $1 } : old))
        let words = try node.run("ip route show table 100", in: "pod1")
        #expect(words.contains("scope site metric 7 mtu 1300 advmss 1200"), "\(words)")
    }

    private func expectHostLinks(_ node: TestNode, _ interfaces: JSON, _ hostEnd: String) throws {
        let bridge = try node.json("ip -d -j addr show cni0")[0]
        #expect(bridge["address"] == interfaces[0]["mac"])
        #expect(bridge["flags"].elements.contains("UP"))
        #expect(bridge["group"] == "7586")
        let gateways = Set(bridge.addresses.filter { !$0.hasPrefix("fe80:") })
        #expect(gateways == ["10.244.0.1/24", "fd00:10:244::1/64"])
        let host = try node.json("ip -d -j link show \(hostEnd)")[0]
        #expect(host["address"] == interfaces[1]["mac"])
        #expect(host["master"] == "cni0")
        #expect(host["group"] == "7586")
        #expect(host["mtu"] == 1400)
        #expect(host["flags"].elements.contains("UP"))
        #expect(host["linkinfo"]["info_slave_data"]["hairpin"] == true)
        let forwarding = try node.run("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding")
        #expect(forwarding == "1\n1")
    }

    private func expectPod(_ node: TestNode, mac: JSON) throws {
        let link = try node.json("ip -d -j addr show eth0", in: "pod1")[0]
        #expect(link["address"] == mac)
        #expect(link["mtu"] == 1400)
        #expect(link["flags"].elements.contains("UP"))
        // No link-local address either: nothing but what was promised.
        #expect(link.addresses == ["10.244.0.2/24", "fd00:10:244::2/64"])
        for (family, gateway) in [("-4", "10.244.0.1"), ("-6", "fd00:10:244::1")] {
            let routes = try node.json("ip \(family) -j route show proto 80", in: "pod1").elements
            #expect(routes.map { $0["dst"] } == ["default"])
            #expect(routes.map { $0["gateway"] } == [.string(gateway)])
        }
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
    }

    /// In the version that asks; one that had no input for it, or says nothing sensible, is told the newest.
    @Test(arguments: [
        (#"{"cniVersion": "1.1.0"}"#, "1.1.0"), (#"{"cniVersion": "0.2.0"}"#, "0.2.0"), (#"{"name": "x"}"#, "0.1.0"),
        (#"{"cniVersion": "2.0.0"}"#, "2.0.0"), ("", "1.1.0"), ("nonsense", "1.1.0"),
    ])
    func versionsAreTold(input: String, version: String) throws {
        let output = try TestNode().call(
            Call(
                verb: "VERSION", input: input,
                variables: ["CNI_CONTAINERID": "", "CNI_NETNS": "dummy", "CNI_IFNAME": "dummy", "CNI_ARGS": ""]))
        #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
        let answer = try JSON(output.stdout)
        #expect(answer["cniVersion"] == .string(version))
        #expect(
            answer["supportedVersions"]
                == .array(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]))
        #expect(answer.keys == ["cniVersion", "supportedVersions"])
    }

    /// It has no need of stdin: old runtimes give none, and a terminal's never ends.
    @Test(arguments: ["<&-", "</run", "</dev/null"]) func versionsWithoutInput(redirection: String) throws {
        let output = try TestNode().attempt(#""$PLUMB" \#(redirection)"#, environment: ["CNI_COMMAND": "VERSION"])
        #expect(output.status == 0, "\(output.all)")
        #expect(try JSON(output.stdout)["cniVersion"] == "1.1.0")
    }

    @Test func versionsAtATerminal() throws {
        let output = try TestNode().attempt(
            #"script -qec "timeout 1 $PLUMB" /dev/null < <(sleep 2 2>&-)"#, environment: ["CNI_COMMAND": "VERSION"])
        #expect(output.status == 0 && output.stdout.contains(#""supportedVersions":["0.1.0""#), "\(output.all)")
    }

    @Test func aPersonIsToldWhatItIs() throws {
        let output = try TestNode().call(Call(verb: ""))
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        #expect(output.stderr.contains("CNI plugin"))
        #expect(output.stderr.contains("1.1.0"))
    }
}
