import Testing

/// The database lost its log, or somebody put an older copy in its place: it numbers attachments a second time, and the
/// pods that it forgot keep what they have.
@Suite struct ForgottenPodTests {
    /// pod1 and pod2 live, and the database knows of neither.
    private func forgetfulNode() throws -> TestNode {
        let node = try TestNode()
        try node.addPods(4)
        try node.add("pod1")
        try node.delete("pod1")
        try node.run(#"sqlite3 "$DATA/state.db" "VACUUM INTO '/run/copy.db'""#)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        try node.run(
            #"rm "$DATA"/state.db*; sqlite3 /run/copy.db 'PRAGMA journal_mode=WAL'; mv /run/copy.db "$DATA/state.db""#)
        return node
    }

    private func expectPods(_ node: TestNode, at location: SourceLocation = #_sourceLocation) throws {
        for pod in ["pod1", "pod2"] {
            try node.expectPing(from: pod, to: "10.244.0.1", "fd00:10:244::1", at: location)
        }
    }

    @Test func anADDOfTheSameNumberIsRefused() throws {
        let node = try forgetfulNode()
        let links = try node.ourLinks()
        try node.expectError(
            Call(pod: "pod3"), code: 101, saying: ["belongs to pods: pod default/pod1 eth0", "Restore", "drain"])
        try expectPods(node)
        // The row that it made is gone, and the link of that name is still not ours to delete.
        try node.expectRest()
        #expect(try node.ourLinks() == links)
        #expect(try node.sql("SELECT count(*) FROM attachments") == "0")
        try node.delete("pod3")
        try expectPods(node)
    }

    /// An ADD that died between its commit and the kernel's refusal, then whoever ends it.
    @Test(arguments: ["DEL", "apply", "GC", "netns"]) func anADDThatDied(end: String) throws {
        let node = try forgetfulNode()
        let call = Call(pod: "pod3")
        try node.run(
            """
            strace -f -qq -o /run/trace -e inject=sendto,sendmsg:signal=KILL:when=2 "$PLUMB" <<< "$CONFIG" || true
            """, environment: call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 })
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
        switch end {
        case "DEL": try node.delete("pod3")
        case "GC":
            let members = dualStack + #", "cni.dev/valid-attachments": []"#
            let output = try node.call(Call(verb: "GC", members: members))
            #expect(output.status == 0, "\(output.all)")
        case "netns": try node.run("ip netns del pod3")
        default:
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 1 && apply.stderr.contains("forgotten"), "\(apply.all)")
        }
        try expectPods(node)
        if end == "apply" { try node.delete("pod3") }
        try node.expectConvergence()
        #expect(try node.sql("SELECT count(*) FROM attachments") == "0")
        try expectPods(node)
    }
}
