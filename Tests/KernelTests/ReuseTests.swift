import Testing

/// The order in which addresses are handed out: never-used ones upward, then the longest unused; it never refuses one.
@Suite struct ReuseTests {
    /// Five addresses for pods, .2 to .6.
    private static let members = #""isGateway": true, "ipam": {"ranges": [[{"subnet": "10.9.0.0/29"}]]}"#

    private func add(_ node: TestNode, _ pod: String, _ members: String = members) throws -> String? {
        try node.add(pod, members)["ips"][0]["address"].text
    }

    @Test func noneAtOnceWhereThereIsAChoice() throws {
        let node = try TestNode()
        try node.addPods(6)
        #expect(try (1...3).map { try add(node, "pod\($0)") } == ["10.9.0.2/29", "10.9.0.3/29", "10.9.0.4/29"])
        for pod in [3, 1] { try node.delete("pod\(pod)", ReuseTests.members) }
        // What was never used, to the end, then around, the longest unused first.
        #expect(try [1, 3].map { try add(node, "pod\($0)") } == ["10.9.0.5/29", "10.9.0.6/29"])
        #expect(try [4, 5].map { try add(node, "pod\($0)") } == ["10.9.0.4/29", "10.9.0.2/29"])
        try node.expectError(
            Call(pod: "pod6", members: ReuseTests.members), code: 11,
            saying: ["network pods", "10.9.0.1–10.9.0.6 in 10.9.0.0/29 (5 of 5 addresses in use)"])
        // With one left it is that one, again and again.
        for _ in 0..<2 {
            try node.delete("pod3", ReuseTests.members)
            #expect(try add(node, "pod3") == "10.9.0.6/29")
        }
        try node.expectPing(from: "pod3", to: "10.9.0.1", "10.9.0.2", "10.9.0.4")
    }

    /// Another network's gateway by now, it waits until it is none any more, and apply has taken it from the bridge.
    @Test func notAnothersGateway() throws {
        let node = try TestNode()
        try node.addPods(5)
        for pod in 1...5 { _ = try add(node, "pod\(pod)") }
        for pod in 2...3 { try node.delete("pod\(pod)", ReuseTests.members) }
        func green(_ gateway: String) -> Call {
            Call(
                pod: "pod3", network: "green",
                members:
                    #""isGateway": true, "ipam": {"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.99", "gateway": "\#(gateway)"}"#
            )
        }
        #expect(try node.call(green("10.9.0.3")).status == 0)
        #expect(try add(node, "pod2") == "10.9.0.4/29")
        var last = Call(pod: "pod3", members: ReuseTests.members, variables: ["CNI_IFNAME": "net1"])
        try node.expectError(last, code: 11, saying: ["10.9.0.0/29"])
        var end = green("10.9.0.3")
        end.verb = "DEL"
        #expect(try node.call(end).status == 0)
        #expect(try node.call(green("10.9.0.254")).status == 0)
        last.variables["CNI_NETNS"] = "/run/netns/pod3"
        try node.expectError(last, code: 11, saying: ["10.9.0.0/29"])
        try node.expectConvergence()
        #expect(try JSON(node.call(last).stdout)["ips"][0]["address"] == "10.9.0.3/29")
    }
}
