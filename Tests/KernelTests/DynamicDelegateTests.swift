import Testing

/// The reference's `dhcp`, its daemon and a DHCP server: it gets an address through the very interface that it is for, and
/// gives it back through it.
@Suite struct DynamicDelegateTests {
    /// What goes and comes on the other end: `DISCOVER`, `REQUEST` and `RELEASE`, a line each.
    private static let server = #"""
        import socket, struct
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        s.bind(("", 67))
        heard = open("/run/heard", "a", buffering=1)
        heard.write("up\n")
        own = socket.inet_aton("10.9.0.1")
        while True:
            data, _ = s.recvfrom(2048)
            options, place = {}, 240
            while place < len(data) and data[place] != 255:
                if data[place] == 0:
                    place += 1
                    continue
                options[data[place]] = data[place + 2:place + 2 + data[place + 1]]
                place += 2 + data[place + 1]
            kind = options[53][0]
            heard.write({1: "DISCOVER", 3: "REQUEST", 7: "RELEASE"}.get(kind, str(kind)) + "\n")
            answer = {1: 2, 3: 5}.get(kind)
            if answer is None:
                continue
            head = b"\x02" + data[1:12] + bytes(4) + socket.inet_aton("10.9.0.7") + own + data[24:236]
            body = b"\x63\x82\x53\x63" + bytes([53, 1, answer, 54, 4]) + own + bytes([51, 4]) + struct.pack("!I", 3600)
            body += bytes([1, 4, 255, 255, 255, 0, 3, 4]) + own + b"\xff"
            s.sendto(head + body, ("255.255.255.255", 68))
        """#

    @Test(arguments: ["0.3.1", "1.0.0"]) func aLease(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            ip netns add server; ip link add br0 up type bridge
            ip link add s0 master br0 up type veth peer name eth0 netns server
            ip -n server addr add 10.9.0.1/24 dev eth0; ip -n server link set eth0 up
            """)
        let plugins = InstallTests.root + "/.build/reference/usr/lib/cni"
        // Both live until the input ends.
        let background = try node.open([
            "sh", "-c",
            """
            "$2/dhcp" daemon -socketpath /run/dhcp.sock & daemon=$!
            ip netns exec server python3 -c "$1" & server=$!
            cat > /dev/null; kill $daemon $server; wait
            """, "sh", DynamicDelegateTests.server, plugins,
        ])
        defer { _ = background.wait() }
        try node.run(
            "for i in $(seq 500); do [ -S /run/dhcp.sock -a -s /run/heard ] && exit 0; sleep 0.02; done; exit 1")
        let call = Call(
            version: version,
            members: #""bridge": "br0", "ipam": {"type": "dhcp", "daemonSocketPath": "/run/dhcp.sock"}"#,
            variables: ["CNI_PATH": plugins])
        let output = try node.call(call)
        #expect(output.status == 0, "\(output.all)")
        #expect(try JSON(output.stdout)["ips"][0]["address"] == "10.9.0.7/24", "\(output.all)")
        #expect(try node.json("ip -j addr show eth0", in: "pod1")[0].addresses == ["10.9.0.7/24"])
        try node.expectPing(from: "pod1", to: "10.9.0.1")
        try node.expectRest()
        var deletion = call
        deletion.verb = "DEL"
        #expect(try node.call(deletion).status == 0)
        try node.run(
            "for i in $(seq 250); do grep -q RELEASE /run/heard && exit 0; sleep 0.02; done; cat /run/heard; exit 1")
        try node.expectNothingLeft()
        // Without its namespace there is no way to give it back, and no reason to fail.
        deletion.variables["CNI_NETNS"] = ""
        #expect(try node.call(deletion).status == 0)
    }
}
