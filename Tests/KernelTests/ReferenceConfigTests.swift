import Testing

/// Configurations as they are written for the reference bridge plugin with host-local, only their type changed.
@Suite struct ReferenceConfigTests {
    /// As Go reads them, so do files that were written for the reference.
    @Test func keysInAnyCaseAndEmptyTexts() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = """
            "Bridge": "cni0", "isdefaultgateway": true, "mTU": 1400, "ipam": {"Type": "host-local", "ranges": [[{"Subnet":
            "10.9.0.0/24", "rangeStart": "", "RangeEnd": "", "gateway": ""}]], "routes": [{"dst": "10.20.0.0/16", "gw": ""}]}
            """
        let result = try node.add("pod1", members)
        #expect(result["ips"][0]["address"] == "10.9.0.2/24" && result["ips"][0]["gateway"] == "10.9.0.1")
        #expect(try node.json("ip -n pod1 -j link show eth0")[0]["mtu"].number == 1400)
        try node.expectPing(from: "pod1", to: "10.9.0.1")
        try node.expectRest()
    }

    /// A pod whose interfaces begin without IPv6 gets it on the one that has an address.
    @Test func aPodWithoutIPv6() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            "ip netns exec pod1 sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        try node.add("pod1")
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.expectRest()
    }

    struct Form: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var members: String
        var bridge: String
        var address: String
        var gateway: String
        /// Of the pod's main table, all families, without the subnets' own.
        var routes: Set<String>
        var bridgeAddresses: Set<String>
        var hairpin = false
    }

    static let forms = [
        Form(
            testDescription: "isGateway, hairpinMode, ranges and a default route, as podman uses it",
            members: """
                "bridge": "prefpod0", "hairpinMode": true, "isGateway": true, "ipam": {"type": "host-local",
                "ranges": [[{"gateway": "10.230.0.1", "subnet": "10.230.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}
                """,
            bridge: "prefpod0", address: "10.230.0.2/24", gateway: "10.230.0.1",
            routes: ["default via 10.230.0.1"], bridgeAddresses: ["10.230.0.1/24"], hairpin: true),
        Form(
            testDescription: "isDefaultGateway and the single subnet with its bounds and gateway",
            members: """
                "bridge": "br-pods", "isDefaultGateway": true, "ipam": {"type": "host-local", "subnet": "10.22.0.0/16",
                "rangeStart": "10.22.7.10", "rangeEnd": "10.22.7.20", "gateway": "10.22.255.254",
                "routes": [{"dst": "192.168.0.0/24"}, {"dst": "192.168.1.0/24", "gw": "10.22.0.9"}]}
                """,
            bridge: "br-pods", address: "10.22.7.10/16", gateway: "10.22.255.254",
            routes: [
                "default via 10.22.255.254", "192.168.0.0/24 via 10.22.255.254", "192.168.1.0/24 via 10.22.0.9",
            ],
            bridgeAddresses: ["10.22.255.254/16"]),
        Form(
            testDescription: "no gateway: layer 2 alone",
            members: """
                "bridge": "br-l2", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.23.0.0/29"}]]}
                """,
            bridge: "br-l2", address: "10.23.0.2/29", gateway: "10.23.0.1", routes: [], bridgeAddresses: []),
        Form(
            testDescription: "IPv6 alone",
            members: """
                "bridge": "br-six", "isDefaultGateway": true, "ipam": {"ranges": [[{"subnet": "fd00:23::/64"}]]}
                """,
            bridge: "br-six", address: "fd00:23::2/64", gateway: "fd00:23::1", routes: ["default via fd00:23::1"],
            bridgeAddresses: ["fd00:23::1/64"]),
    ]

    @Test(arguments: forms) func isUnderstood(form: Form) throws {
        let node = try TestNode()
        try node.addPods(2)
        let result = try node.add("pod1", form.members)
        #expect(result["interfaces"][0]["name"] == .string(form.bridge))
        #expect(result["ips"].elements.map { $0["address"] } == [.string(form.address)])
        #expect(result["ips"][0]["gateway"] == .string(form.gateway))

        let inside = try node.json("ip -j addr show eth0", in: "pod1")[0]
        #expect(inside.addresses == [form.address])
        let routes = try node.run("ip -4 route show proto 80; ip -6 route show proto 80", in: "pod1")
        let short = routes.split(separator: "\n").map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
        #expect(Set(short) == form.routes)

        let bridge = try node.json("ip -d -j addr show \(form.bridge)")[0]
        #expect(bridge.addresses.filter { !$0.hasPrefix("fe80:") } == form.bridgeAddresses)
        let forwarding = try node.run("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding")
        let isSix = form.gateway.contains(":")
        #expect(forwarding == (form.bridgeAddresses.isEmpty ? "0\n0" : isSix ? "0\n1" : "1\n0"))
        let hostEnd = try #require(result["interfaces"][1]["name"].text)
        let port = try node.json("ip -d -j link show \(hostEnd)")[0]
        #expect(port["master"] == .string(form.bridge))
        #expect(port["linkinfo"]["info_slave_data"]["hairpin"] == .bool(form.hairpin))

        let other = try node.add("pod2", form.members)["ips"][0]["address"].text ?? ""
        try node.expectPing(from: "pod1", to: String(other.prefix { $0 != "/" }))
        try node.expectRest()
        for pod in ["pod1", "pod2"] { try node.delete(pod, form.members) }
        try node.expectNothingLeft()
    }

    @Test func networksOnOneBridgeShareNoAddress() throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #""bridge": "br0", "ipam": {"subnet": "10.24.0.0/24"}"#
        let first = try node.call(Call(pod: "pod1", network: "blue", members: members))
        let second = try node.call(Call(pod: "pod2", network: "green", members: members))
        #expect(try JSON(first.stdout)["ips"][0]["address"] == "10.24.0.2/24")
        #expect(try JSON(second.stdout)["ips"][0]["address"] == "10.24.0.3/24")
        try node.expectPing(from: "pod1", to: "10.24.0.3")
        try node.expectRest()
    }
}
