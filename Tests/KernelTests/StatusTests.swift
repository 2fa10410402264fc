import Testing

extension Call {
    static func status(_ members: String = dualStack, version: String = "1.1.0", network: String = "pods") -> Call {
        let nobody = ["CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": "", "CNI_ARGS": ""]
        return Call(verb: "STATUS", version: version, network: network, members: members, variables: nobody)
    }
}

extension TestNode {
    func expectWell(_ call: Call = .status(), _ note: Comment = "", at location: SourceLocation = #_sourceLocation)
        throws
    {
        let output = try self.call(call)
        #expect(
            output.status == 0 && output.stdout.isEmpty && output.stderr.isEmpty, "\(note): \(output.all)",
            sourceLocation: location)
    }
}

/// STATUS says whether an ADD could be served.
@Suite struct StatusTests {
    private static let onePod = #""subnets": ["10.9.0.0/30"]"#

    @Test func anEmptyNodeIsWell() throws {
        let node = try TestNode()
        try node.expectWell()
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
        try node.run(#"mkdir -p "$DATA""#)
        try node.expectWell()
        #expect(try node.run(#"ls -A "$DATA""#) == "")
    }

    @Test func nothingIsWritten() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in 1...2 { try node.add("pod\(pod)") }
        let sum = #"cat "$DATA/state.db" "$DATA/state.db-wal" | sha256sum"#
        let before = try node.run(sum)
        for _ in 0..<3 { try node.expectWell() }
        try node.expectWell(.status(StatusTests.onePod, network: "other"))
        #expect(try node.run(sum) == before)
        try node.expectRest()
    }

    @Test(arguments: ["0.3.1", "0.4.0", "1.0.0"]) func cameWithAVersion(version: String) throws {
        try TestNode().expectError(.status(version: version), code: 1, saying: ["STATUS", "1.1.0", version])
    }

    @Test func aConfigurationThatADDRefuses() throws {
        try TestNode().expectError(.status(#""subnets": ["10.9.0.1/24"]"#), code: 7, saying: ["subnets[0]"])
    }

    @Test func aFullPool() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.expectWell(.status(StatusTests.onePod))
        try node.add("pod1", StatusTests.onePod)
        let words = ["network pods", "10.9.0.1–10.9.0.2 in 10.9.0.0/30 (1 of 1 addresses in use)"]
        try node.expectError(.status(StatusTests.onePod), code: 50, saying: words)
        try node.expectError(Call(pod: "pod2", members: StatusTests.onePod), code: 11, saying: ["10.9.0.0/30"])
        // One full set is enough, and of its ranges one with room is.
        let two = #""ipam": {"ranges": [[{"subnet": "fd00:9::/64"}], [{"subnet": "10.9.0.0/30"}]]}"#
        try node.expectError(.status(two), code: 50, saying: words)
        try node.expectWell(.status(#""ipam": {"ranges": [[{"subnet": "10.9.0.0/30"}, {"subnet": "10.8.0.0/30"}]]}"#))
        // Addresses are a bridge's, whichever network took them.
        try node.expectError(.status(StatusTests.onePod, network: "other"), code: 50, saying: ["network other"])
        try node.expectWell(.status(#""bridge": "cni1", "subnets": ["10.9.0.0/30"]"#, network: "other"))
        // A row that says nothing sensible is one lease less, and no reason to take the node away.
        _ = try node.sql("UPDATE addresses SET address = 'nonsense'")
        try node.expectWell(.status(StatusTests.onePod))
        _ = try node.sql("UPDATE addresses SET address = '10.9.0.2'")
        try node.delete("pod1", StatusTests.onePod)
        try node.expectWell(.status(StatusTests.onePod))
    }

    /// As the next ADD will have it, and says so by having it.
    @Test func leasesOfEarlierBootsAreFree() throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1", StatusTests.onePod)["interfaces"][1]["name"].text)
        try node.expectError(.status(StatusTests.onePod), code: 50, saying: ["1 of 1"])
        try node.run("ip netns del pod1")
        try node.waitUntilGone(hostEnd)
        try node.expectError(.status(StatusTests.onePod), code: 50, saying: ["1 of 1"])
        _ = try node.sql("UPDATE attachments SET boot_id = 'other'; UPDATE store SET boot_id = 'other'")
        try node.expectWell(.status(StatusTests.onePod))
        // Nor do they make a bridge that is gone a loss.
        try node.run("ip link del cni0")
        try node.expectWell(.status(StatusTests.onePod))
        try node.add("pod2", StatusTests.onePod)
    }

    @Test func aFullBridge() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let columns = try node.sql(
            "SELECT group_concat(name) FROM pragma_table_info('attachments') WHERE name NOT IN ('id', 'container_id')")
        func insert(_ count: Int) throws {
            _ = try node.sql(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
                INSERT INTO attachments (container_id, \(columns))
                SELECT 'full' || abs(random()), \(columns) FROM n, attachments WHERE container_id = 'c-pod1'
                """)
        }
        try insert(1021)
        try node.expectWell()
        try insert(1)
        try node.expectError(.status(), code: 50, saying: ["bridge cni0 has 1023 ports"])
        try node.expectWell(.status(#""bridge": "cni1", \#(dualStack)"#, network: "other"))

        // By its leases, ADD sees it too before anything is recorded or made; without addresses, by the rows.
        _ = try node.sql(
            """
            INSERT INTO addresses (bridge, address, prefix_length, attachment_id, position, created_ms)
            SELECT 'cni0', printf('10.244.%d.%d', 4 + id / 200, id % 200), 16, id, 0, 1 FROM attachments
            WHERE container_id <> 'c-pod1'
            """)
        let before = try node.sql(
            "SELECT count(*), (SELECT seq FROM sqlite_sequence WHERE name = 'attachments') FROM events")
        try node.expectError(Call(pod: "pod2"), code: 11, saying: ["bridge cni0 has 1023 pods"])
        try node.expectError(
            Call(pod: "pod2", network: "l2", members: #""bridge": "cni0", "ipam": {}"#), code: 11,
            saying: ["bridge cni0 has 1023 pods"])
        #expect(
            try node.sql("SELECT count(*), (SELECT seq FROM sqlite_sequence WHERE name = 'attachments') FROM events")
                == before)
        _ = try node.sql("DELETE FROM addresses WHERE attachment_id = 1000; DELETE FROM attachments WHERE id = 1000")
        try node.add("pod2")
    }

    /// From the first ADD of all on, while the database and the bridge are being made.
    @Test func besideADDsItIsWell() throws {
        for _ in 0..<3 {
            let node = try TestNode()
            try node.addPods(10)
            var adds: [Command] = []
            var asked: [Command] = []
            for pod in 1...10 {
                adds.append(try node.start(Call(pod: "pod\(pod)")))
                for _ in 0..<4 { asked.append(try node.start(.status())) }
            }
            for output in asked.map({ $0.wait() }) {
                #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
            }
            for output in adds.map({ $0.wait() }) { #expect(output.status == 0, "\(output.all)") }
            try node.expectRest()
        }
    }
}
