import Testing

extension TestNode {
    /// The call fails as the protocol wants it: one JSON object on stdout, and nothing is left behind.
    func expectError(
        _ call: Call, code: Int, saying words: [String], at location: SourceLocation = #_sourceLocation
    ) throws {
        let output = try self.call(call)
        #expect(output.status != 0, "\(output.all)", sourceLocation: location)
        let answer = try JSON(output.stdout)
        #expect(answer.keys.subtracting(["details"]) == ["cniVersion", "code", "msg"], sourceLocation: location)
        #expect(answer["cniVersion"].text != nil, sourceLocation: location)
        #expect(answer["code"].number == code, "\(output.all)", sourceLocation: location)
        for word in words {
            #expect(answer["msg"].text?.contains(word) == true, "\(word): \(output.all)", sourceLocation: location)
        }
    }
}

/// What is wrong with the call itself: nothing may come of it.
@Suite struct AddErrorTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var call: Call
        var code: Int
        var words: [String]

        init(_ description: String, _ call: Call, _ code: Int, _ words: String...) {
            testDescription = description
            self.call = call
            self.code = code
            self.words = words
        }

        static func variable(_ name: String, _ value: String, _ code: Int, _ words: String...) -> Fault {
            var fault = Fault("\(name)=\(value)", Call(variables: [name: value]), code)
            fault.words = words + [name]
            return fault
        }

        static func members(_ members: String, _ code: Int, _ words: String...) -> Fault {
            var fault = Fault(members, Call(members: members), code)
            fault.words = words
            return fault
        }

        static func input(_ input: String, _ code: Int, _ words: String...) -> Fault {
            var fault = Fault(input, Call(input: input), code)
            fault.words = words
            return fault
        }
    }

    static let faults: [Fault] = [
        Fault(
            "every missing variable at once",
            Call(variables: ["CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": "", "CNI_PATH": ""]), 4,
            "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"),
        Fault("unknown verb", Call(verb: "MOVE"), 4, "MOVE"),
        .variable("CNI_CONTAINERID", "../x", 4, "../x"),
        .variable("CNI_CONTAINERID", "-x", 4),
        .variable("CNI_IFNAME", "a/b", 4, "a/b"),
        .variable("CNI_IFNAME", "..", 4),
        .variable("CNI_IFNAME", "a:b", 4, "a:b"),
        .variable("CNI_IFNAME", "eth\u{e0}", 4, "0xa0"),
        .variable("CNI_IFNAME", "eth 0", 4),
        .variable("CNI_IFNAME", "eth%d", 4, "eth%d"),
        .variable("CNI_IFNAME", "all", 4),
        .variable("CNI_PATH", "", 4),
        .variable("CNI_IFNAME", "sixteen-letters-", 4),
        .variable("CNI_ARGS", "COLOUR=red", 4, "COLOUR"),
        .variable("CNI_ARGS", "COLOUR", 4, "COLOUR"),
        .variable("CNI_ARGS", "COLOUR=red;IgnoreUnknown=0", 4, "COLOUR"),
        .variable("CNI_NETNS", "run/netns/pod1", 4, "run/netns/pod1", "absolute"),
        .variable("CNI_NETNS", "/run/netns/nobody", 4, "/run/netns/nobody"),
        .variable("CNI_NETNS", "/etc/passwd", 4, "/etc/passwd"),
        .variable("CNI_NETNS", "/run", 4, "/run"),
        .variable("CNI_NETNS", "/dev/null", 4, "/dev/null"),
        .variable("CNI_NETNS", "/run/netns/pod1/x", 4, "/run/netns/pod1/x"),
        .variable("CNI_NETNS", "/proc/self/ns/mnt", 4, "/proc/self/ns/mnt"),
        .variable("CNI_NETNS", "/proc/self/ns/net", 8, "CNI_NETNS_OVERRIDE"),
        .input("", 6, "stdin"),
        .input("{\"cniVersion\": ", 6),
        .input("[]", 6),
        .input("null", 6),
        .input(#"{"cniVersion": 1.1, "name": "pods", \#(dualStack)}"#, 7, "key cniVersion", "a number"),
        .input(#"{"cniVersion": "1.1.0", "name": ["pods"], \#(dualStack)}"#, 7, "key name", "an array"),
        .members(#""runtimeConfig": [], \#(dualStack)"#, 7, "key runtimeConfig"),
        .members(#""isGateway": "yes", \#(dualStack)"#, 7, "key isGateway", "a string"),
        .members(#""mtu": 1e3, \#(dualStack)"#, 7, "key mtu", "1e3"),
        .members(#""mtu": 99999999999999999999, \#(dualStack)"#, 7, "key mtu"),
        .members(#""logFile": "plumb.log", \#(dualStack)"#, 7, "key logFile"),
        .input(#"{"cniVersion": "1.1.0"}"#, 7, "name"),
        Fault("network name", Call(network: "a/b"), 7, "a/b"),
        Fault("cniVersion", Call(version: "9.0.0"), 1, "9.0.0", "1.1.0"),
        Fault("cniVersion that never was", Call(version: "0.2.1"), 1, "0.2.1", "0.1.0, 0.2.0, 0.3.0"),
        .members("", 7, "subnets"),
        .members(#""subnets": "10.244.0.0/24""#, 7, "subnets"),
        .members(#""subnets": []"#, 7, "key subnets is empty"),
        .members(#""mtu": "1500", \#(dualStack)"#, 7, "key mtu"),
        .members(#""mtu": 20, \#(dualStack)"#, 7, "key mtu"),
        .members(#""mtu": 67, "subnets": ["10.244.0.0/24"]"#, 7, "key mtu", "67 bytes", "68–65535"),
        .members(#""mtu": 65536, "subnets": ["10.244.0.0/24"]"#, 7, "key mtu", "65536 bytes", "68–65535"),
        .members(#""repairPod": "some", \#(dualStack)"#, 7, "key repairPod", "some"),
        .members(#""ipam": {"ranges": [[{"subnet": 5}]]}"#, 7, "ipam.ranges[0][0].subnet"),
        .members(#""ipam": {"subnet": "10.0.0.0/24", "routes": [{"gw": "10.0.0.1"}]}"#, 7, "ipam.routes[0].dst"),
        .members(#""ipam": {"subnet": "10.1.0.0/24"}, \#(dualStack)"#, 7, "subnets", "ipam"),
        .members(#""ipam": {"type": "dhcp"}"#, 7, "ipam.type", "dhcp", "/opt/cni/bin"),
        .members(#""subnets": ["10.244.0.1/24"]"#, 7, "10.244.0.1/24", "10.244.0.0/24"),
        .members(#""subnets": ["10.244.0.0/32"]"#, 7, "10.244.0.0/32", "too small"),
        .members(#""subnets": ["fd00::/128"]"#, 7, "fd00::/128", "too small"),
        .members(#""subnets": ["10.244.0.0"]"#, 7, "subnets[0]"),
        .members(#""subnets": ["10.0.0.0/24", "10.0.0.0/25"]"#, 7, "overlap"),
        .members(#""bridge": "a/b", \#(dualStack)"#, 7, "key bridge"),
        .input(#"{"cniVersion": "1.1.0", "name": "pods", "dataDir": "here", \#(dualStack)}"#, 7, "dataDir"),
        .members(#""ipam": {"subnet": "10.0.0.0/24", "rangeStart": "10.0.1.1"}"#, 7, "ipam.rangeStart"),
        .members(#""ipam": {"subnet": "10.0.0.0/24", "gateway": "fd00::1"}"#, 7, "ipam.gateway"),
        .members(
            #""ipam": {"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9", "rangeEnd": "10.0.0.8"}"#, 7,
            "key ipam: rangeStart 10.0.0.9 is above rangeEnd 10.0.0.8"),
        .members(#""ipam": {"ranges": [[]]}"#, 7, "key ipam.ranges[0] is empty"),
        .members(
            #""ipam": {"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "fd00::/64"}]]}"#, 7,
            "range set 0 mixes IPv4 and IPv6"),
        .members(#""subnets": ["224.0.0.0/24"]"#, 7, "key subnets[0]", "224.0.0.0/24"),
        .members(#""subnets": ["::/64"]"#, 7, "key subnets[0]", "::/64"),
        .members(#""ipam": {"subnet": "10.0.0.0/24", "exclude": ["here"]}"#, 7, "key ipam.exclude[0]", "here"),
        .members(
            #""ipam": {"subnet": "10.0.0.0/24", "exclude": ["10.0.0.9", "10.0.0.5/30"]}"#, 7, "key ipam.exclude[1]",
            "10.0.0.5/30 has host bits"),
        .members(
            #""ipam": {"subnet": "10.0.0.0/24", "exclude": ["10.0.1.9"]}"#, 7, "key ipam.exclude[0]",
            "not within 10.0.0.0/24"),
        .members(
            #""ipam": {"subnet": "10.0.0.0/30", "exclude": ["10.0.0.2"]}"#, 7, "no address is left for a pod"),
    ]

    @Test func eachIsToldAndNothingIsDone() throws {
        let node = try TestNode()
        try node.addPods(1)
        let before = try node.json("ip -d -j link show")
        for fault in AddErrorTests.faults {
            try node.expectError(fault.call, code: fault.code, saying: fault.words)
        }
        #expect(try node.json("ip -d -j link show") == before)
        #expect(try node.json("ip -d -j link show", in: "pod1").elements.count == 1)
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
    }
}
