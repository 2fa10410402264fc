import Testing

/// What an admin asks with nothing but the sqlite3 shell: each answer is one SELECT over a view.
@Suite struct ViewTests {
    private static let isTime = "GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z'"

    @Test func eachViewAnswers() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in ["pod1", "pod2", "pod3"] { try node.add(pod) }
        try node.delete("pod2")
        try node.run("ip -n pod3 addr del 10.244.0.4/24 dev eth0")
        try node.expectConvergence()

        #expect(
            try node.sql("SELECT address, ip, pod_name, network, bridge, state FROM v_leases WHERE pod_name = 'pod1'")
                == "10.244.0.2/24|10.244.0.2|pod1|pods|cni0|ready\nfd00:10:244::2/64|fd00:10:244::2|pod1|pods|cni0|ready"
        )
        #expect(
            try node.sql("SELECT subnet, used, size, percent FROM v_pools")
                == "10.244.0.0/24|2|253|0.8\nfd00:10:244::/64|2|1.84467440737096e+19|0.0")
        #expect(
            try node.sql(
                """
                SELECT pod_namespace, container_id, ifname, network, addresses, routes, since \(Self.isTime) FROM v_pods
                WHERE pod_name = 'pod1'
                """)
                == "default|c-pod1|eth0|pods|10.244.0.2/24 fd00:10:244::2/64|0.0.0.0/0 via 10.244.0.1, "
                + "::/0 via fd00:10:244::1|1")
        #expect(
            try node.sql(
                """
                SELECT pod_name, since \(Self.isTime), until \(Self.isTime), reason FROM v_address_history
                WHERE address IN ('10.244.0.2', '10.244.0.3') ORDER BY address
                """) == "pod1|1||\npod2|1|1|DEL")
        #expect(
            try node.sql(
                "SELECT kind, reason, at \(Self.isTime) FROM v_events WHERE object LIKE 'address 10.244.0.4/24 %'")
                == "add|ADD: missing|1\nadd|apply: missing|1")
        #expect(
            try node.sql("SELECT planned, done, failed, started \(Self.isTime), duration_ms < 60000 FROM v_runs")
                == "2|2|0|1|1\n0|0|0|1|1")
        #expect(try node.sql("SELECT count(*) FROM v_problems") == "0")
    }

    /// "Who was 10.244.0.2 at 03:14", of three pods that had it one after the other.
    @Test func whoHadAnAddressThen() throws {
        let node = try TestNode()
        try node.addPods(3)
        let members = #""subnets": ["10.9.0.0/30"]"#
        for pod in ["pod1", "pod2", "pod3"] {
            try node.add(pod, members)
            if pod != "pod3" { try node.delete(pod, members) }
        }
        // As if it had been an hour each, yesterday.
        let hours = "CASE container_id WHEN 'c-pod1' THEN 0 ELSE 3600000 END"
        _ = try node.sql(
            """
            UPDATE events SET since_ms = 1795485600000 + \(hours), at_ms = 1795489200000 + \(hours) WHERE kind = 'released';
            UPDATE addresses SET created_ms = 1795492800000; UPDATE attachments SET created_ms = 1795492800000
            """)
        func who(_ time: String) throws -> String {
            try node.sql(
                """
                SELECT pod_name FROM v_address_history WHERE address = '10.9.0.2'
                AND since <= '2026-11-24T\(time)Z' AND (until > '2026-11-24T\(time)Z' OR until IS NULL)
                """)
        }
        #expect(try who("01:59:59") == "")
        #expect(try who("02:14:00") == "pod1")
        #expect(try who("03:14:00") == "pod2")
        #expect(try who("04:14:00") == "pod3")
        for (time, pod) in [("02:14", "pod1"), ("03:14", "pod2"), ("04:14", "pod3")] {
            let told = try node.plumbctlJSON("history", "10.9.0.2", "--at", "2026-11-24T\(time):30Z")
            #expect(told.elements.map { $0["podName"].text } == [pod])
        }
        let span = try node.plumbctlJSON(
            "history", "10.9.0.2", "--since", "2026-11-24T02:30:00Z", "--until", "2026-11-24T03:30:00Z")
        #expect(span.elements.map { $0["podName"].text } == ["pod1", "pod2"])
    }

    @Test func problemsAreWhatIsNotReadyAndWhatFailed() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        // A pod that cannot be: something else has its interface's name.
        try node.run("ip -n pod2 link add eth0 type bridge")
        #expect(try node.call(Call(pod: "pod2")).status == 1)
        #expect(
            try node.sql(
                "SELECT kind, reason, pod_name, object LIKE '%is in /run/netns/pod2 already%' FROM v_events WHERE kind = 'failed'"
            )
                == "failed|ADD|pod2|1")
        _ = try node.sql(
            "UPDATE attachments SET state = 'deleting'; INSERT INTO routes (dst, gateway) VALUES ('nonsense', '1.2.3.4')"
        )
        #expect(
            try node.sql("SELECT count(*), sum(problem = 'deleting' AND pod_name = 'pod1') FROM v_problems") == "2|1")
        #expect(try node.plumbctl("apply").status == 1)
        #expect(try node.sql("SELECT problem LIKE '%nonsense%', reason FROM v_problems") == "1|apply")
        let status = try node.plumbctl("status")
        #expect(status.stdout.contains("Problems") && status.stdout.contains("nonsense"), "\(status.all)")
        _ = try node.sql("DELETE FROM routes")
        try node.expectConvergence()
        #expect(try node.sql("SELECT count(*) FROM v_problems") == "0")
    }
}
