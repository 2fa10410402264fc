import Testing

/// Addresses of others on the bridge where a gateway of ours is to come.
@Suite struct BridgeAddressTests {
    private static let four = #""bridge": "br0", "isGateway": true, "ipam": {"subnet": "10.9.0.0/24"}"#
    private static let six = #""bridge": "br0", "isGateway": true, "ipam": {"subnet": "fd09::/64"}"#

    private func node(_ addresses: String...) throws -> TestNode {
        let node = try TestNode()
        try node.addPods(3)
        try node.run("ip link add br0 type bridge; ip link set br0 up")
        for address in addresses {
            try node.run("ip addr add \(address) dev br0\(address.contains(":") ? " nodad" : "")")
        }
        return node
    }

    private func addresses(_ node: TestNode) throws -> Set<String> {
        try node.json("ip -j addr show br0")[0].addresses.filter { !$0.hasPrefix("fe80:") }
    }

    @Test(arguments: [
        ("10.9.0.9/24", four), ("10.9.0.1/16", four), ("10.9.0.200/25", four), ("fd09::9/64", six),
        ("fd09::9/120", six),
    ]) func overlappingOneIsRefusedOrReplaced(address: String, members: String) throws {
        let node = try node(address)
        try node.expectError(Call(members: members), code: 101, saying: [address, "br0", "forceAddress"])
        #expect(try addresses(node) == [address])
        try node.expectNothingLeft()

        let forced = members + #", "forceAddress": true"#
        try node.add("pod1", forced)
        let gateway = members == BridgeAddressTests.four ? "10.9.0.1/24" : "fd09::1/64"
        #expect(try addresses(node) == [gateway])
        try node.expectPing(from: "pod1", to: String(gateway.prefix { $0 != "/" }))
        #expect(
            try node.sql("SELECT count(*) FROM events WHERE kind = 'delete' AND reason LIKE '%forceAddress%'") == "1")
        try node.expectRest()
        // Ours is there: what somebody puts beside it is theirs.
        try node.run("ip addr add \(address) dev br0")
        try node.add("pod2", forced)
        #expect(try addresses(node) == [gateway, address])
    }

    /// The reference refuses a second IPv4 address of any subnet: a bridge that is a host's own could hold no pods.
    @Test func anotherSubnetsStays() throws {
        let node = try node("192.168.7.1/24", "fd07::1/64")
        for members in [BridgeAddressTests.four, BridgeAddressTests.four + #", "forceAddress": true"#] {
            try node.add("pod1", members)
            #expect(try addresses(node) == ["192.168.7.1/24", "fd07::1/64", "10.9.0.1/24"])
            try node.delete("pod1", members)
        }
    }

    /// The reference plugin's gateway, or the admin's: we did not make it, and it stays when nobody asks for it any more.
    @Test func theGatewayMayBeThere() throws {
        let node = try node("10.9.0.1/24", "10.9.0.9/24")
        try node.add("pod1", BridgeAddressTests.four)
        try node.run("ip addr add 10.8.0.1/24 dev br0")
        let moved = BridgeAddressTests.four.replacing("10.9.0.0", with: "10.8.0.0")
        try node.add("pod2", moved)
        try node.delete("pod1", moved)
        try node.delete("pod2", moved)
        #expect(try node.plumbctl("network", "remove", "pods").status == 0)
        try node.expectRest()
        #expect(try addresses(node) == ["10.9.0.1/24", "10.9.0.9/24", "10.8.0.1/24"])
    }

    /// Gateways of ours do not stand in each other's way: neither another network's nor the one of before.
    @Test func ownGatewaysAreNoConflict() throws {
        let node = try node()
        try node.add("pod1", BridgeAddressTests.four)
        let moved = #""bridge": "br0", "isGateway": true, "ipam": {"subnet": "10.9.0.0/24", "gateway": "10.9.0.254"}"#
        try node.add("pod2", moved)
        #expect(try addresses(node) == ["10.9.0.1/24", "10.9.0.254/24"])
        let wide = #""bridge": "br0", "isGateway": true, "ipam": {"subnet": "10.9.0.0/16", "rangeStart": "10.9.7.2"}"#
        let output = try node.call(Call(pod: "pod3", network: "wide", members: wide))
        #expect(output.status == 0, "\(output.all)")
        try node.expectRest()
        #expect(try node.sql("SELECT count(*) FROM v_leases WHERE address LIKE '10.9.0.1/%'") == "0")
        // The first pod was promised its gateway; when it goes, so does that.
        try node.delete("pod1", BridgeAddressTests.four)
        try node.expectConvergence()
        #expect(try !addresses(node).contains("10.9.0.1/24"))
    }
}
