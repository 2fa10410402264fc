import Testing

/// What an admin deletes at a shell's prompt, where foreign keys are off unless asked for.
@Suite struct ShellDeleteTests {
    /// One address of each family for pods, .2.
    private static let members = #""subnets": ["10.9.0.0/30", "fd09::/126"]"#

    @Test func anAttachment() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", ShellDeleteTests.members)
        #expect(try node.sql("SELECT count(*) FROM routes WHERE attachment_id IS NOT NULL") == "2")
        _ = try node.sql("DELETE FROM attachments WHERE container_id = 'c-pod1'")
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
        #expect(try node.add("pod2", ShellDeleteTests.members)["ips"][0]["address"].text == "10.9.0.2/30")
    }
}
