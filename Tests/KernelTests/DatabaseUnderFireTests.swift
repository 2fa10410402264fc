import Testing

/// Whatever becomes of the file: the pods that are there keep what they have, the error names the way out, and DEL takes
/// the pod's link away all the same.
@Suite struct DatabaseUnderFireTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// With pod1 and pod2 added, and the log emptied.
        var script: String
        /// CNI code of ADD.
        var code = 103
        /// An apply that finds nothing to do needs neither history nor counters.
        var isSeenByApply = true
        var words: [String]
    }

    private static let damaged = ["state.db is damaged", "nothing was changed", "restore a copy", "drain the node"]

    private static func flipped(_ table: String) -> Case {
        Case(
            testDescription: "\(table) overwritten",
            script: """
                page=$(sqlite3 "$DATA/state.db" "SELECT rootpage FROM sqlite_schema WHERE name = '\(table)'")
                head -c 2048 /dev/zero | tr '\\0' '\\245' | dd of="$DATA/state.db" bs=2048 seek=$((page - 1)) conv=notrunc status=none
                """, words: damaged)
    }

    static let cases =
        ["attachments", "addresses", "networks", "events", "store"].map(flipped) + [
            Case(
                testDescription: "header flipped",
                script: #"printf X | dd of="$DATA/state.db" bs=1 seek=5 conv=notrunc status=none"#, words: damaged),
            Case(
                testDescription: "schema flipped",
                script: """
                    head -c 200 /dev/zero | tr '\\0' '\\245' | dd of="$DATA/state.db" bs=1 seek=100 conv=notrunc status=none
                    """,
                words: damaged),
            Case(
                testDescription: "half of it",
                script: #"truncate -s $(($(stat -c %s "$DATA/state.db") / 2)) "$DATA/state.db""#,
                words: damaged),
            Case(testDescription: "one page of it", script: #"truncate -s 2048 "$DATA/state.db""#, words: damaged),
            Case(testDescription: "empty", script: #": > "$DATA/state.db""#, words: damaged),
            Case(
                testDescription: "a directory", script: #"rm "$DATA"/state.db*; mkdir "$DATA/state.db""#, code: 5,
                words: ["state.db is a directory", "move it away"]),
            Case(
                testDescription: "another application's",
                script: #"rm "$DATA"/state.db*; sqlite3 "$DATA/state.db" 'CREATE TABLE t (x)'"#,
                words: ["is not Plumb's", "Name another dataDir"]),
            Case(
                testDescription: "a version that never was",
                script: #"sqlite3 "$DATA/state.db" 'PRAGMA user_version=500'"#,
                words: damaged),
            Case(
                testDescription: "a newer major", script: #"sqlite3 "$DATA/state.db" 'PRAGMA user_version=2000'"#,
                words: ["made by a newer Plumb", "Install the newer"]),
            Case(
                testDescription: "the log of another time",
                script: """
                    sqlite3 "$DATA/state.db" "UPDATE networks SET updated_ms = 1;
                    DELETE FROM events; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)" > /run/said
                    rm -f "$DATA"/state.db-*; cp /run/old-wal "$DATA/state.db-wal"
                    """, words: damaged),
        ]

    @Test(arguments: cases) func podsStayAndDELWorks(test: Case) throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        try node.run(
            #"cp "$DATA/state.db-wal" /run/old-wal; sqlite3 "$DATA/state.db" 'PRAGMA wal_checkpoint(TRUNCATE)' > /run/said"#
        )
        try node.run(test.script)
        let links = try node.ourLinks()
        try node.expectError(Call(pod: "pod3"), code: test.code, saying: test.words)
        let apply = try node.plumbctl("apply")
        #expect(apply.status == (test.isSeenByApply ? 1 : 0), "\(apply.all)")
        for word in test.words where test.isSeenByApply { #expect(apply.stderr.contains(word), "\(apply.all)") }
        #expect(try node.ourLinks() == links)
        for pod in ["pod1", "pod2"] { try node.expectPing(from: pod, to: "10.244.0.1", "fd00:10:244::1") }

        let deletion = try node.call(Call(verb: "DEL", pod: "pod2"))
        #expect(deletion.status == 0 && deletion.stdout.isEmpty, "\(deletion.all)")
        #expect(deletion.stderr.contains("plumbctl apply"), "\(deletion.all)")
        #expect(try node.json("ip -j link show", in: "pod2").elements.count == 1)
        #expect(try node.json("ip -j link show", in: "pod3").elements.count == 1)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
    }

    /// An admin forgot a transaction: code 11 after 45 s at most, for those behind others too, and nothing is changed.
    @Test func aTransactionIsLeftOpen() throws {
        let node = try TestNode()
        try node.addPods(4)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        let links = try node.ourLinks()
        // Until its input ends.
        let admin = try node.open([
            "sh", "-c", "{ echo 'BEGIN IMMEDIATE; SELECT 1;'; cat; } | sqlite3 $0 > /run/said",
            node.dataDirectory + "/state.db",
        ])
        defer { _ = admin.wait() }
        try node.run("until [ -s /run/said ]; do sleep 0.01; done")
        let calls = [("ADD", "pod3"), ("ADD", "pod4"), ("DEL", "pod2")].map { verb, pod in
            let call = Call(verb: verb, pod: pod)
            return Invocation(
                command: "$PLUMB", variables: call.environment,
                input: call.configuration(node.dataDirectory).split(separator: "\n").joined(separator: " "))
        }
        // SQLite sleeps a little longer each time than it counts. Twice would be 90 s.
        let outputs = try NodeShell(node).run(
            calls + [Invocation(command: "$PLUMBCTL apply --data-dir $DATA")], patience: 60)
        for output in outputs[..<3] {
            let answer = try JSON(output.stdout)
            #expect(answer["code"] == 11, "\(output.all)")
        }
        #expect(outputs[3].status == 1, "\(outputs[3].all)")
        #expect(try node.ourLinks() == links)
        for pod in ["pod1", "pod2"] { try node.expectPing(from: pod, to: "10.244.0.1") }
    }
}
