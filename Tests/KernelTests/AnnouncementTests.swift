import Testing

/// An address that goes to another pod is known by another MAC from then on, and an address may have to be looked at before
/// it is used.
@Suite struct AnnouncementTests {
    /// One address a family beside the neighbour's.
    private static let small = """
        "isDefaultGateway": true, "ipam": {"ranges": [[{"subnet": "10.9.0.0/29", "rangeEnd": "10.9.0.3"}],
        [{"subnet": "fd00:9::/64", "rangeEnd": "fd00:9::3"}]]}
        """

    /// The neighbours' entries are fresh, so that the kernel by itself would go on with them for half a minute.
    @Test func aReusedAddressIsKnownAtOnce() throws {
        let node = try TestNode()
        try node.addPods(3)
        let members = AnnouncementTests.small
        try node.add("pod1", members)
        let old = try node.add("pod2", members)["interfaces"][2]["mac"].text ?? ""
        try node.expectPing(from: "pod1", to: "10.9.0.3", "fd00:9::3")
        try node.delete("pod2", members)
        // As if confirmed this moment.
        let confirm =
            "ip neigh replace 10.9.0.3 lladdr \(old) dev $D nud reachable; ip neigh replace fd00:9::3 lladdr \(old) dev $D nud reachable"
        try node.run(confirm, environment: ["D": "eth0"], in: "pod1")
        try node.run(confirm, environment: ["D": "cni0"])
        let answer = try node.add("pod3", members)
        #expect(answer["ips"].elements.map { $0["address"] } == ["10.9.0.3/29", "fd00:9::3/64"])
        let mac = try #require(answer["interfaces"][2]["mac"].text)
        for (pod, device) in [("pod1", "eth0"), (nil, "cni0")] {
            let known = try node.run("ip neigh show dev \(device)", in: pod)
            for address in ["10.9.0.3", "fd00:9::3"] {
                #expect(known.contains("\(address) lladdr \(mac)"), "\(known)")
            }
        }
        // One packet and no second: nothing has to be found out first.
        try node.run("ping -c 1 -W 1 10.9.0.3; ping -c 1 -W 1 fd00:9::3", in: "pod1")
        // Nothing of it stays in the pod.
        #expect(try node.run("ip neigh show 10.9.0.3", in: "pod3").isEmpty)
        try node.expectRest()
    }

    /// What nobody can know is told nobody.
    @Test func aFreshAddressIsNotAnnounced() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call(members: AnnouncementTests.small)
        let output = try node.attempt(
            #"strace -f -qq -o /run/trace "$PLUMB" <<< "$CONFIG" > /dev/null; grep -c 'sendmsg(\|socket(AF_INET6\|setns(' /run/trace"#,
            environment: call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 })
        // There and back, for the socket.
        #expect(output.stdout == "2\n", "\(output.all)")
    }

    /// `enabledad`: the address is usable when ADD answers, and not before the kernel has asked for it.
    @Test func duplicateDetection() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""enabledad": true, \#(AnnouncementTests.small)"#
        // The kernel waits for an answer for a second (neigh/default/retrans_time_ms).
        let time = try ContinuousClock().measure { try node.add("pod1", members) }
        #expect(time > .milliseconds(900), "\(time)")
        let address = try node.run("ip -6 addr show dev eth0 scope global", in: "pod1")
        #expect(!address.contains("tentative") && !address.contains("nodad"), "\(address)")
        try node.expectPing(from: "pod1", to: "fd00:9::1")
        try node.expectRest()
        try node.run("ip -6 addr del fd00:9::2/64 dev eth0", in: "pod1")
        try node.expectConvergence()
        #expect(!(try node.run("ip -6 addr show dev eth0 scope global", in: "pod1")).contains("nodad"))
    }

    @Test func aDuplicateIsFound() throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #""enabledad": true, \#(AnnouncementTests.small)"#
        try node.run(
            """
            ip link add cni0 up type bridge; ip netns add stranger; ip link add s0 type veth peer name eth0 netns stranger
            ip link set s0 master cni0 up; ip -n stranger link set eth0 up
            ip -n stranger addr add fd00:9::2/64 dev eth0 nodad
            """)
        try node.expectError(
            Call(members: members), code: 101, saying: ["fd00:9::2/64", "enabledad", "another host"])
        try node.expectNothingLeft()
    }
}
