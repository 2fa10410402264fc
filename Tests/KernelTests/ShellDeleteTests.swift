import Testing

/// What an admin deletes at a shell's prompt, where foreign keys are off unless asked for.
@Suite struct ShellDeleteTests {
    /// One address of each family for pods, .2.
    private static let members = #""subnets": ["10.9.0.0/30", "fd09::/126"]"#

    /// With foreign keys the leases go along, and no row tells of them.
    @Test(arguments: ["", "PRAGMA foreign_keys = ON; "]) func anAttachment(pragma: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", ShellDeleteTests.members)
        #expect(try node.sql("SELECT count(*) FROM routes WHERE attachment_id IS NOT NULL") == "2")
        _ = try node.sql(pragma + "DELETE FROM attachments WHERE container_id = 'c-pod1'")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2)
        #expect(plan.stdout.contains("- lease 10.9.0.2 on cni0: its attachment was deleted"), "\(plan.all)")
        #expect(plan.stdout.contains("- lease fd09::2 on cni0: its attachment was deleted"), "\(plan.all)")
        try node.expectConvergence()
        #expect(try node.ourLinks() == ["cni0"])
        #expect(try node.sql("SELECT count(*) FROM addresses") == "0")
        #expect(try node.sql("SELECT count(*) FROM routes WHERE attachment_id IS NOT NULL") == "0")
        let events = "SELECT count(*) FROM events WHERE reason = 'its attachment was deleted' AND kind = 'released'"
        #expect(try node.sql(events) == "2")
        let history = """
            SELECT network, pod_name, container_id, since > '2024', until > '2024', reason FROM v_address_history
            WHERE address = '10.9.0.2'
            """
        #expect(try node.sql(history) == "pods|pod1|c-pod1|1|1|its attachment was deleted")
        #expect(try node.add("pod2", ShellDeleteTests.members)["ips"][0]["address"].text == "10.9.0.2/30")
    }

    /// Ranges of every shape: only what was a pod's comes back, once, behind what was free before.
    @Test func allAttachments() throws {
        let node = try TestNode()
        try node.addPods(5)
        let members = """
            "bridge": "cni0", "isGateway": true, "ipam": {"ranges": [
            [{"subnet": "10.9.0.0/28", "exclude": ["10.9.0.3"], "gateway": "10.9.0.5"}], [{"subnet": "fd09::/64"}]]}
            """
        let given = try (1...5).map { try node.add("pod\($0)", members)["ips"][0]["address"].text }
        #expect(given == ["10.9.0.1/28", "10.9.0.2/28", "10.9.0.4/28", "10.9.0.6/28", "10.9.0.7/28"])
        try node.delete("pod2", members)
        let before = try node.sql("SELECT count(*) FROM released")
        try node.expectRest()
        #expect(try node.sql("SELECT count(*) FROM released") == before)
        _ = try node.sql("PRAGMA foreign_keys = ON; DELETE FROM attachments WHERE pod_name <> 'pod5'")
        try node.expectConvergence()
        let released = """
            SELECT group_concat(address, ' ') FROM (SELECT address FROM released ORDER BY range_id, sequence)
            """
        #expect(
            try node.sql(released) == "10.9.0.2 10.9.0.1 10.9.0.4 10.9.0.6 fd09::3 fd09::2 fd09::4 fd09::5")
        #expect(try node.ourLinks().count == 2)
    }

    /// Its pods keep what they were promised until DEL, which takes all of it back.
    @Test func theNetwork() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        _ = try node.sql("DELETE FROM networks")
        try node.expectRest()
        _ = try node.run("ip netns exec pod1 ip link del eth0")
        try node.expectConvergence()
        for pod in ["pod1", "pod2"] { try node.expectPing(from: pod, to: "10.244.0.1") }
        for _ in 1...2 { try node.delete("pod1") }
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
        try node.add("pod3")
        try node.expectRest()
        // The bridge's MAC was in that row.
        _ = try node.run("ip -n pod2 neigh flush all")
        for pod in ["pod2", "pod3"] { try node.expectPing(from: pod, to: "10.244.0.1") }
        for pod in ["pod2", "pod3"] { try node.delete(pod) }
        try node.expectRest()
        #expect(try node.sql("SELECT count(*) FROM attachments") == "0")
        #expect(try node.sql("SELECT count(*) FROM addresses") == "0")
    }

    /// What nobody needs to know of a pod that ends.
    @Test(arguments: [
        "UPDATE attachments SET mtu = -1, state = 'Deleting' WHERE pod_name = 'pod1'",
        "UPDATE networks SET repair_pod = 'None', mtu = 5",
    ])
    func nonsenseIsNoReasonToStay(sql: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        _ = try node.sql(sql)
        let plan = try node.plumbctl("plan")
        #expect(plan.all.contains("in the database is none"), "\(plan.all)")
        let deletion = try node.call(Call(verb: "DEL", variables: ["CNI_NETNS": ""]))
        #expect(deletion.status == 0 && deletion.all == "exit 0\n\n", "\(deletion.all)")
        #expect(try node.sql("SELECT group_concat(pod_name) FROM attachments") == "pod2")
        #expect(try node.ourLinks().count == 2)
        try node.expectPing(from: "pod2", to: "10.244.0.1")
    }
}
