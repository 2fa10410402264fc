import Testing

/// GC takes away what the runtime does not name, in one network, and only if it gave a list.
@Suite struct GarbageCollectionTests {
    private static func list(_ pods: String...) -> String {
        "[" + pods.map { #"{"containerID": "c-\#($0)", "ifname": "eth0"}"# }.joined(separator: ", ") + "]"
    }

    private func collect(
        _ node: TestNode, _ members: String, network: String = "pods", version: String = "1.1.0"
    ) throws -> Output {
        let all = members.isEmpty ? dualStack : "\(members), \(dualStack)"
        let nobody = ["CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": "", "CNI_ARGS": ""]
        return try node.call(
            Call(verb: "GC", version: version, network: network, members: all, variables: nobody))
    }

    private func attachments(_ node: TestNode) throws -> String {
        try node.sql(
            """
            SELECT group_concat(n.name || ' ' || a.container_id || ' ' || a.ifname || ' ' || a.state, ', ')
            FROM attachments AS a JOIN networks AS n ON n.id = a.network_id
            """)
    }

    @Test(arguments: ["valid-attachments", "attachments"]) func takesWhatIsNotNamed(key: String) throws {
        let node = try TestNode()
        try node.addPods(6)
        for pod in 1...4 { try node.add("pod\(pod)") }
        let other = Call(
            pod: "pod5", network: "other", members: #""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#,
            variables: ["CNI_CONTAINERID": "c-pod3"])
        #expect(try node.call(other).status == 0)
        // A namespace that is gone, one that lives, and another interface of a container that is named.
        let second = Call(pod: "pod6", variables: ["CNI_CONTAINERID": "c-pod2", "CNI_IFNAME": "net1"])
        #expect(try node.call(second).status == 0)
        try node.run("ip netns del pod4")

        let output = try collect(node, #""cni.dev/\#(key)": \#(GarbageCollectionTests.list("pod1", "pod2"))"#)
        #expect(output.status == 0 && output.stdout.isEmpty && output.stderr.isEmpty, "\(output.all)")
        #expect(try attachments(node) == "pods c-pod1 eth0 ready, pods c-pod2 eth0 ready, other c-pod3 eth0 ready")
        #expect(try node.ourLinks().count == 5)
        #expect(try node.attempt("ip link show eth0", in: "pod3").status == 1)
        #expect(try node.sql("SELECT count(*) FROM v_leases WHERE network = 'pods'") == "4")
        let released = "SELECT count(*) FROM events WHERE kind = 'released' AND reason LIKE 'GC: %'"
        #expect(try node.sql(released) == "6")
        try node.expectPing(from: "pod1", to: "10.244.0.3", "fd00:10:244::3")
        try node.expectPing(from: "pod5", to: "10.245.0.1")
        try node.expectRest()
    }

    @Test func anEmptyListTakesAll() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in 1...3 { try node.add("pod\(pod)") }
        for _ in 0..<2 {
            let output = try collect(node, #""cni.dev/valid-attachments": [], "cni.dev/attachments": null"#)
            #expect(output.status == 0 && output.stdout.isEmpty && output.stderr.isEmpty, "\(output.all)")
            try node.expectNothingLeft()
        }
        #expect(try node.ourLinks() == ["cni0"])
        try node.expectRest()
    }

    /// cnitool sends no key, and Go writes a nil list as null.
    @Test(arguments: ["", #""cni.dev/valid-attachments": null, "cni.dev/attachments": null"#])
    func noListIsNoOrder(members: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in 1...2 { try node.add("pod\(pod)") }
        let output = try collect(node, members)
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        #expect(output.stderr.contains("nothing was collected"), "\(output.all)")
        #expect(try attachments(node) == "pods c-pod1 eth0 ready, pods c-pod2 eth0 ready")
        try node.expectRest()
    }

    @Test(arguments: [
        (#"[{"containerID": "c-pod2"}]"#, "cni.dev/valid-attachments[0]"),
        (#"[{"containerID": "", "ifname": "eth0"}]"#, "cni.dev/valid-attachments[0]"),
        (#"[{"containerID": "c-pod1", "ifname": ""}]"#, "cni.dev/valid-attachments[0]"),
        (#"[{"containerID": "c-pod1", "ifname": "eth0"}, "c-pod2"]"#, "cni.dev/valid-attachments[1]"),
        (#"[{"containerID": "c-pod1", "ifname": 7}]"#, "cni.dev/valid-attachments[0].ifname"),
        (#"{"containerID": "c-pod1", "ifname": "eth0"}"#, "cni.dev/valid-attachments"),
    ])
    func aListThatCannotBeReadIsNoOrder(list: String, key: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let call = Call(verb: "GC", members: #""cni.dev/valid-attachments": \#(list), \#(dualStack)"#)
        try node.expectError(call, code: 7, saying: [key])
        #expect(try attachments(node) == "pods c-pod1 eth0 ready")
    }

    @Test(arguments: ["0.3.1", "0.4.0", "1.0.0"]) func cameWithAVersion(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let call = Call(verb: "GC", version: version, members: #""cni.dev/valid-attachments": [], \#(dualStack)"#)
        try node.expectError(call, code: 1, saying: ["GC", "1.1.0", version])
        #expect(try attachments(node) == "pods c-pod1 eth0 ready")
    }

    @Test func aNetworkThatIsNotKnown() throws {
        let node = try TestNode()
        try node.addPods(1)
        let none = #""cni.dev/valid-attachments": []"#
        #expect(try collect(node, none).status == 0)
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
        try node.add("pod1")
        #expect(try collect(node, none, network: "other").status == 0)
        #expect(try attachments(node) == "pods c-pod1 eth0 ready")
    }

    /// One row that nobody can act on: the others go, and it is told.
    @Test func oneFailureStaysOne() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in 1...3 { try node.add("pod\(pod)") }
        _ = try node.sql("UPDATE addresses SET address = 'nonsense' WHERE address = '10.244.0.3'")
        let call = Call(verb: "GC", members: #""cni.dev/valid-attachments": [], \#(dualStack)"#)
        try node.expectError(call, code: 100, saying: ["network pods", "pod default/pod2", "nonsense"])
        #expect(try attachments(node) == "pods c-pod2 eth0 ready")
        _ = try node.sql("UPDATE addresses SET address = '10.244.0.3' WHERE address = 'nonsense'")
        #expect(try node.call(call).status == 0)
        try node.expectNothingLeft()
    }

    /// The runtime made its list before this ADD began.
    @Test func anADDInProgressIsLeftAlone() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let add = Call(pod: "pod2")
        let collection = Call(verb: "GC", members: #""cni.dev/valid-attachments": [], \#(dualStack)"#)
        let said = try node.run(
            """
            strace -qq -o /run/trace -e inject=sendto:signal=STOP:when=3 "$PLUMB" <<< "$CONFIG" > /run/answer &
            tracer=$!
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            CNI_COMMAND=GC "$PLUMB" <<< "$COLLECTION" 2>&1
            kill -CONT $(cat /proc/$tracer/task/$tracer/children)
            wait $tracer
            """,
            environment: add.environment.merging([
                "CONFIG": add.configuration(node.dataDirectory),
                "COLLECTION": collection.configuration(node.dataDirectory),
            ]) { $1 })
        #expect(said.contains("another process is working on eth0 of pod default/pod2"), "\(said)")
        #expect(try attachments(node) == "pods c-pod2 eth0 ready")
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
        try node.expectRest()
    }

    /// And ended well between GC's look at its row and its lock.
    @Test func anADDThatEndsMeanwhileIsLeftAlone() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        _ = try node.sql("UPDATE attachments SET state = 'adding'")
        let collection = Call(verb: "GC", members: #""cni.dev/valid-attachments": [], \#(dualStack)"#)
        let said = try node.run(
            #"""
            strace -qq -o /run/trace -e inject=socket:signal=STOP:when=1 "$PLUMB" <<< "$CONFIG" 2>&1 &
            tracer=$!
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            sqlite3 "$DATA/state.db" "UPDATE attachments SET state = 'ready' WHERE container_id = 'c-pod2'"
            kill -CONT $(cat /proc/$tracer/task/$tracer/children)
            wait $tracer
            """#, environment: ["CNI_COMMAND": "GC", "CONFIG": collection.configuration(node.dataDirectory)])
        #expect(said.contains("eth0 of pod default/pod2, which was left alone"), "\(said)")
        #expect(try attachments(node) == "pods c-pod2 eth0 ready")
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
        try node.expectRest()
    }

    /// Killed anywhere, one apply comes to rest, and the next GC leaves nothing.
    @Test func killedAtSystemCalls() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in 1...3 { try node.add("pod\(pod)") }
        let call = Call(verb: "GC", members: #""cni.dev/valid-attachments": [], \#(dualStack)"#)
        let environment = ["CNI_COMMAND": "GC", "CONFIG": call.configuration(node.dataDirectory)]
        try node.run(#"strace -qq -o /run/trace "$PLUMB" <<< "$CONFIG""#, environment: environment)
        let trace = try node.run("sed -nE 's/^([a-z0-9_]+)\\(.*/\\1/p' /run/trace")
        let calls = trace.split(separator: "\n").map(String.init)
        let moments = 20
        try #require(calls.count > 2 * moments)
        var killed = 0
        for moment in 0..<moments {
            let place = 1 + (calls.count - 2) * moment / (moments - 1)
            let name = calls[place]
            let turn = calls[...place].count { $0 == name }
            let note: Comment = "killed at \(name) \(turn), \(place) of \(calls.count)"
            for pod in 1...3 { try node.add("pod\(pod)") }
            let output = try node.attempt(
                #"strace -qq -o /run/trace -e inject=\#(name):signal=KILL:when=\#(turn) "$PLUMB" <<< "$CONFIG""#,
                environment: environment)
            killed += output.status == 0 ? 0 : 1
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 0, "\(note): \(apply.all)")
            try node.expectRest()
            let left = try attachments(node).split(separator: ", ")
            #expect(left.allSatisfy { $0.hasSuffix(" ready") }, note)
            #expect(try node.ourLinks().count == left.count + 1, note)
            #expect(try node.call(call).status == 0, note)
            try node.expectNothingLeft()
        }
        #expect(killed >= moments - 3)
        // Whoever finishes it does not know whose it was.
        let reasons = try node.sql(
            "SELECT DISTINCT reason FROM events WHERE kind = 'released' AND reason LIKE '%not finished'")
        #expect(reasons == "it was given up (DEL, GC or a failed ADD), and that was not finished")
    }
}
