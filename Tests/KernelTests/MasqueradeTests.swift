import Testing

/// Pods reach an outside that has no route back to them.
@Suite struct MasqueradeTests {
    @Test func theOutsideIsReachedOnlyByIt() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.addOutside()
        try node.add("pod1")
        try node.add("pod2", #""bridge": "cni1", "subnets": ["10.245.0.0/24", "fd00:10:245::/64"], "ipMasq": true"#)
        try node.expectOutside(from: "pod1", false)
        try node.expectOutside(from: "pod2")
        try node.expectRest()
        try node.delete("pod1")
        try node.delete("pod2", #""bridge": "cni1", "subnets": ["10.245.0.0/24", "fd00:10:245::/64"], "ipMasq": true"#)
        #expect(try node.elements(of: "masquerade4").isEmpty && node.elements(of: "masquerade6").isEmpty)
        try node.expectNothingLeft()
        // The bridge that the network left, with the last pod that was on it.
        try node.expectConvergence()
        #expect(try node.ourLinks() == ["cni1"])
    }

    /// Between pods, and where the configuration says so, a pod is who it is.
    @Test func whatIsExceptedGoesAsItIs() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.addOutside()
        let members = TestNode.masqueraded + #", "nonMasqueradeCIDRs": ["192.0.2.0/24", "fd99::/64"]"#
        for pod in ["pod1", "pod2"] { try node.add(pod, members) }
        try node.expectOutside(from: "pod1", false)
        try node.run(
            "ip -n outside route add 10.244.0.0/24 via 192.0.2.1; ip -n outside route add fd00:10:244::/64 via fd99::1")
        try node.expectOutside(from: "pod1")
        try node.expectPing(from: "pod1", to: "10.244.0.3", "fd00:10:244::3")
        #expect(
            try node.elements(of: "direct4")
                == ["cni0 . 10.244.0.0/24 . 10.244.0.0/24", "cni0 . 10.244.0.0/24 . 192.0.2.0/24"])
        #expect(
            try node.elements(of: "direct6") == [
                "cni0 . fd00:10:244::/64 . fd00:10:244::/64", "cni0 . fd00:10:244::/64 . fd99::/64",
            ])
        let rules = try node.run("nft list ruleset")
        #expect(rules.contains("ip daddr 224.0.0.0/4 return") && rules.contains("ip6 daddr ff00::/8 return"))
        try node.expectRest()
    }

    /// A configuration that changes is for the pods that come; those that are there keep what they were promised, but
    /// what is excepted for one of a subnet is excepted for all of it.
    @Test func aConfigurationThatChanges() throws {
        let node = try TestNode()
        try node.addPods(4)
        func add(_ pod: String, _ exceptions: String) throws {
            try node.add(pod, TestNode.masqueraded + #", "nonMasqueradeCIDRs": [\#(exceptions)]"#)
        }
        try add("pod1", #""10.2.0.0/16""#)
        try node.expectRest()
        // Wider than what is there, and then beside it.
        try add("pod2", #""10.0.0.0/8""#)
        #expect(try node.elements(of: "direct4") == ["cni0 . 10.244.0.0/24 . 10.0.0.0/8"])
        try node.expectRest()
        try add("pod3", #""172.16.0.0/12""#)
        let all = ["cni0 . 10.244.0.0/24 . 10.0.0.0/8", "cni0 . 10.244.0.0/24 . 172.16.0.0/12"]
        #expect(try node.elements(of: "direct4") == all)
        try node.expectRest()
        try node.delete("pod2", TestNode.masqueraded)
        #expect(try node.plumbctl("plan").status == 2)
        try node.expectConvergence()
        #expect(
            try node.elements(of: "direct4") == [
                "cni0 . 10.244.0.0/24 . 10.2.0.0/16", "cni0 . 10.244.0.0/24 . 10.244.0.0/24",
                "cni0 . 10.244.0.0/24 . 172.16.0.0/12",
            ])
        // Without the key, the next pod is not masqueraded, and the others are.
        try node.add("pod4")
        try node.expectConvergence()
        #expect(try node.elements(of: "masquerade4") == ["cni0 . 10.244.0.2", "cni0 . 10.244.0.4"])
        for pod in ["pod1", "pod3", "pod4"] { try node.delete(pod) }
        try node.expectConvergence()
        #expect(try node.run("nft list ruleset") == "")
        try node.expectNothingLeft()
    }

    @Test func addressesOfAnotherIPAMPlugin() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.addOutside()
        try node.installDelegate()
        let members = TestNode.delegated(#", "ipMasq": true"#)
        let output = try node.call(.delegated(members: members))
        #expect(output.status == 0, "\(output.all)")
        #expect(try node.elements(of: "masquerade4") == ["br0 . 10.9.0.7"])
        try node.expectOutside(from: "pod1")
        try node.expectRest()
        let deletion = try node.call(.delegated("DEL", members: members))
        #expect(deletion.status == 0, "\(deletion.all)")
        #expect(try node.elements(of: "masquerade4").isEmpty)
        try node.expectConvergence()
    }

    /// Whoever comes first makes the table, and the others notice.
    @Test func manyFirstADDsAtOnce() throws {
        let node = try TestNode()
        try node.addPods(20)
        let commands = try (1...20).map { try node.start(Call(pod: "pod\($0)", members: TestNode.masqueraded)) }
        for command in commands {
            let output = command.wait()
            #expect(output.status == 0, "\(output.all)")
        }
        #expect(try node.elements(of: "masquerade4").count == 20)
        #expect(try node.run("nft list ruleset | grep -c ' masquerade comment'") == "2")
        try node.expectRest()
        let ends = try (1...20).map { try node.start(Call(verb: "DEL", pod: "pod\($0)")) }
        for end in ends {
            let output = end.wait()
            #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        }
        #expect(try node.elements(of: "masquerade4").isEmpty)
        try node.expectRest()
    }

    /// However the pod ends, its address is nobody's afterwards.
    @Test(arguments: ["DEL without namespace", "GC", "apply"]) func nothingOfADeadPodIsLeft(end: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1", TestNode.masqueraded)["interfaces"][1]["name"].text)
        try node.add("pod2", TestNode.masqueraded)
        try node.run("ip netns del pod1")
        switch end {
        case "GC":
            let list = #", "cni.dev/valid-attachments": [{"containerID": "c-pod2", "ifname": "eth0"}]"#
            let output = try node.call(Call(verb: "GC", members: TestNode.masqueraded + list))
            #expect(output.status == 0, "\(output.all)")
        case "apply":
            try node.waitUntilGone(hostEnd)
            try node.expectConvergence()
        default:
            let output = try node.call(Call(verb: "DEL", variables: ["CNI_NETNS": ""]))
            #expect(output.status == 0, "\(output.all)")
        }
        #expect(try node.elements(of: "masquerade4") == ["cni0 . 10.244.0.3"])
        #expect(try node.elements(of: "masquerade6") == ["cni0 . fd00:10:244::3"])
        try node.expectRest()
    }

    @Test func twoDatabasesHaveATableEach() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.addOutside()
        try node.add("pod1", TestNode.masqueraded)
        let other = #""bridge": "cni1", "subnets": ["10.245.0.0/24", "fd00:10:245::/64"], "ipMasq": true"#
        var call = Call(pod: "pod2")
        call.input = #"{"cniVersion": "1.1.0", "name": "other", "type": "plumb", "dataDir": "/run/other", \#(other)}"#
        let addition = try node.call(call)
        #expect(addition.status == 0, "\(addition.all)")
        #expect(try node.run("nft list tables inet | grep -c plumb-") == "2")
        try node.expectOutside(from: "pod1")
        try node.expectOutside(from: "pod2")
        for directory in ["/run/plumb", "/run/other"] {
            let before = try node.run("nft list ruleset")
            let apply = try node.run(#""$PLUMBCTL" apply --data-dir \#(directory)"#)
            #expect(apply.contains("Applied: 0 added, 0 changed, 0 deleted"))
            #expect(try node.run("nft list ruleset") == before)
        }
        call.verb = "DEL"
        #expect(try node.call(call).status == 0)
        try node.expectOutside(from: "pod1")
    }

    /// The database is an older copy that does not know pod1: it lives, and what it has stays with it.
    @Test func aForgottenPodKeepsItsOwn() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.addOutside()
        try node.add("pod2", TestNode.masqueraded)
        try node.run(#"sqlite3 "$DATA/state.db" "VACUUM INTO '/run/copy.db'""#)
        try node.add("pod1", TestNode.masqueraded)
        try node.run(
            #"rm "$DATA"/state.db*; sqlite3 /run/copy.db 'PRAGMA journal_mode=WAL'; mv /run/copy.db "$DATA/state.db""#)
        try node.expectRest()
        try node.expectOutside(from: "pod1")
    }

    /// Runtimes other than Kubernetes' call pods as they like.
    @Test func aPodWithAStrangeName() throws {
        let node = try TestNode()
        try node.addPods(1)
        let name = String(repeating: "\"ä'{ ", count: 20)
        let output = try node.call(
            Call(members: TestNode.masqueraded, variables: ["CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=\(name)"]))
        #expect(output.status == 0, "\(output.all)")
        try node.expectRest()
        try node.run("nft list ruleset > /run/saved; nft flush ruleset; nft -f /run/saved")
        try node.expectRest()
        try node.delete("pod1")
        #expect(try node.elements(of: "masquerade4").isEmpty)
    }

    /// As Debian's nftables.service does at boot and an admin at any time.
    @Test func aRulesetThatIsSavedAndRestored() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.addOutside()
        try node.add("pod1", TestNode.masqueraded)
        try node.run("nft list ruleset > /run/saved; nft flush ruleset; nft -f /run/saved")
        try node.expectRest()
        try node.expectOutside(from: "pod1")
    }

    @Test func aKernelWithoutNFTables() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call(members: TestNode.masqueraded)
        var environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        // The sockets of an ADD: the host's, the pod's, then nf_tables'. Nobody else's fails.
        func attempt(_ verb: String, socket: Int) throws -> Output {
            environment["CNI_COMMAND"] = verb
            return try node.attempt(
                """
                strace -f -qq -o /run/trace -e inject=socket:error=EPROTONOSUPPORT:when=\(socket) "$PLUMB" <<< "$CONFIG"
                """, environment: environment)
        }
        let addition = try attempt("ADD", socket: 3)
        #expect(
            addition.status == 1 && addition.stdout.contains("key ipMasq: the kernel has no nf_tables"),
            "\(addition.all)")
        try node.expectNothingLeft()
        let status = try attempt("STATUS", socket: 2)
        #expect(status.stdout.contains(#""code":50"#) && status.stdout.contains("key ipMasq"), "\(status.all)")
        // DEL needs none of it.
        try node.add("pod1", TestNode.masqueraded)
        let deletion = try attempt("DEL", socket: 2)
        #expect(deletion.status == 0 && deletion.stdout.isEmpty, "\(deletion.all)")
        try node.expectConvergence()
    }
}
