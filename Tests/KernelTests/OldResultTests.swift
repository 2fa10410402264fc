import Testing

/// Results of 0.1.0 and 0.2.0: one address a family, its routes with it, no interfaces.
@Suite struct OldResultTests {
    static let members =
        #""isDefaultGateway": true, "bridge": "br0", "ipam": {"ranges": \#(ranges), "routes": \#(routes)}"#
    static let ranges = #"[[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]]"#
    static let routes = #"[{"dst": "10.20.0.0/16"}, {"dst": "fd00:20::/64", "gw": "fd00:9::99", "priority": 7}]"#

    /// A configuration that names no version is of 0.1.0.
    @Test(arguments: ["0.1.0", "0.2.0", nil]) func saysWhatTheKernelHas(version: String?) throws {
        let node = try TestNode()
        try node.addPods(1)
        var call = Call(version: version ?? "", members: OldResultTests.members)
        if version == nil {
            call.input = #"{"name": "pods", "dataDir": "\#(node.dataDirectory)", \#(OldResultTests.members)}"#
        }
        let output = try node.call(call)
        #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
        let result = try JSON(output.stdout)
        #expect(
            result
                == (try JSON(
                    """
                    {"cniVersion": "\(version ?? "0.1.0")",
                     "ip4": {"ip": "10.9.0.2/24", "gateway": "10.9.0.1", "routes": [
                        {"dst": "0.0.0.0/0", "gw": "10.9.0.1"}, {"dst": "10.20.0.0/16", "gw": "10.9.0.1"}]},
                     "ip6": {"ip": "fd00:9::2/64", "gateway": "fd00:9::1", "routes": [
                        {"dst": "::/0", "gw": "fd00:9::1"}, {"dst": "fd00:20::/64", "gw": "fd00:9::99"}]}}
                    """)))
        #expect(
            try node.json("ip -j addr show eth0", in: "pod1")[0].addresses == ["10.9.0.2/24", "fd00:9::2/64"])
        let routes = try node.run("ip -4 route show proto 80; ip -6 route show proto 80", in: "pod1")
        for gateway in ["10.9.0.1", "fd00:9::1", "fd00:9::99"] { #expect(routes.contains("via \(gateway) ")) }
        try node.expectPing(from: "pod1", to: "10.9.0.1", "fd00:9::1")
        try node.expectRest()

        call.verb = "CHECK"
        try node.expectError(call, code: 1, saying: ["CHECK", "0.4.0"])
        call.verb = "DEL"
        let deletion = try node.call(call)
        #expect(deletion.status == 0 && deletion.stdout.isEmpty && deletion.stderr.isEmpty, "\(deletion.all)")
        try node.expectNothingLeft()
    }

    @Test func oneFamilyAlone() throws {
        let node = try TestNode()
        try node.addPods(1)
        let output = try node.call(
            Call(version: "0.2.0", members: #""bridge": "br0", "ipam": {"subnet": "10.9.0.0/24"}"#))
        let expected: String = #"{"cniVersion": "0.2.0", "ip4": {"ip": "10.9.0.2/24", "gateway": "10.9.0.1"}}"#
        #expect(try JSON(output.stdout) == JSON(expected))
    }

    /// What cannot be told is an error before anything is done, and every later version can tell it.
    @Test(arguments: [
        (#""subnets": ["10.9.0.0/24", "10.10.0.0/24"]"#, "more than one IPv4 address"),
        (#""subnets": ["fd00:9::/64", "10.9.0.0/24", "fd00:10::/64"]"#, "more than one IPv6 address"),
        (#""ipam": {}"#, "without addresses"),
        (#""ipam": {"subnet": "10.9.0.0/24", "routes": [{"dst": "fd00:20::/64"}]}"#, "fd00:20::/64"),
    ])
    func whatItCannotSay(members: String, told: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        for version in ["0.1.0", "0.2.0"] {
            try node.expectError(Call(version: version, members: members), code: 1, saying: [version, told, "0.3.0"])
            #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
            #expect(try node.ourLinks().isEmpty)
        }
        for version in ["0.3.0", "1.1.0"] where !told.hasPrefix("fd00") {
            let output = try node.call(Call(version: version, members: members))
            #expect(output.status == 0, "\(output.all)")
            try node.expectError(
                Call(verb: "GET", version: "0.2.0", members: members), code: 1, saying: ["0.2.0", told])
            try node.delete("pod1", members)
        }
    }

    /// What another IPAM plugin gave is known only afterwards, and taken back.
    @Test func whatAnotherPluginGave() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate(
            answer: #"{"cniVersion": "0.2.0", "ips": [{"address": "10.9.0.7/24"}, {"address": "10.9.0.8/24"}]}"#)
        var call = Call.delegated()
        call.version = "0.2.0"
        try node.expectError(call, code: 1, saying: ["0.2.0", "more than one IPv4 address"])
        #expect(try node.delegateCalls() == "ADD DEL")
        try node.expectNothingLeft()
    }
}
