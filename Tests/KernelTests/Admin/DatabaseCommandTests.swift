import Testing

/// `sql`, `snapshot` and `check`: the database under an admin's hands.
@Suite struct DatabaseCommandTests {
    @Test func sqlWritesAllOrNothing() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let select = try node.plumbctl("sql", "SELECT pod_name, 1 AS one FROM v_pods; SELECT 2 AS two")
        #expect(select.stdout == "pod_name  one\npod1      1\ntwo\n2\n", "\(select.all)")
        let json = try node.plumbctlJSON("sql", "SELECT pod_name, NULL AS none FROM v_pods")
        #expect(json[0]["pod_name"] == "pod1" && json[0]["none"] == .null)

        let apart = try node.plumbctlJSON("sql", "SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS a, 5 AS 'a:1'")
        #expect(apart[0] == .object(["a": 1, "a:2": 2, "b": 3, "a:3": 4, "a:1": 5]))

        let route = "INSERT INTO routes (dst, gateway) VALUES ('10.77.0.0/24', '10.244.0.2')"
        let written = try node.plumbctl("sql", input: "-- to another node\n\(route);\nSELECT count(*) FROM routes;\n")
        #expect(written.status == 0 && written.stdout == "count(*)\n3\n", "\(written.all)")
        try node.expectConvergence()
        #expect(try node.run("ip route show 10.77.0.0/24").contains("via 10.244.0.2"))

        for (script, reason) in [
            ("DELETE FROM routes; bogus", "bogus"), ("DELETE FROM routes; INSERT INTO events VALUES (1)", "13 columns"),
            ("DELETE FROM routes; COMMIT; SELECT 1", "one transaction already"),
            ("DELETE FROM routes; -- done\nCOMMIT; bogus", "one transaction already"),
            ("DELETE FROM routes;/**/END;bogus", "one transaction already"),
            ("DELETE FROM routes;;rollback; DELETE FROM routes; bogus", "one transaction already"),
            ("-- first\nBEGIN; DELETE FROM routes; COMMIT", "one transaction already"),
            ("DELETE FROM networks", "FOREIGN KEY"),
        ] {
            let failed = try node.plumbctl("sql", input: script)
            #expect(failed.status == 1 && failed.stderr.contains(reason), "\(script): \(failed.all)")
        }
        #expect(try node.sql("SELECT count(*) FROM routes") == "3")
    }

    /// What `sql` commits is on the disk before it says so.
    @Test func sqlIsDurable() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        func syncs(_ script: String) throws -> Int {
            let trace = try node.run(
                #"strace -f -qq -e trace=fdatasync,fsync "$PLUMBCTL" sql "$SQL" --data-dir "$DATA" 2>&1 >/dev/null || true"#,
                environment: ["SQL": script])
            return trace.split(separator: "\n").count { $0.contains("sync(") }
        }
        #expect(try syncs("SELECT 1") == 0)
        #expect(try syncs("UPDATE networks SET updated_ms = updated_ms + 1") > 0)
    }

    @Test func sqlTakesTheWritersLock() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let trace = try node.run(
            #"strace -f -qq -e trace=fcntl "$PLUMBCTL" sql "UPDATE networks SET mtu = NULL" --data-dir "$DATA" 2>&1 >/dev/null"#
        )
        #expect(trace.contains("F_OFD_SETLKW") || trace.contains("F_OFD_SETLK"), "\(trace)")
    }

    @Test func aSnapshotIsWholeAndOverwritesNothing() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        #expect(try node.plumbctl("snapshot", "/run/copy.db").status == 0)
        #expect(try node.run("ls /run/copy.db*") == "/run/copy.db")
        #expect(
            try node.run(
                "sqlite3 /run/copy.db 'SELECT count(*) FROM v_pods; PRAGMA integrity_check; PRAGMA journal_mode'")
                == "2\nok\nwal")
        let again = try node.plumbctl("snapshot", "/run/copy.db")
        #expect(again.status == 1 && again.stderr.contains("is not overwritten"), "\(again.all)")
        // Restored, it serves.
        try node.run(#"rm "$DATA"/state.db*; cp /run/copy.db "$DATA/state.db""#)
        try node.expectRest()
        try node.delete("pod1")
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
    }

    /// As a shell deletes it, which minds no foreign keys.
    @Test func aNetworkWithoutItsRow() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        func findings() throws -> [String] {
            try node.plumbctlJSON("check").elements.filter { $0["topic"] == "database" }.compactMap {
                $0["finding"].text
            }
        }
        _ = try node.sql("DELETE FROM networks")
        #expect(try findings().contains { $0.contains("row 1 of ranges points to no row of networks") })
        try node.expectConvergence()
        let told = try findings()
        #expect(told.count == 1 && told.allSatisfy { $0.contains("whose row is gone: 2") })
        #expect(try node.plumbctlJSON("get", "pods").elements.count == 2)
        try node.expectPing(from: "pod1", to: "10.244.0.3", "fd00:10:244::3")

        try node.delete("pod1")
        try node.add("pod1")
        try node.delete("pod2")
        #expect(try findings().allSatisfy { $0.hasPrefix("sound") })
    }

    @Test func checkFindsWhatIsWrong() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        func finding(_ topic: String) throws -> JSON {
            try node.plumbctlJSON("check").elements.first { $0["topic"].text == topic } ?? .null
        }
        for topic in ["database", "log", "leaks", "drift", "pools", "kernel"] {
            #expect(try finding(topic)["level"] == "ok", "\(topic)")
        }
        try node.run("ip link del cni0")
        #expect(try finding("drift")["level"] == "warning")
        _ = try node.sql("DELETE FROM attachments WHERE id = 1")
        let dangling = try #require(try finding("database")["finding"].text)
        #expect(
            dangling.contains("points to no row of attachments")
                && dangling.contains("rows of addresses that point to no row of attachments: 2"), "\(dangling)")
        #expect(try finding("leaks")["level"] == "warning")
        try node.expectConvergence()
        #expect(try finding("database")["level"] == "ok")

        _ = try node.sql("UPDATE ranges SET gateway = '10.244.0.x' WHERE gateway = '10.244.0.1'")
        let findings = try node.plumbctlJSON("check").elements
        #expect(
            findings.contains { finding in
                finding["level"] == "error" && finding["finding"].text?.contains("network pods, range 1") == true
            })
        _ = try node.sql("UPDATE ranges SET gateway = '10.244.0.1' WHERE gateway = '10.244.0.x'")

        try node.run("mkdir -p /run/NetworkManager /run/firewalld")
        #expect(try finding("NetworkManager")["level"] == "warning")
        #expect(try finding("firewalld")["remedy"].text?.contains("--add-interface=cni0") == true)
    }

    /// Who reads it would take half an answer for all of it.
    @Test(arguments: ["get pods", "get pods -o json", "sql 'SELECT 1'", "status", "plan"])
    func whatCannotBeSaidIsAnError(command: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let output = try node.attempt(#""$PLUMBCTL" \#(command) --data-dir "$DATA" > /dev/full"#)
        #expect(output.status == 1 && output.stderr.contains("No space left on device"), "\(output.all)")
    }

    @Test func aCorruptFileIsNamed() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(
            #"sqlite3 "$DATA/state.db" 'PRAGMA wal_checkpoint(TRUNCATE)' && printf x | dd of="$DATA/state.db" bs=1 conv=notrunc 2>/dev/null"#
        )
        for arguments in [["status"], ["get", "pods"], ["explain", "pod1"], ["gc"], ["check"], ["graph"]] {
            let all = [node.binaries + "/plumbctl"] + arguments + ["--data-dir", node.dataDirectory]
            let output = try node.start(all).wait()
            #expect(
                output.status == 1 && (output.stderr + output.stdout).contains("is damaged"),
                "\(arguments): \(output.all)")
        }
    }
}
