import Testing

/// Interfaces without addresses.
@Suite struct LayerTwoTests {
    @Test func emptyIPAM() throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #""bridge": "br0", "isGateway": true, "mtu": 1400, "ipam": {}"#
        for pod in ["pod1", "pod2"] {
            let result = try node.add(pod, members)
            #expect(result["ips"] == .array([]) && result["routes"] == .array([]))
            #expect(result["interfaces"].elements.count == 3)
            let link = try node.json("ip -d -j addr show eth0", in: pod)[0]
            #expect(link["mtu"] == 1400 && link["flags"].elements.contains("UP") && link.addresses.isEmpty)
        }
        #expect(try node.sql("SELECT count(*) FROM attachments") == "2")
        try node.expectRest()
        // What somebody else puts there passes, and stays.
        try node.run(
            "ip -n pod1 addr add 10.50.0.1/24 dev eth0; ip -n pod2 addr add 10.50.0.2/24 dev eth0")
        try node.expectPing(from: "pod1", to: "10.50.0.2")
        try node.run("ip -n pod1 link set eth0 mtu 1300")
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.50.0.2")
        for pod in ["pod1", "pod2"] { try node.delete(pod, members) }
        try node.expectNothingLeft()
    }

    @Test(arguments: [#""disableContainerInterface": true"#, #""disableContainerInterface": true, "ipam": {}"#])
    func linkThatStaysDown(members: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let hostEnd = try #require(try node.add("pod1", members)["interfaces"][1]["name"].text)
        func isUp() throws -> Bool {
            try node.json("ip -d -j link show eth0", in: "pod1")[0]["flags"].elements.contains("UP")
        }
        #expect(try !isUp())
        #expect(try node.json("ip -j link show \(hostEnd)")[0]["master"] == "cni0")
        try node.expectRest()
        // It is whose turn it is to bring it up, and we do not take it down.
        try node.run("ip -n pod1 link set eth0 up")
        try node.expectRest()
        #expect(try isUp())
        try node.run("ip link del \(hostEnd)")
        try node.expectConvergence()
        #expect(try !isUp())
        try node.delete("pod1", members)
        try node.expectNothingLeft()
    }

    @Test(arguments: [
        #""disableContainerInterface": true, "ipam": {"subnet": "10.9.0.0/24"}"#,
        #""disableContainerInterface": true, "ipam": {"type": "static"}"#,
        #""disableContainerInterface": true, "subnets": ["10.9.0.0/24"]"#,
    ]) func addressesNeedALinkThatIsUp(members: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.expectError(Call(members: members), code: 7, saying: ["disableContainerInterface", "pods"])
    }

    /// A slip, rather than a wish.
    @Test(arguments: ["", #""ipam": {"type": "host-local"}"#, #""ipam": {"type": "plumb", "ranges": []}"#])
    func noWordOfAddresses(members: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.expectError(Call(members: members), code: 7, saying: ["subnets", #""ipam": {}"#])
    }
}
