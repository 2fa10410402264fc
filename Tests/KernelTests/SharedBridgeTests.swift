import Testing

/// Networks that share a bridge, and configurations that change under living pods.
@Suite struct SharedBridgeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var blue: String
        var green: String
        /// What the refusal says; empty: there is none.
        var words: [String] = []
    }

    private static let blue = #""subnet": "10.9.0.0/24""#

    static let cases = [
        Case(
            testDescription: "another MTU", blue: #""mtu": 1400, "ipam": {\#(blue)}"#,
            green: #""mtu": 1300, "ipam": {"subnet": "10.9.7.0/24"}"#, words: ["mtu", "1300", "blue's 1400"]),
        Case(
            testDescription: "no MTU", blue: #""mtu": 1400, "ipam": {\#(blue)}"#,
            green: #""ipam": {"subnet": "10.9.7.0/24"}"#),
        Case(
            testDescription: "another gateway of the subnet", blue: #""isGateway": true, "ipam": {\#(blue)}"#,
            green: #""isGateway": true, "ipam": {\#(blue), "gateway": "10.9.0.254"}"#,
            words: ["10.9.0.254", "10.9.0.0/24", "blue's 10.9.0.1"]),
        Case(
            testDescription: "a gateway, and a router elsewhere", blue: #""isGateway": true, "ipam": {\#(blue)}"#,
            green: #""ipam": {\#(blue), "gateway": "10.9.0.254"}"#),
        Case(
            testDescription: "a pod's address as gateway", blue: #""ipam": {\#(blue)}"#,
            green: #""isGateway": true, "ipam": {"subnet": "10.9.0.0/16", "gateway": "10.9.0.2"}"#,
            words: ["10.9.0.2", "pod default/pod1"]),
        Case(
            testDescription: "hairpin for one of them",
            blue: #""isGateway": true, "hairpinMode": true, "ipam": {\#(blue)}"#,
            green: #""isGateway": true, "ipam": {\#(blue)}"#),
    ]

    /// IPv6 takes one of two gateways that differ in the prefix length alone; nobody fights over which.
    @Test(arguments: [("/64", "/80"), ("/80", "/64")]) func oneGatewayOfTwoSubnets(lengths: (String, String)) throws {
        let node = try TestNode()
        try node.addPods(2)
        for (pod, length) in [("pod1", lengths.0), ("pod2", lengths.1)] {
            let start = pod == "pod1" ? "" : #", "rangeStart": "fd09::100""#
            let members =
                #""bridge": "br0", "isDefaultGateway": true, "ipam": {"subnet": "fd09::\#(length)"\#(start)}"#
            let call = Call(pod: pod, network: pod, members: members)
            #expect(try node.call(call).status == 0)
            try node.expectRest()
        }
        let held = try node.json("ip -j -6 addr show br0")[0].addresses
        #expect(held.contains("fd09::1/64") && !held.contains("fd09::1/80"))
        for pod in ["pod1", "pod2"] { try node.expectPing(from: pod, to: "fd09::1") }
    }

    @Test(arguments: cases) func agreeOrAreRefused(test: Case) throws {
        let node = try TestNode()
        try node.addPods(2)
        let blue = Call(pod: "pod1", network: "blue", members: test.blue)
        let green = Call(pod: "pod2", network: "green", members: test.green)
        #expect(try node.call(blue).status == 0)
        if test.words.isEmpty {
            let output = try node.call(green)
            #expect(output.status == 0, "\(output.all)")
            try node.expectRest()
            return
        }
        try node.expectError(green, code: 7, saying: ["green", "cni0"] + test.words)
        try node.expectRest()
        #expect(try node.sql("SELECT group_concat(name) FROM networks") == "blue")
        // With the last pod goes what contradicts it.
        var deletion = blue
        deletion.verb = "DEL"
        #expect(try node.call(deletion).status == 0)
        let output = try node.call(green)
        #expect(output.status == 0, "\(output.all)")
    }

    /// Each of the two may change, and contradicts the other until that changes too: else neither could begin.
    @Test func aRolloutThatChangesBoth() throws {
        let node = try TestNode()
        try node.addPods(4)
        func add(_ pod: String, _ network: String, mtu: Int) throws {
            let subnet = network == "blue" ? "10.9.0.0/24" : "10.9.7.0/24"
            let output = try node.call(
                Call(pod: pod, network: network, members: #""mtu": \#(mtu), "ipam": {"subnet": "\#(subnet)"}"#))
            #expect(output.status == 0, "\(output.all)")
        }
        try add("pod1", "blue", mtu: 1400)
        try add("pod2", "green", mtu: 1400)
        try add("pod3", "blue", mtu: 1300)
        try add("pod4", "green", mtu: 1300)
        try node.expectRest()
        for (pod, mtu) in [("pod1", 1400), ("pod2", 1400), ("pod3", 1300), ("pod4", 1300)] {
            #expect(try node.json("ip -j link show eth0", in: pod)[0]["mtu"] == .number(Double(mtu)))
        }
    }

    /// What ADD promised stays; a new pod gets the new.
    @Test func aConfigurationChangesUnderLivePods() throws {
        let node = try TestNode()
        try node.addPods(3)
        let old = #""mtu": 1400, "isDefaultGateway": true, "hairpinMode": true, "ipam": {"subnet": "10.9.0.0/24"}"#
        let new = #""mtu": 1300, "isDefaultGateway": true, "ipam": {"subnet": "10.9.0.0/24", "gateway": "10.9.0.254"}"#
        let hostEnd = try #require(try node.add("pod1", old)["interfaces"][1]["name"].text)
        let second = try node.add("pod2", new)
        #expect(second["ips"][0]["gateway"] == "10.9.0.254")
        try node.expectRest()
        for (pod, mtu, gateway) in [("pod1", 1400, "10.9.0.1"), ("pod2", 1300, "10.9.0.254")] {
            #expect(try node.json("ip -j link show eth0", in: pod)[0]["mtu"] == .number(Double(mtu)))
            #expect(try node.json("ip -j route show default", in: pod)[0]["gateway"] == .string(gateway))
            try node.expectPing(from: pod, to: gateway)
        }
        func hairpin(_ link: String) throws -> JSON {
            try node.json("ip -d -j link show \(link)")[0]["linkinfo"]["info_slave_data"]["hairpin"]
        }
        #expect(try hairpin(hostEnd) == true)
        #expect(try hairpin(try #require(second["interfaces"][1]["name"].text)) == false)
        // The old gateway is no pod's address while a pod routes by it, and goes with that pod.
        #expect(try node.add("pod3", new)["ips"][0]["address"] == "10.9.0.4/24")
        try node.delete("pod1", new)
        try node.expectConvergence()
        #expect(try node.json("ip -4 -j addr show cni0")[0].addresses == ["10.9.0.254/24"])
        try node.expectPing(from: "pod2", to: "10.9.0.254", "10.9.0.4")
    }

    /// The old bridge keeps its gateway as long as a pod is left there, and its subnet to itself.
    @Test func aNetworkMovesToAnotherBridge() throws {
        let node = try TestNode()
        try node.addPods(2)
        // Ours it is not, so that it stays.
        try node.run("ip link add cni0 up type bridge")
        func members(_ bridge: String, _ subnet: String = "10.9.0.0/24") -> String {
            #""bridge": "\#(bridge)", "isGateway": true, "ipam": {"subnet": "\#(subnet)"}"#
        }
        func gateways() throws -> Set<String> {
            try node.json("ip -4 -j addr show cni0")[0].addresses
        }
        try node.add("pod1", members("cni0"))
        try node.expectError(
            Call(pod: "pod2", members: members("cni1")), code: 7,
            saying: ["network pods", "bridge cni1", "10.9.0.0/24", "on bridge cni0", "pod default/pod1", "1 in all"])
        let moved = try node.add("pod2", members("cni1", "10.9.1.0/24"))
        #expect(moved["ips"][0]["address"] == "10.9.1.2/24" && moved["interfaces"][0]["name"] == "cni1")
        try node.expectRest()
        #expect(try gateways() == ["10.9.0.1/24"])
        try node.delete("pod1", members("cni1"))
        try node.expectConvergence()
        #expect(try gateways() == [])
        // Gone for a day, whoever puts it there again is another.
        _ = try node.sql("UPDATE events SET at_ms = at_ms - 90000000")
        try node.expectRest()
        try node.run("ip addr add 10.9.0.1/24 dev cni0")
        try node.expectRest()
        #expect(try gateways() == ["10.9.0.1/24"])
    }

    @Test func thatCannotBecomeAGatewayAtAPodsAddress() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", #""isGateway": true, "ipam": {"subnet": "10.9.0.0/24"}"#)
        let call = Call(
            pod: "pod2", members: #""isGateway": true, "ipam": {"subnet": "10.9.0.0/24", "gateway": "10.9.0.2"}"#)
        try node.expectError(call, code: 7, saying: ["pods", "10.9.0.2", "pod default/pod1"])
        try node.expectRest()
        try node.expectPing(from: "pod1", to: "10.9.0.1")
    }
}
