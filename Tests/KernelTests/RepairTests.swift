import Testing

/// Whatever is broken by hand, one apply mends.
@Suite struct RepairTests {
    struct Sabotage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// `$VETH` is the host's end of pod1's pair.
        var script: String
        /// What the plan calls the broken thing, and why it is broken.
        var plan: String

        init(_ description: String, _ script: String, in pod: String? = nil, plan: String) {
            testDescription = description
            self.script = pod.map { "ip netns exec \($0) \(script)" } ?? script
            self.plan = plan
        }
    }

    static let sabotages = [
        Sabotage(
            "pod address", "ip -n pod1 addr del 10.244.0.2/24 dev eth0",
            plan: "+ address 10.244.0.2/24 on eth0 of pod default/pod1: missing"),
        Sabotage(
            "pod IPv6 address", "ip -n pod1 addr del fd00:10:244::2/64 dev eth0",
            plan: "+ address fd00:10:244::2/64 on eth0 of pod default/pod1: missing"),
        Sabotage(
            "pod IPv6 address with another prefix length",
            "ip -n pod1 addr del fd00:10:244::2/64 dev eth0; ip -n pod1 addr add fd00:10:244::2/128 dev eth0 nodad",
            plan: "~ address fd00:10:244::2/64 on eth0 of pod default/pod1: its prefix length is 128"),
        Sabotage(
            "pod IPv6 address with another prefix length and without its route",
            """
            ip -n pod1 addr del fd00:10:244::2/64 dev eth0; ip -n pod1 addr add fd00:10:244::2/80 dev eth0 nodad
            ip -n pod1 -6 route del fd00:10:244::/80
            """, plan: "~ address fd00:10:244::2/64 on eth0 of pod default/pod1: its prefix length is 80"),
        Sabotage(
            "no IPv6 in the pod", "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1", in: "pod1",
            plan: "+ address fd00:10:244::2/64 on eth0 of pod default/pod1: missing"),
        Sabotage(
            "gateway IPv6 address with another prefix length",
            "ip addr del fd00:10:244::1/64 dev cni0; ip addr add fd00:10:244::1/65 dev cni0 nodad",
            plan: "~ address fd00:10:244::1/64 on cni0: its prefix length is 65"),
        Sabotage(
            "the gateway's connected route", "ip route flush dev cni0",
            plan: "~ address 10.244.0.1/24 on cni0: the route to its subnet is gone"),
        Sabotage(
            "the gateway's connected IPv6 route", "ip -6 route flush dev cni0",
            plan: "~ address fd00:10:244::1/64 on cni0: the route to its subnet is gone"),
        Sabotage(
            "a pod's connected routes",
            "ip -n pod1 route del 10.244.0.0/24; ip -n pod1 -6 route del fd00:10:244::/64",
            plan: "~ address 10.244.0.2/24 on eth0 of pod default/pod1: the route to its subnet is gone"),
        Sabotage(
            "all of a pod's routes", "ip -n pod1 route flush table main; ip -n pod1 -6 route flush table main",
            plan: "+ route ::/0 of pod default/pod1: missing"),
        Sabotage(
            "default route", "ip -n pod1 route del default",
            plan: "+ route 0.0.0.0/0 of pod default/pod1: missing"),
        Sabotage(
            "IPv6 default route", "ip -n pod1 -6 route del default",
            plan: "+ route ::/0 of pod default/pod1: missing"),
        Sabotage(
            "default route by another gateway",
            "ip -n pod1 route replace default via 10.244.0.77 proto 80",
            plan: "~ route 0.0.0.0/0 of pod default/pod1: it goes via 10.244.0.77"),
        Sabotage(
            "a route of several ways",
            "ip -n pod1 route replace default proto 80 nexthop via 10.244.0.77 nexthop via 10.244.0.78",
            plan: "~ route 0.0.0.0/0 of pod default/pod1: it goes via 10.244.0.77"),
        Sabotage("host end deleted", "ip link del $VETH", plan: "of pod default/pod1: missing"),
        Sabotage(
            "host end renamed", "ip link set $VETH down; ip link set $VETH name lost; ip link set lost up",
            plan: "of pod default/pod1: it is named lost"),
        Sabotage(
            "host end elsewhere", "ip link set $VETH netns pod2",
            plan: "- pod link eth0 of pod default/pod1: its other end is not"),
        Sabotage(
            "host end without group", "ip link set $VETH group default",
            plan: "of pod default/pod1: it is no longer in Plumb's group"),
        Sabotage(
            "host end without group and alias", "ip link set $VETH group 7 alias mine",
            plan: "of pod default/pod1: it is no longer in Plumb's group"),
        Sabotage("host end down", "ip link set $VETH down", plan: "of pod default/pod1: it is down"),
        Sabotage(
            "hairpin off", "ip link set $VETH type bridge_slave hairpin off",
            plan: "of pod default/pod1: hairpin is off"),
        Sabotage(
            "taken from the bridge", "ip link set $VETH nomaster",
            plan: "of pod default/pod1: it is no port of cni0"),
        Sabotage(
            "port of another bridge", "ip link add other type bridge; ip link set $VETH master other",
            plan: "of pod default/pod1: it is a port of other"),
        Sabotage("bridge deleted", "ip link del cni0", plan: "+ bridge cni0: missing"),
        Sabotage("bridge down", "ip link set cni0 down", plan: "~ bridge cni0: it is down"),
        Sabotage(
            "bridge without group", "ip link set cni0 group default",
            plan: "~ bridge cni0: it is no longer in Plumb's group"),
        Sabotage(
            "bridge MAC", "ip link set cni0 address 02:00:00:00:00:77",
            plan: "~ bridge cni0: its MAC is 02:00:00:00:00:77"),
        Sabotage(
            "gateway address", "ip addr del 10.244.0.1/24 dev cni0",
            plan: "+ address 10.244.0.1/24 on cni0: missing"),
        Sabotage(
            "gateway IPv6 address", "ip addr del fd00:10:244::1/64 dev cni0",
            plan: "+ address fd00:10:244::1/64 on cni0: missing"),
        Sabotage(
            "no forwarding", "sysctl -qw net.ipv4.ip_forward=0", plan: "~ sysctl net.ipv4.ip_forward: is 0"),
        Sabotage(
            "pod link down", "ip -n pod1 link set eth0 down",
            plan: "~ pod link eth0 of pod default/pod1: it is down"),
        Sabotage(
            "pod link renamed", "ip -n pod1 link set eth0 down; ip -n pod1 link set eth0 name lost",
            plan: "of pod default/pod1: its other end is not eth0 in the pod"),
        Sabotage(
            "much at once", "ip link del cni0; ip -n pod1 addr flush dev eth0; ip -n pod2 link del eth0",
            plan: "+ bridge cni0: missing"),
    ]

    @Test func oneApplyMends() throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.add("pod2")
        for sabotage in RepairTests.sabotages {
            let note = Comment(rawValue: sabotage.testDescription)
            try node.run(sabotage.script, environment: ["VETH": hostEnd])
            let plan = try node.plumbctl("plan")
            #expect(plan.status == 2, note)
            #expect(plan.stdout.contains(sabotage.plan), "\(note): \(plan.all)")
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 0, "\(note): \(apply.all)")
            #expect(apply.stdout.contains(sabotage.plan), "\(note): \(apply.all)")
            try node.expectPing(
                from: "pod1", to: "10.244.0.1", "fd00:10:244::1", "10.244.0.3", "fd00:10:244::3")
            try node.expectRest()
        }
        for pod in ["pod1", "pod2"] { try node.delete(pod) }
        try node.expectNothingLeft()
    }

    /// What the pods had stays theirs: no pair is made anew, and none leaves the bridge.
    @Test(arguments: ["$VETH", "cni0"]) func aNameThatWasTakenComesBack(link: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""repairPod": "missing-link", \#(dualStack)"#
        let hostEnd = try #require(try node.add("pod1", members)["interfaces"][1]["name"].text)
        let name = link == "cni0" ? link : hostEnd
        try node.run("ip -n pod1 addr add 192.0.2.1/24 dev eth0; ip -n pod1 link set eth0 address 02:00:00:00:00:78")
        let inside = try node.run("ip -j addr show eth0", in: "pod1")
        let index = try node.json("ip -j link show \(name)")[0]["ifindex"]
        try node.run("ip link set \(name) down; ip link set \(name) name lost; ip link set lost up")
        let gc = try node.plumbctl("gc", "--orphans")
        #expect(gc.status == 0, "\(gc.all)")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("it is named lost"), "\(plan.all)")
        try node.expectConvergence()
        #expect(try node.json("ip -j link show \(name)")[0]["ifindex"] == index)
        #expect(try node.run("ip -j addr show eth0", in: "pod1") == inside)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
    }

    /// It stays as it is until that one goes, for what has its name is not ours to rename.
    @Test(arguments: ["bridge", "veth peer name theirs1"]) func aNameThatAnotherLinkTook(kind: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let name = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        let inside = try node.run("ip -j addr show eth0", in: "pod1")
        try node.run(
            """
            ip link set \(name) down; ip link set \(name) name lost; ip link set lost up
            ip link add \(name) type \(kind)
            """)
        let gc = try node.plumbctl("gc", "--orphans")
        #expect(gc.status == 0, "\(gc.all)")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("the pod's own is named lost"), "\(plan.all)")
        #expect(plan.stdout.contains("0 to add, 0 to change, 0 to delete, 1 in conflict"), "\(plan.all)")
        #expect(!plan.stdout.contains("does not know it"), "\(plan.all)")
        #expect(try node.plumbctl("apply").status == 1)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.run("ip link del \(name)")
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        #expect(try node.run("ip -j addr show eth0", in: "pod1") == inside)
    }

    /// In whatever order they are looked at, neither pod's network is made anew.
    @Test(arguments: [(0, 1), (1, 0)]) func aNameThatAnotherPodsLinkHas(renamed: Int, taking: Int) throws {
        let node = try TestNode()
        let pods = ["pod1", "pod2"]
        try node.addPods(2)
        var names: [String] = []
        for pod in pods { names.append(try #require(try node.add(pod)["interfaces"][1]["name"].text)) }
        let inside = try pods.map { try node.run("ip -j addr show eth0", in: $0) }
        try node.run(
            """
            ip link set \(names[renamed]) down; ip link set \(names[renamed]) name lost; ip link set lost up
            ip link set \(names[taking]) down; ip link set \(names[taking]) name \(names[renamed])
            ip link set \(names[renamed]) up
            """)
        let gc = try node.plumbctl("gc", "--orphans")
        #expect(gc.status == 0, "\(gc.all)")
        let plan = try node.plumbctl("plan")
        #expect(plan.stdout.contains("0 to add, 1 to change, 0 to delete, 1 in conflict"), "\(plan.all)")
        #expect(plan.stdout.contains("and the pod's own is named lost"), "\(plan.all)")
        _ = try node.plumbctl("apply")
        try node.expectConvergence()
        #expect(try pods.map { try node.run("ip -j addr show eth0", in: $0) } == inside)
        for pod in pods { try node.expectPing(from: pod, to: "10.244.0.1", "fd00:10:244::1") }
    }

    /// An ADD that finds no bridge makes one, and the subnet is on both.
    @Test(arguments: ["", "ip link set $VETH down; ip link set $VETH name lost; ip link set lost up"])
    func aRenamedBridgeInWhosePlaceAnotherWasMade(more: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.run(
            "ip link set cni0 down; ip link set cni0 name other1; ip link set other1 up; \(more)",
            environment: ["VETH": hostEnd])
        try node.add("pod2")
        try node.expectConvergence()
        #expect(try node.attempt("ip link show other1").status == 1)
        for pod in ["pod1", "pod2"] { try node.expectPing(from: pod, to: "10.244.0.1", "fd00:10:244::1") }
        try node.expectPing(from: "pod1", to: "10.244.0.3", "fd00:10:244::3")
    }

    /// Nor does what others put there go with it.
    @Test func aRenamedBridgeThatOthersUse() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        try node.run(
            """
            ip link set cni0 down; ip link set cni0 name other1; ip link set other1 up
            ip link add theirs type veth peer name theirs1; ip link set theirs master other1
            """)
        try node.add("pod2")
        #expect(try node.plumbctl("apply").status == 0)
        try node.run("ip link show other1")
        try node.run("ip link del theirs")
        try node.expectConvergence()
        #expect(try node.attempt("ip link show other1").status == 1)
    }

    /// Typed by hand, the commands that plan prints come to the same.
    @Test func whatIsPrintedMendsToo() throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #""mtu": 1400, \#(dualStack)"#
        let hostEnd = try #require(try node.add("pod1", members)["interfaces"][1]["name"].text)
        try node.add("pod2", members)
        let more = [
            Sabotage("host end's MTU", "ip link set $VETH mtu 1300", plan: ""),
            Sabotage("pod's MTU", "ip -n pod1 link set eth0 mtu 1300", plan: ""),
            Sabotage("bridge renamed", "ip link set cni0 down; ip link set cni0 name other1", plan: ""),
            Sabotage(
                "bridge renamed by a rogue", #"ip link set cni0 down; ip link set cni0 name "a'\$(exit)""#, plan: ""),
            Sabotage(
                "host end renamed by a rogue", #"ip link set $VETH down; ip link set $VETH name "\`exit\`;'""#, plan: ""
            ),
        ]
        // Switched off there, IPv6 has no command of its own.
        for sabotage in RepairTests.sabotages + more where sabotage.testDescription != "no IPv6 in the pod" {
            try node.run(sabotage.script, environment: ["VETH": hostEnd])
            let commands = try node.plumbctlJSON("plan")["changes"].elements.compactMap { $0["command"].text }
            #expect(!commands.isEmpty, "\(sabotage.testDescription)")
            // What goes takes something along that is printed too, and what comes up brings something.
            for command in commands { _ = try node.attempt(command) }
            let plan = try node.plumbctl("plan")
            #expect(plan.status == 0, "\(sabotage.testDescription): \(commands) \(plan.all)")
            try node.expectConvergence()
        }
    }

    @Test(arguments: ["none", "missing-link"]) func aPodThatIsNotOursIsLeftAlone(repairPod: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""repairPod": "\#(repairPod)", \#(dualStack)"#
        try node.add("pod1", members)
        try node.run("ip -n pod1 addr flush dev eth0; ip -n pod1 link set eth0 down mtu 1300")
        let before = try node.json("ip -d -j addr show eth0", in: "pod1")
        try node.expectRest()
        #expect(try node.json("ip -d -j addr show eth0", in: "pod1") == before)
        try node.run("ip -n pod1 link del eth0")
        #expect(try node.plumbctl("apply").status == 0)
        let exists = try node.attempt("ip link show eth0", in: "pod1").status == 0
        #expect(exists == (repairPod == "missing-link"))
        try node.expectRest()
    }

    /// Once the pair stands again, nothing in the kernel tells that the rest is missing.
    @Test func aMissingLinkWhoseRepairDied() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""repairPod": "missing-link", \#(dualStack)"#
        try node.add("pod1", members)
        var died = 0
        for turn in 1...100 {
            try node.run("ip -n pod1 link del eth0")
            let apply = try node.attempt(
                #"""
                strace -f -qq -o /run/trace -e inject=sendto:signal=KILL:when=\#(turn) \
                    "$PLUMBCTL" apply --data-dir "$DATA"
                """#)
            if apply.status == 0 { break }
            died += 1
            try node.expectConvergence()
            try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        }
        #expect((4..<100).contains(died))
        #expect(try node.sql("SELECT state FROM attachments") == "ready")
    }
}
