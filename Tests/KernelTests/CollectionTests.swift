import Testing

/// What pods leave that went without DEL.
@Suite struct CollectionTests {
    /// Nobody can say how a pod is that cannot be looked at: that is a failure, and told as one.
    @Test func aPathThatIsNoNamespace() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        try node.run("umount /run/netns/pod1; ip -n pod2 route del default")
        #expect(try node.plumbctl("plan").status == 2)
        for _ in 0..<2 {
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 1 && apply.stderr.contains("pod1 cannot be looked at"), "\(apply.all)")
            try node.expectPing(from: "pod2", to: "10.244.0.1")
            #expect(try node.sql("SELECT count(*) FROM v_leases") == "4")
        }
        #expect(try node.sql("SELECT count(*) > 0 FROM v_problems") == "1")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("wherever it could be looked at"), "\(plan.all)")
        let check = try node.plumbctl("check")
        #expect(check.status == 1 && check.stdout.contains("pod1 cannot be looked at"), "\(check.all)")
        try node.delete("pod1")
        try node.expectConvergence()
    }

    private static let onePod = #""subnets": ["10.9.0.0/30"]"#

    @Test func namespaceDeleted() throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.add("pod2")
        try node.run("ip netns del pod1")
        try node.waitUntilGone(hostEnd)
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2, "\(plan.all)")
        #expect(plan.stdout.contains("- lease 10.244.0.2/24, fd00:10:244::2/64 of pod default/pod1"), "\(plan.all)")
        try node.expectConvergence()
        #expect(try node.sql("SELECT group_concat(address) FROM v_leases") == "10.244.0.3/24,fd00:10:244::3/64")
        let released = try node.sql(
            "SELECT group_concat(object) FROM events WHERE kind = 'released' AND pod_name = 'pod1'")
        #expect(released == "10.244.0.2,fd00:10:244::2")
        let status = try node.plumbctl("status")
        #expect(status.status == 0 && status.stdout.contains("Attachments: 1 ready"), "\(status.all)")
    }

    /// Its lease was the last to name a gateway of subnets that are no longer configured.
    @Test func takesItsGatewayAlong() throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        try node.add("pod2", #""subnets": ["10.245.0.0/24"]"#)
        try node.run("ip netns del pod1")
        try node.waitUntilGone(hostEnd)
        try node.expectConvergence()
        let gateways = try node.json("ip -j -4 addr show dev cni0")[0].addresses
        #expect(gateways == ["10.245.0.1/24"])
        try node.expectPing(from: "pod2", to: "10.245.0.1")
    }

    /// Also where its link has another name, by which nobody looks for it.
    @Test(arguments: [false, true]) func namespaceLingers(isRenamed: Bool) throws {
        let node = try TestNode()
        try node.addPods(1)
        var hostEnd = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        if isRenamed {
            try node.run("ip link set \(hostEnd) down; ip link set \(hostEnd) name lost; ip link set lost up")
            hostEnd = "lost"
        }
        let process = try node.run(
            """
            nsenter --net=/run/netns/pod1 sleep 30 </dev/null >/dev/null 2>&1 & echo $!
            until [ $(readlink /proc/$!/ns/net) != $(readlink /proc/$$/ns/net) ]; do sleep 0.01; done
            umount /run/netns/pod1 && rm /run/netns/pod1
            """)
        let gc = try node.plumbctl("gc", "--orphans")
        #expect(gc.status == 0, "\(gc.all)")
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 0, "\(apply.all)")
        #expect(apply.stdout.contains("default/pod1 lingers"), "\(apply.all)")
        #expect(apply.stdout.contains("yet \(hostEnd) is alive"), "\(apply.all)")
        #expect(try node.sql("SELECT count(*) FROM v_leases") == "2")
        #expect(try node.attempt("ip link show \(hostEnd)").status == 0)

        try node.run("kill \(process)")
        try node.waitUntilGone(hostEnd)
        try node.expectConvergence()
        try node.expectNothingLeft()
    }

    @Test func machineBooted() throws {
        let node = try TestNode()
        try node.addPods(2)
        let hostEnd = try #require(try node.add("pod1", CollectionTests.onePod)["interfaces"][1]["name"].text)
        try node.run("ip netns del pod1")
        try node.waitUntilGone(hostEnd)
        _ = try node.sql("UPDATE attachments SET boot_id = 'other'; UPDATE store SET boot_id = 'other'")
        // The pool has one address: ADD can have it only if the dead pod's is free at once.
        let result = try node.add("pod2", CollectionTests.onePod)
        #expect(result["ips"][0]["address"] == "10.9.0.2/30")
        #expect(try node.sql("SELECT group_concat(container_id) FROM attachments") == "c-pod2")
        try node.expectRest()
    }

    @Test func pathIsUsedAgain() throws {
        let node = try TestNode()
        try node.addPods(1)
        let hostEnd = try #require(try node.add("pod1", CollectionTests.onePod)["interfaces"][1]["name"].text)
        try node.run("ip netns del pod1")
        try node.waitUntilGone(hostEnd)
        try node.run("ip netns add pod1")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("another namespace is at /run/netns/pod1"), "\(plan.all)")
        try node.expectConvergence()
        try node.expectNothingLeft()
        #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1)
    }

    /// The runtime restarts a pod under its old names before anything collected the old one.
    @Test func sameContainerInANewNamespace() throws {
        let node = try TestNode()
        try node.addPods(1)
        let hostEnd = try #require(try node.add("pod1", CollectionTests.onePod)["interfaces"][1]["name"].text)
        try node.run("ip netns del pod1; ip netns add pod1")
        try node.add("pod1", CollectionTests.onePod)
        #expect(try node.attempt("ip link show \(hostEnd)").status == 1)
        try node.expectPing(from: "pod1", to: "10.9.0.1")
        try node.expectRest()
        try node.delete("pod1", CollectionTests.onePod)
        try node.expectNothingLeft()
    }
}
