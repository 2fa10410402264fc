import Testing

/// What a runtime sees of Debian's bridge with host-local, and of us, for the same call. docs/reference.md tells why where
/// they differ.
@Suite struct ReferenceComparisonTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Before the call: `$CALL` is a shell function that calls the plugin, `CALL ADD pod1`.
        var prepare: @Sendable (TestNode, Plugin) throws -> Void
        var call: Call
        /// `ok`, or the error's code.
        var reference: String
        var ours: String

        init(
            _ description: String, _ call: Call, _ reference: String, _ ours: String? = nil,
            prepare: @escaping @Sendable (TestNode, Plugin) throws -> Void = { _, _ in }
        ) {
            testDescription = description
            self.prepare = prepare
            self.call = call
            self.reference = reference
            self.ours = ours ?? reference
        }
    }

    /// One of the two, on a node of its own.
    struct Plugin: Sendable {
        var isReference: Bool

        func call(_ call: Call, _ node: TestNode) throws -> Output {
            var call = call
            guard isReference else { return try node.call(call) }
            let directory = InstallTests.root + "/.build/reference/usr/lib/cni"
            call.variables.merge(["CNI_PATH": directory]) { given, _ in given }
            let input = call.configuration(node.dataDirectory).replacing(
                #""type": "plumb""#, with: #""type": "bridge""#)
            return try node.start([directory + "/bridge"], environment: call.environment, input: input, in: node.host)
                .wait()
        }

        func outcome(_ output: Output) throws -> String {
            guard output.status != 0 else { return "ok" }
            return "\(try JSON(output.stdout)["code"].number ?? -1)"
        }
    }

    static func pool(_ ranges: String, _ more: String = "") -> String {
        """
        "bridge": "cni0", "isDefaultGateway": true\(more),
        "ipam": {"type": "host-local", "dataDir": "/run/cni", \(ranges)}
        """
    }
    static let one = pool(#""ranges": [[{"subnet": "10.9.0.0/29"}]]"#)

    static func add(_ members: String = one, pod: String = "pod1", _ variables: [String: String] = [:]) -> Call {
        Call(pod: pod, version: "1.0.0", members: members, variables: variables)
    }
    static func delete(_ variables: [String: String] = [:]) -> Call {
        Call(verb: "DEL", version: "1.0.0", members: one, variables: variables)
    }
    /// With a result that tells of nothing.
    static func check() -> Call {
        Call(verb: "CHECK", version: "1.0.0", members: #""prevResult": {"cniVersion": "1.0.0"}, \#(one)"#)
    }
    @Sendable static func added(_ node: TestNode, _ plugin: Plugin) throws {
        let output = try plugin.call(add(), node)
        #expect(output.status == 0, "\(output.all)")
    }

    static let cases: [Case] = [
        Case("ADD", add(), "ok"),
        Case("ADD again", add(), "999", "102", prepare: added),
        Case("ADD where the interface is", add(), "999", "101") { node, _ in
            try node.run("ip -n pod1 link add eth0 type bridge")
        },
        Case("ADD without CNI_IFNAME", add(one, ["CNI_IFNAME": ""]), "4"),
        Case("ADD of an id that is none", add(one, ["CNI_CONTAINERID": "../x"]), "4"),
        Case("ADD with unknown CNI_ARGS", add(one, ["CNI_ARGS": "COLOUR=red"]), "999", "4"),
        Case("ADD without a namespace", add(one, ["CNI_NETNS": "/run/netns/nobody"]), "999", "4"),
        Case("ADD into the host's namespace", add(one, ["CNI_NETNS": "/proc/self/ns/net"]), "ok", "8"),
        Case("ADD of cniVersion 9.0.0", Call(version: "9.0.0", members: one), "1"),
        Case("ADD of a network without a name", Call(version: "1.0.0", network: "", members: one), "7"),
        Case("a subnet with host bits", add(pool(#""ranges": [[{"subnet": "10.9.0.1/29"}]]"#)), "999", "7"),
        Case("a /32", add(pool(#""ranges": [[{"subnet": "10.9.0.0/32"}]]"#)), "999", "7"),
        Case("a /31", add(pool(#""ranges": [[{"subnet": "10.9.0.0/31"}]]"#)), "999", "ok"),
        Case(
            "ranges that overlap",
            add(pool(#""ranges": [[{"subnet": "10.9.0.0/29"}], [{"subnet": "10.9.0.0/28"}]]"#)), "999", "7"),
        Case(
            "families mixed in a set",
            add(pool(#""ranges": [[{"subnet": "10.9.0.0/29"}, {"subnet": "fd09::/64"}]]"#)), "999", "7"),
        Case("a range end outside", add(pool(#""subnet": "10.9.0.0/29", "rangeEnd": "10.9.0.9""#)), "999", "7"),
        Case(
            "promiscuous and hairpin",
            add(pool(#""subnet": "10.9.0.0/29""#, #", "promiscMode": true, "hairpinMode": true"#)), "999", "7"),
        Case("a pool that is full", add(pod: "pod6"), "999", "11") { node, plugin in
            for pod in 1...5 { _ = try plugin.call(add(pod: "pod\(pod)"), node) }
        },
        Case("an address asked for by CNI_ARGS", add(one, ["CNI_ARGS": "IgnoreUnknown=1;IP=10.9.0.4"]), "ok"),
        Case("one outside", add(one, ["CNI_ARGS": "IgnoreUnknown=1;IP=10.8.0.4"]), "999", "4"),
        Case(
            "one that is taken", add(one, pod: "pod2", ["CNI_ARGS": "IgnoreUnknown=1;IP=10.9.0.2"]), "999", "101",
            prepare: added),
        Case("the gateway's", add(one, ["CNI_ARGS": "IgnoreUnknown=1;IP=10.9.0.1"]), "999", "4"),
        Case("a MAC asked for", add(one, ["CNI_ARGS": "IgnoreUnknown=1;MAC=0a:00:00:00:00:01"]), "ok"),
        Case("a MAC that is none", add(one, ["CNI_ARGS": "IgnoreUnknown=1;MAC=x"]), "999", "4"),
        Case("a bridge that is none", add(), "999", "101") { node, _ in try node.run("ip link add cni0 type veth") },
        Case("another address on the bridge", add(), "999", "101") { node, _ in
            try node.run("ip link add cni0 up type bridge; ip addr add 10.9.0.6/29 dev cni0")
        },
        Case("the same with forceAddress", add(pool(#""subnet": "10.9.0.0/29""#, #", "forceAddress": true"#)), "ok") {
            node, _ in
            try node.run("ip link add cni0 up type bridge; ip addr add 10.9.0.6/29 dev cni0")
        },
        Case("a bridge that is down", add(), "ok", "101") { node, _ in try node.run("ip link add cni0 type bridge") },
        Case("no addresses", add(#""bridge": "cni0", "ipam": {}"#), "ok"),
        Case("an IPAM plugin that is not there", add(#""bridge": "cni0", "ipam": {"type": "none"}"#), "999", "7"),
        Case("DEL", delete(), "ok", prepare: added),
        Case("DEL of what never was", delete(), "ok"),
        Case("DEL twice", delete(), "ok") { node, plugin in
            try added(node, plugin)
            _ = try plugin.call(delete(), node)
        },
        Case("DEL without a namespace", delete(["CNI_NETNS": ""]), "ok", prepare: added),
        Case("DEL when it is gone", delete(), "ok") { node, plugin in
            try added(node, plugin)
            try node.run("ip netns del pod1")
        },
        Case("DEL without CNI_PATH", delete(["CNI_PATH": ""]), "4", "ok", prepare: added),
        Case("an interface's name that is none", add(one, ["CNI_IFNAME": "a:b"]), "4"),
        Case("ADD without CNI_PATH", add(one, ["CNI_PATH": ""]), "4"),
        Case("stdin that is no JSON", Call(version: "1.0.0", input: "{"), "6"),
        Case("a key of a wrong type", add(pool(#""subnet": "10.9.0.0/29""#, #", "hairpinMode": "yes""#)), "999", "7"),
        Case("a key that nobody knows", add(pool(#""subnet": "10.9.0.0/29""#, #", "colour": "red""#)), "ok"),
        Case("an MTU that is none", add(pool(#""subnet": "10.9.0.0/29""#, #", "mtu": 70000"#)), "999", "7"),
        Case(
            "a bridge name that is too long",
            add(one.replacing(#""bridge": "cni0""#, with: #""bridge": "sixteen-letters-""#)), "999", "7"),
        Case(
            "a network's name that no file can have",
            Call(version: "1.0.0", network: String(repeating: "n", count: 300), members: one), "999", "ok"),
        Case(
            "two addresses of one set",
            add(one.replacing(#""bridge""#, with: #""args": {"cni": {"ips": ["10.9.0.4", "10.9.0.5"]}}, "bridge""#)),
            "999",
            "7"),
        Case("CHECK of 0.3.1", Call(verb: "CHECK", version: "0.3.1", members: one), "1"),
        Case("CHECK of what never was", check(), "999", "3"),
        Case("CHECK when the namespace is gone", check(), "999", "104") { node, plugin in
            try added(node, plugin)
            try node.run("ip netns del pod1")
        },
        Case("GET", Call(verb: "GET", version: "1.0.0", members: one), "4", "ok", prepare: added),
        Case("GC", Call(verb: "GC", version: "1.1.0", members: one), "4", "ok"),
        Case("STATUS", Call(verb: "STATUS", version: "1.1.0", members: one), "4", "ok"),
        Case("VERSION", Call(verb: "VERSION", version: "1.0.0", members: ""), "ok"),
        Case("a verb that is none", Call(verb: "PAINT", version: "1.0.0"), "4"),
    ]

    @Test(arguments: cases) func theSameCall(_ one: Case) throws {
        for plugin in [Plugin(isReference: true), Plugin(isReference: false)] {
            let node = try TestNode()
            try node.addPods(6)
            try one.prepare(node, plugin)
            let output = try plugin.call(one.call, node)
            let outcome = try plugin.outcome(output)
            #expect(outcome == (plugin.isReference ? one.reference : one.ours), "\(plugin): \(output.all)")
        }
    }

    /// The answer, and what it says of the pod, but for names and MACs.
    @Test(arguments: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"]) func theSameResult(version: String) throws
    {
        let members = ReferenceComparisonTests.pool(
            """
            "ranges": [[{"subnet": "10.9.0.0/29"}], [{"subnet": "fd09::/64", "rangeStart": "fd09::10"}]],
            "routes": [{"dst": "192.0.2.0/24"}, {"dst": "198.51.100.0/24", "gw": "10.9.0.5"}], "resolvConf": "/run/resolv"
            """, #", "mtu": 1400, "hairpinMode": true"#)
        var answers: [JSON] = []
        var pods: [[String]] = []
        for plugin in [Plugin(isReference: true), Plugin(isReference: false)] {
            let node = try TestNode()
            try node.addPods(1)
            try node.run("printf 'nameserver 192.0.2.53\\nsearch a.test b.test\\noptions ndots:2\\n' > /run/resolv")
            let output = try plugin.call(Call(version: version, members: members), node)
            #expect(output.status == 0, "\(plugin): \(output.all)")
            answers.append(
                try JSON(
                    output.stdout.replacing(/"(veth|plumb)[0-9a-z]+"/, with: #""host""#)
                        .replacing(/"([0-9a-f]{2}:){5}[0-9a-f]{2}"/, with: #""mac""#)))
            pods.append(try view(node))
        }
        for key in ["cniVersion", "interfaces", "ips"] { #expect(answers[1][key] == answers[0][key]) }
        for key in ["ip", "gateway"] {
            for family in ["ip4", "ip6"] { #expect(answers[1][family][key] == answers[0][family][key]) }
        }
        // The bridge plugin throws its IPAM plugin's dns away.
        #expect(answers[0]["dns"] == .object([:]))
        #expect(answers[1]["dns"]["nameservers"][0].text == "192.0.2.53")
        #expect(pods[1] == pods[0])
    }

    @Test(arguments: ["0.4.0", "1.0.0"]) func theSameCheck(version: String) throws {
        for plugin in [Plugin(isReference: true), Plugin(isReference: false)] {
            let node = try TestNode()
            try node.addPods(1)
            var call = Call(version: version, members: ReferenceComparisonTests.one)
            let answer = try plugin.call(call, node)
            call.verb = "CHECK"
            #expect(try plugin.outcome(plugin.call(call, node)) == (plugin.isReference ? "999" : "7"), "no prevResult")
            call.members += #", "prevResult": \#(answer.stdout)"#
            #expect(try plugin.outcome(plugin.call(call, node)) == "ok")
            try node.run("ip -n pod1 addr del 10.9.0.2/29 dev eth0")
            #expect(try plugin.outcome(plugin.call(call, node)) == (plugin.isReference ? "999" : "104"))
        }
    }

    /// Which address comes next: upward from the last one, around and upward again, or what has been unused longest.
    @Test func theNextAddress() throws {
        for plugin in [Plugin(isReference: true), Plugin(isReference: false)] {
            let node = try TestNode()
            try node.addPods(6)
            func add(_ pod: Int) throws -> String? {
                let output = try plugin.call(ReferenceComparisonTests.add(pod: "pod\(pod)"), node)
                return try JSON(output.stdout)["ips"][0]["address"].text
            }
            func delete(_ pod: Int) throws {
                var call = ReferenceComparisonTests.delete()
                call.pod = "pod\(pod)"
                #expect(try plugin.call(call, node).status == 0)
            }
            #expect(try (1...3).map(add) == ["10.9.0.2/29", "10.9.0.3/29", "10.9.0.4/29"])
            try delete(2)
            try delete(1)
            #expect(try [1, 2].map(add) == ["10.9.0.5/29", "10.9.0.6/29"])
            #expect(try add(4) == (plugin.isReference ? "10.9.0.2/29" : "10.9.0.3/29"))
        }
    }

    /// The machine boots: namespaces and links are gone, and nobody called DEL.
    @Test func afterABoot() throws {
        for plugin in [Plugin(isReference: true), Plugin(isReference: false)] {
            let node = try TestNode()
            try node.addPods(6)
            for pod in 1...5 { _ = try plugin.call(ReferenceComparisonTests.add(pod: "pod\(pod)"), node) }
            try node.run("ip -all netns del; ip link del cni0")
            try node.addPods(6)
            if !plugin.isReference {
                _ = try node.sql("UPDATE attachments SET boot_id = 'other'; UPDATE store SET boot_id = 'other'")
            }
            let output = try plugin.call(ReferenceComparisonTests.add(pod: "pod6"), node)
            #expect(try plugin.outcome(output) == (plugin.isReference ? "999" : "ok"), "\(output.all)")
        }
    }

    private func view(_ node: TestNode) throws -> [String] {
        let link = try node.json("ip -j addr show eth0", in: "pod1")[0]
        let addresses = link["addr_info"].elements.filter { $0["scope"] == .string("global") }
        let routes = try ["-4", "-6"].flatMap { try node.json("ip -j \($0) route show", in: "pod1").elements }
            // Ours have no link-local address: nobody asks a pod for one, and every port would hear of it.
            .filter { $0["dst"].text != "fe80::/64" }
        let ports = try node.json("ip -d -j link show master cni0").elements.filter { !$0.keys.isEmpty }
        return ["\(link["mtu"]) \(link["operstate"])"] + addresses.map { "\($0["local"])/\($0["prefixlen"])" }
            + routes.map { "\($0["dst"]) via \($0["gateway"]) from \($0["prefsrc"]) \($0["scope"])" }.sorted()
            + ports.map { "\($0["mtu"]) \($0["linkinfo"]["info_slave_data"]["hairpin"])" }
    }
}
