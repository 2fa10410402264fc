import Testing

/// Many links that go together do so by a group of their own.
@Suite struct DoomedGroupTests {
    /// The group, as the database's tag says.
    private func group(_ node: TestNode) throws -> Int {
        0x504c_0000 + (try #require(Int(try node.sql("SELECT tag FROM store"), radix: 36)))
    }

    @Test func seventyInTwoMessages() throws {
        let node = try TestNode()
        try node.addPods(72)
        for pod in 1...72 { try node.add("pod\(pod)") }
        try node.run("ip link add plumbother type veth peer name other; ip link set plumbother group 7586")
        _ = try node.sql("UPDATE attachments SET state = 'deleting' WHERE container_id NOT IN ('c-pod1', 'c-pod2')")
        let sent = try node.run(
            #"""
            strace -f -e trace=sendto -s 100 -o /run/trace "$PLUMBCTL" apply --data-dir "$DATA" >/dev/null
            grep -o nlmsg_type=RTM_DELLINK /run/trace | wc -l
            """#)
        #expect(sent == "2")
        #expect(try node.ourLinks().count == 4)
        #expect(try node.sql("SELECT count(*) FROM attachments") == "2")
        #expect(try node.sql("SELECT count(*) FROM events WHERE kind = 'delete' AND object LIKE 'link plumb%'") == "70")
        try node.expectPing(from: "pod1", to: "10.244.0.3", "fd00:10:244::3")
        try node.expectRest()
        // What was released can be had again.
        for pod in 3...6 { try node.add("pod\(pod)") }
        try node.expectPing(from: "pod3", to: "10.244.0.1")
    }

    /// Whoever moved the links to the group died before it deleted them.
    @Test func leftInTheGroup() throws {
        let node = try TestNode()
        try node.addPods(4)
        for pod in 1...4 { try node.add("pod\(pod)") }
        let group = try group(node)
        let ours = #"ip -o link show group 7586 type veth | sed 's/.*: \(plumb[^@]*\)@.*/\1/'"#
        try node.run("for link in $(\(ours)); do ip link set $link group \(group); done")
        // Its row is deleting, its row is gone, it lives (a restored copy), and one is alone as DEL's.
        _ = try node.sql(
            """
            PRAGMA foreign_keys = ON; UPDATE attachments SET state = 'deleting' WHERE container_id = 'c-pod1';
            DELETE FROM attachments WHERE container_id = 'c-pod2'
            """)
        try node.delete("pod4")
        let plan = try node.plumbctl("plan")
        #expect(try node.run("ip -o link show group \(group) | wc -l") == "3")
        #expect(plan.stdout.contains("it is in the group of links that are to be deleted"), "\(plan.all)")
        try node.expectConvergence()
        #expect(try node.ourLinks().count == 2)
        #expect(try node.sql("SELECT group_concat(container_id) FROM attachments") == "c-pod3")
        #expect(try node.run("ip -o link show group \(group) | wc -l") == "0")
        try node.expectPing(from: "pod3", to: "10.244.0.1")
    }

    /// Nobody else's link goes with ours, whatever its group.
    @Test func aStrangerInTheGroupStays() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in 1...3 { try node.add("pod\(pod)") }
        try node.run("ip link add stranger type bridge; ip link set stranger group \(try group(node))")
        _ = try node.sql("UPDATE attachments SET state = 'deleting'")
        try node.expectConvergence()
        try node.expectNothingLeft()
        #expect(try node.attempt("ip link show stranger").status == 0)
    }

    /// A link that is gone already keeps neither its own row nor the others.
    @Test func oneThatVanishedBefore() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in 1...3 { try node.add("pod\(pod)") }
        _ = try node.sql("UPDATE attachments SET state = 'deleting'")
        try node.run("ip -n pod2 link del eth0")
        try node.expectConvergence()
        try node.expectNothingLeft()
    }
}
