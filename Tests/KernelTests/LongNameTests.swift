import Testing

/// Names that are longer than what somebody else takes: a link's alias 255 bytes, a file's name as many.
@Suite struct LongNameTests {
    private static let network = String(repeating: "n", count: 300)
    /// As long as Kubernetes lets both be.
    private static let pod =
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=\(String(repeating: "s", count: 63));K8S_POD_NAME=\(String(repeating: "p", count: 252))"

    private func alias(_ node: TestNode, _ link: String) throws -> String {
        try node.json("ip -j link show \(link)")[0]["ifalias"].text ?? ""
    }

    /// Of all of it the end is told, and the link is known by that, also once its row is gone.
    @Test(arguments: [
        (network, "", " container c-pod1 eth0"), ("pods", "\(pod)z", "pz eth0"),
        ("pods", "\(pod)\u{e4}", "p\u{e4} eth0"),
        (network, "\(pod)z", "pz eth0"),
    ])
    func aliases(network: String, arguments: String, end: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call(network: network, variables: ["CNI_ARGS": arguments])
        let link = try #require(try JSON(node.answer(call))["interfaces"][1]["name"].text)
        let alias = try alias(node, link)
        #expect(alias.hasSuffix(end) && (253...254).contains(alias.utf8.count), "\(alias)")
        try node.expectRest()
        try node.expectError(call, code: 102, saying: [network, "10.244.0.2"])
        _ = try node.sql("PRAGMA foreign_keys = ON; DELETE FROM attachments")
        try node.expectConvergence()
        try node.expectNothingLeft()
    }

    /// A name that host-local could keep no leases of has none to be taken over; its lock is a byte of a file that is there.
    @Test func aNetworksName() throws {
        let node = try TestNode()
        try node.addPods(2)
        var call = Call(network: LongNameTests.network)
        try node.expectWell(.status(network: LongNameTests.network))
        let previous = try node.answer(call)
        var check = Call.check(previous)
        check.network = LongNameTests.network
        try node.expectCheck(check)
        call.verb = "GET"
        #expect(try node.call(call).stdout == previous)
        call.verb = "DEL"
        for pod in ["pod1", "pod1", "pod2"] {
            call.pod = pod
            #expect(try node.call(call).status == 0)
        }
        try node.expectNothingLeft()
    }

    /// What must be a file is told with its code and the system's words, and nothing is done.
    @Test func whatMustBeAFile() throws {
        let node = try TestNode()
        try node.addPods(1)
        let long = "/run/\(String(repeating: "d", count: 256))"
        let input = #"{"cniVersion": "1.1.0", "name": "pods", "dataDir": "\#(long)", \#(dualStack)}"#
        try node.expectError(Call(input: input), code: 5, saying: ["cannot create \(long)", "File name too long"])
        try node.expectError(Call(verb: "STATUS", input: input), code: 50, saying: [long, "File name too long"])
        #expect(try node.call(Call(verb: "DEL", input: input)).status == 0)
        try node.expectError(
            Call(variables: ["CNI_NETNS": long]), code: 4, saying: ["CNI_NETNS", long, "File name too long"])
        try node.expectError(
            Call(members: #""ipam": {"subnet": "10.9.0.0/24", "dataDir": "\#(long)", "resolvConf": "\#(long)"}"#),
            code: 7,
            saying: ["key ipam.resolvConf", "File name too long"])
        try node.expectNothingLeft()
        #expect(try node.ourLinks() == [])
        // host-local never kept a lease there either.
        try node.add("pod1", #""ipam": {"subnet": "10.9.0.0/24", "dataDir": "\#(long)"}"#)
    }
}
