import Testing

/// STATUS says so when pods that are there are cut off.
@Suite struct StatusCutOffTests {
    static let losses = [
        ("ip link del cni0", "bridge cni0: missing"),
        ("ip link set cni0 down", "bridge cni0: it is down"),
        ("ip addr del 10.244.0.1/24 dev cni0", "address 10.244.0.1/24 on cni0: missing"),
        ("ip addr del fd00:10:244::1/64 dev cni0", "address fd00:10:244::1/64 on cni0: missing"),
        ("sysctl -qw net.ipv4.ip_forward=0", "sysctl net.ipv4.ip_forward: is 0"),
        ("sysctl -qw net.ipv6.conf.all.forwarding=0", "sysctl net.ipv6.conf.all.forwarding: is 0"),
    ]

    @Test func isTold() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in 1...2 { try node.add("pod\(pod)") }
        for (script, words) in StatusCutOffTests.losses {
            try node.run(script)
            try node.expectError(.status(), code: 51, saying: ["network pods", "2 pods", words, "plumbctl apply"])
            // None of it is this one's business, which has no pods.
            try node.expectWell(.status(#""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#, network: "other"))
            #expect(try node.plumbctl("apply").status == 0)
            try node.expectWell()
        }
        // Without pods it is no loss: the next ADD makes what it needs.
        for pod in 1...2 { try node.delete("pod\(pod)") }
        for (script, words) in StatusCutOffTests.losses.dropFirst() {
            // Going down took the IPv6 address along.
            try node.run("\(script) || true")
            try node.expectWell(.status(), "\(words)")
        }
        try node.run("ip link del cni0")
        try node.expectWell()
    }

    /// Another MAC or MTU is drift, but no pod is cut off by it.
    @Test func whatNoPodNotices() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""mtu": 1400, \#(dualStack)"#
        try node.add("pod1", members)
        try node.run("ip link set cni0 mtu 1300 address 02:00:00:00:00:77")
        #expect(try node.plumbctl("plan").status == 2)
        try node.expectWell(.status(members))
    }

    /// An ADD that has not answered may well have no bridge yet, nor has its pod anything to lose.
    @Test func anADDThatHasNotAnswered() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run("ip link del cni0")
        for (state, code) in [("adding", 0), ("ready", 51), ("deleting", 0)] {
            _ = try node.sql("UPDATE attachments SET state = '\(state)'")
            if code == 0 {
                try node.expectWell()
            } else {
                try node.expectError(.status(), code: code, saying: ["1 pod is"])
            }
        }
    }

    @Test func anAdoptedBridgeThatIsDown() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add cni0 type bridge")
        let words = "cni0 is down, and not ours to bring up"
        try node.expectError(.status(), code: 50, saying: [words])
        try node.run("ip link set cni0 up")
        try node.expectWell()
        try node.add("pod1")
        try node.expectWell()
        try node.run("ip link set cni0 down")
        try node.expectError(.status(), code: 51, saying: [words])
    }

    @Test func somethingElseInTheBridgesPlace() throws {
        let node = try TestNode()
        try node.run("ip link add cni0 type veth peer name other")
        try node.expectError(.status(), code: 50, saying: ["cni0 is there but is no bridge"])
    }

    /// The network went to another bridge, its pods stayed.
    @Test func podsOnTheBridgeThatTheNetworkLeft() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let moved = #""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#
        try node.add("pod2", moved)
        try node.expectWell(.status(moved))
        try node.run("ip link set cni0 down")
        try node.expectError(.status(moved), code: 51, saying: ["2 pods", "bridge cni0: it is down"])
        try node.run("ip link set cni0 up; ip addr del 10.244.0.1/24 dev cni0")
        try node.expectError(.status(moved), code: 51, saying: ["address 10.244.0.1/24 on cni0: missing"])
    }

    /// A bridge that no ADD made yet cuts nobody off.
    @Test func theBridgeThatTheNextADDMakes() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let moved = #""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#
        try node.expectWell(.status(moved))
        try node.add("pod2", moved)
        try node.expectWell(.status(moved))
    }

    @Test func bothAtOnce() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""subnets": ["10.9.0.0/30"]"#
        try node.add("pod1", members)
        try node.run("ip link set cni0 down")
        try node.expectError(.status(members), code: 51, saying: ["cni0: it is down", "1 of 1 addresses in use"])
    }

    /// A range that was just configured: its gateway is recorded a moment before it is on the bridge.
    @Test func whatAnADDIsAboutToMend() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let grown = #""subnets": ["10.244.0.0/24", "fd00:10:244::/64", "10.245.0.0/24"]"#
        let add = Call(pod: "pod2", members: grown)
        // Each is stopped where the other must go on.
        let said = try node.run(
            """
            resume() { kill -CONT $(cat /proc/$1/task/$1/children); wait $1; }
            strace -qq -o /run/trace -e inject=sendto:signal=STOP:when=1 "$PLUMB" <<< "$CONFIG" > /run/answer &
            adder=$!
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            CNI_COMMAND=STATUS strace -qq -o /run/sleep -e inject=clock_nanosleep:signal=STOP:when=1 \
                "$PLUMB" <<< "$CONFIG" > /run/said &
            asker=$!
            until grep -q 'stopped by SIGSTOP' /run/sleep || ! kill -0 $asker; do sleep 0.01; done
            resume $adder
            resume $asker
            cat /run/said
            """, environment: add.environment.merging(["CONFIG": add.configuration(node.dataDirectory)]) { $1 })
        #expect(said.isEmpty, "\(said)")
        try node.expectRest()
    }
}
