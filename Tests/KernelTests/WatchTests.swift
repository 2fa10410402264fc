import Testing

/// `plumbctl watch` on the real kernel.
@Suite struct WatchTests {
    struct Sabotage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// `$VETH` is the host's end of pod1's pair.
        var script: String
        /// What holds when it is mended, looked at by what is quick.
        var condition: String

        init(_ description: String, _ script: String, _ condition: String) {
            testDescription = description
            self.script = script
            self.condition = condition
        }
    }

    static let sabotages = [
        Sabotage(
            "pod address", "ip -n pod1 addr del 10.244.0.2/24 dev eth0",
            #"[ -n "$(ip -n pod1 addr show dev eth0 to 10.244.0.2)" ]"#),
        Sabotage(
            "pod IPv6 address", "ip -n pod1 addr del fd00:10:244::2/64 dev eth0",
            #"[ -n "$(ip -n pod1 addr show dev eth0 to fd00:10:244::2)" ]"#),
        Sabotage("default route", "ip -n pod1 route del default", #"[ -n "$(ip -n pod1 route show default)" ]"#),
        Sabotage(
            "default route by another gateway", "ip -n pod1 route replace default via 10.244.0.77 proto 80",
            #"[ -n "$(ip -n pod1 route show default via 10.244.0.1)" ]"#),
        Sabotage(
            "pod link down", "ip -n pod1 link set eth0 down", #"[ -n "$(ip -n pod1 route show default)" ]"#),
        Sabotage("pod link deleted", "ip -n pod1 link del eth0", #"[ -n "$(ip -n pod1 route show default)" ]"#),
        Sabotage("host end deleted", "ip link del $VETH", #"[ -n "$(ip -n pod1 route show default)" ]"#),
        Sabotage("host end down", "ip link set $VETH down", #"[[ $(ip link show $VETH) == *[\<,]UP[,\>]* ]]"#),
        Sabotage(
            "host end out of the bridge", "ip link set $VETH nomaster",
            #"[[ $(ip link show $VETH) == *"master cni0"* ]]"#),
        Sabotage(
            "bridge deleted", "ip link del cni0",
            #"[ -n "$(ip addr show dev cni0 to 10.244.0.1)" -a -n "$(ip link show $VETH | grep 'master cni0')" ]"#),
        Sabotage("bridge down", "ip link set cni0 down", #"[[ $(ip link show cni0) == *[\<,]UP[,\>]* ]]"#),
        Sabotage(
            "gateway address", "ip addr del 10.244.0.1/24 dev cni0",
            #"[ -n "$(ip addr show dev cni0 to 10.244.0.1)" ]"#),
        Sabotage(
            "IPv6 gateway address", "ip addr del fd00:10:244::1/64 dev cni0",
            #"[ -n "$(ip addr show dev cni0 to fd00:10:244::1)" ]"#),
        Sabotage(
            "no forwarding", "echo 0 >/proc/sys/net/ipv4/ip_forward",
            #"[ "$(</proc/sys/net/ipv4/ip_forward)" = 1 ]"#),
        Sabotage(
            "no IPv6 forwarding", "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding",
            #"[ "$(</proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]"#),
        Sabotage(
            "host route", "ip route del 10.9.0.0/24", #"[ -n "$(ip route show 10.9.0.0/24 proto 80)" ]"#),
    ]

    /// Measured from the end of the command that breaks it, by commands that take some milliseconds themselves.
    @Test(arguments: sabotages) func mendsWithinATenthOfASecond(sabotage: Sabotage) throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.add("pod2")
        try node.sqlRoute()
        let watching = try Watching(node)
        let milliseconds = try watching.bestLatency(
            sabotage.script, until: sabotage.condition, environment: ["VETH": hostEnd])
        let said = try watching.mended() + watching.said()
        #expect(milliseconds <= 100, "\(milliseconds) ms\n\(said)")
        try node.waitForRest()
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1", "10.244.0.3", "fd00:10:244::3")
        let output = try watching.end()
        #expect(output.status == 0, "\(output.all)")
        #expect(try node.sql("SELECT count(*) FROM events WHERE reason LIKE 'watch: %'") != "0")
    }

    /// In `$TABLE`, by the rulesets' own notifications.
    static let firewallSabotages = [
        Sabotage("all rulesets flushed", "nft flush ruleset", "nft list table inet $TABLE | grep '10.244.0.3 comment'"),
        Sabotage(
            "a rule deleted",
            #"nft delete rule inet $TABLE postrouting handle $(nft -a list table inet $TABLE | sed -n 's/.*"IPv4 of pods" # handle //p')"#,
            "nft list table inet $TABLE | grep 'IPv4 of pods'"),
        Sabotage(
            "a rule beside ours", "nft insert rule inet $TABLE postrouting ip saddr 10.244.0.2 return",
            "! nft list table inet $TABLE | grep 'ip saddr 10.244.0.2'"),
        Sabotage(
            "an element deleted", "nft delete element inet $TABLE masquerade4 '{ cni0 . 10.244.0.2 }'",
            "nft list table inet $TABLE | grep '10.244.0.2 comment'"),
        Sabotage(
            "an element that is nobody's own deleted", "nft flush set inet $TABLE direct6",
            "nft list table inet $TABLE | grep 'fd00:10:244::/64 . fd00:10:244::/64'"),
        Sabotage(
            "an element beside ours", "nft add element inet $TABLE masquerade4 '{ cni0 . 10.244.0.99 }'",
            "! nft list table inet $TABLE | grep 10.244.0.99"),
        Sabotage(
            "the check of MACs deleted", "nft delete table bridge $TABLE",
            "nft list table bridge $TABLE | grep 'comment \"pod default/pod2'"),
    ]

    /// A row of `routes` that comes and goes by an admin's hand is nobody's undoing of what the watch did.
    @Test func doesWhatRowsAskForAgainAndAgain() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        let watching = try Watching(node)
        for _ in 0..<8 {
            let insertion = "INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '10.244.0.3')"
            _ = try node.sql(insertion)
            try node.run(
                "for i in $(seq 80); do [ -n \"$(ip route show 10.9.0.0/24)\" ] && exit; sleep 0.01; done; exit 1")
            _ = try node.sql("DELETE FROM routes WHERE dst = '10.9.0.0/24'")
            try node.run(
                "for i in $(seq 80); do [ -z \"$(ip route show 10.9.0.0/24)\" ] && exit; sleep 0.01; done; exit 1")
        }
        #expect(try !watching.said().contains("somebody else"))
        #expect(try watching.end().status == 0)
    }

    /// Gone for so short that only a look which an event of the kernel asked for went by it.
    @Test func aRowThatWasGoneForAMoment() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        try node.sqlRoute()
        let watching = try Watching(node)
        // Writes that ask for nothing new make it take its time for the next one.
        let lost = try node.run(
            """
            sql() { sqlite3 $DATA/state.db "$1"; }
            sleep 1.5
            for round in $(seq 8); do
                for i in $(seq 5); do sleep 0.1; sql 'UPDATE attachments SET state = state'; done
                sleep 0.012
                sql 'DELETE FROM routes'
                ip route add 10.99.$round.0/24 via 10.244.0.3 proto 80
                for i in $(seq 25); do [ -z "$(ip route show 10.9.0.0/24)" ] && break; done
                sql "INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '10.244.0.3')"
                # What is lost is so until the next look at everything, in an hour.
                for i in $(seq 500); do [ -n "$(ip route show 10.9.0.0/24)" ] && continue 2; sleep 0.01; done
                echo "round $round"
            done
            """)
        let said = try watching.mended() + watching.said()
        #expect(lost == "", "\(lost)\n\(said)")
        #expect(try watching.mended().contains("- route 10.9.0.0/24"))
        #expect(try watching.end().status == 0)
    }

    /// The kernel takes an IPv4 route away with the addresses of its link, and tells nobody.
    @Test func aHostRouteWhoseLinkWasAway() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let make = """
            ip link add up0 type veth peer name up1; ip link set up1 up
            ip addr add 192.168.7.1/24 dev up0; ip link set up0 up
            """
        try node.run(make)
        _ = try node.sql("INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '192.168.7.9')")
        _ = try node.sql("INSERT INTO routes (dst, dev) VALUES ('10.8.0.0/24', 'up0')")
        let watching = try Watching(node)
        for sabotage in [
            "ip link set up0 down; ip link set up0 up",
            "ip addr flush dev up0; sleep 0.1; ip addr add 192.168.7.1/24 dev up0", "ip link del up0; \(make)",
        ] {
            let latency = try watching.latency(
                sabotage, until: #"[ -n "$(ip route show 10.9.0.0/24)" -a -n "$(ip route show 10.8.0.0/24)" ]"#,
                environment: [:])
            #expect(latency != nil, "\(sabotage)")
        }
        try node.waitForRest()
        #expect(try watching.end().status == 0)
    }

    /// Of what is undone while an ADD runs only that ADD knows, and it is through with it.
    @Test func whatIsUndoneWhileAnAddRuns() throws {
        let node = try TestNode()
        try node.addPods(4)
        let members = TestNode.masqueraded + #", "enabledad": true"#
        try node.add("pod4", members)
        let watching = try Watching(node)
        for (pod, sabotage) in [
            ("pod1", "nft flush ruleset"), ("pod2", "ip link set $VETH nomaster"),
            ("pod3", "ip -n pod3 route del default"),
        ] {
            let call = try node.start(Call(pod: pod, members: members))
            // It waits for duplicate address detection, for one to two seconds.
            try node.run(
                """
                query="SELECT host_ifname FROM attachments WHERE pod_name = '\(pod)' AND state = 'adding'"
                for i in $(seq 100); do
                    VETH=$(sqlite3 $DATA/state.db "$query")
                    [ -n "$VETH" ] && ip -n \(pod) -6 addr show | grep -q tentative && break
                    sleep 0.01
                done
                sleep 0.1
                \(sabotage)
                [ -n "$(sqlite3 $DATA/state.db "$query")" ]
                """)
            let output = call.wait()
            #expect(output.status == 0, "\(output.all)")
            try node.waitForRest()
        }
        // Whose ADD died is nobody's to wait for.
        _ = try node.sql("UPDATE attachments SET state = 'adding' WHERE pod_name = 'pod4'")
        let before = try watching.ticks()
        try node.run("ip -n pod4 route add 192.0.2.0/24 dev eth0; sleep 1.5")
        #expect(try watching.ticks() - before <= 3)
        #expect(try watching.end().status == 0)
    }

    /// A host route that cannot be made keeps nothing else waiting for long.
    @Test func besideWhatCannotBeMended() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '192.0.2.9')")
        let watching = try Watching(node)
        try node.run(
            """
            for i in $(seq 16); do
                ip addr add 10.244.0.200/24 dev cni0; sleep 0.3; ip addr del 10.244.0.200/24 dev cni0; sleep 0.3
            done
            """)
        let latency = try watching.latency(
            "ip addr del 10.244.0.1/24 dev cni0", until: #"[ -n "$(ip addr show dev cni0 to 10.244.0.1)" ]"#,
            environment: [:])
        #expect(try #require(latency) < 3_000)
        #expect(try watching.end().status == 0)
    }

    /// That IPv6 is allowed on a bridge again makes no event of it.
    @Test func whatFailsIsTriedAgain() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        // Else its own address there, once it is through with detection of duplicates, is an event.
        try node.run("ip link set cni0 addrgenmode none")
        let watching = try Watching(node)
        for pause in 7..<10 {
            try node.run(
                """
                sysctl -qw net.ipv6.conf.cni0.disable_ipv6=1
                sleep 0.0\(pause)
                sysctl -qw net.ipv6.conf.cni0.disable_ipv6=0
                """)
            try node.waitForRest()
        }
        #expect(try watching.said().contains("IPv6 is disabled on cni0"))
        #expect(try watching.end().status == 0)
    }

    /// A network has other addresses by now, and a pod was there that had those of before.
    @Test func whatTheLastPodLeaves() throws {
        let node = try TestNode()
        try node.addPods(3)
        let other = #""bridge": "br2", "ipMasq": true, "subnets": ["10.2.0.0/24"]"#
        #expect(try node.call(Call(pod: "pod3", network: "other", members: other)).status == 0)
        try node.add("pod1", TestNode.masqueraded)
        try node.add("pod2", #""subnets": ["10.245.0.0/24", "fd00:10:245::/64"]"#)
        let watching = try Watching(node)
        try node.run("ip addr show dev cni0 | grep 10.244.0.1/24; nft list ruleset | grep 10.244.0.0/24")
        // Whatever it did as it began makes it look twice.
        for _ in 0..<3 {
            try node.run("sleep 0.7")
            _ = try node.sql("UPDATE attachments SET state = state")
        }
        try node.run("sleep 1.5")
        try node.delete("pod1", TestNode.masqueraded)
        try node.waitForRest()
        let left = try node.run("{ ip addr show dev cni0; nft list ruleset; } | grep -F 10.244.0. || true")
        #expect(left == "")
        #expect(try watching.end().status == 0)
    }

    /// It is heard before it is seen: the disk may be slow, and the machine busy. The shell stays, so that nothing else is
    /// heard of it.
    @Test func aCommitThatTakesItsTime() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let watching = try Watching(node)
        try node.run(
            #"""
            mkfifo /run/lines
            : > /run/said; sqlite3 $DATA/state.db < /run/lines > /run/said &
            shell=$!
            exec 3> /run/lines
            # The first makes the log, and waits for the disk twice.
            echo "UPDATE store SET tag = tag; SELECT 'written';" >&3
            until grep -q written /run/said; do sleep 0.01; done
            strace -qq -o /run/trace -p $shell -P $DATA/state.db-wal -e inject=fdatasync:signal=STOP:when=1 3>&- &
            until grep -q 'TracerPid:.*[1-9]' /proc/$shell/status; do sleep 0.01; done
            # The kernel goes on to tell of what ADD did for a second, and who looks then sees the row.
            sleep 2
            echo "INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '10.244.0.2');" >&3
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            sleep 0.5
            [ -z "$(ip route show 10.9.0.0/24)" ]
            kill -CONT $shell
            for i in $(seq 300); do [ -n "$(ip route show 10.9.0.0/24)" ] && break; sleep 0.01; done
            [ -n "$(ip route show 10.9.0.0/24)" ]
            exec 3>&-; wait $shell
            """#)
        #expect(try watching.end().status == 0)
    }

    @Test func hearsTheFirewall() throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = TestNode.masqueraded + #", "macspoofchk": true"#
        for pod in ["pod1", "pod2"] { try node.add(pod, members) }
        let table = try node.run("nft list tables inet | cut -d' ' -f3")
        let watching = try Watching(node)
        for sabotage in Self.firewallSabotages {
            let best = try watching.bestLatency(
                sabotage.script, until: sabotage.condition, environment: ["TABLE": table])
            let said = try watching.mended()
            #expect(best <= 100, "\(sabotage.testDescription): \(best) ms\n\(said)")
            try node.waitForRest()
            // As an admin breaks things, not as somebody who fights.
            try node.run("sleep 0.3")
        }
        let said = try watching.said()
        #expect(!said.contains("failed") && !said.contains("lost"), "\(said)")
        #expect(try watching.end().status == 0)
        try node.expectRest()
    }

    /// Others' tables change all the time, and what an ADD or a DEL does there is right.
    @Test func isNotKeptBusyByTheFirewall() throws {
        let node = try TestNode()
        try node.addPods(6)
        try node.add("pod1", TestNode.masqueraded)
        let watching = try Watching(node)
        let before = try watching.ticks()
        try node.run(
            """
            nft 'add table inet fw; add set inet fw s { type ipv4_addr; }'
            for i in $(seq 200); do echo "add element inet fw s { 192.0.2.$i }"; done > /run/many
            for i in $(seq 10); do nft flush set inet fw s; nft -f /run/many; done
            for i in $(seq 100); do nft add element inet fw s "{ 198.51.100.$i }"; done
            """)
        #expect(try watching.ticks() - before <= 10)
        for pod in 2...6 { try node.add("pod\(pod)", TestNode.masqueraded) }
        for pod in 2...4 { try node.delete("pod\(pod)", TestNode.masqueraded) }
        try node.waitForRest()
        #expect(try watching.mended() == "")
        // What it mended itself, it hears too, and finds as it should be.
        try node.run("nft flush ruleset")
        try node.waitForRest()
        try node.run("sleep 0.5")
        let rest = try watching.ticks()
        try node.run("sleep 1.5")
        #expect(try watching.ticks() - rest <= 3)
        #expect(try watching.end().status == 0)
    }

    /// A look at one pod says nothing of what failed elsewhere.
    @Test func aFailureElsewhereStays() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '192.0.2.9')")
        let watching = try Watching(node, "--metrics /run/metrics")
        let failures = "SELECT count(*) FROM v_problems WHERE problem LIKE '%10.9.0.0/24%'"
        #expect(try node.sql(failures) != "0")
        let latency = try watching.latency(
            "ip -n pod1 route del default", until: "ip -n pod1 route show default | grep -q via", environment: [:])
        #expect(latency != nil)
        #expect(try watching.end().status == 0)
        #expect(try node.sql(failures) != "0")
        #expect(try node.sql("SELECT min(failed) FROM runs") != "0")
        let metrics = try node.run("cat /run/metrics")
        #expect(metrics.contains("plumb_last_run_failures 1"), "\(metrics)")
        #expect(metrics.contains(#"plumb_changes_total{action="add",kind="route"} 1"#), "\(metrics)")
    }

    /// The file of before would go on saying that all is well.
    @Test func aDatabaseThatIsDamaged() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let watching = try Watching(node, interval: 1, "--metrics /run/metrics")
        try node.run("grep -q 'plumb_last_run_failures 0' /run/metrics")
        let latency = try watching.latency(
            #"rm "$DATA"/state.db*; head -c 4096 /dev/zero > "$DATA/state.db""#,
            until: "grep -q 'plumb_last_run_failures 1' /run/metrics", environment: [:])
        #expect(latency != nil)
        #expect(try watching.end().status == 0)
    }

    /// What an admin writes into the database.
    @Test func hearsTheDatabase() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        try node.add("pod2")
        let watching = try Watching(node)
        let best = try watching.bestLatency(
            #"""
            dst=10.9.$(sqlite3 "$DATA/state.db" 'SELECT count(*) FROM routes').0/24
            sqlite3 "$DATA/state.db" "INSERT INTO routes (dst, gateway) VALUES ('$dst', '10.244.0.3')"
            """#, until: #"[ -n "$(ip route show $dst)" ]"#, environment: [:])
        #expect(best <= 100)
        #expect(try watching.end().status == 0)
    }

    /// Somebody deletes a route as often as it is there.
    @Test func yieldsToWhoFights() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        try node.add("pod2")
        let watching = try Watching(node)
        let before = try watching.ticks()
        try node.run(
            """
            end=$((SECONDS + 4))
            while ((SECONDS < end)); do ip -n pod1 route del default 2>/dev/null || true; sleep 0.005; done
            """)
        let repairs =
            Int(try node.sql("SELECT count(*) FROM events WHERE kind = 'add' AND reason = 'watch: missing'")) ?? 0
        // Five at once, then after 1, 2 and 4 s.
        #expect((6...9).contains(repairs), "\(repairs)")
        let said = try watching.said()
        #expect(said.contains("of pod default/pod1 came undone 5 times as soon as it was mended"), "\(said)")
        #expect(try watching.ticks() - before < 100)
        // Meanwhile others are mended at once.
        let latency = try watching.latency(
            "ip -n pod2 route del default", until: #"[ -n "$(ip -n pod2 route show default)" ]"#, environment: [:])
        #expect(try #require(latency) < 1_000)
        // And this one once it is over, after the delay.
        try node.run(
            #"for i in $(seq 200); do [ -n "$(ip -n pod1 route show default)" ] && exit; sleep 0.05; done; exit 1"#)
        #expect(try watching.end().status == 0)
    }

    /// ADD and DEL meet it nowhere, and it makes nothing that they did not.
    @Test func leavesAddAndDeleteAlone() throws {
        let node = try TestNode()
        let count = 50
        try node.addPods(count)
        try node.run("ip netns add witness; ip -n witness link set lo up")
        #expect(try node.call(Call(pod: "witness")).status == 0)
        let watching = try Watching(node, interval: 1)
        let shell = try NodeShell(node)
        func calls(_ verb: String, _ pods: ClosedRange<Int>) -> [Invocation] {
            pods.map { pod in
                let call = Call(verb: verb, pod: "pod\(pod)")
                return Invocation(
                    command: "$PLUMB", variables: call.environment,
                    input: call.configuration(node.dataDirectory).split(separator: "\n").joined(separator: " "))
            }
        }
        for round in 0..<2 {
            // Something to mend all the while.
            let sabotage = Invocation(
                command: "bash -c 'for i in 1 2; do ip -n witness route del default; sleep 0.1; done; true'")
            var invocations = calls("ADD", 1...count)
            if round == 1 { invocations = calls("DEL", 1...25) + calls("ADD", 51...50 + 25) }
            if round == 1 { try node.run("for i in $(seq 51 75); do ip netns add pod$i; done") }
            let outputs = try shell.run(invocations + [sabotage])
            let said = try watching.said()
            for output in outputs { #expect(output.status == 0, "\(output.all)\n\(said)") }
        }
        #expect(try node.sql("SELECT count(*) FROM attachments WHERE state = 'ready'") == "51")
        // Nothing was mended but what was broken: no address of a pod, no pair.
        let foreign = try node.sql(
            "SELECT DISTINCT pod_name, object FROM events WHERE reason LIKE 'watch:%' AND pod_name IS NOT 'witness'")
        #expect(foreign == "", "\(foreign)")
        try node.waitForRest()
        let said = try watching.said()
        #expect(!said.contains("failed") && !said.contains("came undone"), "\(said)")
        #expect(try watching.end().status == 0)
        try node.expectRest()
    }

    /// Nothing happens, or nothing of ours.
    @Test func restsWhenNothingOfOursMoves() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let watching = try Watching(node)
        let before = try watching.ticks()
        try node.run(
            """
            ip link add other type bridge
            for i in $(seq 200); do ip route add 192.0.2.$i/32 dev lo; done
            ip addr add 198.51.100.1/24 dev other; ip link set other up; ip link del other
            sleep 1.5
            """)
        #expect(try watching.ticks() - before <= 10)
        #expect(try watching.mended() == "")
        // A pod that changes its own routes all the time.
        let noisy = try watching.ticks()
        try node.run(
            "for i in $(seq 300); do ip -n pod1 route add 192.0.2.$((i % 250))/32 dev eth0 || true; done 2>/dev/null")
        #expect(try watching.ticks() - noisy <= 50)
        #expect(try watching.mended() == "")
        #expect(try watching.end().status == 0)
    }

    @Test func waitsForADatabaseAndLooksAtEverythingNowAndThen() throws {
        let node = try TestNode()
        try node.addPods(2)
        let watching = try Watching(node, interval: 1)
        #expect(try watching.said().contains("there is no /run/plumb/state.db"))
        try node.add("pod1")
        try node.run("ip netns del pod1")
        // Nothing tells that a namespace is gone but its links; its lease comes back with the next look at everything.
        try node.run(
            #"for i in $(seq 300); do [ "$(sqlite3 $DATA/state.db 'SELECT count(*) FROM attachments')" = 0 ] && exit; sleep 0.02; done; exit 1"#
        )
        // A database that was put in the place of the other.
        try node.add("pod2")
        try node.run(
            #"""
            sqlite3 $DATA/state.db "VACUUM INTO '/run/copy.db'"
            sqlite3 /run/copy.db "INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '10.244.0.3'); PRAGMA journal_mode = WAL" >/dev/null
            rm -f $DATA/state.db-wal $DATA/state.db-shm; mv /run/copy.db $DATA/state.db
            for i in $(seq 300); do [ -n "$(ip route show 10.9.0.0/24)" ] && exit; sleep 0.02; done; exit 1
            """#)
        #expect(try watching.end().status == 0)
    }
}

extension TestNode {
    fileprivate func sqlRoute() throws {
        _ = try sql("INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/24', '10.244.0.3')")
        try expectConvergence()
    }

    /// Until plan has nothing to do.
    fileprivate func waitForRest() throws {
        try run("for i in $(seq 100); do $PLUMBCTL plan --data-dir $DATA && exit; sleep 0.05; done; exit 1")
    }
}
