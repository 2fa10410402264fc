import Testing

/// Errors of SQLite that are nobody's fault and pass: what a runtime is to do about them is in the code.
@Suite struct DatabaseErrorTests {
    /// Somebody holds what every reader of the log needs: SQLite tries for ten seconds, which are left out here.
    @Test func aLogThatCannotBeLocked() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let links = try node.ourLinks()
        let call = Call(pod: "pod2")
        let environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        let hurry = "strace -f -qq -o /run/trace -e inject=clock_nanosleep,nanosleep:retval=0"
        let said = try node.attempt(
            #"""
            # WAL_READ_LOCK(0) to (4), at UNIX_SHM_BASE + 3 (SQLite, "WAL-index file format").
            coproc holder { python3 -c 'if True:
                import fcntl, sys
                index = open(sys.argv[1], "r+b")
                fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 123)
                print("locked", flush=True)
                sys.stdin.read()' "$DATA/state.db-shm"; }
            read -r locked <&${holder[0]}
            \#(hurry) "$PLUMB" <<< "$CONFIG" || true
            CNI_COMMAND=STATUS \#(hurry) "$PLUMB" <<< "$CONFIG" || true
            eval "exec ${holder[1]}>&-"; wait
            """#, environment: environment)
        let answers = try said.stdout.split(separator: "\n").map { try JSON(String($0)) }
        #expect(answers.map { $0["code"] } == [11, 50], "\(said.all)")
        for answer in answers {
            #expect(answer["msg"].text?.contains("its log could not be locked (locking protocol)") == true)
        }
        #expect(try node.ourLinks() == links)
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
        try node.add("pod2")
        try node.expectRest()
    }

    /// A value that is larger than the memory that there is.
    /// Whatever umask the runtime was started with.
    @Test func modes() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call()
        let environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        let said = try node.attempt(#"umask 077; "$PLUMB" <<< "$CONFIG""#, environment: environment)
        #expect(said.status == 0, "\(said.all)")
        #expect(
            try node.run(#"stat -c %a "$DATA" | tail -c 4; stat -c %a "$DATA"/*"#).split(separator: "\n").allSatisfy {
                $0 == "750" || $0 == "640"
            })
    }

    @Test func noMemory() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let links = try node.ourLinks()
        let mac = try node.sql("SELECT bridge_mac FROM networks")
        _ = try node.sql("UPDATE networks SET bridge_mac = printf('%.*c', 48000000, 'x')")
        let call = Call(pod: "pod2")
        let environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        let said = try node.attempt(
            #"prlimit --data=32000000 "$PLUMB" <<< "$CONFIG""#, environment: environment)
        let answer = try JSON(said.stdout)
        #expect(answer["code"] == 5, "\(said.all)")
        #expect(answer["msg"].text?.contains("state.db: out of memory: free memory") == true, "\(said.all)")
        #expect(try node.ourLinks() == links)
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
        _ = try node.sql("UPDATE networks SET bridge_mac = '\(mac)'")
        try node.add("pod2")
        try node.expectRest()
    }
}
