import Testing

/// Below 1280 bytes a link has no IPv6, and nothing of it can be set.
@Suite struct SmallMTUTests {
    @Test func anIPv4Pod() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""mtu": 1000, "subnets": ["10.244.0.0/24"]"#
        let result = try node.add("pod1", members)
        #expect(result["interfaces"][2]["mtu"] == 1000)
        var check = Call(verb: "CHECK", members: #"\#(members), "prevResult": \#(result)"#)
        #expect(try node.call(check).stdout.isEmpty)
        try node.expectPing(from: "pod1", to: "10.244.0.1")
        try node.expectRest()
        try node.run("ip -n pod1 link del eth0")
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.244.0.1")
        check.verb = "DEL"
        #expect(try node.call(check).status == 0)
        try node.expectNothingLeft()
    }

    /// A link that was made that small has lost its IPv6 addresses; one apply gives it back what it had.
    @Test func whoMakesALinkSmall() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1", #""mtu": 1400, \#(dualStack)"#)
        try node.run(
            """
            ip -n pod1 link set eth0 mtu 1000
            host=$(ip -o link show group 7586 type veth | sed 's/^[0-9]*: \\([^@]*\\)@.*/\\1/')
            ip link set $host mtu 1000 down
            bridge link set dev $host hairpin off
            """)
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
    }
}
