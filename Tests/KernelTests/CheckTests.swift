import Foundation
import Testing

extension TestNode {
    /// ADD's answer, word for word, to be a `prevResult`.
    func answer(_ call: Call = Call()) throws -> String {
        let output = try self.call(call)
        guard output.status == 0 else { throw Failure(description: "ADD: \(output.all)") }
        return output.stdout
    }
}

extension Call {
    static func check(
        _ previous: String, version: String = "1.1.0", members: String = dualStack, _ variables: [String: String] = [:]
    ) -> Call {
        Call(
            verb: "CHECK", version: version, members: #""prevResult": \#(previous), \#(members)"#, variables: variables)
    }
}

extension TestNode {
    func expectCheck(_ call: Call, _ note: Comment = "", at location: SourceLocation = #_sourceLocation) throws {
        let output = try self.call(call)
        #expect(
            output.status == 0 && output.stdout.isEmpty && output.stderr.isEmpty, "\(note): \(output.all)",
            sourceLocation: location)
    }
}

/// CHECK is silent as long as all is as ADD left it, and else names what is not.
@Suite struct CheckTests {
    @Test(arguments: ["0.4.0", "1.0.0", "1.1.0"]) func silentAfterADD(version: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = """
            "bridge": "cni7", "mtu": 1400, "isDefaultGateway": true, "ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}], \
            [{"subnet": "fd00:9::/64"}]], "routes": [{"dst": "10.20.0.0/16", "priority": 7, "table": 100}, \
            {"dst": "fd00:20::/48", "gw": "fd00:9::9", "mtu": 1300}]}
            """
        let previous = try node.answer(Call(version: version, members: members))
        _ = try node.answer(Call(pod: "pod2", version: version, members: members))
        let before = try node.sql("SELECT max(id) FROM events")
        for _ in 0..<2 { try node.expectCheck(.check(previous, version: version, members: members)) }
        #expect(try node.sql("SELECT max(id) FROM events") == before)
        // A path of another name leads to the same namespace.
        try node.run("touch /run/netns/alias; mount --bind /run/netns/pod1 /run/netns/alias")
        try node.expectCheck(
            .check(previous, version: version, members: members, ["CNI_NETNS": "/run/netns/alias"]))
    }

    @Test(arguments: ["all", "none"]) func namesEveryDrift(repairPod: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #""repairPod": "\#(repairPod)", \#(dualStack)"#
        for sabotage in RepairTests.sabotages {
            let note = Comment(rawValue: sabotage.testDescription)
            let previous = try node.answer(Call(members: members))
            _ = try node.answer(Call(pod: "pod2", members: members))
            let hostEnd = try #require(try JSON(previous)["interfaces"][1]["name"].text)
            let check = Call.check(previous, members: members)
            try node.expectCheck(check, note)
            try node.run(sabotage.script, environment: ["VETH": hostEnd])
            var words = sabotage.plan.hasPrefix("of ") ? sabotage.plan : String(sabotage.plan.dropFirst(2))
            words = words.replacing(" of pod default/pod1", with: "").replacing("of pod default/pod1", with: "")
            // In full, where plan leaves out what a route has by default.
            if words.hasPrefix("route ") { words.replace(": ", with: " metric 0 table 254: ", maxReplacements: 1) }
            // CHECK repairs nothing, so that it says the same again.
            for _ in 0..<2 {
                try node.expectError(check, code: 104, saying: [words, "pod default/pod1", "network pods"])
            }
            for pod in ["pod1", "pod2"] { try node.delete(pod, members) }
            // Anew, so that the addresses are the same.
            try node.run(
                """
                ip netns del pod1; ip netns del pod2; rm -r "$DATA"
                for link in other cni0; do ip link del $link 2>/dev/null || true; done
                """)
            try node.addPods(2)
        }
    }

    @Test func oneErrorNamesAll() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""mtu": 1400, \#(dualStack)"#
        let previous = try node.answer(Call(members: members))
        try node.run(
            """
            ip addr del 10.244.0.1/24 dev cni0; sysctl -qw net.ipv4.ip_forward=0
            ip -n pod1 addr del 10.244.0.2/24 dev eth0; ip -n pod1 -6 route del default
            ip -n pod1 link set eth0 mtu 1300; ip -n pod1 link set eth0 address 02:00:00:00:00:99
            """)
        let output = try node.call(.check(previous, members: members))
        let message = try #require(try JSON(output.stdout)["msg"].text)
        for drift in [
            "address 10.244.0.1/24 on cni0: missing", "sysctl net.ipv4.ip_forward: is 0",
            "address 10.244.0.2/24 on eth0: missing", "route 0.0.0.0/0 metric 0 table 254: missing",
            "route ::/0 metric 0 table 254: missing", "pod link eth0: its MTU is 1300",
        ] {
            #expect(message.contains(drift), "\(drift): \(message)")
        }
        // Nobody asked for the MAC that it had.
        #expect(!message.contains("MAC"), "\(message)")
        #expect(try JSON(output.stdout)["details"].text?.split(separator: "\n").count == 6, "\(output.all)")
        let text = try node.plumbctl("apply")
        #expect(text.status == 0, "\(text.all)")
        try node.expectCheck(.check(previous, members: members))
    }

    @Test func anAdoptedBridgeThatIsDown() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add cni0 type bridge; ip link set cni0 up")
        let previous = try node.answer()
        try node.expectCheck(.check(previous))
        try node.run("ip link set cni0 mtu 1280 address 02:00:00:00:00:55")
        try node.expectCheck(.check(previous), "an adopted bridge's MAC and MTU are not ours")
        try node.run("ip link set cni0 down")
        try node.expectError(.check(previous), code: 104, saying: ["cni0 is down, and not ours to bring up"])
    }

    @Test(arguments: ["0.3.1"]) func cameWithAVersion(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let previous = try node.answer(Call(version: version))
        try node.expectError(.check(previous, version: version), code: 1, saying: ["CHECK", "0.4.0", version])
    }

    @Test func needsPrevResult() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.expectError(Call(verb: "CHECK"), code: 7, saying: ["prevResult"])
        for (previous, key) in [
            ("null", "prevResult"), (#""x""#, "prevResult"), (#"{"ips": 7}"#, "prevResult.ips"),
            (#"{"ips": [{"address": "10.0.0.300/24"}]}"#, "prevResult.ips[0].address"),
            (#"{"routes": [{"dst": "nonsense"}]}"#, "prevResult.routes[0].dst"),
            (#"{"routes": [{"dst": "10.0.0.0/8", "gw": "x"}]}"#, "prevResult.routes[0].gw"),
            (
                #"{"interfaces": [{"name": "eth0", "sandbox": "/x", "mac": "nonsense"}]}"#,
                "prevResult.interfaces[0].mac"
            ),
        ] {
            try node.expectError(.check(previous), code: 7, saying: ["key \(key)"])
        }
    }

    @Test func anAttachmentThatIsNotThere() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.expectError(.check("{}"), code: 3, saying: ["network pods", "eth0 of container c-pod1"])
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
        let previous = try node.answer()
        for variables in [["CNI_CONTAINERID": "c-other"], ["CNI_IFNAME": "net1"]] {
            try node.expectError(.check(previous, variables), code: 3, saying: ["never added"])
        }
        var elsewhere = Call.check(previous)
        elsewhere.network = "other"
        try node.expectError(elsewhere, code: 3, saying: ["network other"])
        for (state, word) in [("adding", "has not answered"), ("deleting", "is being deleted")] {
            _ = try node.sql("UPDATE attachments SET state = '\(state)'")
            try node.expectError(.check(previous), code: 3, saying: [word])
        }
        try node.delete("pod1")
        try node.expectError(.check(previous), code: 3, saying: ["eth0 of container c-pod1"])
    }

    @Test func anotherNamespace() throws {
        let node = try TestNode()
        try node.addPods(2)
        let previous = try node.answer()
        try node.expectError(.check(previous, ["CNI_NETNS": ""]), code: 4, saying: ["CNI_NETNS"])
        try node.expectError(
            .check(previous, ["CNI_NETNS": "/run/netns/pod2"]), code: 104,
            saying: ["/run/netns/pod2 is another network namespace", "/run/netns/pod1"])
        try node.run("touch /run/file")
        try node.expectError(.check(previous, ["CNI_NETNS": "/run/file"]), code: 4, saying: ["/run/file"])
        try node.run("ip netns del pod1")
        try node.expectError(
            .check(previous), code: 104, saying: ["network namespace is gone", "/run/netns/pod1", "pod default/pod1"])
        try node.run("ip netns add pod1")
        try node.expectError(.check(previous), code: 104, saying: ["is another network namespace"])
    }

    /// Cookies begin anew with each boot, so that the same one proves nothing.
    @Test func anotherBoot() throws {
        let node = try TestNode()
        try node.addPods(1)
        let previous = try node.answer()
        _ = try node.sql("UPDATE attachments SET boot_id = ''")
        try node.expectCheck(.check(previous), "a boot that nobody knows is doubt")
        _ = try node.sql("UPDATE attachments SET boot_id = 'other'")
        try node.expectError(
            .check(previous), code: 104, saying: ["the machine booted since its ADD", "pod default/pod1"])
    }

    /// What becomes of the bridge that its network went to is nothing to a pod that stayed on the old one.
    @Test func aNetworkThatMovedOn() throws {
        let node = try TestNode()
        try node.addPods(2)
        let previous = try node.answer()
        try node.add("pod2", #""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#)
        try node.run("ip link set cni1 down")
        try node.expectCheck(.check(previous))
        try node.run("ip link set cni0 down")
        try node.expectError(.check(previous), code: 104, saying: ["bridge cni0: it is down"])
    }
}
