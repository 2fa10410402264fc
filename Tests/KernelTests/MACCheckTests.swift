import Testing

/// A pod may send with the MAC of its interface only.
@Suite struct MACCheckTests {
    private static let checked = dualStack + #", "macspoofchk": true"#

    private func spoof(_ node: TestNode, _ pod: String, _ mac: String) throws {
        // The gateway shall learn it anew, and the pod ask again.
        try node.run(
            "ip -n \(pod) link set eth0 address \(mac); ip neigh flush dev cni0; ip -n \(pod) neigh flush dev eth0")
        try node.run("ip -n \(pod) route replace default via 10.244.0.1 proto 80")
    }

    @Test func anotherMACIsDropped() throws {
        let node = try TestNode()
        try node.addPods(2)
        let answer = try node.add("pod1", Self.checked)
        let own = try #require(answer["interfaces"][2]["mac"].text)
        try node.add("pod2")
        for pod in ["pod1", "pod2"] { try node.expectPing(from: pod, to: "10.244.0.1", "fd00:10:244::1") }
        try node.expectRest()

        let stranger = "02:00:00:00:00:99"
        try spoof(node, "pod1", stranger)
        #expect(try !node.reaches("10.244.0.1", from: "pod1"))
        try spoof(node, "pod2", "02:00:00:00:00:98")
        #expect(try node.reaches("10.244.0.1", from: "pod2"))

        // The table comes back by itself, and with it the check.
        try node.run("nft flush ruleset")
        #expect(try node.reaches("10.244.0.1", from: "pod1"))
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("+ nft table bridge plumb-"), "\(plan.all)")
        #expect(plan.stdout.contains("} of pod default/pod1: missing"), "\(plan.all)")
        try node.expectConvergence()
        #expect(try !node.reaches("10.244.0.1", from: "pod1"))
        try spoof(node, "pod1", own)
        #expect(try node.reaches("10.244.0.1", from: "pod1"))
        let ruleset = try node.run("nft list ruleset")
        #expect(ruleset.contains("iifname @ports iifname . ether saddr != @macs drop"))

        for pod in ["pod1", "pod2"] { try node.delete(pod) }
        #expect(try !node.run("nft list ruleset").contains("pod default"))
        try node.expectConvergence()
    }
}
