import Testing

/// The reference's own IPAM plugins in our service, as `scripts/reference-plugins` fetched them.
@Suite struct RealDelegateTests {
    private func call(_ verb: String = "ADD", pod: String = "pod1", version: String = "1.0.0") -> Call {
        Call(
            verb: verb, pod: pod, version: version,
            members: """
                "bridge": "br0", "isGateway": true, "ipam": {"type": "static", "addresses":
                [{"address": "10.9.0.7/24", "gateway": "10.9.0.254"}, {"address": "fd09::7/64"}],
                "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.8.0.0/16", "gw": "10.9.0.9"}],
                "dns": {"nameservers": ["10.9.0.53"], "domain": "example.org"}}
                """,
            variables: ["CNI_PATH": "/nowhere:" + InstallTests.root + "/.build/reference/usr/lib/cni"])
    }

    @Test(arguments: ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]) func staticAddresses(version: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let output = try node.call(call(version: version))
        #expect(output.status == 0, "\(output.all)")
        let result = try JSON(output.stdout)
        #expect(result["ips"].elements.map { $0["address"] } == ["10.9.0.7/24", "fd09::7/64"])
        #expect(result["ips"].elements.map { $0["gateway"] } == ["10.9.0.254", "fd09::1"])
        #expect(
            result["dns"] == .object(["nameservers": .array(["10.9.0.53"]), "domain": "example.org"]), "\(output.all)")
        #expect(try node.run("ip -n pod1 route show default").hasPrefix("default via 10.9.0.254 dev eth0"))
        #expect(try node.run("ip -n pod1 route show 10.8.0.0/16").contains("via 10.9.0.9"))
        try node.expectPing(from: "pod1", to: "10.9.0.254", "fd09::1")
        try node.expectRest()
        // It has but one address to give, and gives it to anybody.
        try node.expectError(call(pod: "pod2", version: version), code: 101, saying: ["10.9.0.7", "pod default/pod1"])
        #expect(try node.call(call("DEL", version: version)).status == 0)
        try node.expectNothingLeft()
        #expect(try node.call(call(pod: "pod2", version: version)).status == 0)
    }

    /// It answers in the old shape, and so do we.
    @Test(arguments: ["0.1.0", "0.2.0"]) func oldShapes(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let output = try node.call(call(version: version))
        let expected: String = """
            {"cniVersion": "\(version)", "dns": {"nameservers": ["10.9.0.53"], "domain": "example.org"},
            "ip4": {"ip": "10.9.0.7/24", "gateway": "10.9.0.254", "routes": [{"dst": "0.0.0.0/0", "gw": "10.9.0.254"},
            {"dst": "10.8.0.0/16", "gw": "10.9.0.9"}]}, "ip6": {"ip": "fd09::7/64", "gateway": "fd09::1"}}
            """
        #expect(try JSON(output.stdout) == JSON(expected), "\(output.all)")
        #expect(try node.call(call("GET", version: version)).stdout == output.stdout)
        try node.expectPing(from: "pod1", to: "10.9.0.254", "fd09::1")
        try node.expectRest()
        #expect(try node.call(call("DEL", version: version)).status == 0)
        try node.expectNothingLeft()
    }

    /// Debian's does not speak 1.1.0 yet: its error is passed on, and nothing of ours stays.
    @Test func aVersionThatItDoesNotSpeak() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.expectError(call(version: "1.1.0"), code: 1, saying: ["static", "incompatible"])
        try node.expectNothingLeft()
    }
}
