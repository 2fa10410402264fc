import Testing

/// A node moves over from the reference bridge plugin with host-local while its pods live.
@Suite struct HostLocalTests {
    /// Five addresses for pods, .2 to .6.
    private static let members = """
        "bridge": "cni0", "isDefaultGateway": true,
        "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": "10.9.0.0/29"}]]}
        """

    /// pod1 and pod2 are the reference's.
    private func node(pods: Int = 6) throws -> TestNode {
        let node = try TestNode()
        try node.addPods(pods)
        #expect(try node.addByReference("pod1", HostLocalTests.members) == "10.9.0.2/29")
        #expect(try node.addByReference("pod2", HostLocalTests.members) == "10.9.0.3/29")
        return node
    }

    private func add(_ node: TestNode, _ pod: String) throws -> String {
        try node.add(pod, HostLocalTests.members)["ips"][0]["address"].text ?? ""
    }

    private func files(_ node: TestNode) throws -> String {
        try node.run("ls /run/cni/pods | { grep -v -e lock -e last || true; } | paste -sd' '")
    }

    @Test func nothingIsHandedOutTwice() throws {
        let node = try node()
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        try node.expectPing(from: "pod3", to: "10.9.0.1", "10.9.0.2", "10.9.0.3")
        try node.expectRest()
        let status = try node.plumbctl("status")
        #expect(status.stdout.contains(#/10\.9\.0\.1 +3 +5 +60\.0 % +ok/#), "\(status.all)")
        for subject in ["c-pod1", "10.9.0.2"] {
            let told = try node.plumbctl("explain", subject).stdout
            #expect(
                told.contains("by host-local (/run/cni/pods/10.9.0.2)") && !told.contains("no pod has it"), "\(told)")
        }
        #expect(try add(node, "pod4") == "10.9.0.5/29")
        #expect(try add(node, "pod5") == "10.9.0.6/29")
        try node.expectError(Call(pod: "pod6", members: HostLocalTests.members), code: 11, saying: ["5 of 5"])
        try node.expectError(Call(verb: "STATUS", members: HostLocalTests.members), code: 50, saying: ["5 of 5"])

        // DEL of a pod that the reference added: its link, its lease and its file go; and once more.
        for _ in 0..<2 {
            try node.delete("pod1", HostLocalTests.members)
            #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1)
            #expect(try files(node) == "10.9.0.3")
        }
        #expect(try add(node, "pod6") == "10.9.0.2/29")
        try node.expectPing(from: "pod6", to: "10.9.0.3")
        let history = try node.sql(
            "SELECT group_concat(kind || ' ' || coalesce(pod_name, container_id)) FROM events WHERE object = '10.9.0.2'"
        )
        #expect(history == "assigned c-pod1,released c-pod1,assigned pod6")
    }

    /// Whose pod it is nobody knows, nor whether that lives.
    @Test func gcKeepsALeaseThatCannotBeUnderstood() throws {
        let node = try node()
        try node.run("echo > /run/cni/pods/10.9.0.3")
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        let nobody = ["CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": "", "CNI_ARGS": ""]
        let members = #""cni.dev/valid-attachments": [], "# + HostLocalTests.members
        let output = try node.call(Call(verb: "GC", members: members, variables: nobody))
        #expect(output.status == 0, "\(output.all)")
        #expect(try files(node) == "10.9.0.3")
        #expect(try node.sql("SELECT group_concat(ip) FROM v_leases") == "10.9.0.3")
    }

    @Test(arguments: ["", "/run/netns/nobody"]) func deletedWithoutItsNamespace(path: String) throws {
        let node = try node()
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        let output = try node.call(
            Call(verb: "DEL", members: HostLocalTests.members, variables: ["CNI_NETNS": path]))
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        #expect(try files(node) == "10.9.0.3")
        #expect(try node.sql("SELECT group_concat(address) FROM held") == "10.9.0.3")
    }

    /// Before any ADD of ours there is no row, and no database.
    @Test(arguments: [false, true]) func deletedBeforeTheFirstADD(hasDatabase: Bool) throws {
        let node = try node()
        if hasDatabase { #expect(try node.call(Call(pod: "pod6", network: "other")).status == 0) }
        try node.delete("pod1", HostLocalTests.members)
        #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1)
        #expect(try files(node) == "10.9.0.3")
        #expect(try add(node, "pod3") == "10.9.0.2/29")
        #expect(try add(node, "pod4") == "10.9.0.4/29")
    }

    /// The first ADD takes the lease over while DEL has read its file, and no row.
    @Test func deletedBesideTheFirstADD() throws {
        let node = try node()
        #expect(try node.call(Call(pod: "pod6", network: "other")).status == 0)
        let deletion = Call(verb: "DEL", members: HostLocalTests.members)
        let add = Call(pod: "pod3", members: HostLocalTests.members)
        try node.run(
            #"""
            strace -qq -o /run/trace -e inject=sendto:signal=STOP:when=1 "$PLUMB" <<< "$CONFIG" &
            tracer=$!
            until grep -q 'stopped by SIGSTOP' /run/trace; do sleep 0.01; done
            export CNI_COMMAND=ADD CNI_CONTAINERID=c-pod3 CNI_NETNS=/run/netns/pod3
            "$PLUMB" <<< "$CONFIG" > /run/answer
            test "$(sqlite3 "$DATA/state.db" 'SELECT count(*) FROM held')" = 2
            kill -CONT $(cat /proc/$tracer/task/$tracer/children)
            wait $tracer
            """#,
            environment: deletion.environment.merging(["CONFIG": add.configuration(node.dataDirectory)]) { $1 })
        #expect(try files(node) == "10.9.0.3")
        #expect(try node.sql("SELECT group_concat(address) FROM held") == "10.9.0.3")
        #expect(try node.sql("SELECT group_concat(address) FROM released") == "10.9.0.2")
    }

    /// The lease is given back, and what somebody put in its link's place is left alone.
    @Test func aLinkWithoutTheAddressStays() throws {
        let node = try node()
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        try node.run("ip -n pod1 link del eth0; ip -n pod1 link add eth0 type veth peer name q")
        try node.delete("pod1", HostLocalTests.members)
        #expect(try node.json("ip -j link show", in: "pod1").elements.count == 3)
        #expect(try files(node) == "10.9.0.3")
    }

    @Test func theMachineBooted() throws {
        let node = try node()
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        try node.run("for i in 1 2 3; do ip netns del pod$i; done; ip link del cni0")
        _ = try node.sql(
            "UPDATE attachments SET boot_id = 'x'; UPDATE held SET boot_id = 'x'; UPDATE store SET boot_id = 'x'")
        #expect(try node.call(Call(verb: "STATUS", members: HostLocalTests.members)).status == 0)
        #expect(try add(node, "pod4") == "10.9.0.5/29")
        #expect(try node.sql("SELECT count(*) FROM held") == "0")
        #expect(try files(node) == "")
    }

    /// As admins do whom host-local's leaks have hurt.
    @Test func cleanedUpByHand() throws {
        let node = try node()
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        try node.run("mv /run/cni /run/away")
        try node.expectRest()
        #expect(try node.sql("SELECT count(*) FROM held") == "2")
        try node.run("mv /run/away /run/cni; rm /run/cni/pods/10.9.0.2")
        try node.expectRest()
        #expect(try node.sql("SELECT group_concat(address) FROM held") == "10.9.0.3")
    }

    /// The old plugin is called still, for another network's sake, and gave the address to another container.
    @Test func aFileOfSomebodyElse() throws {
        let node = try node()
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        try node.run("echo c-other > /run/cni/pods/10.9.0.2")
        try node.delete("pod1", HostLocalTests.members)
        #expect(try files(node) == "10.9.0.2 10.9.0.3")
    }

    @Test func garbage() throws {
        let node = try node()
        #expect(try add(node, "pod3") == "10.9.0.4/29")
        let valid = """
            , "cni.dev/valid-attachments":
            [{"containerID": "c-pod2", "ifname": "eth0"}, {"containerID": "c-pod3", "ifname": "eth0"}]
            """
        let output = try node.call(Call(verb: "GC", members: HostLocalTests.members + valid))
        #expect(output.status == 0, "\(output.all)")
        #expect(try files(node) == "10.9.0.3")
        #expect(
            try node.sql("SELECT group_concat(address || ' ' || container_id || ' ' || state) FROM v_leases")
                == "10.9.0.4/29 c-pod3 ready,10.9.0.3 c-pod2 host-local")
        #expect(
            try node.sql(
                """
                SELECT address, network, container_id, since IS NULL, until IS NULL, reason FROM v_address_history
                WHERE address < '10.9.0.4' ORDER BY address
                """)
                == "10.9.0.2|pods|c-pod1|0|0|GC: the runtime does not know it; host-local had given it\n"
                + "10.9.0.3|pods|c-pod2|0|1|")
        // host-local before 0.8 did not say which interface: any of the container's that is valid keeps it.
        _ = try node.sql("UPDATE held SET ifname = ''")
        #expect(try node.call(Call(verb: "GC", members: HostLocalTests.members + valid)).status == 0)
        #expect(try files(node) == "10.9.0.3")
    }

    /// Files of any version, and what is no lease; what cannot be understood is taken for one that lives.
    @Test func filesOfAllKinds() throws {
        let node = try TestNode()
        try node.addPods(3)
        try node.run(
            """
            mkdir -p /run/cni/pods; cd /run/cni/pods; touch lock; echo 10.9.0.5 > last_reserved_ip.0
            printf c-pod1 > 10.9.0.2; : > 10.9.0.3; printf 'c-pod2\\r\\neth1' > 10.9.0.4; mkdir fd09::2
            """)
        #expect(try add(node, "pod3") == "10.9.0.5/29")
        #expect(
            try node.sql("SELECT group_concat(address || ' ' || container_id || ' ' || ifname) FROM held")
                == "10.9.0.2 c-pod1 ,10.9.0.3  ,10.9.0.4 c-pod2 eth1,fd09::2  ")
        // Read once: it is our row that counts from now on.
        try node.run("touch /run/cni/pods/10.9.0.6")
        try node.delete("pod3", HostLocalTests.members)
        #expect(try add(node, "pod3") == "10.9.0.6/29")
        for pod in ["pod1", "pod2"] { try node.delete(pod, HostLocalTests.members) }
        let held = try node.sql("SELECT group_concat(address) FROM (SELECT address FROM held ORDER BY address)")
        #expect(held == "10.9.0.3,10.9.0.4,fd09::2")
    }
}
