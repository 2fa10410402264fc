import Testing

/// What a bridge and its ports are given beside what every network has.
@Suite struct BridgeOptionsTests {
    private static let gateway =
        #""isDefaultGateway": true, "ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]]}"#

    private func end(_ answer: JSON) throws -> String { try #require(answer["interfaces"][1]["name"].text) }

    /// Pods with portIsolation reach the gateway and other networks' pods, not each other.
    @Test func isolatedPorts() throws {
        let node = try TestNode()
        try node.addPods(3)
        let members = #""portIsolation": true, \#(BridgeOptionsTests.gateway)"#
        let answer = try node.answer(Call(members: members))
        let first = try JSON(answer)
        try node.add("pod2", members)
        #expect(
            try node.call(Call(pod: "pod3", network: "green", members: #""ipam": {"subnet": "10.9.0.0/24"}"#)).status
                == 0)
        func reaches(_ address: String) throws -> Bool {
            try node.attempt("ping -c 1 -W 1 \(address)", in: "pod1").status == 0
        }
        try node.expectPing(from: "pod1", to: "10.9.0.1", "fd00:9::1", "10.9.0.4")
        #expect(try !reaches("10.9.0.3"))
        #expect(try !reaches("fd00:9::3"))
        try node.expectRest()
        try node.run("bridge link set dev \(end(first)) isolated off")
        try node.run("ip neigh flush all", in: "pod1")
        try node.expectPing(from: "pod1", to: "10.9.0.3")
        #expect(try node.plumbctl("plan").stdout.contains("it is not isolated"))
        try node.expectError(.check(answer, members: members), code: 104, saying: ["not isolated"])
        try node.expectConvergence()
        #expect(try !reaches("10.9.0.3"))
        // The next pods are not isolated; these stay what they were made.
        let told = try node.call(Call(verb: "DEL", pod: "pod2", members: members))
        #expect(told.status == 0)
        try node.add("pod2", BridgeOptionsTests.gateway)
        #expect(try node.sql("SELECT group_concat(isolated) FROM attachments WHERE network_id = 1") == "1,0")
        try node.run("bridge link set dev \(end(first)) isolated off")
        try node.expectConvergence()
        #expect(try node.json("ip -d -j link show \(end(first))")[0]["linkinfo"]["info_slave_data"]["isolated"] == true)
    }

    /// Asked for none, the kernel makes one a processor.
    @Test func oneQueueAtEachEnd() throws {
        let node = try TestNode()
        try node.addPods(1)
        let end = try end(node.add("pod1"))
        for link in ["ip -d -j link show \(end)", "ip -n pod1 -d -j link show eth0"] {
            let told = try node.json(link)[0]
            #expect(told["num_tx_queues"].number == 1 && told["num_rx_queues"].number == 1, "\(told)")
        }
    }

    /// It floods multicast, as one does that listens and has no querier. What an admin chose since stays.
    @Test func aBridgeDoesNotListenForMulticast() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", BridgeOptionsTests.gateway)
        func listens() throws -> Int? {
            try node.json("ip -d -j link show cni0")[0]["linkinfo"]["info_data"]["mcast_snooping"].number
        }
        #expect(try listens() == 0)
        try node.run("ip link set cni0 type bridge mcast_snooping 1")
        try node.expectRest()
        try node.add("pod2", BridgeOptionsTests.gateway)
        try node.expectConvergence()
        #expect(try listens() == 1)
        try node.expectPing(from: "pod1", to: "10.9.0.3", "fd00:9::3")
    }

    /// One of others stays as it is, and plan says what it lacks, with the command.
    @Test func anAdoptedBridge() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add cni0 address 02:00:00:00:00:77 up type bridge; ip link set cni0 mtu 1300")
        let members = #""promiscMode": true, "mtu": 1400, \#(BridgeOptionsTests.gateway)"#
        let before = try node.json("ip -j link show cni0")[0]
        let output = try node.call(Call(members: members))
        let commands = ["ip link set cni0 promisc on", "ip link set cni0 mtu 1400"]
        #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
        try node.expectRest()
        try node.expectCheck(.check(output.stdout, members: members), "it is as ADD found it")
        let plan = try node.plumbctl("plan")
        for command in commands { #expect(plan.stdout.contains("`\(command)`"), "\(plan.all)") }
        let after = try node.json("ip -j link show cni0")[0]
        for key in ["address", "mtu", "flags"] {
            func told(_ link: JSON) -> [String] {
                key == "flags"
                    ? link[key].elements.compactMap(\.text).filter { $0 == "PROMISC" || $0 == "UP" } : ["\(link[key])"]
            }
            #expect(told(before) == told(after))
        }
        for command in commands { try node.run(command) }
        #expect(!(try node.plumbctl("plan").stdout.contains("not ours to change")))
    }

    @Test func promiscuous() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""promiscMode": true, "mtu": 1400, \#(BridgeOptionsTests.gateway)"#
        let output = try node.call(Call(members: members))
        #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
        func flags() throws -> String { try node.run("ip -o link show cni0 | grep -o 'PROMISC.*UP.*>\\|mtu [0-9]*'") }
        #expect(try flags().contains("PROMISC"))
        try node.expectRest()
        try node.run("ip link set cni0 promisc off")
        #expect(try node.plumbctl("plan").stdout.contains("it is not promiscuous"))
        try node.expectConvergence()
        #expect(try flags().contains("PROMISC"))
        #expect(try flags().contains("mtu 1400"))
    }

    @Test func bothAtOnceOverTwoNetworks() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", #""hairpinMode": true, \#(BridgeOptionsTests.gateway)"#)
        try node.expectError(
            Call(
                pod: "pod2", network: "green", members: #""promiscMode": true, "ipam": {"subnet": "10.9.7.0/24"}"#),
            code: 7, saying: ["green: key promiscMode contradicts network pods's hairpinMode"])
    }

    /// A bridge takes the smallest MTU of its ports, and 1500 without any, unless it was told one (br_mtu_auto_adjust).
    @Test func theMTUStaysWithoutPorts() throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""mtu": 1400, \#(BridgeOptionsTests.gateway)"#
        try node.add("pod1", members)
        func mtu() throws -> Int? { try node.json("ip -j link show cni0")[0]["mtu"].number }
        #expect(try mtu() == 1400)
        try node.delete("pod1", members)
        #expect(try mtu() == 1400)
        try node.expectRest()
        try node.run("ip link set cni0 mtu 1300")
        #expect(try node.plumbctl("plan").stdout.contains("its MTU is 1300"))
        try node.expectConvergence()
        #expect(try mtu() == 1400)
    }

    /// Whatever ports come and go, with whatever MACs, and also when it is made anew.
    @Test func theMACNeverChanges() throws {
        let node = try TestNode()
        try node.addPods(3)
        func mac() throws -> String? { try node.json("ip -j link show cni0")[0]["address"].text }
        try node.add("pod1")
        let first = try #require(try mac())
        try node.add("pod2")
        try node.run("ip link add low0 address 00:00:00:00:00:01 type veth && ip link set low0 master cni0 up")
        #expect(try mac() == first)
        try node.delete("pod1")
        #expect(try mac() == first)
        try node.run("ip link del low0")
        try node.delete("pod2")
        #expect(try mac() == first)
        try node.run("ip link del cni0")
        try node.add("pod3")
        #expect(try mac() == first)
        try node.run("ip link set cni0 address 02:00:00:00:00:99")
        try node.expectConvergence()
        #expect(try mac() == first)
        try node.expectPing(from: "pod3", to: "10.244.0.1", "fd00:10:244::1")
    }

    /// This is the test of a kernel without VLAN filtering; with it, ADD succeeds and pods of one VLAN reach each other.
    @Test(arguments: [#""vlan": 100"#, #""vlanTrunk": [{"minID": 100, "maxID": 110}, {"id": 7}]"#])
    func vlans(keys: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let members = #"\#(keys), "preserveDefaultVlan": false, \#(BridgeOptionsTests.gateway)"#
        guard try node.attempt("ip link add probe type bridge vlan_filtering 1").status == 0 else {
            try node.expectError(
                Call(members: members), code: 100,
                saying: ["keys vlan and vlanTrunk need a kernel with VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)"])
            try node.expectNothingLeft()
            #expect(try node.sql("SELECT name FROM networks") == "")
            // On a bridge that another network has made, too.
            try node.add("pod2", BridgeOptionsTests.gateway)
            let other = #"\#(keys), "ipam": {"subnet": "10.9.7.0/24"}"#
            try node.expectError(
                Call(network: "green", members: other), code: 100, saying: ["CONFIG_BRIDGE_VLAN_FILTERING"])
            #expect(try node.sql("SELECT name FROM networks") == "pods")
            try node.expectPing(from: "pod2", to: "10.9.0.1")
            return
        }
        let first = try node.add("pod1", members)
        try node.add("pod2", members)
        try node.expectRest()
        if keys.contains("100,") == false { try node.expectPing(from: "pod1", to: "10.9.0.1", "10.9.0.3") }
        try node.run("bridge vlan add vid 9 dev \(end(first)); bridge vlan del vid 100 dev \(end(first))")
        try node.expectConvergence()
    }

    @Test func anAdoptedBridgeWithoutVLANs() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("ip link add cni0 up type bridge")
        try node.expectError(
            Call(members: #""vlan": 100, \#(BridgeOptionsTests.gateway)"#), code: 101,
            saying: ["keys vlan and vlanTrunk", "`ip link set cni0 type bridge vlan_filtering 1`"])
    }

    /// Two gateways on the bridge itself cannot be in two VLANs without a tag.
    @Test func anotherVLANOfAnotherNetwork() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1", BridgeOptionsTests.gateway)
        try node.expectError(
            Call(
                pod: "pod2", network: "green",
                members: #""vlan": 7, "isGateway": true, "ipam": {"subnet": "10.9.7.0/24"}"#), code: 7,
            saying: ["green: key vlan: 7 contradicts network pods's none"])
    }

    @Test func bridgeNetfilter() throws {
        let node = try TestNode()
        try node.addPods(1)
        guard try node.attempt("test -e /proc/sys/net/bridge").status == 0 else {
            try node.expectError(
                Call(members: #""bridgeNetfilter": true, \#(dualStack)"#), code: 100,
                saying: ["`modprobe br_netfilter`"])
            return
        }
        let read = "cat /proc/sys/net/bridge/bridge-nf-call-ip{,6}tables | tr -d '\\n'"
        try node.run("echo 0 | tee /proc/sys/net/bridge/bridge-nf-call-ip{,6}tables")
        try node.add("pod1")
        #expect(try node.run(read) == "00")
        try node.delete("pod1")
        try node.add("pod1", #""bridgeNetfilter": true, \#(dualStack)"#)
        #expect(try node.run(read) == "11")
        try node.run("echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables")
        #expect(try node.plumbctl("plan").stdout.contains("sysctl -w net.bridge.bridge-nf-call-iptables=1"))
        try node.expectConvergence()
    }
}
