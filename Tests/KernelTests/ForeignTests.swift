import Testing

/// What is not ours reads the same before and after whatever we do beside it.
@Suite struct ForeignTests {
    /// Carrier, offloads and bridge timers, which change by themselves or with a port that comes.
    private static let restless: Set<String> = [
        "flags", "operstate", "gc_timer", "hello_timer", "tcn_timer", "topology_change_timer", "root_port",
        "hold_timer", "message_age_timer", "forward_delay_timer", "valid_life_time", "preferred_life_time",
        "tso_max_size", "tso_max_segs",
    ]

    /// ADD, apply after some damage, and DEL, with `look` taken after each.
    private func expectUntouched(
        _ node: TestNode, by members: String = dualStack, _ look: () throws -> JSON
    ) throws {
        let before = try look().without(ForeignTests.restless)
        #expect(before != .null)
        let hostEnd = try #require(try node.add("pod1", members)["interfaces"][1]["name"].text)
        #expect(try look().without(ForeignTests.restless) == before)
        try node.run("ip link set \(hostEnd) nomaster down; ip -n pod1 addr del 10.244.0.2/24 dev eth0")
        try node.expectConvergence()
        #expect(try look().without(ForeignTests.restless) == before)
        try node.delete("pod1", members)
        try node.expectConvergence()
        #expect(try look().without(ForeignTests.restless) == before)
        try node.expectNothingLeft()
    }

    @Test(arguments: [
        "ip link add foreign type bridge; ip link set foreign up",
        "ip link add plumbxyz type veth peer name plumbxyq; ip link set plumbxyz up",
        """
        ip link add foreign type bridge; ip link add plumbab type veth peer name q; ip link set plumbab master foreign
        """,
        "ip link add foreign type veth peer name q; ip addr add 10.99.0.1/24 dev foreign; ip link set foreign up",
    ]) func link(script: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(script)
        let names = try node.json("ip -j link show").elements.compactMap { $0["ifname"].text }.filter { $0 != "lo" }
        try expectUntouched(node) {
            .array(try names.map { try node.json("ip -d -j addr show \($0)")[0] })
        }
    }

    @Test func routesOnTheHost() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            ip link add foreign type veth peer name q; ip link set q up
            ip addr add 10.99.0.1/24 dev foreign; ip link set foreign up
            ip route add 10.98.0.0/24 via 10.99.0.9; ip route add 10.97.0.0/24 via 10.99.0.9 proto 80 table 100
            """)
        try expectUntouched(node) {
            .array(
                [try node.json("ip -d -j route show 10.98.0.0/24"), try node.json("ip -d -j route show table 100")])
        }
    }

    @Test func addressesAndRoutesBesideOurs() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(
            """
            ip addr add 10.99.0.1/24 dev cni0; ip addr add fd99::1/64 dev cni0 nodad
            ip -n pod1 addr add 10.99.0.2/24 dev eth0; ip -n pod1 route add 10.98.0.0/24 via 10.99.0.1
            """)
        func look() throws -> JSON {
            .array(
                [
                    try node.json("ip -d -j addr show cni0 to 10.99.0.0/24"),
                    try node.json("ip -d -j addr show cni0 to fd99::/64"),
                    try node.json("ip -d -j addr show eth0 to 10.99.0.0/24", in: "pod1"),
                    try node.json("ip -d -j route show 10.98.0.0/24", in: "pod1"),
                ]).without(ForeignTests.restless)
        }
        let before = try look()
        try node.expectRest()
        try node.run("ip addr del 10.244.0.1/24 dev cni0; ip -n pod1 addr del 10.244.0.2/24 dev eth0")
        try node.expectConvergence()
        #expect(try look() == before)
        try node.delete("pod1")
        let bridge = try node.json("ip -d -j addr show cni0")[0]
        #expect(bridge.addresses.isSuperset(of: ["10.99.0.1/24", "fd99::1/64"]))
    }

    /// The kernel deletes the other addresses of a subnet with its first, unless it is told not to.
    @Test func addressBesideAGatewayThatGoes() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("sysctl -qw net.ipv4.conf.all.promote_secondaries=0 net.ipv4.conf.default.promote_secondaries=0")
        try node.add("pod1", #""subnets": ["10.9.0.0/24"]"#)
        try node.run("ip addr add 10.9.0.9/24 dev cni0")
        try node.delete("pod1", #""subnets": ["10.9.0.0/24"]"#)
        try node.add("pod1")
        try node.expectConvergence()
        #expect(
            try node.json("ip -4 -j addr show cni0")[0].addresses == ["10.9.0.9/24", "10.244.0.1/24"])
    }

    @Test func routeThatStandsWhereOursShould() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(
            """
            ip link add up0 type veth peer name q; ip link set q up
            ip addr add 192.168.77.1/24 dev up0; ip link set up0 up
            ip route add 10.244.7.0/24 via 192.168.77.7
            """)
        let before = try node.json("ip -d -j route show 10.244.7.0/24")
        _ = try node.sql("INSERT INTO routes (dst, gateway) VALUES ('10.244.7.0/24', '192.168.77.2')")
        try node.expectRouteConflict("route 10.244.7.0/24: 10.244.7.0/24 has a route already, via 192.168.77.7 and")
        #expect(try node.json("ip -d -j route show 10.244.7.0/24") == before)
        try node.run("ip route del 10.244.7.0/24")
        try node.expectConvergence()
        let ours = try node.json("ip -d -j route show 10.244.7.0/24")
        #expect(ours[0]["gateway"] == "192.168.77.2")
    }

    struct Taken: Sendable, CustomTestStringConvertible {
        var testDescription: String { route }
        /// Of pod1, who puts it where ours was, and the one that is ours.
        var route: String
        var ours: String

        init(_ route: String, _ ours: String) {
            self.route = route
            self.ours = ours
        }
    }

    /// The rest of the pod is mended all the same.
    @Test(arguments: [
        Taken("default via 10.244.0.77", "0.0.0.0/0"), Taken("blackhole default", "0.0.0.0/0"),
        Taken("default dev eth0 proto static scope link", "0.0.0.0/0"),
        Taken("default via fd00:10:244::77", "::/0"), Taken("default dev eth0 proto static metric 1024", "::/0"),
        Taken("unreachable default metric 1024", "::/0"),
    ]) func routeThatStandsWhereThePodsShould(taken: Taken) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let family = taken.ours == "::/0" ? 6 : 4
        try node.run("ip -n pod1 -\(family) route del default; ip -n pod1 -\(family) route add \(taken.route)")
        func look() throws -> JSON { try node.json("ip -d -j -\(family) route show default", in: "pod1") }
        let before = try look()
        let missing = family == 4 ? "fd00:10:244::2/64" : "10.244.0.2/24"
        try node.run("ip -n pod1 addr add 192.0.2.1/32 dev eth0; ip -n pod1 addr del \(missing) dev eth0")
        let plan = try node.plumbctl("plan")
        #expect(plan.stdout.contains("Plan: 1 to add, 0 to change, 0 to delete, 1 in conflict\n"), "\(plan.all)")
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && apply.stdout.contains("Applied: 1 added"), "\(apply.all)")
        try node.expectRouteConflict("route \(taken.ours) of pod default/pod1: \(taken.ours) has a route already")
        #expect(try look() == before)
        try node.run("ip -n pod1 -\(family) route del default")
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
    }

    /// Of another metric, table, source or type of service it is beside ours, as the kernel sees it.
    @Test func routesThatAreInNobodysWay() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(
            """
            r="ip -n pod1 route"; $r del default; $r add default via 10.244.0.77 metric 7
            $r add default via 10.244.0.77 table 7; $r add default via 10.244.0.77 tos 0x10
            r="ip -n pod1 -6 route"; $r del default; $r add default via fd00:10:244::77 metric 7
            $r add default via fd00:10:244::77 table 7
            """)
        try node.expectConvergence()
        try node.run("ip -n pod1 -6 route add default from fd00:10:244::2 via fd00:10:244::77")
        try node.run("ip -n pod1 -6 route del default via fd00:10:244::1")
        try node.expectConvergence()
    }

    /// IPv6 makes one route of both, with our protocol number, and by destination alone the kernel deletes both.
    @Test func routeThatIsAppendedToOurs() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(
            """
            ip link add up0 type veth peer name q; ip link set q up
            ip addr add fd77::1/64 dev up0 nodad; ip link set up0 up
            """)
        _ = try node.sql("INSERT INTO routes (dst, gateway) VALUES ('fd00:10:245::/64', 'fd77::2')")
        try node.expectConvergence()
        try node.run(
            """
            ip -6 route append fd00:10:245::/64 via fd77::7 proto static
            ip -n pod1 -6 route append default via fd00:10:244::7 proto static
            """)
        try node.expectRest()
        func gateways() throws -> [JSON] {
            let hops = try node.json("ip -6 -j route show fd00:10:245::/64")[0]
            return hops["nexthops"].elements.map { $0["gateway"] } + [hops["gateway"]].filter { $0 != .null }
        }
        #expect(try gateways() == ["fd77::2", "fd77::7"])
        try node.run("ip -n pod1 -6 route del default via fd00:10:244::1")
        try node.expectRouteConflict("route ::/0 of pod default/pod1: ::/0 has a route already, via fd00:10:244::7 and")
        #expect(try node.json("ip -6 -j route show default", in: "pod1")[0]["gateway"] == "fd00:10:244::7")
        try node.run("ip -n pod1 -6 route del default")
        try node.expectConvergence()
        _ = try node.sql("UPDATE routes SET gateway = 'fd77::3' WHERE dst = 'fd00:10:245::/64'")
        try node.expectRouteConflict("it goes via fd77::2, and it has a route beside it that is not Plumb's")
        #expect(try gateways() == ["fd77::2", "fd77::7"])
        try node.run("ip -6 route del fd00:10:245::/64 via fd77::7")
        try node.expectConvergence()
        #expect(try gateways() == ["fd77::3"])
        try node.run("ip -6 route append fd00:10:245::/64 via fd77::7 proto static")
        _ = try node.sql("DELETE FROM routes WHERE dst = 'fd00:10:245::/64'")
        try node.expectConvergence()
        #expect(try gateways() == ["fd77::7"])
    }

    /// IPv6 keeps one without a gateway apart from ours, as IPv4 keeps each.
    @Test(arguments: [("4", "default via 10.244.0.7"), ("6", "default dev eth0")])
    func routeThatIsAppendedAndApart(family: String, route: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let r = "ip -n pod1 -\(family) route"
        try node.run("\(r) append \(route) proto static")
        try node.expectRest()
        let gateway = family == "4" ? "10.244.0.1" : "fd00:10:244::1"
        _ = try node.sql("UPDATE routes SET mtu = 1300 WHERE gateway = '\(gateway)'")
        let before = try node.run("\(r) show default")
        try node.expectRouteConflict("its MTU is 0, and it has a route beside it that is not Plumb's")
        #expect(try node.run("\(r) show default") == before)
        try node.run("\(r) del \(route) proto static")
        try node.expectConvergence()
    }

    /// Nor is one that would have to be deleted for ours to fit, whatever became of ours.
    @Test(arguments: ["ip link del $VETH", "ip -n pod1 link set eth0 down; ip -n pod1 link set eth0 name eth0-nic"])
    func linkThatTookThePlaceOfThePods(loss: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.add("pod2")
        try node.run(
            "\(loss); ip -n pod1 link add eth0 type veth peer name vp", environment: ["VETH": hostEnd])
        func look() throws -> JSON { try node.json("ip -d -j addr show", in: "pod1").without(ForeignTests.restless) }
        let before = try look()
        for _ in 0..<2 {
            try node.run("ip -n pod2 route del default")
            let plan = try node.plumbctl("plan")
            #expect(plan.status == 2 && plan.all.contains("eth0 is in"), "\(plan.all)")
            #expect(plan.stdout.contains("1 to add, 0 to change, 0 to delete, 1 in conflict"), "\(plan.all)")
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 1 && apply.stderr.contains("pod1"), "\(apply.all)")
            #expect(apply.stderr.contains("is not Plumb's: it stays as it is"), "\(apply.all)")
            #expect(try look() == before)
            try node.expectPing(from: "pod2", to: "10.244.0.1")
        }
        try node.run("ip -n pod1 link del eth0")
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1", "10.244.0.3")
    }

    @Test func bridgeThatWasThereIsAdopted() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            ip link add br0 address 02:00:00:00:00:42 type bridge ageing_time 1000; ip link set br0 up
            # Set later, it is pinned: else the kernel keeps it at the lowest of the ports'.
            ip link set br0 mtu 1450
            """)
        func look() throws -> JSON { try node.json("ip -d -j link show br0")[0] }
        let members = #""bridge": "br0", "mtu": 1400, \#(dualStack)"#
        try expectUntouched(node, by: members, look)
        #expect(try look()["group"] == "default")
        let result = try node.add("pod1", members)
        #expect(result["interfaces"][0]["mac"] == "02:00:00:00:00:42")
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.delete("pod1", members)
        #expect(try look()["flags"].elements.contains("UP"))
    }

    @Test func adoptedBridgeThatIsDownStaysDown() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add br0 type bridge")
        let before = try node.json("ip -d -j addr show br0")
        let members = #""bridge": "br0", \#(dualStack)"#
        try node.expectError(Call(members: members), code: 101, saying: ["br0", "down"])
        #expect(try node.json("ip -d -j addr show br0") == before)
        try node.expectNothingLeft()
    }
}

extension TestNode {
    /// plan, check and apply each tell of one conflict about a route and of nothing else, time and again, and none of them asks
    /// the kernel for a route.
    fileprivate func expectRouteConflict(_ told: String, at location: SourceLocation = #_sourceLocation) throws {
        for _ in 0..<2 {
            let plan = try plumbctl("plan")
            #expect(plan.status == 2 && plan.stdout.contains("! route "), "\(plan.all)", sourceLocation: location)
            #expect(plan.stdout.contains(told), "\(plan.all)", sourceLocation: location)
            #expect(
                plan.stdout.contains("Plan: 0 to add, 0 to change, 0 to delete, 1 in conflict\n"), "\(plan.all)",
                sourceLocation: location)
            let check = try plumbctl("check")
            let why = told.split(separator: ": ").last.map(String.init) ?? told
            #expect(check.status == 1 && check.stdout.contains(why), "\(check.all)", sourceLocation: location)
            let apply = try attempt(#"strace -f -qq -e trace=sendto -o /run/sent "$PLUMBCTL" apply --data-dir "$DATA""#)
            #expect(
                apply.status == 1 && apply.stderr.contains(why) && apply.stderr.contains("ip -"), "\(apply.all)",
                sourceLocation: location)
            #expect(apply.stdout.contains("1 failed"), "\(apply.all)", sourceLocation: location)
            let sent = try run("grep -c RTM_GETROUTE /run/sent; grep -cE 'RTM_(NEW|DEL)ROUTE' /run/sent || true")
            #expect(sent.hasSuffix("\n0"), "\(sent)", sourceLocation: location)
        }
    }
}
