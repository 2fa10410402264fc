import Testing

/// What of others keeps pods' packets from passing is told by `status`, with the command that opens it, and that command does.
@Suite struct ForwardingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// What somebody did to the node.
        var prepare: String
        /// What is told; the command behind it opens the way.
        var words: [String]
        var isIPv6 = false
    }

    static let cases = [
        Case(
            testDescription: "nft, of both families",
            prepare:
                "nft 'add table inet fw; add chain inet fw onward { type filter hook forward priority 0; policy drop; }'",
            words: ["chain onward of table inet fw drops", "nft insert rule inet fw onward iifname cni0 accept"]),
        Case(
            testDescription: "iptables-nft",
            prepare: "iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -i cni1 -j ACCEPT",
            words: ["chain FORWARD of table ip filter", "iptables -I FORWARD -i cni0 -j ACCEPT"]),
        Case(
            testDescription: "ip6tables-nft", prepare: "ip6tables-nft -P FORWARD DROP",
            words: ["chain FORWARD of table ip6 filter", "ip6tables -I FORWARD -o cni0 -j ACCEPT"], isIPv6: true),
        Case(
            testDescription: "iptables-legacy",
            prepare:
                "iptables-legacy -P FORWARD DROP; iptables-legacy -A FORWARD -i cni0 -p tcp -j ACCEPT; iptables-legacy -A FORWARD -o cni0 -j ACCEPT",
            words: ["the FORWARD policy of iptables-legacy", "iptables-legacy -I FORWARD -i cni0 -j ACCEPT"]),
        Case(
            testDescription: "ip6tables-legacy", prepare: "ip6tables-legacy -P FORWARD DROP",
            words: ["ip6tables-legacy -I FORWARD -o cni0 -j ACCEPT"], isIPv6: true),
    ]

    private func obstacles(_ node: TestNode) throws -> [JSON] {
        let output = try node.attempt(#""$PLUMBCTL" status --output json --data-dir "$DATA""#)
        #expect(output.status == 0 || output.status == 2, "\(output.all)")
        return try JSON(output.stdout)["forwarding"].elements
    }

    @Test(arguments: cases) func aDropPolicy(_ test: Case) throws {
        let node = try TestNode()
        try node.addPods(1)
        // Elsewhere, behind this host.
        try node.run(
            """
            ip netns add far; ip link add up0 type veth peer name eth0 netns far
            sysctl -qw net.ipv6.conf.up0.accept_dad=0; ip link set up0 up
            ip addr add 192.0.2.1/24 dev up0; ip addr add fd01::1/64 dev up0 nodad
            ip -n far link set eth0 up; ip -n far addr add 192.0.2.9/24 dev eth0; ip -n far addr add fd01::9/64 dev eth0 nodad
            ip -n far route add default via 192.0.2.1; ip -n far -6 route add default via fd01::1
            """)
        try node.add("pod1")
        let target = test.isIPv6 ? "fd01::9" : "192.0.2.9"
        try node.expectPing(from: "pod1", to: target)
        #expect(try obstacles(node).isEmpty)
        try node.run(test.prepare)
        #expect(try node.attempt("ping -c 1 -W 1 \(target)", in: "pod1").status != 0)
        let told = try obstacles(node)
        #expect(told.count == 1)
        let reason = try #require(told.first?["reason"].text)
        let command = try #require(told.first?["command"].text)
        for word in test.words { #expect("\(reason) \(command)".contains(word), "\(reason)\n\(command)") }
        #expect(try node.plumbctl("status").stdout.contains("forwarding: \(reason)\n    \(command)"))
        try node.run(command)
        try node.expectPing(from: "pod1", to: target)
        #expect(try obstacles(node).isEmpty)
        try node.expectRest()
    }

    /// What pods of one bridge send each other passes no chain of IP, and one of bridges even without a gateway.
    @Test(arguments: [
        (
            "nft 'add table bridge fw; add chain bridge fw onward { type filter hook forward priority 0; policy drop; }'",
            ["chain onward of table bridge fw drops", "nft insert rule bridge fw onward"]
        ),
        (
            "ebtables -P FORWARD DROP",
            ["chain FORWARD of table bridge filter", "ebtables -I FORWARD -i plumb+ -j ACCEPT"]
        ),
    ])
    func aDropPolicyOfBridges(prepare: String, words: [String]) throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #""ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]]}"#
        for pod in ["pod1", "pod2"] { try node.add(pod, members) }
        try node.expectPing(from: "pod1", to: "10.9.0.3", "fd00:9::3")
        #expect(try obstacles(node).isEmpty)
        try node.run(prepare)
        #expect(try node.attempt("ping -c 1 -W 1 10.9.0.3", in: "pod1").status != 0)
        let told = try obstacles(node)
        #expect(told.count == 1)
        let reason = try #require(told.first?["reason"].text)
        let command = try #require(told.first?["command"].text)
        for word in words { #expect("\(reason) \(command)".contains(word), "\(reason)\n\(command)") }
        try node.run(command)
        try node.expectPing(from: "pod1", to: "10.9.0.3", "fd00:9::3")
        #expect(try obstacles(node).isEmpty)
        // Ours alone: what others send each other still stops there.
        #expect(try node.run("nft list ruleset bridge").contains("policy drop"))
        try node.expectRest()
    }

    /// A chain that is not in force, one of another family and one that is no gateway's business.
    @Test func whatIsNoObstacle() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            nft 'add table inet off { flags dormant; }; add chain inet off onward { type filter hook forward priority 0; policy drop; }'
            nft 'add table ip6 six; add chain ip6 six onward { type filter hook forward priority 0; policy drop; }'
            nft 'add table ip in; add chain ip in input { type filter hook input priority 0; policy accept; }'
            nft 'add chain ip in forward { type filter hook forward priority 0; policy accept; }'
            """)
        try node.add("pod1", #""subnets": ["10.244.0.0/24"]"#)
        #expect(try obstacles(node).isEmpty)
        // Asking made no table.
        #expect(try node.attempt("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names").stdout.isEmpty)
    }

    @Test(arguments: ["iptables-nft", "iptables-legacy"]) func kubeProxyWithoutBridgeNetfilter(tool: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        guard try node.attempt("test -e /proc/sys/net/bridge").status == 0 else { return }
        try node.add("pod1")
        try node.run("echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables")
        #expect(try obstacles(node).isEmpty)
        try node.run("\(tool) -t nat -N KUBE-SERVICES")
        let told = try obstacles(node)
        #expect(told.count == 1)
        #expect(told.first?["reason"].text?.hasPrefix("service traffic between local pods will fail") == true)
        #expect(told.first?["command"] == "sysctl -w net.bridge.bridge-nf-call-iptables=1")
        try node.run(told.first?["command"].text ?? "")
        #expect(try obstacles(node).isEmpty)
        // Where we keep it on, it is ours to repair.
        try node.delete("pod1")
        try node.add("pod1", #""bridgeNetfilter": true, \#(dualStack)"#)
        try node.run("echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables")
        #expect(try obstacles(node).isEmpty)
        try node.expectConvergence()
    }

    /// accept_ra 1 means: not while forwarding. The route that a router's advertisement left expires then.
    @Test func anAdvertisedDefaultRoute() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up
            ip -6 addr add fd01::1/64 dev up0 nodad; ip -6 route add default via fd01::9 dev up0 proto ra
            """)
        try node.add("pod1", #""subnets": ["10.244.0.0/24"]"#)
        #expect(try obstacles(node).isEmpty)
        try node.delete("pod1", #""subnets": ["10.244.0.0/24"]"#)
        try node.add("pod1")
        let told = try obstacles(node)
        #expect(told.count == 1 && told.first?["reason"].text?.contains("up0") == true)
        #expect(told.first?["command"] == "sysctl -w net.ipv6.conf.up0.accept_ra=2")
        try node.run(told.first?["command"].text ?? "")
        #expect(try obstacles(node).isEmpty)
    }
}
