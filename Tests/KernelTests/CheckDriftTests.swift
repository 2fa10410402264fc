import Testing

/// Each thing that may drift, made to in the kernel alone: CHECK names it and nothing else, in every version that has CHECK.
@Suite struct CheckDriftTests {
    struct Drift: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// `$VETH` is the host's end of the pair.
        var script: String
        /// Of the configuration: it contradicts `promiscMode`.
        var key = #""hairpinMode": true"#
        /// Lines of `details`.
        var told: Set<String>

        /// - Parameter consequences: what the kernel takes away with it.
        init(_ description: String, _ script: String, _ told: String, _ consequences: [String] = []) {
            testDescription = description
            self.script = script
            self.told = Set([told] + consequences)
        }
    }

    private static let members = """
        "bridge": "cni0", "mtu": 1400, "portIsolation": true, "isDefaultGateway": true,
        "ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]],
        "routes": [{"dst": "10.20.0.0/16"}, {"dst": "fd00:20::/48"},
        {"dst": "10.30.0.0/16", "gw": "10.9.0.1", "mtu": 1300, "advmss": 1200, "scope": 0}]}
        """
    private static let variables = ["CNI_ARGS": "IgnoreUnknown=1;MAC=02:00:00:00:00:42"]

    private static let addresses = ["10.9.0.2/24", "fd00:9::2/64"].map { "address \($0) on eth0: missing" }
    private static func routes(_ why: String) -> [String] {
        ["0.0.0.0/0", "::/0", "10.20.0.0/16", "10.30.0.0/16", "fd00:20::/48"].map {
            "route \($0) metric 0 table 254: \(why)"
        }
    }

    static let inThePod = [
        // Without any IPv4 address at all, the kernel takes the routes too.
        Drift(
            "address", "ip -n pod1 addr add 192.0.2.1/32 dev eth0; ip -n pod1 addr del 10.9.0.2/24 dev eth0",
            "address 10.9.0.2/24 on eth0: missing"),
        Drift(
            "IPv6 address", "ip -n pod1 addr del fd00:9::2/64 dev eth0", "address fd00:9::2/64 on eth0: missing"),
        Drift("default route", "ip -n pod1 route del default", "route 0.0.0.0/0 metric 0 table 254: missing"),
        Drift("IPv6 default route", "ip -n pod1 -6 route del default", "route ::/0 metric 0 table 254: missing"),
        Drift("route", "ip -n pod1 route del 10.20.0.0/16", "route 10.20.0.0/16 metric 0 table 254: missing"),
        Drift("IPv6 route", "ip -n pod1 route del fd00:20::/48", "route fd00:20::/48 metric 0 table 254: missing"),
        Drift(
            "another gateway", "ip -n pod1 route replace 10.20.0.0/16 via 10.9.0.77 proto 80",
            "route 10.20.0.0/16 metric 0 table 254: it goes via 10.9.0.77"),
        Drift(
            "a route's MTU", "ip -n pod1 route replace 10.30.0.0/16 via 10.9.0.1 mtu 1280 advmss 1200 proto 80",
            "route 10.30.0.0/16 metric 0 table 254: its MTU is 1280"),
        Drift(
            "a route's advertised MSS", "ip -n pod1 route replace 10.30.0.0/16 via 10.9.0.1 mtu 1300 proto 80",
            "route 10.30.0.0/16 metric 0 table 254: its advertised MSS is 0"),
        Drift(
            "a route's scope",
            "ip -n pod1 route replace 10.30.0.0/16 via 10.9.0.1 mtu 1300 advmss 1200 scope site proto 80",
            "route 10.30.0.0/16 metric 0 table 254: its scope is 200"),
        Drift(
            "a route by our mark", "ip -n pod1 route add 10.40.0.0/16 via 10.9.0.1 proto 80",
            "route 10.40.0.0/16 metric 0 table 254: no row asks for it"),
        Drift(
            "an address that another host has",
            """
            ip netns add pod2; ip link add q up master cni0 type veth peer name eth0 netns pod2
            ip -n pod2 addr add fd00:9::2/64 dev eth0 nodad; ip -n pod2 link set eth0 up; sleep 0.1
            ip -n pod1 -6 addr del fd00:9::2/64 dev eth0; ip -n pod1 -6 addr add fd00:9::2/64 dev eth0
            for i in $(seq 300); do
                ip -n pod1 -6 addr show dev eth0 | grep -q dadfailed && break; sleep 0.02
            done
            """,
            "address fd00:9::2/64 on eth0: another host has it"),
        Drift(
            "MAC", "ip -n pod1 link set eth0 address 02:00:00:00:00:99",
            "pod link eth0: its MAC is 02:00:00:00:00:99"),
        Drift("MTU", "ip -n pod1 link set eth0 mtu 1300", "pod link eth0: its MTU is 1300"),
        Drift(
            "link down", "ip -n pod1 link set eth0 down", "pod link eth0: it is down",
            routes("missing") + [addresses[1]]),
        Drift(
            "link gone", "ip -n pod1 link del eth0", "link $VETH: missing",
            ["pod link eth0: missing"] + routes("missing") + addresses),
        Drift(
            "link renamed", "ip -n pod1 link set eth0 down; ip -n pod1 link set eth0 name lost",
            "link $VETH: its other end is not eth0 in the pod",
            ["pod link eth0: missing"] + routes("missing") + addresses),
        Drift(
            "link of another pair",
            """
            ip -n pod1 link set eth0 name lost
            ip -n pod1 link add eth0 address 02:00:00:00:00:42 mtu 1400 group 7586 type veth peer name q
            ip -n pod1 link set eth0 up
            """,
            "an interface eth0 is in /run/netns/pod1 in the place of the pod's own, and is not Plumb's: it stays as it is; "
                + "delete it there, or leave it to those who made it (key repairPod)"),
    ]

    static let onTheHost = [
        Drift("port down", "ip link set $VETH down", "link $VETH: it is down"),
        Drift("no port", "ip link set $VETH nomaster", "link $VETH: it is no port of cni0"),
        Drift(
            "another bridge's port", "ip link add other type bridge; ip link set $VETH master other",
            "link $VETH: it is a port of other"),
        Drift("hairpin", "ip link set $VETH type bridge_slave hairpin off", "link $VETH: hairpin is off"),
        Drift("isolation", "ip link set $VETH type bridge_slave isolated off", "link $VETH: it is not isolated"),
        Drift(
            "bridge gone", "ip link del cni0", "bridge cni0: missing",
            ["link $VETH: it is no port of cni0"]
                + ["10.9.0.1/24", "fd00:9::1/64"].map { "address \($0) on cni0: missing" }),
        Drift(
            "bridge down", "ip link set cni0 down", "bridge cni0: it is down",
            ["address fd00:9::1/64 on cni0: missing"]),
        Drift(
            "bridge MAC", "ip link set cni0 address 02:00:00:00:00:77", "bridge cni0: its MAC is 02:00:00:00:00:77"),
        Drift("bridge MTU", "ip link set cni0 mtu 1300", "bridge cni0: its MTU is 1300"),
        Drift("bridge address", "ip addr del 10.9.0.1/24 dev cni0", "address 10.9.0.1/24 on cni0: missing"),
        Drift(
            "bridge IPv6 address", "ip addr del fd00:9::1/64 dev cni0", "address fd00:9::1/64 on cni0: missing"),
        Drift("forwarding", "sysctl -qw net.ipv4.ip_forward=0", "sysctl net.ipv4.ip_forward: is 0"),
        Drift(
            "IPv6 forwarding", "sysctl -qw net.ipv6.conf.all.forwarding=0",
            "sysctl net.ipv6.conf.all.forwarding: is 0"),
    ]

    static var promiscuity: Drift {
        var drift = Drift("promiscuity", "ip link set cni0 promisc off", "bridge cni0: it is not promiscuous")
        drift.key = #""promiscMode": true"#
        return drift
    }

    @Test(arguments: inThePod + onTheHost + [promiscuity]) func isNamed(drift: Drift) throws {
        let node = try TestNode()
        let members = "\(drift.key), \(CheckDriftTests.members)"
        try node.addPods(1)
        for version in ["0.4.0", "1.0.0", "1.1.0"] {
            let add = Call(version: version, members: members, variables: CheckDriftTests.variables)
            let previous = try node.answer(add)
            let hostEnd = try #require(try JSON(previous)["interfaces"][1]["name"].text)
            let check = Call.check(previous, version: version, members: members, CheckDriftTests.variables)
            let note = Comment(rawValue: version)
            try node.expectCheck(check, note)
            try node.run(drift.script, environment: ["VETH": hostEnd])
            let output = try node.call(check)
            let answer = try JSON(output.stdout)
            #expect(answer["code"] == 104 && answer["cniVersion"].text == version, "\(output.all)")
            let details = answer["details"].text ?? ""
            let lines = details.replacing(hostEnd, with: "$VETH").split(separator: "\n").map(String.init)
            #expect(Set(lines) == drift.told, note)
            #expect(answer["msg"].text?.contains(details.replacing("\n", with: "; ")) == true, "\(output.all)")
            // The pod begins anew: one of the drifts takes its interface's name away.
            try node.delete("pod1", members)
            // A pair goes later than its namespace's name: q by its own.
            try node.run("ip -all netns del; for link in q other cni0; do ip link del $link 2> /dev/null || true; done")
            try node.addPods(1)
            _ = try node.sql("DELETE FROM released; UPDATE ranges SET next = first")
        }
    }

    /// A MAC and an MTU that were the kernel's or our choice may be anybody's.
    @Test(arguments: ["0.4.0", "1.0.0", "1.1.0"]) func notWhatNobodyAskedFor(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let previous = try node.answer(Call(version: version))
        try node.run("ip -n pod1 link set eth0 address 02:00:00:00:00:99 mtu 1300; ip link set cni0 mtu 1300")
        try node.expectCheck(.check(previous, version: version))
    }
}
