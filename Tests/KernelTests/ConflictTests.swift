import Testing

/// What stands in the way of ADD and is not ours: it stays as it is, and nothing of the attempt does.
@Suite struct ConflictTests {
    static let inThePod = [
        "ip -n pod1 link add eth0 type vxlan id 7 dstport 4789",
        "ip -n pod1 link add eth0 type bridge",
        "ip -n pod1 link add eth0 type veth peer name other",
        "ip link add outside type veth peer name eth0 netns pod1",
    ]

    /// BR_MAX_PORTS (net/bridge/br_private.h) is 1024, and port 0 is none. A pod may leave, so it is worth another try.
    @Test func aFullBridgeIsTriedAgainLater() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod2")
        try node.run(
            "for i in $(seq 1022); do echo link add f$i type veth peer name g$i; echo link set f$i master cni0; done "
                + "> /run/fill; ip -batch /run/fill")
        let links = try node.ourLinks()
        try node.expectError(.status(), code: 50, saying: ["bridge cni0 has 1023 ports"])
        try node.expectWell(.status(#""bridge": "cni1", "subnets": ["10.245.0.0/24"]"#, network: "other"))
        try node.expectError(Call(), code: 11, saying: ["1023 ports"])
        #expect(try node.ourLinks() == links)
        #expect(try node.sql("SELECT group_concat(container_id) FROM attachments") == "c-pod2")
        try node.run("ip link set f7 nomaster")
        try node.expectWell()
        try node.add("pod1")
    }

    /// A network that had pods outlives the ADD that is refused; a pass must not do what that did not.
    @Test(arguments: ["bridge", "veth peer name far"]) func applyKeepsOffWhatADDRefused(kind: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""bridge": "br0", "subnets": ["192.0.2.0/24"]"#
        try node.run("ip link add br0 type bridge && ip link set br0 up")
        try node.add("pod1", members)
        try node.delete("pod1", members)
        try node.run(
            """
            ip link del br0; ip link add br0 type \(kind) && ip link set br0 up && ip addr add 192.0.2.10/24 dev br0
            """)
        let before = try node.json("ip -4 -j addr show br0")[0].addresses
        #expect(try node.call(Call(members: members)).status != 0)
        for _ in 0..<2 {
            let applied = try node.plumbctl("apply")
            #expect(applied.status == 1 && applied.all.contains("br0"), "\(applied.all)")
            #expect(try node.json("ip -4 -j addr show br0")[0].addresses == before)
        }
        try node.run("ip addr del 192.0.2.10/24 dev br0")
        guard kind == "bridge" else { return }
        #expect(try node.plumbctl("apply").status == 0)
        #expect(try node.call(Call(members: members)).status == 0)
        // Beside one of ours that pods live with, it is not ours to judge.
        try node.run("ip addr add 192.0.2.10/24 dev br0; ip addr del 192.0.2.1/24 dev br0")
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "192.0.2.1")
    }

    @Test(arguments: inThePod) func interfaceIsTakenInThePod(script: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod2")
        try node.run(script)
        let before = try node.json("ip -d -j addr show", in: "pod1")
        let links = try node.ourLinks()
        let output = try node.call(Call())
        #expect(output.status != 0, "\(output.all)")
        let answer = try JSON(output.stdout)
        #expect(answer["code"].number == 101, "\(output.all)")
        let told = "an interface eth0 is in /run/netns/pod1 already"
        #expect(answer["msg"].text?.contains(told) == true, "\(output.all)")
        #expect(try node.json("ip -d -j addr show", in: "pod1") == before)
        #expect(try node.ourLinks() == links)
        #expect(try node.sql("SELECT group_concat(container_id) FROM attachments") == "c-pod2")
        try node.delete("pod2")
        // DEL follows a failed ADD, and must not take the foreign link for ours.
        try node.delete("pod1")
        #expect(try node.json("ip -d -j addr show", in: "pod1") == before)
        try node.expectNothingLeft()
    }

    @Test(arguments: [
        ("0.0.0.0/0", "ip -n pod1 addr add 10.9.9.1/24 dev q; ip -n pod1 route add default via 10.9.9.9"),
        ("::/0", "ip -n pod1 -6 route add default dev q"),
        ("0.0.0.0/0", "ip -n pod1 route add blackhole default"),
    ]) func aRouteIsTakenInThePod(destination: String, script: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip -n pod1 link add q up type veth peer name r; ip -n pod1 link set r up; \(script)")
        func look() throws -> String { try node.run("ip -n pod1 route; ip -n pod1 -6 route show default") }
        let before = try look()
        try node.expectError(Call(), code: 101, saying: ["\(destination) has a route already", "not Plumb's", "ip -"])
        #expect(try look() == before)
        try node.expectNothingLeft()
    }

    @Test(arguments: ["veth", "vxlan id 7 dstport 4789"]) func bridgeNameIsTaken(kind: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add cni0 type \(kind)")
        let before = try node.json("ip -d -j addr show cni0")
        try node.expectError(Call(), code: 101, saying: ["cni0", "no bridge"])
        #expect(try node.json("ip -d -j addr show cni0") == before)
        #expect(try node.json("ip -d -j link show", in: "pod1").elements.count == 1)
        try node.expectNothingLeft()
    }

    @Test func attachmentIsThereAlready() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let before = try node.json("ip -d -j addr show", in: "pod1")
        try node.expectError(Call(), code: 102, saying: ["default/pod1", "10.244.0.2/24"])
        #expect(try node.json("ip -d -j addr show", in: "pod1") == before)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.expectRest()
    }

    /// Two ADDs of the same at once: the first ends well between the second's look at its row and its lock.
    @Test func attachmentIsThereByNow() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("UPDATE attachments SET state = 'adding'")
        let before = try node.json("ip -d -j addr show", in: "pod1")
        let call = Call()
        let said = try node.attempt(
            #"""
            # Its third call on the lock file is for the attachment: it stops after the second.
            strace -qq -o /run/trace -P "$DATA/lock" -e inject=fcntl:signal=STOP:when=2 "$PLUMB" <<< "$CONFIG" &
            tracer=$!
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            sqlite3 "$DATA/state.db" "UPDATE attachments SET state = 'ready'"
            kill -CONT $(cat /proc/$tracer/task/$tracer/children)
            wait $tracer
            """#, environment: call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 })
        #expect(said.status == 1 && said.stdout.contains(#""code":102"#), "\(said.all)")
        #expect(try node.json("ip -d -j addr show", in: "pod1") == before)
        try node.expectRest()
    }

    @Test(arguments: [
        (#""subnets": ["10.9.0.0/30"]"#, 1, ["10.9.0.0/30", "1 of 1"]),
        (
            #""ipam": {"subnet": "10.9.0.0/24", "rangeStart": "10.9.0.9", "rangeEnd": "10.9.0.11"}"#, 3,
            ["10.9.0.9–10.9.0.11", "10.9.0.0/24", "3 of 3"]
        ),
        // The gateway lies within the range and is never handed out.
        (
            #""ipam": {"subnet": "10.9.0.0/24", "rangeEnd": "10.9.0.3"}"#, 2,
            ["10.9.0.1–10.9.0.3", "10.9.0.0/24", "2 of 2"]
        ),
    ]) func poolIsExhausted(members: String, size: Int, words: [String]) throws {
        let node = try TestNode()
        try node.addPods(size + 1)
        var held: Set<JSON> = []
        for pod in 1...size { held.insert(try node.add("pod\(pod)", members)["ips"][0]["address"]) }
        #expect(held.count == size)
        let links = try node.ourLinks()
        try node.expectError(Call(pod: "pod\(size + 1)", members: members), code: 11, saying: words)
        #expect(try node.ourLinks() == links)
        #expect(try node.sql("SELECT count(*) FROM attachments") == String(size))
        try node.delete("pod1", members)
        let freed = try node.add("pod\(size + 1)", members)["ips"][0]["address"]
        #expect(held.contains(freed))
        for pod in 2...(size + 1) { try node.delete("pod\(pod)", members) }
        try node.expectNothingLeft()
    }
}
