import Testing

/// Two hosts on one link, and a row in each one's `routes`.
@Suite struct TwoNodesTests {
    /// Two named namespaces of one fixture, each with a database of its own.
    private struct Host {
        var name: String
        var pod: String
        var subnet: String
        var address: String
        var gateway: String

        var data: String { "/run/\(name)" }
        var members: String { #""subnets": ["\#(subnet)"]"# }
    }

    private let left = Host(
        name: "left", pod: "pod1", subnet: "10.244.0.0/24", address: "10.244.0.2", gateway: "10.244.0.1")
    private let right = Host(
        name: "right", pod: "pod2", subnet: "10.244.1.0/24", address: "10.244.1.2", gateway: "10.244.1.1")

    private func sql(_ node: TestNode, _ host: Host, _ statement: String) throws {
        try node.run("sqlite3 \(host.data)/state.db \"\(statement)\"")
    }

    private func plumbctl(_ node: TestNode, _ host: Host, _ command: String) throws -> Output {
        try node.attempt("$PLUMBCTL \(command) --data-dir \(host.data)", in: host.name)
    }

    private func setUp(_ node: TestNode) throws {
        try node.addPods(2)
        try node.run(
            """
            for n in left right; do
                ip netns add $n; ip -n $n link set lo up; nsenter --net=/run/netns/$n sysctl -qw net.ipv4.ip_forward=0
            done
            ip -n left link add up0 type veth peer name up0 netns right
            ip -n left addr add 192.168.77.1/24 dev up0; ip -n right addr add 192.168.77.2/24 dev up0
            ip -n left link set up0 up; ip -n right link set up0 up
            """)
        for host in [left, right] {
            let call = Call(pod: host.pod, members: host.members)
            let output = try node.start(
                [node.binaries + "/plumb"], environment: call.environment, input: call.configuration(host.data),
                in: host.name
            ).wait()
            #expect(output.status == 0, "\(output.all)")
        }
    }

    @Test func podsReachEachOther() throws {
        let node = try TestNode()
        try setUp(node)
        #expect(try node.attempt("ping -c 1 -W 1 \(right.address)", in: left.pod).status == 1)
        for (host, peer, via) in [(left, right, "192.168.77.2"), (right, left, "192.168.77.1")] {
            try sql(node, host, "INSERT INTO routes (dst, gateway) VALUES ('\(peer.subnet)', '\(via)')")
            let apply = try plumbctl(node, host, "apply")
            #expect(apply.status == 0 && apply.stdout.contains("+ route \(peer.subnet)"), "\(apply.all)")
        }
        for (host, peer, via) in [(left, right, "192.168.77.2"), (right, left, "192.168.77.1")] {
            try node.expectPing(from: host.pod, to: peer.address, peer.gateway, via)
            let again = try plumbctl(node, host, "apply")
            #expect(again.status == 0 && again.stdout.contains("Applied: 0 added, 0 changed, 0 deleted"))
        }
        #expect(try senderSeen(node) == left.address)

        try sql(node, left, "DELETE FROM routes WHERE attachment_id IS NULL")
        let apply = try plumbctl(node, left, "apply")
        #expect(apply.status == 0 && apply.stdout.contains("- route \(right.subnet)"), "\(apply.all)")
        #expect(try node.json("ip -n left -j route show \(right.subnet)").elements.isEmpty)
        #expect(try plumbctl(node, left, "plan").status == 0)
    }

    /// Whom the receiving pod takes a datagram of the sending pod for.
    private func senderSeen(_ node: TestNode) throws -> String {
        let receive = """
            import socket
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(10)
            s.bind(('0.0.0.0', 7000))
            print(s.recvfrom(64)[1][0])
            """
        return try node.run(
            """
            nsenter --net=/run/netns/\(right.pod) python3 -c "$RECEIVE" > /run/seen & receiver=$!
            while kill -0 $receiver 2>/dev/null; do
                nsenter --net=/run/netns/\(left.pod) bash -c 'echo hello > /dev/udp/\(right.address)/7000' || true
                sleep 0.05
            done
            wait $receiver; cat /run/seen
            """, environment: ["RECEIVE": receive])
    }

    @Test func rowThatIsMovedMovesItsRoute() throws {
        let node = try TestNode()
        try setUp(node)
        try sql(node, left, "INSERT INTO routes (dst, gateway) VALUES ('10.244.1.0/24', '192.168.77.2')")
        #expect(try plumbctl(node, left, "apply").status == 0)
        try sql(node, left, "UPDATE routes SET dst = '10.245.0.0/16' WHERE attachment_id IS NULL")
        #expect(try plumbctl(node, left, "apply").status == 0)
        let routes = try node.json("ip -n left -j route show proto 80").elements.map { $0["dst"] }
        #expect(routes == ["10.245.0.0/16"])
        try sql(node, left, "UPDATE routes SET gateway = '192.168.77.3' WHERE attachment_id IS NULL")
        #expect(try plumbctl(node, left, "apply").status == 0)
        let moved = try node.json("ip -n left -j route show proto 80").elements.map { $0["gateway"] }
        #expect(moved == ["192.168.77.3"])
        #expect(try plumbctl(node, left, "plan").status == 0)
    }

    @Test func markedRouteWithoutARowIsKept() throws {
        let node = try TestNode()
        try setUp(node)
        try node.run("ip -n left route add 10.99.0.0/24 via 192.168.77.2 proto 80")
        let before = try node.json("ip -n left -d -j route show 10.99.0.0/24")
        let apply = try plumbctl(node, left, "apply")
        #expect(apply.status == 0, "\(apply.all)")
        #expect(apply.stdout.contains("note: route 10.99.0.0/24 metric 0 table 254"), "\(apply.all)")
        #expect(try node.json("ip -n left -d -j route show 10.99.0.0/24") == before)
    }

    @Test func nonsenseRowCostsNobodyElse() throws {
        let node = try TestNode()
        try setUp(node)
        try sql(
            node, left,
            """
            INSERT INTO routes (dst, gateway)
            VALUES ('10.244.1.7/24', '192.168.77.2'), ('10.244.1.0/24', '192.168.77.2')
            """)
        let apply = try plumbctl(node, left, "apply")
        #expect(apply.status == 1 && apply.stderr.contains("10.244.1.7/24"), "\(apply.all)")
        #expect(try node.json("ip -n left -j route show proto 80").elements.map { $0["dst"] } == ["10.244.1.0/24"])
    }
}
