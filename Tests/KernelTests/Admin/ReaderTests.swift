import Testing

/// Who may read: root, and members of group plumb; whether or not anything runs.
@Suite struct ReaderTests {
    /// As a user without rights, in one group.
    private func asking(_ group: Int, _ command: String, _ node: TestNode) throws -> Output {
        try node.attempt(
            "exec setpriv --reuid 4711 --regid \(group) --clear-groups --no-new-privs -- sh -c \"$ASKED\"",
            environment: ["ASKED": command, "PLUMBCTL": "/run/plumbctl"])
    }

    private static let select = #"sqlite3 -readonly "$DATA/state.db" "SELECT group_concat(pod_name) FROM v_pods""#

    private func makeNode() throws -> TestNode {
        let node = try TestNode()
        try node.run("{ cat /etc/group; echo plumb:x:4242:; } > /run/group; mount --bind /run/group /etc/group")
        // Where everybody may reach it: a clone in root's home is nobody else's.
        try node.run(#"touch /run/plumbctl && mount --bind "$PLUMBCTL" /run/plumbctl"#)
        try node.addPods(2)
        try node.add("pod1")
        return node
    }

    @Test func membersReadWhileNothingRuns() throws {
        let node = try makeNode()
        #expect(try node.run(#"stat -c '%A %g' "$DATA""#) == "drwxr-s--- 4242")
        #expect(try node.run(#"stat -c '%a %g' "$DATA"/state.db "$DATA"/state.db-*"#) == "640 4242\n640 4242\n640 4242")
        let member = try asking(4242, Self.select, node)
        #expect(member.stdout == "pod1\n", "\(member.all)")
        try node.expectRest()
        let after = try asking(4242, Self.select, node)
        #expect(after.stdout == "pod1\n", "\(after.all)")
        let write = try asking(4242, #"sqlite3 "$DATA/state.db" "DELETE FROM attachments""#, node)
        #expect(write.status != 0, "\(write.all)")
        let check = try node.plumbctl("check")
        #expect(check.stdout.contains("readers: root and members of group plumb"), "\(check.all)")
    }

    @Test func everybodyIsTold() throws {
        let node = try makeNode()
        func readers() throws -> JSON {
            try node.plumbctlJSON("check").elements.first { $0["topic"] == "readers" } ?? .null
        }
        // Nobody gets in.
        try node.run(#"chmod 644 "$DATA/state.db""#)
        #expect(try readers()["level"] == "ok")
        for (modes, what) in [("755 644", "read"), ("755 666", "write"), ("777 640", "write")] {
            let mode = modes.split(separator: " ")
            try node.run(#"chmod \#(mode[0]) "$DATA"; chmod \#(mode[1]) "$DATA/state.db""#)
            let found = try readers()
            #expect(found["level"] == "warning", "\(modes): \(found)")
            #expect(found["finding"] == .string("everybody may \(what) what is in /run/plumb"), "\(modes): \(found)")
            try node.run(found["remedy"].text ?? "")
            #expect(try readers()["finding"] == "root and members of group plumb")
        }
        // Without the group, too.
        try node.run(#"umount /etc/group; chmod 755 "$DATA"; chmod 644 "$DATA/state.db""#)
        #expect(try readers()["finding"] == "everybody may read what is in /run/plumb")
    }

    @Test func othersMayNot() throws {
        let node = try makeNode()
        let shell = try asking(4711, Self.select, node)
        #expect(shell.status != 0 && shell.stdout.isEmpty, "\(shell.all)")
        let tool = try asking(4711, #""$PLUMBCTL" get pods --data-dir "$DATA""#, node)
        #expect(tool.status == 1 && tool.stderr.contains("members of group plumb"), "\(tool.all)")
    }

    /// A root's shell that is the last to close takes the log and its index away, and SQLite cannot make them anew for one
    /// who may not write: plumbctl can do without, and so can a snapshot.
    @Test func membersReadAfterTheLogIsGone() throws {
        let node = try makeNode()
        _ = try node.sql("SELECT 1 FROM store")
        #expect(try node.attempt(#"test -e "$DATA/state.db-shm""#).status == 1)
        let tool = try asking(4242, #""$PLUMBCTL" get pods --data-dir "$DATA""#, node)
        #expect(tool.status == 0 && tool.stdout.contains("pod1"), "\(tool.all)")
        try node.run("install -d -o 4711 -m 0700 /run/mine")
        let copy = try asking(4242, #""$PLUMBCTL" snapshot /run/mine/copy.db --data-dir "$DATA""#, node)
        #expect(copy.status == 0, "\(copy.all)")
        let read = try asking(4242, "sqlite3 -readonly /run/mine/copy.db 'SELECT pod_name FROM v_pods'", node)
        #expect(read.stdout == "pod1\n", "\(read.all)")
        // The next pod brings them back.
        try node.add("pod2")
        let shell = try asking(4242, Self.select, node)
        #expect(shell.stdout == "pod1,pod2\n", "\(shell.all)")
    }
}
