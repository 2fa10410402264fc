import Testing

/// `ipam.type` names another plugin: it is called as SPEC.md section 4 has it, and what it gives is ours to keep.
@Suite struct DelegationTests {
    @Test func theAddressesOfAnotherPlugin() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.installDelegate()
        let output = try node.call(.delegated(variables: ["OTHER": "passed-on"]))
        #expect(output.status == 0, "\(output.all)")
        let result = try JSON(output.stdout)
        #expect(result["ips"].elements.map { $0["address"] } == ["10.9.0.7/24", "fd09::7/64"])
        #expect(result["ips"].elements.map { $0["gateway"] } == ["10.9.0.1", "fd09::1"])
        #expect(result["ips"].elements.map { $0["interface"] } == [2, 2])
        #expect(result["dns"] == .object(["nameservers": .array(["10.9.0.53"]), "search": .array(["example.org"])]))
        // As it was called, so it calls: the environment and the whole of stdin.
        let arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod1"
        #expect(
            try node.run("cat /run/calls")
                == "ADD c-pod1 eth0 /run/netns/pod1 \(TestNode.delegatePath) \(arguments) passed-on")
        #expect(try node.run("cat /run/input") == Call.delegated().configuration(node.dataDirectory))

        let routes = try node.run("ip route show proto 80; ip -6 route show proto 80", in: "pod1")
        for route in [
            "default via 10.9.0.1 dev eth0", "10.8.0.0/16 via 10.9.0.1 dev eth0", "metric 7",
            "10.7.0.0/16 via 10.9.0.254 dev eth0", "default via fd09::1 dev eth0",
        ] { #expect(routes.contains(route), "\(routes)") }
        #expect(try node.json("ip -j addr show br0")[0].addresses.isSuperset(of: ["10.9.0.1/24", "fd09::1/64"]))
        #expect(try node.run("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding") == "1\n1")
        try node.expectPing(from: "pod1", to: "10.9.0.1", "fd09::1")
        try node.expectRest()
        try node.run("ip -n pod1 addr del 10.9.0.7/24 dev eth0; ip link del br0")
        try node.expectConvergence()

        try expectDelete(node)
        #expect(try node.delegateCalls() == "ADD DEL")
        try node.expectConvergence()
        try node.expectNothingLeft()
        #expect(try node.sql("SELECT count(*) FROM events WHERE object = '10.9.0.7' AND kind = 'released'") == "1")
    }

    private func expectDelete(_ node: TestNode, _ call: Call = .delegated("DEL")) throws {
        let output = try node.call(call)
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
    }

    /// The gateway is the subnet's first address, as with the reference, where the delegate names none.
    @Test func aGatewayIsMadeUp() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate(answer: #"{"cniVersion": "1.1.0", "ips": [{"address": "10.9.0.7/24"}]}"#)
        let result = try JSON(try node.call(.delegated()).stdout)
        #expect(result["ips"][0]["gateway"] == "10.9.0.1" && result["dns"] == .null)
        try node.expectPing(from: "pod1", to: "10.9.0.1")
    }

    @Test func theResultOfAnOldPlugin() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate(
            answer: """
                {"cniVersion": "0.2.0", "ip4": {"ip": "10.9.0.7/24", "gateway": "10.9.0.1",
                "routes": [{"dst": "10.8.0.0/16"}]}}
                """)
        #expect(try JSON(try node.call(.delegated()).stdout)["ips"][0]["address"] == "10.9.0.7/24")
        #expect(try node.run("ip -n pod1 route show 10.8.0.0/16").contains("via 10.9.0.1"))
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var script = "true"
        var members = TestNode.delegated()
        var variables: [String: String] = [:]
        var answer = TestNode.given
        var code: Int
        var words: [String]
        /// What the delegate was called with.
        var calls: String
    }

    static let refusals = [
        Refusal(
            testDescription: "its error, with its code",
            script: #"echo '{"code": 11, "msg": "no lease", "details": "by the server"}' > /run/none/ADD"#, code: 11,
            words: ["giver", "no lease"], calls: "ADD DEL"),
        Refusal(
            testDescription: "an error that is no object", script: "echo broken > /run/none/ADD", code: 5,
            words: ["giver", "broken", "exit status 3"], calls: "ADD DEL"),
        Refusal(
            testDescription: "neither ADD nor DEL", script: "echo a > /run/none/ADD; echo b > /run/none/DEL", code: 5,
            words: ["giver", "ADD"], calls: "ADD DEL"),
        Refusal(testDescription: "nothing", answer: "", code: 6, words: ["giver"], calls: "ADD DEL"),
        Refusal(
            testDescription: "no address", answer: "{}", code: 7, words: ["giver", "no address"], calls: "ADD DEL"),
        Refusal(
            testDescription: "a bad address", answer: #"{"ips": [{"address": "10.9.0.7"}]}"#, code: 7,
            words: ["giver", "ips[0].address", "10.9.0.7"], calls: "ADD DEL"),
        Refusal(
            testDescription: "a dns that no runtime could read",
            answer: #"{"ips": [{"address": "10.9.0.7/24"}], "dns": {"nameservers": "10.9.0.53"}}"#, code: 7,
            words: ["giver", "dns.nameservers"], calls: "ADD DEL"),
        Refusal(
            testDescription: "a bridge that is none", script: "ip link add br0 type veth peer name q", code: 101,
            words: ["br0"], calls: ""),
        Refusal(
            testDescription: "not installed", variables: ["CNI_PATH": "/run/none:/run/other"], code: 7,
            words: ["ipam.type", "giver", "/run/none:/run/other"], calls: ""),
        Refusal(
            testDescription: "no executable", script: "chmod -x /run/bin/giver", code: 7, words: ["giver"], calls: ""),
        Refusal(testDescription: "no CNI_PATH", variables: ["CNI_PATH": ""], code: 4, words: ["CNI_PATH"], calls: ""),
        Refusal(
            testDescription: "a way out of CNI_PATH", members: #""ipam": {"type": "../bin/giver"}"#, code: 7,
            words: ["ipam.type", "../bin/giver"], calls: ""),
    ]

    @Test(arguments: refusals) func whatItRefusesIsPassedOn(refusal: Refusal) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate(answer: refusal.answer)
        try node.run(refusal.script)
        try node.expectError(
            .delegated(members: refusal.members, variables: refusal.variables), code: refusal.code,
            saying: refusal.words)
        #expect(try node.delegateCalls() == refusal.calls)
        #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1)
        try node.expectNothingLeft()
    }

    /// Its stderr is ours.
    @Test func itsTalkIsHeard() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate()
        try node.failDelegate("ADD", "{}")
        let output = try node.call(.delegated())
        #expect(output.status != 0 && output.stderr.contains("said giver"), "\(output.all)")
    }

    /// An address that a pod on the bridge has, or the bridge itself: refused, and given back.
    @Test(arguments: ["10.9.0.7/24", "10.9.0.1/24"]) func anAddressIsUniqueOnTheBridge(address: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.installDelegate()
        let own = #""bridge": "br0", "isGateway": true, "ipam": {"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.7"}"#
        let first = try node.call(Call(pod: "pod2", network: "own", members: own))
        #expect(try JSON(first.stdout)["ips"][0]["address"] == "10.9.0.7/24", "\(first.all)")
        try node.run(#"echo '{"ips": [{"address": "\#(address)"}]}' > /run/answer"#)
        let call = Call.delegated(members: #""bridge": "br0", "ipam": {"type": "giver"}"#)
        try node.expectError(
            call, code: 101, saying: ["giver", String(address.prefix { $0 != "/" }), "br0"])
        #expect(try node.delegateCalls() == "ADD DEL")
        try node.expectRest()
        #expect(try node.sql("SELECT group_concat(container_id) FROM attachments") == "c-pod2")
    }

    /// And the other way round: neither what a delegate gave nor its gateway is handed out by us.
    @Test func ourOwnAllocationGoesAround() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.installDelegate(answer: #"{"ips": [{"address": "10.9.0.2/24"}]}"#)
        #expect(try node.call(.delegated()).status == 0)
        let own = #""bridge": "br0", "ipam": {"subnet": "10.9.0.0/24", "gateway": "10.9.0.254"}"#
        let second = try node.call(Call(pod: "pod2", network: "own", members: own))
        #expect(try JSON(second.stdout)["ips"][0]["address"] == "10.9.0.3/24", "\(second.all)")
    }
}
