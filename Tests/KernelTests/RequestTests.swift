import Testing

/// Addresses, ranges and MACs that a runtime asks for.
@Suite struct RequestTests {
    private static let pool = #""ipam": {"subnet": "10.9.0.0/28", "exclude": ["10.9.0.4/30", "10.9.0.9"]}"#

    private func members(_ more: String) -> String { "\(RequestTests.pool), \(more)" }

    private func addresses(_ result: JSON) -> [String?] { result["ips"].elements.map { $0["address"].text } }

    @Test(arguments: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
    func whoAsksLastIsHeard(version: String) throws {
        let node = try TestNode()
        try node.addPods(4)
        let arguments = "IgnoreUnknown=1;IP=10.9.0.10;MAC=0a:00:00:00:00:0a"
        let asked = #""args": {"cni": {"ips": ["10.9.0.11/28"], "mac": "0a:00:00:00:00:0b"}}"#
        let runtime = #""runtimeConfig": {"Ips": ["10.9.0.12"], "MAC": "0a:00:00:00:00:0c"}"#
        let calls: [(String, String, String)] = [
            (RequestTests.pool, "10.9.0.10/28", "0a:00:00:00:00:0a"),
            (members(asked), "10.9.0.11/28", "0a:00:00:00:00:0b"),
            (members("\(asked), \(runtime)"), "10.9.0.12/28", "0a:00:00:00:00:0c"),
        ]
        for (pod, (members, address, mac)) in zip(["pod1", "pod2", "pod3"], calls) {
            let output = try node.call(
                Call(pod: pod, version: version, members: members, variables: ["CNI_ARGS": arguments]))
            #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
            #expect(output.stdout.contains(#""\#(address)""#), "\(output.all)")
            let link = try node.json("ip -j addr show eth0", in: pod)[0]
            #expect(link["address"].text == mac)
            #expect(link["addr_info"][0]["local"].text == String(address.split(separator: "/")[0]))
        }
        // Nobody asked: the first free one, and a MAC of our own, which nobody holds to.
        try node.add("pod4", RequestTests.pool)
        #expect(try node.sql("SELECT address FROM v_leases WHERE pod_name = 'pod4'") == "10.9.0.2/28")
        #expect(try node.sql("SELECT sum(mac_requested) FROM attachments") == "3")
        try node.expectRest()
    }

    @Test func aMACThatWasAskedForIsKept() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call(members: #"\#(dualStack), "args": {"cni": {"mac": "0A-00-00-00-00-0B"}}"#)
        let answer = try node.call(call)
        #expect(answer.stdout.contains(#""mac":"0a:00:00:00:00:0b""#), "\(answer.all)")
        try node.run("ip -n pod1 link set eth0 address 0a:00:00:00:00:77")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("0a:00:00:00:00:77"), "\(plan.all)")
        try node.expectConvergence()
        #expect(try node.json("ip -j link show eth0", in: "pod1")[0]["address"].text == "0a:00:00:00:00:0b")
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
    }

    @Test func oneOfEachFamily() throws {
        let node = try TestNode()
        try node.addPods(2)
        let asked = #""runtimeConfig": {"ips": ["fd00:10:244::77", "10.244.0.77/24"]}"#
        let result = try node.add("pod1", "\(dualStack), \(asked)")
        #expect(addresses(result) == ["10.244.0.77/24", "fd00:10:244::77/64"])
        let half = try node.add("pod2", #"\#(dualStack), "args": {"cni": {"ips": ["fd00:10:244::78"]}}"#)
        #expect(addresses(half) == ["10.244.0.2/24", "fd00:10:244::78/64"])
        try node.expectPing(from: "pod1", to: "10.244.0.2", "fd00:10:244::78")
    }

    /// Out of the middle of what was never used: never handed out twice, and not lost.
    @Test func outOfTurn() throws {
        let node = try TestNode()
        try node.addPods(9)
        // Twice, as `podman network reload` has it.
        try node.add("pod1", members(#""runtimeConfig": {"ips": ["10.9.0.3", "10.9.0.3/28"]}"#))
        // Two, eight, ten to fourteen: three, four to seven and nine are not to be had.
        var given: [String?] = []
        for pod in 2...8 { given += addresses(try node.add("pod\(pod)", RequestTests.pool)) }
        #expect(given == [2, 8, 10, 11, 12, 13, 14].map { "10.9.0.\($0)/28" })
        let full = Call(pod: "pod9", members: RequestTests.pool)
        try node.expectError(full, code: 11, saying: ["8 of 8 addresses in use"])
        let status = try node.call(Call(verb: "STATUS", members: RequestTests.pool))
        #expect(status.status == 1 && status.stdout.contains("8 of 8"), "\(status.all)")
        #expect(try node.plumbctl("status").stdout.contains("full"))
        try node.delete("pod1", RequestTests.pool)
        #expect(addresses(try node.add("pod9", RequestTests.pool)) == ["10.9.0.3/28"])
        try node.expectRest()
    }

    @Test func whatCannotBeGivenIsRefused() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", members(#""runtimeConfig": {"ips": ["10.9.0.3"]}"#))
        func refuse(_ wish: String, _ code: Int, _ words: String...) throws {
            try node.expectError(Call(pod: "pod2", members: members(wish)), code: code, saying: words)
        }
        func ips(_ list: String) -> String { #""runtimeConfig": {"ips": [\#(list)]}"# }
        try refuse(ips(#""10.9.0.3""#), 101, "10.9.0.3", "default/pod1")
        try refuse(ips(#""10.9.0.1""#), 7, "runtimeConfig.ips[0]", "gateway of 10.9.0.0/28")
        try refuse(ips(#""10.9.0.6""#), 7, "excluded", "10.9.0.4/30")
        try refuse(ips(#""10.9.1.6""#), 7, "10.9.1.6", "10.9.0.1–10.9.0.14 in 10.9.0.0/28")
        try refuse(ips(#""10.9.0.0""#), 7, "in no range")
        try refuse(ips(#""fd09::3""#), 7, "in no range")
        try refuse(ips(#""10.9.0.10/24""#), 7, "prefix length 28")
        try refuse(ips(#""10.9.0.10", "10.9.0.11""#), 7, "runtimeConfig.ips[1]", "10.9.0.10 is asked for too")
        try refuse(ips(#""here""#), 7, "here is no address")
        try refuse(ips("7"), 7, "runtimeConfig.ips")
        try refuse(#""args": {"cni": {"ips": ["10.9.0.1"]}}"#, 7, "args.cni.ips[0]")
        for mac in ["01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "0a:00:00:00:00", "x"] {
            try refuse(#""runtimeConfig": {"mac": "\#(mac)"}"#, 7, "runtimeConfig.mac", mac)
        }
        let wish = Call(pod: "pod2", members: RequestTests.pool, variables: ["CNI_ARGS": "IP=10.9.0.1"])
        try node.expectError(wish, code: 4, saying: ["CNI_ARGS: IP", "gateway"])
        let mac = Call(pod: "pod2", members: RequestTests.pool, variables: ["CNI_ARGS": "MAC=x"])
        try node.expectError(mac, code: 4, saying: ["CNI_ARGS: MAC", "x"])
        let none = Call(pod: "pod2", members: #""ipam": {}, "args": {"cni": {"ips": ["10.9.0.2"]}}"#)
        try node.expectError(none, code: 7, saying: ["args.cni.ips[0]", "no addresses"])
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
        try node.expectRest()
    }

    /// As the reference has it: before the configured ones, and enough without any.
    @Test func rangesOfTheRuntime() throws {
        let node = try TestNode()
        try node.addPods(2)
        let asked = """
            "isGateway": true, "runtimeConfig": {"IPRanges": [[{"Subnet": "10.8.0.0/24", "rangeStart": "10.8.0.9"}], [{"subnet": "fd08::/64"}]]}
            """
        let both = try node.add("pod1", members(asked))
        #expect(addresses(both) == ["10.8.0.9/24", "fd08::2/64", "10.9.0.2/28"])
        let alone = try node.add("pod2", #""ipam": {"type": "host-local"}, \#(asked)"#)
        #expect(addresses(alone) == ["10.8.0.10/24", "fd08::3/64"])
        try node.expectPing(from: "pod1", to: "10.8.0.1", "fd08::1", "10.8.0.10", "fd08::3")
        for pod in ["pod1", "pod2"] { try node.delete(pod, RequestTests.pool) }
        try node.expectNothingLeft()
        let fault = Call(members: members(#""runtimeConfig": {"ipRanges": [[{"subnet": "10.8.0.1/24"}]]}"#))
        try node.expectError(fault, code: 7, saying: ["runtimeConfig.ipRanges[0][0].subnet", "10.8.0.0/24"])
    }

    /// A gateway and a pod (RFC 3021, RFC 6164).
    @Test func twoAddressesAreEnough() throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #""subnets": ["10.9.0.0/31", "fd09::/127"]"#
        #expect(addresses(try node.add("pod1", members)) == ["10.9.0.1/31", "fd09::1/127"])
        try node.expectPing(from: "pod1", to: "10.9.0.0", "fd09::")
        try node.expectError(
            Call(pod: "pod2", members: members), code: 11, saying: ["10.9.0.0/31 (1 of 1 addresses in use)"])
        try node.expectRest()
    }
}
