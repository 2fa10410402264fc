import Testing

/// STATUS says so when the database cannot serve an ADD, and ADD then says the same.
@Suite struct StatusDatabaseTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// With pod1 added.
        var script: String
        var words: [String]

        init(_ description: String, _ script: String, _ words: String...) {
            testDescription = description
            self.script = script
            self.words = words
        }
    }

    static let cases = [
        Case("lost", #"rm "$DATA"/state.db*"#, "there is no database", "cni0"),
        Case("damaged", #"rm "$DATA"/state.db-*; head -c 65536 /dev/urandom > "$DATA/state.db""#, "is damaged"),
        Case("empty", #"rm "$DATA"/state.db*; touch "$DATA/state.db""#, "is damaged (it has 0 bytes)"),
        Case(
            "somebody else's", #"rm "$DATA"/state.db*; sqlite3 "$DATA/state.db" 'CREATE TABLE t (x)'"#, "is not Plumb's"
        ),
        Case("a newer Plumb's", #"sqlite3 "$DATA/state.db" 'PRAGMA user_version=2000'"#, "newer Plumb"),
        Case("a directory", #"rm "$DATA"/state.db*; mkdir "$DATA/state.db""#, "is a directory"),
        Case(
            "read-only", #"mount --bind "$DATA" "$DATA"; mount -o remount,bind,ro "$DATA""#, "cannot be written",
            "remount"),
    ]

    @Test(arguments: cases) func isTold(test: Case) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        try node.expectWell()
        try node.run(test.script)
        try node.expectError(.status(), code: 50, saying: test.words)
        #expect(try node.call(Call(pod: "pod2")).status == 1)
    }

    @Test(arguments: [true, false]) func onAFullDisk(hasDatabase: Bool) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(#"mkdir "$DATA"; mount -t tmpfs -o size=1m tmpfs "$DATA""#)
        if hasDatabase { try node.add("pod1") }
        try node.expectWell()
        try node.run(#"head -c 2M /dev/zero > "$DATA/ballast" || true"#)
        try node.expectError(.status(), code: 50, saying: ["no space left", "state.db"])
        try node.run(#"rm "$DATA/ballast""#)
        try node.expectWell()
    }

    @Test func aDirectoryThatCannotBeMade() throws {
        let node = try TestNode(dataDirectory: "/run/ro/deep/plumb")
        try node.run("mkdir /run/ro; mount -t tmpfs -o ro tmpfs /run/ro")
        try node.expectError(.status(), code: 50, saying: ["/run/ro cannot be written"])
        try node.run("umount /run/ro; rmdir /run/ro; touch /run/ro")
        try node.expectError(.status(), code: 50, saying: ["/run/ro"])
    }

    /// A shell that forgot its transaction.
    @Test func lockedByAShell() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let said = try node.attempt(
            """
            (echo 'BEGIN IMMEDIATE; SELECT 1;'; sleep 30) | sqlite3 "$DATA/state.db" > /run/said &
            until [ -s /run/said ]; do sleep 0.01; done
            "$PLUMB" <<< "$CONFIG" && echo well; kill %1
            """,
            environment: [
                "CNI_COMMAND": "STATUS", "CONFIG": Call.status().configuration(node.dataDirectory),
            ])
        let answer = try JSON(said.stdout)
        #expect(answer["code"] == 50, "\(said.all)")
        #expect(answer["msg"].text?.contains("locked by another program") == true, "\(said.all)")
        try node.expectWell()
    }

    /// One of ours that hangs while it writes; a queue that moves on is no matter.
    @Test func lockedByAnADDThatHangs() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let add = Call(pod: "pod2")
        let said = try node.run(
            """
            strace -qq -o /run/trace -P "$DATA/state.db-wal" -e inject=pwrite64:signal=STOP:when=1 \\
                "$PLUMB" <<< "$CONFIG" > /run/answer &
            tracer=$!
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            CNI_COMMAND=STATUS "$PLUMB" <<< "$CONFIG" || true
            kill -CONT $(cat /proc/$tracer/task/$tracer/children)
            wait $tracer
            """, environment: add.environment.merging(["CONFIG": add.configuration(node.dataDirectory)]) { $1 })
        let answer = try JSON(said)
        #expect(answer["code"] == 50, "\(said)")
        #expect(answer["msg"].text?.contains("the writer's lock") == true, "\(said)")
        try node.expectWell()
        try node.expectRest()
    }
}
