import Testing

/// A pod in two networks, each with a default route (`podman run --network a,b`).
@Suite struct SeveralNetworksTests {
    private static let first = #""bridge": "cni0", "subnets": ["10.9.0.0/24", "fd00:9::/64"]"#
    private static let second = #""bridge": "cni1", "subnets": ["10.10.0.0/24", "fd00:10::/64"]"#

    private func call(_ number: Int, _ verb: String = "ADD") -> Call {
        Call(
            verb: verb, pod: "pod1", network: "net\(number)",
            members: number == 0 ? SeveralNetworksTests.first : SeveralNetworksTests.second,
            variables: ["CNI_IFNAME": "eth\(number)"])
    }

    private func defaults(_ node: TestNode, _ family: Int) throws -> [String] {
        try node.json("ip -j -\(family) route show default", in: "pod1").elements
            .map { "\($0["dev"].text ?? "") \($0["metric"].number ?? 0)" }
    }

    @Test func theFirstHasTheDefaultRoute() throws {
        let node = try TestNode()
        try node.addPods(1)
        for number in 0..<2 {
            let output = try node.call(call(number))
            #expect(output.status == 0, "\(output.all)")
        }
        #expect(try defaults(node, 4) == ["eth0 0", "eth1 1"])
        #expect(try defaults(node, 6) == ["eth0 1024", "eth1 1025"])
        try node.expectPing(from: "pod1", to: "10.9.0.1", "10.10.0.1", "fd00:9::1", "fd00:10::1")
        try node.expectRest()
        #expect(try node.call(call(0, "DEL")).status == 0)
        #expect(try defaults(node, 4) == ["eth1 1"])
        try node.expectRest()
        try node.expectPing(from: "pod1", to: "10.10.0.1")
        #expect(try node.call(call(1, "DEL")).status == 0)
        try node.expectNothingLeft()
    }
}
