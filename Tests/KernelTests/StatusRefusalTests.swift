import Testing

/// What an ADD would be refused for STATUS says before, in the same words.
@Suite struct StatusRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// What the host looks like; pod1 of network blue is added then, if that is configured.
        var script = ""
        var blue: String?
        /// The network that is asked about, and would get pod2.
        var name = "green"
        var members: String
        /// ADD's.
        var code: Int
    }

    private static let adopted = "ip link add cni0 up type bridge"
    private static let subnet = #""subnets": ["10.9.0.0/24"]"#

    static let cases = [
        Case(
            testDescription: "a foreign address of the gateway's subnet",
            script: "\(adopted); ip addr add 10.9.0.9/24 dev cni0", members: subnet, code: 101),
        Case(
            testDescription: "the same, while another network has pods there",
            script: "\(adopted); ip addr add 10.9.0.9/24 dev cni0", blue: #""subnets": ["10.8.0.0/24"]"#,
            members: subnet,
            code: 101),
        Case(
            testDescription: "the same of IPv6", script: "\(adopted); ip addr add fd09::9/120 dev cni0 nodad",
            members: #""subnets": ["fd09::/64"]"#, code: 101),
        Case(
            testDescription: "no VLANs", script: adopted, members: #""vlan": 7, \#(subnet)"#, code: 101),
        Case(
            testDescription: "another network's MTU", blue: #""mtu": 1400, "subnets": ["10.8.0.0/24"]"#,
            members: #""mtu": 1300, \#(subnet)"#, code: 7),
        Case(
            testDescription: "another network's gateway", blue: subnet,
            members: #""isGateway": true, "ipam": {"subnet": "10.9.0.0/24", "gateway": "10.9.0.254"}"#, code: 7),
        Case(
            testDescription: "a pod's address as gateway", blue: subnet,
            members: #""isGateway": true, "ipam": {"subnet": "10.9.0.0/16", "gateway": "10.9.0.2"}"#, code: 7),
        Case(
            testDescription: "pods left on another bridge", blue: subnet, name: "blue",
            members: #""bridge": "cni1", \#(subnet)"#, code: 7),
        Case(
            testDescription: "no br_netfilter", script: "mount -t tmpfs none /proc/sys/net/bridge",
            members: #""bridgeNetfilter": true, \#(subnet)"#, code: 100),
    ]

    @Test(arguments: cases) func isToldBefore(test: Case) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.run(test.script)
        if let blue = test.blue {
            let output = try node.call(Call(pod: "pod1", network: "blue", members: blue))
            #expect(output.status == 0, "\(output.all)")
        }
        let status = try node.call(.status(test.members, network: test.name))
        let add = try node.call(Call(pod: "pod2", network: test.name, members: test.members))
        let (said, refusal) = (try JSON(status.stdout), try JSON(add.stdout))
        #expect(said["code"] == 50, "\(status.all)")
        #expect(refusal["code"].number == test.code, "\(add.all)")
        // Without whose it is, and with it what was being done.
        let words = try #require(said["msg"].text).replacing("network \(test.name): ", with: "")
        #expect(refusal["msg"].text?.contains(words) == true, "\(words), and ADD: \(add.all)")
    }

    /// None of these is in the way of an ADD.
    @Test func whatADDPassesOver() throws {
        let node = try TestNode()
        try node.addPods(3)
        try node.run(
            "\(StatusRefusalTests.adopted); ip addr add 10.9.0.9/24 dev cni0; ip addr add 10.7.0.9/24 dev cni0")
        let forced = #""forceAddress": true, \#(StatusRefusalTests.subnet)"#
        try node.expectWell(.status(forced))
        #expect(try node.json("ip -4 -j addr show cni0")[0].addresses == ["10.9.0.9/24", "10.7.0.9/24"])
        try node.add("pod1", forced)
        // Ours is there, and what somebody puts beside it is theirs.
        try node.run("ip addr add 10.9.0.9/24 dev cni0")
        try node.expectWell(.status(StatusRefusalTests.subnet))
        try node.add("pod2", StatusRefusalTests.subnet)
        // Gateways of ours do not stand in each other's way; nor does a change of a network that is there.
        try node.run("ip addr del 10.9.0.9/24 dev cni0")
        try node.expectWell(.status(#""subnets": ["10.9.0.0/16"]"#, network: "wide"))
        try node.expectWell(.status(#""mtu": 1300, \#(StatusRefusalTests.subnet)"#))
    }

    /// A network that comes to the bridge of another gets its MAC, by which an ADD knows that bridge.
    @Test func theBridgeOfAnotherNetwork() throws {
        let node = try TestNode()
        try node.addPods(3)
        let other = #""subnets": ["10.8.0.0/24"]"#
        try node.add("pod1", StatusRefusalTests.subnet)
        try node.run("ip link set cni0 group 0; ip link set cni0 down")
        try node.expectWell(.status(other, network: "green"))
        let add = try node.call(Call(pod: "pod2", network: "green", members: other))
        #expect(add.status == 0, "\(add.all)")
        // In nobody's row the MAC can be read.
        #expect(try node.plumbctl("sql", "UPDATE networks SET bridge_mac = 'none'").status == 0)
        for network in ["green", "blue"] {
            let bad = #"bridge MAC "none" in the database is none"#
            try node.expectError(.status(other, network: network), code: 50, saying: [bad])
            try node.expectError(Call(pod: "pod3", network: network, members: other), code: 103, saying: [bad])
        }
    }

    /// As libcni asks: it tells an ADD alone of them.
    @Test(arguments: [nil, "10.7.0.0/24"]) func rangesOfTheRuntime(own: String?) throws {
        let node = try TestNode()
        try node.addPods(1)
        let ranges = own.map { #", "ranges": [[{"subnet": "\#($0)"}]]"# } ?? ""
        let members = #""capabilities": {"ipRanges": true}, "ipam": {"type": "plumb"\#(ranges)}"#
        let given = members + #", "runtimeConfig": {"ipRanges": [[{"subnet": "10.9.0.0/30"}]]}"#
        try node.expectWell(.status(members))
        try node.add("pod1", given)
        try node.expectWell(.status(members))
        try node.expectError(.status(given), code: 50, saying: ["no address is left in 10.9.0.1"])
        // Who does not say that he will gets an interface without addresses from nobody.
        let silent = #""ipam": {"type": "plumb"}"#
        try node.expectError(.status(silent), code: 7, saying: ["has no addresses"])
        if own == nil {
            try node.expectError(Call(pod: "pod1", members: members), code: 7, saying: ["has no addresses"])
        }
    }

    /// The lack that cuts pods off is told first.
    @Test func besidePodsThatAreCutOff() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", StatusRefusalTests.subnet)
        try node.run("ip addr del 10.9.0.1/24 dev cni0; ip addr add 10.9.0.9/24 dev cni0")
        try node.expectError(
            .status(StatusRefusalTests.subnet), code: 51,
            saying: ["1 pod is cut off", "address 10.9.0.1/24 on cni0: missing", "which has 10.9.0.9/24"])
        try node.expectError(Call(pod: "pod2", members: StatusRefusalTests.subnet), code: 101, saying: ["10.9.0.9/24"])
    }
}
