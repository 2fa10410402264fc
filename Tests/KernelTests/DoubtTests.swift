import Testing

/// What the database does not say, or says in nonsense, is no reason to take anything away.
@Suite struct DoubtTests {
    private func node(_ pods: Int) throws -> TestNode {
        let node = try TestNode()
        try node.addPods(pods)
        return node
    }

    /// No attachment is left, and a host's route has none.
    @Test func aRouteOfANodeWithoutPods() throws {
        let node = try node(1)
        try node.run("ip link add up0 type veth; ip link set up0 up; ip addr add 192.0.2.1/24 dev up0")
        try node.add("pod1")
        _ = try node.sql("INSERT INTO routes (dst, gateway) VALUES ('10.7.0.0/24', '192.0.2.9')")
        try node.expectConvergence()
        try node.delete("pod1")
        for _ in 0..<3 { try node.expectConvergence() }
        #expect(try node.sql("SELECT dst FROM routes") == "10.7.0.0/24")
        #expect(try node.json("ip -j route show 10.7.0.0/24")[0]["gateway"] == "192.0.2.9")
        _ = try node.sql("DELETE FROM routes")
        try node.expectConvergence()
        #expect(try node.run("ip route show 10.7.0.0/24").isEmpty)
    }

    @Test(arguments: [
        "UPDATE addresses SET address = '10.244.0.3x' WHERE address = '10.244.0.3'",
        "UPDATE addresses SET gateway = 'fd00::1' WHERE address = '10.244.0.3'",
        "UPDATE attachments SET mac = 'zz' WHERE pod_name = 'pod2'",
        "UPDATE attachments SET bridge = '' WHERE pod_name = 'pod2'",
    ]) func aPodWhoseRowIsNonsense(change: String) throws {
        let node = try node(3)
        for pod in ["pod1", "pod2"] { try node.add(pod, TestNode.masqueraded) }
        let links = try node.ourLinks()
        let before = try node.run("nft list ruleset")
        _ = try node.sql(change)
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && !apply.stdout.contains("lease"), "\(apply.all)")
        let gc = try node.plumbctl("gc", "--orphans")
        #expect(gc.status == 1 && !gc.stdout.contains("link plumb"), "\(gc.all)")
        #expect(try node.ourLinks() == links)
        #expect(try node.run("nft list ruleset") == before)
        try node.expectPing(from: "pod2", to: "10.244.0.1", "10.244.0.2")
        let third = try node.add("pod3", TestNode.masqueraded)
        #expect(third["ips"][0]["address"] == "10.244.0.4/24")
    }

    /// What host-local gave: the other rows count, also after a boot, and for GC.
    @Test func aHeldRowThatIsNonsense() throws {
        let node = try node(4)
        let members = """
            "bridge": "cni0", "isDefaultGateway": true,
            "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": "10.9.0.0/28"}]]}
            """
        for pod in ["pod1", "pod2"] { _ = try node.addByReference(pod, members) }
        try node.add("pod3", members)
        _ = try node.sql(
            "UPDATE held SET address = '10.9.0.300' WHERE address = '10.9.0.2'; UPDATE store SET boot_id = 'x'")
        let fourth = try node.add("pod4", members)
        #expect(fourth["ips"][0]["address"] == "10.9.0.5/28")
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && apply.stderr.contains("10.9.0.300"), "\(apply.all)")
        let nobody = ["CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": "", "CNI_ARGS": ""]
        let gc = try node.call(
            Call(verb: "GC", members: #""cni.dev/valid-attachments": [], "# + members, variables: nobody))
        #expect(gc.status == 0, "\(gc.all)")
        #expect(try node.sql("SELECT address FROM held") == "10.9.0.300")
        #expect(try node.sql("SELECT count(*) FROM attachments") == "0")
        let removal = try node.plumbctl("network", "remove", "pods")
        #expect(removal.status == 1 && removal.stderr.contains("10.9.0.300"), "\(removal.all)")
        // As of the others: its file gone, it is.
        try node.run("rm /run/cni/pods/10.9.0.2")
        _ = try node.plumbctl("apply")
        #expect(try node.plumbctl("apply").stdout.contains("lease 10.9.0.2"))
        try node.expectRest()
        #expect(try node.sql("SELECT count(*) FROM held") == "0")
    }

    /// Nor is another network's gateway left where that network is no more.
    @Test(arguments: [1, 2]) func aNetworkThatMovesBesideANonsenseRow(bridge: Int) throws {
        let node = try node(3)
        func members(_ bridge: Int, _ subnet: Int) -> String {
            #""bridge": "br\#(bridge)", "isGateway": true, "ipam": {"subnet": "10.\#(subnet).0.0/24"}"#
        }
        #expect(try node.call(Call(pod: "pod1", network: "other", members: members(bridge, 8))).status == 0)
        try node.add("pod2", members(1, 9))
        try node.delete("pod2", members(1, 9))
        _ = try node.sql("UPDATE attachments SET mac = 'zz' WHERE pod_name = 'pod1'")
        let add = try node.call(Call(pod: "pod3", members: members(3, 9)))
        #expect(add.status == 0, "\(add.all)")
        // On the bridge of the pod that cannot be read, nobody knows whose gateway it is.
        let isThere = try node.json("ip -4 -j addr show br1")[0].addresses.contains("10.9.0.1/24")
        #expect(isThere == (bridge == 1) && add.stderr.contains("cannot be read") == isThere, "\(add.all)")
    }

    /// A pod may write routes with our protocol number as it likes: history does not grow with them.
    @Test func aPodThatMakesRoutesOfOurs() throws {
        let node = try node(1)
        try node.add("pod1")
        try node.run(
            "for i in $(seq 200); do echo route add 192.0.2.$i/32 via 10.244.0.1 proto 80; done | ip -n pod1 -batch -")
        try node.expectConvergence()
        #expect(try node.run("ip -n pod1 route show proto 80 | wc -l") == "1")
        #expect(try node.sql("SELECT count(*) FROM events WHERE object LIKE 'route 192.0.2.%'") == "16")
        #expect(
            try node.sql("SELECT reason FROM events WHERE object = 'routes'") == "apply: 184 more that no row asks for")
        try node.expectPing(from: "pod1", to: "10.244.0.1")
    }

    /// What is held there by others would go with it.
    @Test func aRenamedInterfaceOfAPodThatIsNotOurs() throws {
        let node = try node(1)
        let members = #""repairPod": "missing-link", \#(dualStack)"#
        try node.add("pod1", members)
        try node.run(
            "ip link set eth0 down && ip link set eth0 name net0 up && ip addr add 192.0.2.1/24 dev net0", in: "pod1")
        let before = try node.run("ip -j addr show net0", in: "pod1")
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && apply.stderr.contains("rename that one back"), "\(apply.all)")
        #expect(try node.run("ip -j addr show net0", in: "pod1") == before)
        try node.run("ip link set net0 down && ip link set net0 name eth0 up", in: "pod1")
        try node.expectRest()
    }

    /// Whoever put it there: that its route came back by us makes it no one else's.
    @Test func anAddressToWhichOnlyItsRouteCameBack() throws {
        let node = try node(1)
        try node.run("ip link add br0 type bridge; ip link set br0 up; ip addr add 10.9.0.1/24 dev br0")
        let members = #""bridge": "br0", "isGateway": true, "ipam": {"subnet": "10.9.0.0/24"}"#
        try node.add("pod1", members)
        try node.run("ip route del 10.9.0.0/24 dev br0")
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.9.0.1")
        try node.delete("pod1", members)
        #expect(try node.plumbctl("network", "remove", "pods").status == 0)
        #expect(try node.json("ip -4 -j addr show br0")[0].addresses == ["10.9.0.1/24"])
    }

    /// A shell took the database and left its log.
    @Test func aLogWithoutItsDatabase() throws {
        let node = try node(2)
        try node.add("pod1")
        // A shell that is the last to close takes it away.
        try node.run("cp $DATA/state.db-wal /run/log")
        let tag = try node.sql("SELECT tag FROM store")
        try node.delete("pod1")
        try node.run("ip link del cni0; rm $DATA/state.db; cp /run/log $DATA/state.db-wal")
        let answer = try node.add("pod2")
        #expect(answer["ips"][0]["address"] == "10.244.0.2/24")
        #expect(try node.sql("SELECT tag FROM store") != tag)
        #expect(try node.sql("SELECT group_concat(pod_name) FROM attachments") == "pod2")
        #expect(try node.run("cmp /run/log $DATA/state.db-wal.[0-9]*").isEmpty)
        try node.expectRest()
    }

    /// Networks that share a bridge each ask for their own MTU, and pods of one do not undo the other's.
    @Test func twoMTUsOnOneBridge() throws {
        let node = try node(3)
        func members(_ mtu: Int, _ subnet: String) -> String {
            #""bridge": "cni0", "isGateway": true, "mtu": \#(mtu), "ipam": {"subnet": "\#(subnet)"}"#
        }
        let other = Call(pod: "pod1", network: "other", members: members(1400, "10.9.0.0/24"))
        #expect(try node.call(other).status == 0)
        #expect(try node.call(Call(pod: "pod2", members: members(1400, "10.8.0.0/24"))).status == 0)
        var call = Call(pod: "pod3", network: "other", members: members(1300, "10.9.0.0/24"))
        let answer = try node.call(call)
        #expect(answer.status == 0, "\(answer.all)")
        try node.expectRest()
        #expect(try node.json("ip -j link show cni0")[0]["mtu"] == 1400)
        call.verb = "CHECK"
        call.members += #", "prevResult": \#(answer.stdout)"#
        let check = try node.call(call)
        #expect(check.status == 0, "\(check.all)")
    }

    /// Every link has an address of fe80::/64, and it is no other host's.
    @Test func aLinkLocalGateway() throws {
        let node = try node(1)
        try node.run("ip link add br0 type bridge; ip link set br0 up; sleep 0.1")
        try node.run("ip -6 addr show dev br0 | grep -q fe80")
        let members =
            #""bridge": "br0", "isDefaultGateway": true, "ipam": {"subnet": "fd09::/64", "gateway": "fe80::1"}"#
        try node.add("pod1", members)
        #expect(try node.json("ip -6 -j route show default", in: "pod1")[0]["gateway"] == "fe80::1")
        #expect(try node.json("ip -6 -j addr show br0")[0].addresses.contains("fe80::1/64"))
        try node.expectRest()
    }

    /// Who cannot be answered has no pod.
    @Test(arguments: ["/dev/full", "a pipe"]) func anAnswerThatNobodyGets(output: String) throws {
        let node = try node(1)
        let add = try node.attempt(
            output == "a pipe"
                ? """
                { until [ -e /run/closed ]; do sleep 0.01; done; sleep 0.1; cat <<< "$CONFIG"; } |
                CNI_COMMAND=ADD "$PLUMB" | sh -c 'exec <&-; : > /run/closed'
                """
                : #"CNI_COMMAND=ADD "$PLUMB" <<< "$CONFIG" > /dev/full"#,
            environment: Call().environment.merging(["CONFIG": Call().configuration(node.dataDirectory)]) { $1 })
        #expect(add.status == 1, "\(add.all)")
        try node.expectNothingLeft()
        try node.add("pod1")
    }

    /// Nothing is known of the pod by that, and DEL must not say that it is gone.
    @Test(arguments: 3...8) func aDELWithoutDescriptors(limit: Int) throws {
        let node = try node(1)
        try node.add("pod1")
        let end = try node.attempt(
            #"cat > /run/config <<< "$CONFIG"; ulimit -n \#(limit); CNI_COMMAND=DEL exec "$PLUMB" < /run/config"#,
            environment: Call().environment.merging(["CONFIG": Call().configuration(node.dataDirectory)]) { $1 })
        let link = try node.attempt("ip link show eth0", in: "pod1").status == 0
        #expect(end.status == 1 || !link, "\(end.all)")
        try node.delete("pod1")
        try node.expectNothingLeft()
    }
}
