import Testing

/// A database that is not there is no order to take the pods away.
@Suite struct LostDatabaseTests {
    @Test func podsOutliveIt() throws {
        let node = try TestNode()
        try node.addPods(10)
        for pod in 1...10 { try node.add("pod\(pod)") }
        let links = try node.ourLinks()
        try node.run(#"mkdir /run/away; mv "$DATA"/state.db* /run/away"#)
        for command in ["apply", "plan", "status"] {
            let output = try node.plumbctl(command)
            #expect(output.status == 1 && output.stdout.isEmpty, "\(output.all)")
            #expect(output.stderr.contains("there is no \(node.dataDirectory)/state.db"), "\(output.all)")
        }
        #expect(try node.run(#"ls "$DATA""#) == "lock")
        #expect(try node.ourLinks() == links)
        for pod in 1...10 { try node.expectPing(from: "pod\(pod)", to: "10.244.0.1") }

        try node.run(#"mv /run/away/state.db* "$DATA""#)
        try node.expectRest()
    }

    /// Another database, made meanwhile, knows nothing of these links: it keeps and reports them.
    @Test func anotherDatabaseKeepsThem() throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.run(#"mkdir /run/away; mv "$DATA"/state.db* /run/away"#)
        try node.add("pod2", #""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#)
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 0 && apply.stdout.contains("link \(hostEnd) carries Plumb's mark"), "\(apply.all)")
        #expect(try node.attempt("ip link show \(hostEnd)").status == 0)
    }

    /// It would hand out the living pods' addresses again, so no database is made on their bridge.
    @Test func noneIsMadeWhilePodsOfTheLostOneLive() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        try node.run(#"mkdir /run/away; mv "$DATA"/state.db* /run/away"#)
        try node.expectError(Call(pod: "pod2"), code: 103, saying: ["state.db", "cni0"])
        #expect(try node.attempt(#"test -e "$DATA/state.db""#).status == 1)
        try node.run(#"mv /run/away/state.db* "$DATA""#)
        try node.add("pod2")
        try node.expectPing(from: "pod2", to: "10.244.0.2")
    }

    @Test func aForeignFileIsRefused() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(#"mkdir "$DATA"; sqlite3 "$DATA/state.db" 'CREATE TABLE t (x)'"#)
        let before = try node.run(#"sha256sum < "$DATA/state.db""#)
        try node.expectError(Call(), code: 103, saying: ["state.db"])
        #expect(try node.plumbctl("apply").status == 1)
        #expect(try node.run(#"sha256sum < "$DATA/state.db""#) == before)
        #expect(try node.ourLinks().isEmpty)
    }
}
