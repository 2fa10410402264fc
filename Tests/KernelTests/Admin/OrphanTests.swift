import Testing

/// What carries our mark and has no row: listed, and deleted only by who says so.
@Suite struct OrphanTests {
    /// As with a database that was restored from before pod1, whose host end is `lost`.
    private func nodeThatForgotItsFirstPod() throws -> (node: TestNode, lost: String) {
        let node = try TestNode()
        try node.addPods(2)
        let lost = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.add("pod2")
        _ = try node.sql(
            "PRAGMA foreign_keys = ON; DELETE FROM attachments WHERE id = 1; DELETE FROM events WHERE kind = 'withdrawn'"
        )
        return (node, lost)
    }

    @Test func orphansGoOnlyWhenToldTo() throws {
        let (node, lost) = try nodeThatForgotItsFirstPod()
        let listed = try node.plumbctl("gc")
        #expect(listed.status == 2 && listed.stdout.contains("pods: pod default/pod1 eth0"), "\(listed.all)")
        #expect(try node.ourLinks().contains(lost))
        #expect(try node.plumbctl("apply").status == 0)
        #expect(try node.ourLinks().contains(lost))
        let deleted = try node.plumbctl("gc", "--orphans")
        #expect(deleted.status == 0 && deleted.stdout.contains("1 orphan\n"), "\(deleted.all)")
        #expect(try !node.ourLinks().contains(lost))
        #expect(try node.sql("SELECT reason FROM v_events WHERE kind = 'delete'") == "gc: an orphan, and gc --orphans")
        let told = try node.plumbctl("explain", lost)
        #expect(told.status == 0 && told.stdout.contains("gc --orphans"), "\(told.all)")
        try node.expectPing(from: "pod2", to: "10.244.0.1")
        try node.expectRest()
        #expect(try node.plumbctl("gc").status == 0)
    }

    @Test func theyGoThoughOthersAreCollected() throws {
        let (node, lost) = try nodeThatForgotItsFirstPod()
        let host = try #require(try node.ourLinks().first { $0.hasPrefix("plumb") && $0 != lost })
        try node.run("ip netns del pod2; while ip link show \(host); do sleep 0.02; done 2>&1")
        let deleted = try node.plumbctl("gc", "--orphans")
        #expect(deleted.status == 0 && deleted.stdout.contains("1 attachment"), "\(deleted.all)")
        #expect(try !node.ourLinks().contains(lost))
    }

    @Test func theirBridgeToo() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql(
            "PRAGMA foreign_keys = ON; DELETE FROM attachments; DELETE FROM networks; DELETE FROM events WHERE kind = 'withdrawn'"
        )
        let gc = try node.plumbctl("gc", "--orphans")
        #expect(gc.status == 0, "\(gc.all)")
        #expect(try node.ourLinks().isEmpty)
    }
}
