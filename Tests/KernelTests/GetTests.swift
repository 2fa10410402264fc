import Testing

/// GET says again what ADD said.
@Suite struct GetTests {
    static let versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]

    @Test(arguments: GetTests.versions) func asADDSaid(version: String)
        throws
    {
        let node = try TestNode()
        try node.addPods(1)
        let members = """
            "mtu": 1400, "isDefaultGateway": true, "ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}], \
            [{"subnet": "fd00:9::/64"}]], "routes": [{"dst": "10.20.0.0/16", "priority": 7, "advmss": 1200}]}
            """
        let answer = try node.answer(Call(version: version, members: members))
        // From the rows, whatever became of the pod.
        for script in [
            "true", "ip -n pod1 addr flush dev eth0; ip link set cni0 address 02:00:00:00:00:77", "ip netns del pod1",
        ] {
            try node.run(script)
            let output = try node.call(
                Call(verb: "GET", version: version, members: members, variables: ["CNI_NETNS": ""]))
            #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
            #expect(output.stdout == answer)
        }
    }

    /// The shape is the asking version's, not ADD's.
    @Test func inAnotherVersion() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1", #""mtu": 1400, \#(dualStack)"#)
        let result = try JSON(try node.call(Call(verb: "GET", version: "0.4.0")).stdout)
        #expect(result["cniVersion"] == "0.4.0")
        #expect(result["ips"].elements.map { $0["version"] } == ["4", "6"])
        #expect(result["interfaces"][2]["mtu"] == .null)
    }

    /// Each version has its own shape, whatever the attachment was added in.
    @Test func inEveryVersion() throws {
        let node = try TestNode()
        try node.addPods(1)
        for added in GetTests.versions {
            let answer = try node.answer(Call(version: added, members: #""mtu": 1400, \#(dualStack)"#))
            for asked in GetTests.versions {
                let result = try JSON(try node.call(Call(verb: "GET", version: asked)).stdout)
                #expect(result["cniVersion"] == .string(asked))
                #expect(
                    result.keys
                        == (asked < "0.3.0"
                            ? ["cniVersion", "ip4", "ip6"] : ["cniVersion", "interfaces", "ips", "routes"]))
                #expect((result["ips"][0]["version"] == "4") == (asked >= "0.3.0" && asked < "1.0.0"))
                #expect((result["interfaces"][2]["mtu"] == 1400) == (asked >= "1.1.0"))
                if asked == added { #expect(result == (try JSON(answer))) }
            }
            try node.delete("pod1")
        }
    }

    /// One JSON object or an error, never half of one.
    @Test(arguments: ["{", "nonsense", "[]", "{} {}"]) func whatAShellWrote(dns: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("UPDATE attachments SET dns = '\(dns)'")
        try node.expectError(Call(verb: "GET"), code: 103, saying: ["pod default/pod1", "row 1", "dns"])
        try node.delete("pod1")
        try node.expectNothingLeft()
    }

    @Test func anAdoptedBridgesMAC() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add cni0 address 02:00:00:00:00:55 type bridge; ip link set cni0 up")
        let answer = try node.answer()
        #expect(try JSON(answer)["interfaces"][0]["mac"] == "02:00:00:00:00:55")
        #expect(try node.call(Call(verb: "GET")).stdout == answer)
    }

    @Test func anAttachmentThatIsNotThere() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.expectError(Call(verb: "GET"), code: 3, saying: ["network pods", "eth0 of container c-pod1"])
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
        try node.add("pod1")
        try node.expectError(Call(verb: "GET", pod: "pod2"), code: 3, saying: ["c-pod2"])
        try node.delete("pod1")
        try node.expectError(Call(verb: "GET"), code: 3, saying: ["c-pod1"])
        try node.expectError(Call(verb: "GET", variables: ["CNI_IFNAME": ""]), code: 4, saying: ["CNI_IFNAME"])
    }
}
