import Testing

/// Networks that an admin makes and takes away.
@Suite struct NetworkTests {
    private func write(_ members: String, _ node: TestNode, name: String = "pods") throws {
        let list = """
            {"cniVersion": "1.0.0", "name": "\(name)", "plugins": [
            {"type": "plumb", "dataDir": "\(node.dataDirectory)", \(members)}, {"type": "portmap"}]}
            """
        try node.run(#"echo "$LIST" > /run/list"#, environment: ["LIST": list])
    }

    private func add(_ node: TestNode) throws -> Output {
        try node.start([node.binaries + "/plumbctl", "network", "add", "/run/list"]).wait()
    }

    @Test func theBridgeStandsBeforeTheFirstPod() throws {
        let node = try TestNode()
        try write(dualStack, node)
        let added = try add(node)
        #expect(added.status == 0 && added.stdout.contains("+ bridge cni0: missing"), "\(added.all)")
        #expect(
            try node.json("ip -j addr show cni0")[0].addresses.isSuperset(of: ["10.244.0.1/24", "fd00:10:244::1/64"]))
        let again = try add(node)
        #expect(again.status == 0 && again.stdout.contains("agrees already"), "\(again.all)")
        try node.expectRest()
        try node.addPods(1)
        try node.add("pod1")
        #expect(try node.sql("SELECT count(*) FROM networks") == "1")
        try node.expectPing(from: "pod1", to: "10.244.0.1")

        let refused = try node.plumbctl("network", "remove", "pods")
        #expect(refused.status == 1 && refused.stderr.contains("1 living pod: pod default/pod1"), "\(refused.all)")
        #expect(try node.ourLinks().contains("cni0"))
        try node.delete("pod1")
        let removed = try node.plumbctl("network", "remove", "pods")
        #expect(removed.status == 0 && removed.stdout.contains("- bridge cni0"), "\(removed.all)")
        #expect(try node.ourLinks().isEmpty)
        #expect(try node.sql("SELECT (SELECT count(*) FROM networks) + (SELECT count(*) FROM ranges)") == "0")
        try node.expectRest()
        let unknown = try node.plumbctl("network", "remove", "pods")
        #expect(unknown.status == 1 && unknown.stderr.contains("there is no network pods"), "\(unknown.all)")
    }

    @Test func anAdoptedBridgeStays() throws {
        let node = try TestNode()
        try node.run("ip link add br0 type bridge; ip link set br0 up; ip addr add 172.16.0.1/24 dev br0")
        try write(#""bridge": "br0", \#(dualStack)"#, node)
        #expect(try add(node).status == 0)
        #expect(try node.plumbctl("network", "remove", "pods").status == 0)
        let left = try node.json("ip -j -4 addr show br0")[0].addresses
        #expect(left == ["172.16.0.1/24"])
        try node.expectRest()
    }

    /// While pods of a lost database live on the bridge, a new one would hand out their addresses again.
    @Test func notBesideALostDatabase() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(#"mv "$DATA" "$DATA.lost""#)
        try write(dualStack, node)
        let added = try add(node)
        #expect(added.status == 1 && added.stderr.contains("that Plumb made"), "\(added.all)")
        #expect(try node.attempt(#"test -e "$DATA/state.db""#).status == 1)
        try node.expectPing(from: "pod1", to: "10.244.0.1")
    }

    /// The host has a subnet on one bridge at a time, from the first ADD on the new one.
    @Test func aNetworkThatMoves() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        try node.delete("pod1")
        try node.add("pod2", #""bridge": "cni1", \#(dualStack)"#)
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
        #expect(try node.json("ip -j -4 addr show cni0")[0].addresses.isEmpty)
        try node.expectConvergence()
        #expect(try !node.ourLinks().contains("cni0"))
        try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
    }

    @Test func aNetworkWhoseFirstADDWasRefused() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add br0 type veth peer name far; ip link set br0 up; sysctl -qw net.ipv4.ip_forward=0")
        try node.expectError(Call(members: #""bridge": "br0", \#(dualStack)"#), code: 101, saying: ["br0"])
        #expect(try node.sql("SELECT count(*) FROM networks") == "0")
        try node.expectRest()
        #expect(try node.run("sysctl -n net.ipv4.ip_forward") == "0")
    }

    @Test func aBridgeStaysWithWhatOthersPutOnIt() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""ipMasq": true, \#(dualStack)"#
        try write(members, node)
        #expect(try add(node).status == 0)
        try node.add("pod1", members)
        try node.delete("pod1", members)
        try node.run(
            """
            ip link add tap0 type veth peer name q; ip link set tap0 master cni0
            ip addr add 10.77.0.1/24 dev cni0
            """)
        let removed = try node.plumbctl("network", "remove", "pods")
        #expect(removed.status == 0 && removed.stdout.contains("address 10.244.0.1/24 on cni0"), "\(removed.all)")
        #expect(
            removed.stdout.contains("link tap0, address 10.77.0.1/24 on cni0 on it is not Plumb's"), "\(removed.all)")
        #expect(try node.run("nft list ruleset").isEmpty)
        for _ in 0..<2 {
            try node.expectConvergence()
            #expect(try node.json("ip -j -4 addr show cni0")[0].addresses == ["10.77.0.1/24"])
            #expect(try node.json("ip -j link show tap0")[0]["master"] == "cni0")
        }
        try node.run("ip link set tap0 nomaster; ip addr del 10.77.0.1/24 dev cni0")
        try node.expectConvergence()
        #expect(try node.ourLinks().isEmpty)
    }

    @Test func twoNetworksOnOneBridge() throws {
        let node = try TestNode()
        for name in ["one", "two"] {
            try write(#""subnets": ["10.\#(name.count + (name == "two" ? 1 : 0)).0.0/24"]"#, node, name: name)
            #expect(try add(node).status == 0)
        }
        #expect(try node.plumbctl("network", "remove", "two").status == 0)
        #expect(try node.ourLinks() == ["cni0"])
        #expect(try node.json("ip -j -4 addr show cni0")[0].addresses == ["10.3.0.1/24"])
        try node.expectRest()
    }

    @Test func whatCannotStandIsNotRecorded() throws {
        let node = try TestNode()
        try node.run("ip link add cni0 type bridge; ip link set cni0 up; ip addr add 10.244.0.7/16 dev cni0")
        try write(dualStack, node)
        let added = try add(node)
        #expect(added.status == 1 && added.stdout.isEmpty && added.stderr.contains("10.244.0.7/16"), "\(added.all)")
        #expect(try node.sql("SELECT count(*) FROM networks") == "0")
        try node.expectRest()
    }

    /// A node moves over, whose pods have leases of host-local, and its bridge is no good: it is told why, and the next
    /// attempt reads the leases again.
    @Test(arguments: [
        ("addr add 10.9.0.6/16 dev cni0", "addr del 10.9.0.6/16 dev cni0", "10.9.0.6/16"),
        ("link set cni0 down", "link set cni0 up", "cni0 is down"),
    ]) func whatCannotStandBesideLeasesOfBefore(spoil: String, mend: String, reason: String) throws {
        let node = try TestNode()
        let members = #""ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": "10.9.0.0/29"}]]}"#
        try write(#""isDefaultGateway": true, \#(members)"#, node)
        try node.run(
            """
            mkdir -p /run/cni/pods; for i in 2 3; do printf 'c-pod%s\\neth0' $i > /run/cni/pods/10.9.0.$i; done
            ip link add cni0 type bridge; ip link set cni0 up; ip \(spoil)
            """)
        let refused = try add(node)
        #expect(refused.status == 1 && refused.stderr.contains(reason), "\(refused.all)")
        #expect(!refused.stderr.contains("Delete them first"), "\(refused.all)")
        #expect(try node.sql("SELECT (SELECT count(*) FROM networks) + (SELECT count(*) FROM held)") == "0")
        try node.expectRest()
        #expect(try node.run("ls /run/cni/pods | paste -sd' '") == "10.9.0.2 10.9.0.3")
        try node.run("ip \(mend)")
        let added = try add(node)
        #expect(added.status == 0, "\(added.all)")
        #expect(try node.sql("SELECT group_concat(address) FROM held") == "10.9.0.2,10.9.0.3")
    }

    @Test(arguments: [
        ("{", "no JSON object"), (#"{"type": "bridge"}"#, "another plugin's"),
        (#"{"name": "x", "plugins": [{"type": "bridge"}, {"type": "portmap"}]}"#, "bridge, portmap"),
        (#"{"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "plumb"}]}"#, "has no addresses"),
    ]) func filesThatSayNothing(_ file: String, _ reason: String) throws {
        let node = try TestNode()
        try node.run(#"echo "$LIST" > /run/list"#, environment: ["LIST": file])
        let added = try add(node)
        #expect(
            added.status == 1 && added.stderr.contains("/run/list: ") && added.stderr.contains(reason), "\(added.all)")
    }
}
