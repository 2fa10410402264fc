import Testing

/// Whatever happens to our table, CHECK and plan name it, one apply mends it, and nobody else's is touched.
@Suite struct MasqueradeRepairTests {
    typealias Sabotage = RepairTests.Sabotage

    static let sabotages = [
        Sabotage("everything flushed", "nft flush ruleset", plan: "+ nft table inet $TABLE: missing"),
        Sabotage("table deleted", "nft delete table inet $TABLE", plan: "+ nft table inet $TABLE: missing"),
        Sabotage(
            "rules flushed", "nft flush table inet $TABLE",
            plan: #"~ nft table inet $TABLE: rule "IPv4 multicast" of chain postrouting is missing"#),
        Sabotage(
            "a rule deleted",
            #"nft delete rule inet $TABLE postrouting handle $(nft -a list table inet $TABLE | sed -n 's/.*"IPv4 of pods" # handle //p')"#,
            plan: #"~ nft table inet $TABLE: rule "IPv4 of pods" of chain postrouting is missing"#),
        Sabotage(
            "rules in another order",
            #"""
            h=$(nft -a list table inet $TABLE | sed -n 's/.*"IPv6 as it is" # handle //p')
            nft "delete rule inet $TABLE postrouting handle $h
            add rule inet $TABLE postrouting iifname . ip6 saddr . ip6 daddr @direct6 return comment \"IPv6 as it is\""
            """#, plan: "~ nft table inet $TABLE: the rules of chain postrouting are in another order"),
        Sabotage(
            "a rule beside ours", "nft insert rule inet $TABLE postrouting ip saddr 10.244.0.2 return",
            plan: "~ nft table inet $TABLE: chain postrouting has a rule beside ours"),
        Sabotage(
            "policy", "nft chain inet $TABLE postrouting '{ policy drop; }'",
            plan: "~ nft table inet $TABLE: the policy of chain postrouting is drop"),
        Sabotage(
            "chain deleted", "nft flush chain inet $TABLE postrouting; nft delete chain inet $TABLE postrouting",
            plan: "~ nft table inet $TABLE: chain postrouting is missing"),
        Sabotage(
            "chain with another priority",
            """
            nft flush chain inet $TABLE postrouting; nft delete chain inet $TABLE postrouting
            nft "add chain inet $TABLE postrouting { type nat hook postrouting priority 7; }"
            """, plan: "~ nft table inet $TABLE: chain postrouting has another hook, type or priority"),
        Sabotage(
            "chain of another type",
            """
            nft flush chain inet $TABLE postrouting; nft delete chain inet $TABLE postrouting
            nft "add chain inet $TABLE postrouting { type filter hook forward priority 0; policy drop; }"
            """, plan: "~ nft table inet $TABLE: chain postrouting has another hook, type or priority"),
        Sabotage(
            "chain without a hook",
            """
            nft flush chain inet $TABLE postrouting; nft delete chain inet $TABLE postrouting
            nft add chain inet $TABLE postrouting
            """, plan: "~ nft table inet $TABLE: chain postrouting has another hook, type or priority"),
        Sabotage(
            "a rule with a set of its own",
            "nft add rule inet $TABLE postrouting ip saddr '{ 192.0.2.1, 192.0.2.2 }' return",
            plan: "~ nft table inet $TABLE: chain postrouting has a rule beside ours"),
        Sabotage(
            "a map that leads to a chain",
            """
            nft "add chain inet $TABLE other; add map inet $TABLE ways { type ipv4_addr : verdict; }
            add element inet $TABLE ways { 192.0.2.1 : jump other }
            insert rule inet $TABLE postrouting ip saddr vmap @ways"
            """, plan: "~ nft table inet $TABLE: set ways is not ours"),
        Sabotage(
            "chain beside ours", "nft add chain inet $TABLE other",
            plan: "~ nft table inet $TABLE: chain other is not ours"),
        Sabotage(
            "set deleted", "nft flush chain inet $TABLE postrouting; nft delete set inet $TABLE masquerade6",
            plan: "~ nft table inet $TABLE: set masquerade6 is missing"),
        Sabotage(
            "set of another kind",
            """
            nft flush chain inet $TABLE postrouting; nft delete set inet $TABLE masquerade4
            nft "add set inet $TABLE masquerade4 { type ipv4_addr; }; add element inet $TABLE masquerade4 { 10.244.0.2 }"
            """, plan: "~ nft table inet $TABLE: set masquerade4 is of another kind"),
        Sabotage(
            "set of blocks of another kind",
            """
            nft flush chain inet $TABLE postrouting; nft delete set inet $TABLE direct4
            nft "add set inet $TABLE direct4 { type ipv4_addr; }; add element inet $TABLE direct4 { 10.0.0.1 }"
            """, plan: "~ nft table inet $TABLE: set direct4 is of another kind"),
        Sabotage(
            "set with other flags",
            """
            nft flush chain inet $TABLE postrouting; nft delete set inet $TABLE masquerade6
            nft "add set inet $TABLE masquerade6 { type ifname . ipv6_addr; flags timeout; }"
            """, plan: "~ nft table inet $TABLE: set masquerade6 is of another kind"),
        Sabotage(
            "set beside ours", "nft add set inet $TABLE other '{ type ipv4_addr; }'",
            plan: "~ nft table inet $TABLE: set other is not ours"),
        Sabotage(
            "dormant", "nft add table inet $TABLE '{ flags dormant; }'", plan: "~ nft table inet $TABLE: it is dormant"
        ),
        Sabotage(
            "an element deleted", "nft delete element inet $TABLE masquerade4 '{ cni0 . 10.244.0.2 }'",
            plan: "+ nft element inet $TABLE masquerade4 { cni0 . 10.244.0.2 } of pod default/pod1: missing"),
        Sabotage(
            "an IPv6 element deleted", "nft delete element inet $TABLE masquerade6 '{ cni0 . fd00:10:244::2 }'",
            plan: "+ nft element inet $TABLE masquerade6 { cni0 . fd00:10:244::2 } of pod default/pod1: missing"),
        Sabotage(
            "all elements of a set", "nft flush set inet $TABLE direct4",
            plan: "+ nft element inet $TABLE direct4 { cni0 . 10.244.0.0/24 . 10.244.0.0/24 }: missing"),
        Sabotage(
            "an element for another",
            """
            nft "delete element inet $TABLE masquerade4 { cni0 . 10.244.0.2 }
            add element inet $TABLE masquerade4 { cni0 . 10.244.0.2 comment \\"mine\\" }"
            """,
            plan: "~ nft element inet $TABLE masquerade4 { cni0 . 10.244.0.2 } of pod default/pod1: it is for mine"),
        Sabotage(
            "an element beside ours", "nft add element inet $TABLE masquerade4 '{ cni0 . 10.244.0.99 }'",
            plan: "- nft element inet $TABLE masquerade4 { cni0 . 10.244.0.99 }: no longer wanted"),
        Sabotage(
            "a range in the place of ours",
            """
            nft "delete element inet $TABLE direct4 { cni0 . 10.244.0.0/24 . 10.244.0.0/24 }
            add element inet $TABLE direct4 { cni0 . 10.244.0.0/24 . 0.0.0.0/0 }"
            """, plan: "- nft element inet $TABLE direct4 { cni0 . 10.244.0.0/24 . 0.0.0.0/0 }: no longer wanted"),
        Sabotage(
            "table of another family", "nft delete table inet $TABLE; nft add table ip $TABLE",
            plan: "+ nft table inet $TABLE: missing"),
    ]

    @Test func oneApplyMends() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.addOutside()
        try node.run(
            """
            nft 'add table ip foreign; add chain ip foreign post { type nat hook postrouting priority 90; }
            add set ip foreign s { type ipv4_addr; elements = { 10.244.0.2 }; }
            add rule ip foreign post ip saddr 198.51.100.1 masquerade; add table inet plumb; add table inet plumb-a'
            """)
        let answer = try node.run(
            #"CNI_COMMAND=ADD "$PLUMB" <<< "$CONFIG""#,
            environment: Call().environment.merging([
                "CONFIG": Call(members: TestNode.masqueraded).configuration(node.dataDirectory)
            ]) { $1 })
        try node.add("pod2", TestNode.masqueraded)
        let table = try node.run("nft list tables inet | sed -n 's/^table inet \\(plumb-....\\)$/\\1/p'")
        let foreign = "for t in 'ip foreign' 'inet plumb' 'inet plumb-a'; do nft list table $t; done"
        // A set that is made anew is listed last.
        let list = "nft list table inet \(table) | sort"
        let listing = try node.run(list)
        for sabotage in Self.sabotages {
            let note = Comment(rawValue: sabotage.testDescription)
            let untouched = try node.run(foreign)
            try node.run(sabotage.script, environment: ["TABLE": table])
            if sabotage.script.contains("flush ruleset") {
                #expect(try node.plumbctl("apply").status == 0, note)
                #expect(try node.run(list) == listing, note)
                // Theirs to make again.
                try node.run("nft -f - <<< \"$FOREIGN\"", environment: ["FOREIGN": untouched])
                try node.run(sabotage.script, environment: ["TABLE": table])
                try node.run("nft -f - <<< \"$FOREIGN\"", environment: ["FOREIGN": untouched])
            }
            let expected = sabotage.plan.replacing("$TABLE", with: table)
            let plan = try node.plumbctl("plan")
            #expect(plan.status == 2 && plan.stdout.contains(expected), "\(note): \(plan.all)")
            try expectCheck(node, answer, sabotage, expected)
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 0 && apply.stdout.contains(expected), "\(note): \(apply.all)")
            #expect(try node.run(list) == listing, note)
            #expect(try node.run(foreign) == untouched, note)
            try node.expectOutside(from: "pod1")
            try node.expectRest()
        }
    }

    /// CHECK of pod1 says what concerns it: no other's elements.
    private func expectCheck(_ node: TestNode, _ answer: String, _ sabotage: Sabotage, _ expected: String) throws {
        let note = Comment(rawValue: sabotage.testDescription)
        let members = TestNode.masqueraded + #", "prevResult": \#(answer)"#
        let check = try node.call(Call(verb: "CHECK", members: members))
        guard !sabotage.testDescription.hasSuffix("beside ours") || expected.hasPrefix("~") else { return }
        // A range that covers ours does what ours did.
        guard !expected.hasPrefix("-") else { return }
        #expect(check.status == 1 && check.stdout.contains(#""code":104"#), "\(note): \(check.all)")
        let name = expected.drop { $0 == "~" || $0 == "+" || $0 == " " }.prefix { $0 != ":" && $0 != "{" }
        #expect(check.stdout.contains(name), "\(note): \(check.all)")
    }

    /// iptables has tables of its own in nf_tables, and flushing them is an admin's everyday remedy.
    @Test func whatIptablesFlushes() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.addOutside()
        try node.add("pod1", TestNode.masqueraded)
        try node.run("iptables -t nat -A POSTROUTING -s 10.99.0.0/16 -j MASQUERADE; iptables -A FORWARD -j ACCEPT")
        try node.run("iptables -F; iptables -t nat -F; ip6tables -F; ip6tables -t nat -F")
        let rules = "{ iptables-save; ip6tables-save; } | sed '/^#/d; s/ \\[.*//'"
        let before = try node.run(rules)
        try node.expectConvergence()
        try node.expectOutside(from: "pod1")
        #expect(try node.run(rules) == before && !before.isEmpty)
    }

    /// What plan prints is what a person could type: of each change one command, and that one transaction.
    @Test func theCommandsThatPlanPrintsDoIt() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.addOutside()
        let members = TestNode.masqueraded + #", "macspoofchk": true"#
        for pod in ["pod1", "pod2"] { try node.add(pod, members) }
        let table = try node.run("nft list tables inet | cut -d' ' -f3")
        let list = "nft list table inet \(table) | sort; nft list table bridge \(table) | sort"
        let listing = try node.run(list)
        let more = [
            Sabotage("the check of MACs deleted", "nft delete table bridge $TABLE", plan: ""),
            Sabotage(
                "chain of the check with another priority",
                """
                nft flush chain bridge $TABLE prerouting; nft delete chain bridge $TABLE prerouting
                nft "add chain bridge $TABLE prerouting { type filter hook prerouting priority 0; }"
                """, plan: ""),
            Sabotage(
                "set of the check of another kind",
                """
                nft flush chain bridge $TABLE prerouting; nft delete set bridge $TABLE macs
                nft "add set bridge $TABLE macs { type ether_addr; }"
                """, plan: ""),
        ]
        for sabotage in Self.sabotages + more {
            let note = Comment(rawValue: sabotage.testDescription)
            try node.run(sabotage.script, environment: ["TABLE": table])
            for change in try node.plumbctlJSON("plan")["changes"].elements {
                let command = try #require(change["command"].text)
                let isQuoted = command.hasPrefix("nft '") && command.hasSuffix("'") && command.count { $0 == "'" } == 2
                #expect(isQuoted, "\(note): \(command)")
                let typed = try node.attempt(#"sh -ec "$COMMAND""#, environment: ["COMMAND": command])
                #expect(typed.status == 0, "\(note): \(command) \(typed.all)")
            }
            #expect(try node.run(list) == listing, note)
            try node.expectRest()
            try node.expectOutside(from: "pod1")
        }
    }

    /// Names of links that nft(8) takes for something else, and what an admin copies from the screen.
    @Test(arguments: ["1br", "br@0", "counter"]) func theCommandsOnTheScreenDoIt(bridge: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1", TestNode.masqueraded + #", "bridge": "\#(bridge)""#)
        let listing = try node.run("nft list ruleset")
        for sabotage in [
            "nft flush ruleset",
            "nft list tables inet | cut -d' ' -f3 | xargs -I '{}' nft 'add chain inet {} other; flush set inet {} direct6'",
        ] {
            try node.run(sabotage)
            let plan = try node.plumbctl("plan").stdout
            #expect(plan.contains("\n    nft '"))
            let commands = plan.split(separator: "\n").filter { $0.hasPrefix("    ") }.joined(separator: "\n")
            try node.run(#"sh -e <<< "$COMMANDS""#, environment: ["COMMANDS": commands])
            #expect(try node.run("nft list ruleset") == listing)
            try node.expectRest()
        }
    }

    /// A link's name may hold what ends a quotation.
    @Test func anElementOfSomebodyElses() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1", TestNode.masqueraded)
        let listing = try node.run("nft list ruleset")
        try node.run(
            #"""
            table=$(nft list tables inet | cut -d' ' -f3)
            nft "add element inet $table masquerade4 { \"a'\$(exit)'\" . 10.9.9.9 }"
            """#)
        let command = try #require(try node.plumbctlJSON("plan")["changes"][0]["command"].text)
        try node.run(#"sh -ec "$COMMAND""#, environment: ["COMMAND": command])
        #expect(try node.run("nft list ruleset") == listing, "\(command)")
        try node.expectRest()
    }

    @Test func aTableOfOurNameThatIsNotOurs() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", TestNode.masqueraded)
        let table = try node.run("nft list tables inet | cut -d' ' -f3")
        try node.run(
            """
            nft delete table inet \(table); nft add table inet \(table)
            nft add set inet \(table) masquerade4 '{ type ifname . ipv4_addr; }'
            """)
        let theirs = try node.run("nft list table inet \(table)")
        try node.expectError(
            Call(pod: "pod2", members: TestNode.masqueraded), code: 101, saying: ["ipMasq", table, "not ours"])
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && apply.stderr.contains("without Plumb's comment"), "\(apply.all)")
        #expect(try node.run("nft list table inet \(table)") == theirs)
        let status = try node.call(Call(verb: "STATUS", members: TestNode.masqueraded))
        #expect(status.stdout.contains(#""code":51"#) && status.stdout.contains(table), "\(status.all)")
        try node.run("nft delete table inet \(table)")
        try node.expectConvergence()
    }

    @Test func statusOfAMasqueradingNetwork() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call(verb: "STATUS", members: TestNode.masqueraded)
        #expect(try node.call(call).status == 0)
        try node.add("pod1", TestNode.masqueraded)
        #expect(try node.call(call).status == 0)
        try node.run("nft flush ruleset")
        let status = try node.call(call)
        #expect(status.stdout.contains(#""code":51"#) && status.stdout.contains("nft table inet"), "\(status.all)")
        try node.expectConvergence()
        #expect(try node.call(call).status == 0)
    }
}
