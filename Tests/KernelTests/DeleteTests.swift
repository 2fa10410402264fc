import Testing

/// DEL always works, and what it cannot finish the next apply does.
@Suite struct DeleteTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Between ADD and DEL; `$VETH` is the host's end.
        var script = "true"
        var call = Call(verb: "DEL")
    }

    static let cases = [
        Case(testDescription: "as usual"),
        Case(testDescription: "namespace gone", script: "ip netns del pod1"),
        Case(
            testDescription: "namespace gone, and CNI_NETNS empty", script: "ip netns del pod1",
            call: Call(verb: "DEL", variables: ["CNI_NETNS": ""])),
        Case(
            testDescription: "CNI_NETNS empty, the namespace alive",
            call: Call(verb: "DEL", variables: ["CNI_NETNS": ""])),
        Case(testDescription: "host end vanished", script: "ip link del $VETH"),
        Case(testDescription: "bridge vanished", script: "ip link del cni0"),
        Case(testDescription: "host end no port any more", script: "ip link set $VETH nomaster down"),
        Case(
            testDescription: "host end renamed",
            script: "ip link set $VETH down; ip link set $VETH name lost; ip link set lost up"),
        Case(
            testDescription: "host end renamed, and another MAC in the pod",
            script: """
                ip link set $VETH down; ip link set $VETH name lost; ip link set lost up
                ip -n pod1 link set eth0 address 02:00:00:00:00:78
                """),
        Case(testDescription: "host end without group", script: "ip link set $VETH group default"),
        Case(
            testDescription: "host end without group and MAC", script: "ip link set $VETH group 7 address 2:0:0:0:0:9"),
        Case(
            testDescription: "empty prevResult",
            call: Call(verb: "DEL", members: #""prevResult": {}, \#(dualStack)"#)),
        Case(testDescription: "network renamed", call: Call(verb: "DEL", network: "renamed")),
        Case(testDescription: "nothing but name and dataDir", call: Call(verb: "DEL", members: "")),
        Case(
            testDescription: "a configuration that ADD would refuse",
            call: Call(verb: "DEL", version: "9.0.0", members: #""subnets": ["nonsense"]"#)),
        Case(
            testDescription: "keys of a wrong type",
            call: Call(verb: "DEL", members: #""subnets": 7, "mtu": "wide", "ipam": "none", "runtimeConfig": []"#)),
    ]

    @Test(arguments: cases) func works(test: Case) throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.add("pod2")
        try node.run(test.script, environment: ["VETH": hostEnd])
        for _ in 0..<2 {
            let output = try node.call(test.call)
            #expect(output.status == 0 && output.stdout.isEmpty && output.stderr.isEmpty, "\(output.all)")
            #expect(try node.attempt("ip link show \(hostEnd)").status == 1)
            #expect(try node.sql("SELECT group_concat(container_id) FROM attachments") == "c-pod2")
        }
        try node.expectConvergence()
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
        try node.delete("pod2")
        try node.expectNothingLeft()
        #expect(try node.sql("SELECT count(*) FROM events WHERE kind = 'released' AND reason = 'DEL'") == "4")
    }

    @Test func withoutAnyADD() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.delete("pod1")
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
        try node.add("pod2")
        try node.delete("pod1")
        try node.expectRest()
        try node.expectPing(from: "pod2", to: "10.244.0.1")
    }

    @Test func leavesAForeignLinkOfTheSameName() throws {
        let node = try TestNode()
        try node.addPods(1)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.run("ip link del \(hostEnd); ip -n pod1 link add eth0 type veth peer name q")
        let before = try node.json("ip -d -j link show eth0", in: "pod1")
        try node.delete("pod1")
        #expect(try node.json("ip -d -j link show eth0", in: "pod1") == before)
        try node.expectNothingLeft()
    }

    /// Which of two was meant, a name that neither network has does not say.
    @Test func oneOfTwoIsNotGuessed() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let second = Call(
            pod: "pod2", network: "other", members: #""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#,
            variables: ["CNI_CONTAINERID": "c-pod1"])
        #expect(try node.call(second).status == 0)
        let renamed = Call(verb: "DEL", network: "renamed")
        #expect(try node.call(renamed).status == 0)
        #expect(try node.sql("SELECT count(*) FROM attachments") == "2")
        try node.expectRest()
        try node.delete("pod1")
        #expect(try node.call(renamed).status == 0)
        try node.expectNothingLeft()
    }

    /// A runtime takes back what it failed to add; that is no network by another name.
    @Test func afterAnADDInAnotherNetworkThatFailed() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let other = Call(network: "other", members: #""bridge": "cni1", "subnets": ["10.9.0.0/24"]"#)
        #expect(try node.call(other).status == 1)
        var end = other
        end.verb = "DEL"
        for _ in 0..<2 { #expect(try node.call(end).status == 0) }
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.expectConvergence()
        #expect(try node.sql("SELECT count(*) FROM v_leases") == "2")
        try node.delete("pod1")
        try node.expectNothingLeft()
    }

    /// Nothing was recorded of that one, for want of an address.
    @Test func afterAnADDInAnotherNetworkThatWasRefused() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let members = #""bridge": "cni1", "subnets": ["10.9.0.0/30"]"#
        #expect(try node.call(Call(pod: "pod2", network: "other", members: members)).status == 0)
        try node.expectError(Call(network: "other", members: members), code: 11, saying: ["10.9.0.0/30"])
        #expect(try node.call(Call(verb: "DEL", network: "other", members: members)).status == 0)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        #expect(try node.sql("SELECT count(*) FROM v_pods") == "2")
    }

    /// Without its database DEL knows a pair by kind and mark: what has only our mark is none that we made.
    @Test func leavesWhatIsNoPair() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(
            """
            ip -n pod1 link del eth0; ip -n pod1 link add eth0 group 7586 type bridge
            rm "$DATA"/state.db*; head -c 4096 /dev/zero > "$DATA/state.db"
            """)
        let output = try node.call(Call(verb: "DEL"))
        #expect(output.status == 0 && output.stdout.isEmpty && output.stderr.contains("without its database"))
        #expect(try node.attempt("ip link show eth0", in: "pod1").status == 0)
        for netns in ["/run/netns/nobody", "/run/netns", "/run/plumb/state.db"] {
            let again = try node.call(Call(verb: "DEL", variables: ["CNI_NETNS": netns]))
            #expect(again.status == 0 && again.stdout.isEmpty, "\(netns): \(again.all)")
        }
    }

    /// DEL waits for an ADD of the same container, which begins anew: with another row than DEL has found.
    @Test func anADDThatBeginsAnew() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("UPDATE attachments SET state = 'adding'")
        let call = Call()
        let said = try node.attempt(
            #"""
            strace -qq -o /run/trace -e inject=sendto:signal=STOP:when=1 "$PLUMB" <<< "$CONFIG" > /run/answer &
            tracer=$!
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            CNI_COMMAND=DEL "$PLUMB" <<< "$CONFIG" &
            deletion=$!
            until grep -q -e "-> OFDLCK.*:$(stat -c %i "$DATA/lock") " /proc/locks; do sleep 0.01; done
            kill -CONT $(cat /proc/$tracer/task/$tracer/children)
            wait $tracer && wait $deletion
            """#, environment: call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 })
        #expect(said.status == 0 && said.stdout.isEmpty, "\(said.all)")
        #expect(try node.run("cat /run/answer").contains("10.244.0."))
        #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1)
        try node.expectNothingLeft()
    }
}
