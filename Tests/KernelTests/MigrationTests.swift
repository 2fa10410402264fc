import Testing

/// The binaries are newer than the database.
@Suite struct MigrationTests {
    /// A node whose database is the first version's, and empty.
    private func oldNode() throws -> TestNode {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            mkdir "$DATA"; { echo 'PRAGMA application_id=1349283170; PRAGMA user_version=1000;'; cat "$SCHEMA"
            echo "INSERT INTO store (id, tag, created_ms) VALUES (1, 'abcd', 1); PRAGMA journal_mode=WAL;"
            } | sqlite3 -bail "$DATA/state.db"; cp "$DATA/state.db" /run/old.db
            """, environment: ["SCHEMA": InstallTests.root + "/schema/version_1.sql"])
        return node
    }

    @Test func othersLookAndADDMigrates() throws {
        let node = try oldNode()
        for command in ["plan", "status"] {
            let output = try node.plumbctl(command)
            #expect(output.status == 0, "\(output.all)")
        }
        try node.expectWell()
        #expect(try node.sql("PRAGMA user_version") == "1000")
        #expect(try node.attempt(#"cmp /run/old.db "$DATA/state.db""#).status == 0)
        try node.add("pod1")
        #expect(try #require(Int(try node.sql("PRAGMA user_version"))) > 1000)
        try node.expectPing(from: "pod1", to: "10.244.0.1")
        try node.expectRest()
        try node.delete("pod1")
        try node.expectNothingLeft()
    }

    @Test func applyMigrates() throws {
        let node = try oldNode()
        try node.expectRest()
        #expect(try #require(Int(try node.sql("PRAGMA user_version"))) > 1000)
    }

    /// Killed within, the file is of the one version or of the other, and the next call goes on from there.
    @Test func killedInBetween() throws {
        let node = try oldNode()
        let call = Call()
        let environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        var versions: Set<String> = []
        for turn in stride(from: 1, through: 46, by: 5) {
            try node.run(#"rm -f "$DATA"/state.db*; cp /run/old.db "$DATA/state.db""#)
            let output = try node.attempt(
                """
                strace -f -qq -o /run/trace -e inject=pwrite64:signal=KILL:when=\(turn) "$PLUMB" <<< "$CONFIG"
                """, environment: environment)
            #expect(output.status != 0, "\(turn): \(output.all)")
            versions.insert(try node.sql("PRAGMA user_version"))
            #expect(try node.sql("PRAGMA integrity_check") == "ok")
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 0, "\(turn): \(apply.all)")
            if try node.sql("SELECT count(*) FROM attachments") == "0" { try node.add("pod1") }
            try node.expectPing(from: "pod1", to: "10.244.0.1")
            try node.delete("pod1")
            try node.expectNothingLeft()
        }
        #expect(versions.contains("1000") && versions.count == 2)
    }
}
