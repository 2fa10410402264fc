import Testing

/// What a shell wrote where the schema cannot check it costs nobody else, and is told by everything that looks.
@Suite struct NonsenseRowTests {
    @Test(arguments: [
        "UPDATE ranges SET first = '10.9.0.9', last = '10.9.0.2' WHERE subnet LIKE '10.9.%'",
        "UPDATE networks SET bridge_mac = 'x' WHERE bridge <> 'cni0'",
        "UPDATE networks SET bridge = 'sixteen-letters-' WHERE bridge <> 'cni0'",
    ]) func aNetwork(change: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let bad = #""bridge": "cni9", "subnets": ["10.9.0.0/28", "fd09::/64"]"#
        let added = try JSON(try node.call(Call(network: "bad", members: bad)).stdout)
        let hostEnd = try #require(added["interfaces"][1]["name"].text)
        try node.add("pod2")
        let whole = try node.sql("SELECT bridge_mac FROM networks WHERE bridge = 'cni9'")
        _ = try node.sql(change)
        let leases = try node.sql("SELECT count(*) FROM addresses")
        try node.run(
            """
            ip link del \(hostEnd); ip link set cni9 down; ip addr flush dev cni9
            ip -n pod2 addr flush dev eth0; ip link del cni0
            """)
        #expect(try node.plumbctl("plan").status == 2)
        for _ in 0..<2 {
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 1 && apply.stderr.contains("network bad"), "\(apply.all)")
            let gc = try node.plumbctl("gc", "--orphans")
            #expect(gc.status == 1 && gc.stderr.contains("network bad"), "\(gc.all)")
            try node.expectPing(from: "pod1", to: "10.9.0.1", "fd09::1")
            try node.expectPing(from: "pod2", to: "10.244.0.1", "fd00:10:244::1")
            let plan = try node.plumbctl("plan")
            #expect(plan.status == 2 && plan.stdout.contains("all of the database that can be read"), "\(plan.all)")
        }
        #expect(try node.sql("SELECT count(*) FROM addresses") == leases)
        #expect(try node.sql("SELECT count(*) FROM events WHERE kind = 'released'") == "0")
        #expect(try node.plumbctl("status").status == 2)
        let check = try node.plumbctl("check")
        #expect(check.status == 1 && check.stdout.contains("network bad"), "\(check.all)")
        // Its last pod goes; what is left of the network is not an orphan.
        #expect(try node.call(Call(verb: "DEL", network: "bad", members: bad)).status == 0)
        #expect(try node.plumbctl("gc", "--orphans").status == 1)
        #expect(try node.ourLinks().contains("cni9"))
        #expect(try node.sql("SELECT count(*) FROM addresses WHERE bridge = 'cni9'") == "0")
        if change.contains("ranges") {
            _ = try node.sql("UPDATE ranges SET first = '10.9.0.2', last = '10.9.0.14' WHERE subnet LIKE '10.9.%'")
        } else {
            _ = try node.sql("UPDATE networks SET bridge_mac = '\(whole)', bridge = 'cni9' WHERE bridge <> 'cni0'")
        }
        try node.expectConvergence()
        #expect(try node.json("ip -j link show cni9")[0]["address"].text == whole)
        #expect(try node.call(Call(network: "bad", members: bad)).status == 0)
    }

    @Test func aNetworkThatIsTakenOut() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.delete("pod1")
        _ = try node.sql("UPDATE ranges SET gateway = 'x'")
        #expect(try node.plumbctl("apply").status == 1)
        let removal = try node.plumbctl("network", "remove", "pods")
        #expect(removal.status == 0, "\(removal.all)")
        try node.expectNothingLeft()
    }

    @Test func twoRoutesToOnePlace() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql(
            """
            INSERT INTO routes (dst, gateway, mtu, advmss)
            VALUES ('10.7.0.0/24', '10.244.0.8', 0, 65535), ('10.7.0.0/24', '10.244.0.9', NULL, NULL)
            """)
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && apply.stderr.contains("10.7.0.0/24 via 10.244.0.9"), "\(apply.all)")
        #expect(try node.json("ip -j route show 10.7.0.0/24")[0]["gateway"] == "10.244.0.8")
        _ = try node.sql("DELETE FROM routes WHERE gateway = '10.244.0.9'")
        try node.expectRest()
    }

    /// Of a pod as of the host: it comes with its row and goes with it.
    @Test func aRouteOfAPod() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql(
            "INSERT INTO routes (attachment_id, dst, gateway) SELECT id, '10.7.0.0/24', '10.244.0.9' FROM attachments")
        try node.expectConvergence()
        #expect(try node.json("ip -n pod1 -j route show 10.7.0.0/24")[0]["gateway"] == "10.244.0.9")
        try node.run("ip -n pod1 route add 10.8.0.0/24 via 10.244.0.9")
        _ = try node.sql("DELETE FROM routes WHERE dst = '10.7.0.0/24'")
        try node.expectConvergence()
        #expect(try node.run("ip -n pod1 route show 10.7.0.0/24").isEmpty)
        #expect(try !node.run("ip -n pod1 route show 10.8.0.0/24").isEmpty)
    }

    /// What a row said before it was nonsense stays.
    @Test func aPodsDefaultRoute() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("UPDATE routes SET dst = 'x' WHERE dst = '0.0.0.0/0'")
        try node.run("ip -n pod1 addr del 10.244.0.2/24 dev eth0; ip -n pod1 -6 route del default")
        for _ in 0..<2 {
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 1 && apply.stderr.contains("routes row"), "\(apply.all)")
        }
        try node.run("ip -n pod1 route add default via 10.244.0.1 dev eth0 proto 80")
        #expect(try node.plumbctl("apply").status == 1)
        #expect(try !node.run("ip -n pod1 route show default").isEmpty)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        _ = try node.sql("UPDATE routes SET dst = '0.0.0.0/0' WHERE dst = 'x'")
        try node.expectConvergence()
    }

    @Test func aRoute() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("INSERT INTO routes (dst, gateway) VALUES ('10.7.0.0/24', 'x')")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 2 && plan.stdout.contains("routes row"), "\(plan.all)")
        #expect(try node.plumbctlJSON("plan")["problems"].elements.count == 1)
        let status = try node.plumbctl("status")
        #expect(status.status == 2 && status.stdout.contains("routes row"), "\(status.all)")
        let check = try node.plumbctl("check")
        #expect(check.status == 1 && check.stdout.contains("routes row"), "\(check.all)")
    }

    /// Its namespace's file is there, and is no namespace any more.
    @Test func aPodThatCannotBeLookedAt() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run("umount /run/netns/pod1")
        for command in ["plan", "status"] {
            let output = try node.plumbctl(command)
            #expect(output.status == 2 && output.stdout.contains("cannot be looked at"), "\(output.all)")
        }
    }
}
