import Testing

/// Links of ours whose names somebody exchanged by hand are known by their MACs.
@Suite struct ExchangedNameTests {
    static let other = #""bridge": "cni1", "subnets": ["10.245.0.0/24", "fd00:10:245::/64"]"#
    static let third = #""bridge": "cni2", "subnets": ["10.246.0.0/24", "fd00:10:246::/64"]"#

    /// What shell scripts here do with links: `give NAME OF` has the link OF be named NAME.
    static let give = "give() { ip link set $2 down; ip link set $2 name $1; ip link set $1 up; }\n"

    /// pod1 on cni0, pod2 on cni1, pod3 on cni2.
    private func node() throws -> TestNode {
        let node = try TestNode()
        try node.addPods(4)
        try node.add("pod1")
        for (pod, network, members) in [("pod2", "other", Self.other), ("pod3", "third", Self.third)] {
            let add = try node.call(Call(pod: pod, network: network, members: members))
            #expect(add.status == 0, "\(add.all)")
        }
        return node
    }

    private func expectService(_ node: TestNode) throws {
        for (pod, number) in [("pod1", 4), ("pod2", 5), ("pod3", 6)] {
            try node.expectPing(from: pod, to: "10.24\(number).0.1", "fd00:10:24\(number)::1")
        }
        for (bridge, number) in [("cni0", 4), ("cni1", 5), ("cni2", 6)] {
            let addresses = try node.run("ip -4 -br addr show \(bridge)")
            #expect(addresses.split(separator: " ").last == "10.24\(number).0.1/24", "\(addresses)")
        }
    }

    static let exchanges = [
        "give x cni0; give cni0 cni1; give cni1 x",
        "give x cni1; give cni1 cni2; give cni2 x",
        "give x cni0; give cni0 cni2; give cni2 cni1; give cni1 x",
        "give x cni0; give cni0 cni1; give cni1 cni2; give cni2 x",
        "give x cni0; give cni0 cni1",
        "give x cni1; give cni1 cni0",
        "ip link del cni0; give cni0 cni1",
        "ip link del cni1; give cni1 cni0",
        "give x cni1; give cni1 cni0; ip link property add dev cni1 altname cni0",
    ]

    @Test(arguments: exchanges) func bridgesGetTheirNamesBack(script: String) throws {
        let node = try node()
        let before = try node.json("ip -j link show type bridge").elements.map { $0["ifindex"] }
        try node.run(Self.give + script)
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("it is named "), "\(plan.all)")
        try node.expectConvergence()
        try expectService(node)
        if !script.contains("del") {
            #expect(try node.json("ip -j link show type bridge").elements.map { $0["ifindex"] } == before)
        }
    }

    /// Typed by hand, the commands that plan prints come to the same.
    @Test(arguments: exchanges) func whatIsPrintedMendsToo(script: String) throws {
        let node = try node()
        try node.run(Self.give + script)
        let commands = try node.plumbctlJSON("plan")["changes"].elements.compactMap { $0["command"].text }
        for command in commands { _ = try node.attempt(command) }
        try node.expectRest()
        try expectService(node)
    }

    /// An ADD knows of its own network only, and would take from the bridge by what it is known.
    @Test func anADDMeanwhileIsRefused() throws {
        let node = try node()
        try node.run(Self.give + Self.exchanges[0])
        let add = try node.call(Call(pod: "pod4"))
        #expect(add.status == 1 && add.stdout.contains("cni0 is Plumb's bridge cni1 by its MAC"), "\(add.all)")
        try node.expectConvergence()
        try node.add("pod4")
        try expectService(node)
    }

    /// Nothing was renamed: each has its own gateway.
    @Test func exchangedMACsComeBack() throws {
        let node = try node()
        let macs = try node.json("ip -j link show type bridge").elements.compactMap { $0["address"].text }
        try node.run("ip link set cni0 address \(macs[1]); ip link set cni1 address \(macs[0])")
        try node.expectConvergence()
        #expect(try node.json("ip -j link show type bridge").elements.compactMap { $0["address"].text } == macs)
        try expectService(node)
    }

    // MARK: - Host ends of two sandboxes of one pod, which say the same of themselves

    /// The names of their host ends.
    private func sandboxes(_ node: TestNode) throws -> [String] {
        try node.addPods(2)
        return try ["pod1", "pod2"].map { pod in
            let add = try node.call(call("ADD", pod))
            return try #require(try JSON(add.stdout)["interfaces"][1]["name"].text, "\(add.all)")
        }
    }

    private func call(_ verb: String, _ pod: String) -> Call {
        Call(verb: verb, pod: pod, variables: ["CNI_ARGS": "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web"])
    }

    private func expectEnd(of pod: String, _ node: TestNode) throws {
        let del = try node.call(call("DEL", pod))
        #expect(del.status == 0, "\(del.all)")
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
    }

    @Test func theOldOnesEndLeavesTheNewOneAlone() throws {
        let node = try TestNode()
        let names = try sandboxes(node)
        try node.run("\(Self.give) give x \(names[0]); give \(names[0]) \(names[1]); give \(names[1]) x")
        let plan = try node.plumbctl("plan")
        #expect(plan.stdout.contains("0 to add, 0 to change, 0 to delete, 2 in conflict"), "\(plan.all)")
        #expect(plan.stdout.contains("and the pod's own is named \(names[0])"), "\(plan.all)")
        #expect(try node.plumbctl("apply").status == 1)
        try expectEnd(of: "pod1", node)
        #expect(try node.attempt("ip link show eth0", in: "pod1").status == 1)
        try node.expectConvergence()
        #expect(try node.ourLinks() == ["cni0", names[1]])
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
        _ = try node.call(call("DEL", "pod2"))
        try node.expectNothingLeft()
    }

    static let ends = [
        "ip netns del pod1; for i in $(seq 99); do ip link show $OLD || break; sleep 0.02; done", "ip link del $OLD",
    ]

    /// Nothing of the old one is left but its row, and the new one's end has its name.
    @Test(arguments: ends, ["DEL", "apply", "gc", "DEL on a disk that cannot be written", "network add after DEL"])
    func aNameThatTheNewOnesEndHas(end: String, verb: String) throws {
        let node = try TestNode()
        let names = try sandboxes(node)
        let give = "\(Self.give) give \(names[0]) \(names[1])"
        try node.run("\(end)\n\(give)", environment: ["OLD": names[0]])
        switch verb {
        case "apply": _ = try node.plumbctl("apply")
        case "gc": #expect(try node.plumbctl("gc", "--orphans").status == 0)
        case "DEL on a disk that cannot be written":
            try node.run("mount --bind $DATA $DATA; mount -o remount,ro,bind $DATA")
            try expectEnd(of: "pod1", node)
            try node.run("umount $DATA")
        default: try expectEnd(of: "pod1", node)
        }
        if verb == "network add after DEL" {
            let config = Call(network: "third", members: Self.third).configuration(node.dataDirectory)
            let added = try node.start(
                [
                    "sh", "-c",
                    #"echo "$CONFIG" >/run/third.conf; "$PLUMBCTL" network add /run/third.conf --data-dir "$DATA""#,
                ],
                environment: [
                    "CONFIG": config, "PLUMBCTL": node.binaries + "/plumbctl", "DATA": node.dataDirectory,
                ]
            ).wait()
            #expect(added.status == 0, "\(added.all)")
        }
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
        _ = try node.plumbctl("apply")
        try node.expectConvergence()
        #expect(try node.ourLinks().contains(names[1]))
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
    }

    /// Somebody changed its MAC, and its alias still says whose it is.
    @Test func anEndWithAMACOfNobodysGoes() throws {
        let node = try TestNode()
        let names = try sandboxes(node)
        try node.run("ip link set \(names[0]) address 02:00:00:00:00:09")
        try expectEnd(of: "pod1", node)
        #expect(try node.ourLinks() == ["cni0", names[1]])
    }

    /// Something holds the old one's namespace, and its end has the new one's MAC: whose it is only its name and alias tell.
    @Test func anEndWithAnothersMACKeepsItsAddress() throws {
        let node = try TestNode()
        let names = try sandboxes(node)
        let mac = try #require(try node.json("ip -j link show \(names[1])")[0]["address"].text)
        try node.run("ip link set \(names[0]) address \(mac); touch /run/held; mount --bind /run/netns/pod1 /run/held")
        try node.run("umount /run/netns/pod1; rm /run/netns/pod1")
        let apply = try node.plumbctl("apply")
        #expect(apply.stdout.contains("default/web lingers"), "\(apply.all)")
        #expect(try node.sql("SELECT count(*) FROM addresses WHERE address = '10.244.0.2'") == "1")
        #expect(try node.ourLinks().contains(names[0]))
    }
}
