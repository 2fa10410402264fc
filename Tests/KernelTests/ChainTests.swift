import Testing

/// First in a chain before Debian's reference plugins, and after another: what they change on purpose is nobody's drift.
@Suite struct ChainTests {
    private static let plumb = #"{"type": "plumb", "mtu": 1450, "subnets": ["10.244.0.0/24", "fd00:10:244::/64"]}"#
    private func expectSilence(_ failures: [String], at location: SourceLocation = #_sourceLocation) {
        // Debian's portmap fails its own CHECK after any plugin, the reference's too: its IPv4 rules are not in ip6tables.
        let failures = failures.filter { !$0.contains("could not check ipv6 dnat") }
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))", sourceLocation: location)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var plugins: [String]
        var capabilities = "{}"
        /// Answers with what the later plugins changed: the same after apply as before.
        var look: String
        /// Is in that.
        var words: [String]
    }

    static let cases = [
        Case(
            testDescription: "portmap",
            plugins: [plumb, #"{"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}"#],
            capabilities: #"{"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}"#,
            look: "iptables -t nat -S", words: ["--dport 8080", "--to-destination 10.244.0.2:80"]),
        Case(
            testDescription: "bandwidth",
            plugins: [plumb, #"{"type": "bandwidth", "capabilities": {"bandwidth": true}}"#],
            capabilities:
                #"{"bandwidth": {"ingressRate": 1000000, "ingressBurst": 1000000, "egressRate": 1000000, "egressBurst": 1000000}}"#,
            look: "tc qdisc show; ip -o link show type ifb | cut -d' ' -f2", words: ["qdisc tbf", "ingress", "bwp"]),
        Case(
            testDescription: "firewall", plugins: [plumb, #"{"type": "firewall"}"#], look: "iptables -S; ip6tables -S",
            words: ["-A CNI-FORWARD -s 10.244.0.2/32 -j ACCEPT", "-s fd00:10:244::2/128"]),
        Case(
            testDescription: "tuning",
            plugins: [
                plumb,
                #"{"type": "tuning", "mac": "02:00:00:00:00:55", "promisc": true, "sysctl": {"net.ipv4.conf.eth0.arp_filter": "1"}}"#,
            ],
            look: "ip -n pod1 link show eth0; ip netns exec pod1 sysctl net.ipv4.conf.eth0.arp_filter",
            words: ["02:00:00:00:00:55", "PROMISC", "arp_filter = 1"]),
        Case(
            testDescription: "sbr", plugins: [plumb, #"{"type": "sbr"}"#],
            look: "for f in 4 6; do ip -$f -n pod1 rule; ip -$f -n pod1 route show table all type unicast; done",
            words: ["from 10.244.0.2 lookup 100", "default via 10.244.0.1 dev eth0 table 100 proto 80", "table 101"]),
        Case(
            testDescription: "all at once, as containerd has them",
            plugins: [
                plumb, #"{"type": "tuning", "mac": "02:00:00:00:00:55"}"#,
                #"{"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}"#,
                #"{"type": "firewall"}"#, #"{"type": "bandwidth", "capabilities": {"bandwidth": true}}"#,
            ],
            capabilities: """
                {"portMappings": [{"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}],
                "bandwidth": {"IngressRate": 1000000, "IngressBurst": 1000000}, "dns": {}, "ipRanges": [], "mac": ""}
                """,
            look: "iptables-save | grep -v '^[#:]'; tc qdisc show; ip -n pod1 link show eth0",
            words: ["--dport 8080", "-A CNI-FORWARD -s 10.244", "qdisc tbf", "02:00:00:00:00:55"]),
    ]

    @Test(arguments: cases) func throughTheWholeChain(_ test: Case) throws {
        let node = try TestNode()
        try node.addPods(1)
        let chain = Chain(plugins: test.plugins, capabilities: test.capabilities)
        let before = try node.attempt(test.look).stdout
        let result = try chain.add(node)
        let after = try node.run(test.look)
        for word in test.words { #expect(after.contains(word), "\(after)") }
        try expectSilence(chain.check(result, node))
        // Under the default, repairPod all.
        try node.expectRest()
        #expect(try node.run(test.look) == after)
        // The address says by which table.
        try node.run("ping -c 1 -W 2 -I 10.244.0.2 10.244.0.1", in: "pod1")
        // What was not changed on purpose is found and repaired all the same.
        let end = try #require(JSON(result)["interfaces"][1]["name"].text)
        try node.run("bridge link set dev \(end) hairpin off")
        #expect(try chain.check(result, node).first?.contains("hairpin is off") == true)
        try node.expectConvergence()
        try expectSilence(chain.check(result, node))
        #expect(try node.run(test.look) == after)
        try expectSilence(chain.delete(result, node))
        // sbr itself finds no interface the second time.
        let again = try chain.delete(result, node)
        #expect(again.isEmpty || test.testDescription == "sbr", "\(again)")
        try node.expectNothingLeft()
        for word in test.words where !before.contains(word) {
            #expect(!(try node.attempt(test.look)).stdout.contains(word), "\(word) is left")
        }
    }

    /// What is said twice: the MTU to us and to tuning. Apply holds to ours, unless the inside of the pod is not ours.
    @Test(arguments: ["all", "missing-link"]) func twoMTUs(repairPod: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let plumb = #"{"type": "plumb", "mtu": 1450, "repairPod": "\#(repairPod)", "subnets": ["10.244.0.0/24"]}"#
        let chain = Chain(plugins: [plumb, #"{"type": "tuning", "mtu": 1300}"#])
        let result = try chain.add(node)
        func mtu() throws -> Int? { try node.json("ip -j link show eth0", in: "pod1")[0]["mtu"].number }
        #expect(try mtu() == 1300)
        #expect(try chain.check(result, node).isEmpty == (repairPod == "missing-link"))
        try node.expectConvergence()
        #expect(try mtu() == (repairPod == "all" ? 1450 : 1300))
    }

    /// SPEC 1.1.0, section 2: a prevResult is passed on. An index of ours counts from behind its interfaces.
    @Test func afterAnotherPlugin() throws {
        let node = try TestNode()
        try node.addPods(1)
        let earlier = """
            {"cniVersion": "1.0.0", "interfaces": [{"name": "net1", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/pod1",
            "pciID": "0000:00:1f.6"}], "ips": [{"address": "192.0.2.7/24", "interface": 0}],
            "routes": [{"dst": "198.51.100.0/24", "gw": "192.0.2.1"}], "dns": {"nameservers": ["192.0.2.53"]}}
            """
        let chain = Chain(plugins: [ChainTests.plumb, #"{"type": "tuning", "promisc": true}"#])
        let result = try chain.add(node, after: earlier)
        let answer = try JSON(result)
        #expect(answer["interfaces"].elements.map { $0["name"].text }.prefix(2) == ["net1", "cni0"])
        #expect(answer["interfaces"].elements.count == 4 && answer["interfaces"][3]["name"] == "eth0")
        #expect(answer["ips"].elements.map { $0["interface"].number } == [0, 3, 3])
        #expect(answer["ips"][0]["address"] == "192.0.2.7/24")
        #expect(answer["routes"][0]["dst"] == "198.51.100.0/24" && answer["routes"].elements.count == 3)
        #expect(answer["dns"]["nameservers"][0] == "192.0.2.53")
        // That one's are its own to check.
        #expect(try chain.check(result, node) == [])
        try node.run("ip -n pod1 addr del 10.244.0.2/24 dev eth0")
        #expect(try chain.check(result, node).first?.contains("address 10.244.0.2/24 on eth0: missing") == true)
        try node.expectConvergence()
        #expect(try chain.delete(result, node) == [])
        try node.expectNothingLeft()
    }

    /// There were none yet: what a runtime sends all the same is nobody's answer.
    @Test(arguments: ["0.1.0", "0.2.0"]) func beforeThereWereChains(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let earlier = #""prevResult": {"cniVersion": "\#(version)", "ip4": {"ip": "192.0.2.7/24"}}"#
        let output = try node.call(Call(version: version, members: "\(earlier), \(dualStack)"))
        #expect(output.status == 0, "\(output.all)")
        #expect(try JSON(output.stdout).keys == ["cniVersion", "ip4", "ip6"])
        #expect(try JSON(output.stdout)["ip4"]["ip"] == "10.244.0.2/24")
    }

    @Test func aPreviousResultThatIsNone() throws {
        let node = try TestNode()
        try node.addPods(1)
        for wrong in ["[]", #"{"ips": {}}"#] {
            try node.expectError(
                Call(members: #""prevResult": \#(wrong), \#(dualStack)"#), code: 7, saying: ["prevResult"])
        }
    }
}
