import Testing

/// `get`, `explain` and `status` on a node as it is: pods, one of them broken.
@Suite struct ListTests {
    @Test func whatGetLists() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        #expect(try node.plumbctl("apply").status == 0)
        let pods = try node.plumbctl("get", "pods")
        #expect(
            pods.stdout.split(separator: "\n").map { $0.split(separator: " ").prefix(3).joined(separator: " ") } == [
                "POD-NAMESPACE POD-NAME STATE", "default pod1 ready", "default pod2 ready",
            ], "\(pods.all)")
        let networks = try node.plumbctlJSON("get", "networks")
        #expect(networks[0]["network"] == "pods" && networks[0]["pods"] == 2)
        #expect(networks[0]["subnets"] == "10.244.0.0/24 fd00:10:244::/64")
        let pools = try node.plumbctlJSON("get", "pools")
        #expect(pools.elements.map { $0["used"].number } == [2, 2])
        let addresses = try node.plumbctlJSON("get", "addresses")
        #expect(
            addresses.elements.map { $0["address"].text } == [
                "10.244.0.2", "10.244.0.3", "fd00:10:244::2", "fd00:10:244::3",
            ])
        #expect(try node.plumbctlJSON("get", "routes", "--network", "pods").elements.count == 4)
        #expect(try node.plumbctlJSON("get", "routes", "--network", "none").elements.isEmpty)
        let events = try node.plumbctlJSON("get", "events", "--limit", "3")
        let newest = try node.sql("SELECT id FROM events ORDER BY id DESC LIMIT 3")
        #expect(
            events.elements.compactMap { $0["id"].number }.reversed().map(String.init).joined(separator: "\n") == newest
        )
        #expect(try node.plumbctlJSON("get", "runs")[0]["failed"] == 0)
        let problems = try node.plumbctl("get", "problems")
        #expect(problems.status == 0 && problems.stdout.isEmpty && problems.stderr == "No problems.\n")
        #expect(try node.plumbctl("get", "nonsense").status != 0)
    }

    @Test func whatExplainTells() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let hostEnd = try node.add("pod2")["interfaces"][1]["name"].text
        for subject in ["default/pod1", "pod1", "c-pod1", "10.244.0.2", "fd00:10:244::2"] {
            let told = try node.plumbctl("explain", subject)
            #expect(told.status == 0, "\(subject): \(told.all)")
            for part in ["pod default/pod1", "10.244.0.2/24", "a port of cni0", "drift\n  none", "assigned"] {
                #expect(told.stdout.contains(part), "\(subject) without \(part): \(told.all)")
            }
        }
        try node.run("ip -n pod1 addr flush dev eth0")
        let broken = try node.plumbctl("explain", "pod1")
        #expect(
            broken.status == 2 && broken.stdout.contains("+ address 10.244.0.2/24 on eth0: missing"), "\(broken.all)")
        #expect(try node.plumbctlJSON("explain", "pod1")["attachments"][0]["drift"].elements.count >= 3)
        #expect(try node.plumbctl("explain", "pod2").status == 0)

        try node.delete("pod2")
        let gone = try node.plumbctl("explain", "pod2")
        #expect(gone.status == 0 && gone.stdout.contains("DEL"), "\(gone.all)")
        let end = try #require(hostEnd)
        let link = try node.plumbctl("explain", end)
        #expect(
            link.status == 0 && link.stdout.contains("10.244.0.3") && link.stdout.contains("link \(end)")
                && link.stdout.contains("DEL"), "\(link.all)")
        #expect(try node.plumbctl("explain", String(end.dropLast())).status == 1)
        let gateway = try node.plumbctl("explain", "10.244.0.1")
        #expect(gateway.stdout.contains("the gateway of pool 10.244.0.0/24 of network pods"), "\(gateway.all)")
        let free = try node.plumbctl("explain", "10.244.0.77")
        #expect(free.stdout.contains("no pod has it now"), "\(free.all)")
        for word in ["cni0", "pods"] {
            let bridge = try node.plumbctl("explain", word)
            for part in ["bridge cni0", "networks   pods", "pods       1", "address 10.244.0.1/24 on cni0", "none"] {
                #expect(bridge.status == 0 && bridge.stdout.contains(part), "\(word) without \(part): \(bridge.all)")
            }
        }
        try node.run("ip addr del 10.244.0.1/24 dev cni0")
        let lacking = try node.plumbctl("explain", "cni0")
        #expect(
            lacking.status == 2 && lacking.stdout.contains("+ address 10.244.0.1/24 on cni0: missing"), "\(lacking.all)"
        )
        let unknown = try node.plumbctl("explain", "nobody")
        #expect(unknown.status == 1 && unknown.stdout.isEmpty && unknown.stderr.contains("nobody"), "\(unknown.all)")
    }

    /// What Plumb keeps in the kernel it can explain.
    @Test func whatExplainTellsOfABridgeThatStays() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.delete("pod1")
        try node.run("ip addr add 192.0.2.1/24 dev cni0")
        #expect(try node.plumbctl("network", "remove", "pods").status == 0)
        let bridge = try node.plumbctl("explain", "cni0")
        for part in ["bridge cni0", "networks   none any more", "pods       0", "bridge cni0: up", "drift\n  none"] {
            #expect(bridge.status == 0 && bridge.stdout.contains(part), "without \(part): \(bridge.all)")
        }
        // Of others it knows nothing.
        try node.run("ip link add br0 up type bridge")
        #expect(try node.plumbctl("explain", "br0").status == 1)
    }

    @Test func aFullPoolIsWarnedOf() throws {
        let node = try TestNode()
        try node.addPods(5)
        let members = #""subnets": ["10.9.0.0/29"]"#
        for pod in 1...5 {
            if pod > 1 { #expect(try node.plumbctlJSON("status")["warnings"].elements.isEmpty) }
            try node.add("pod\(pod)", members)
        }
        let status = try node.plumbctl("status")
        #expect(
            status.status == 0 && status.stdout.contains("pool 10.9.0.0/29 of network pods is full"), "\(status.all)")
        let check = try node.plumbctl("check")
        #expect(check.status == 1 && check.stdout.contains("is full: 5 of 5"), "\(check.all)")
        #expect(try node.plumbctlJSON("status")["pools"][0]["state"] == "full")
    }

    /// An earlier boot's pod, whose namespace and link died with it.
    @Test func aDeadBootIsLeaksUntilCollected() throws {
        let node = try TestNode()
        try node.addPods(2)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        try node.run("ip netns del pod1; ip netns del pod2")
        try node.waitUntilGone("$(sqlite3 $DATA/state.db 'SELECT host_ifname FROM attachments WHERE id = 2')")
        _ = try node.sql("UPDATE attachments SET boot_id = 'other'; UPDATE store SET boot_id = 'other'")
        let status = try node.plumbctl("status")
        #expect(status.status == 2 && status.stdout.contains("Drift: 2 to mend"), "\(status.all)")
        let check = try node.plumbctl("check")
        #expect(check.stdout.contains("attachments whose pod is gone, no DEL came: 2"), "\(check.all)")
        let explained = try node.plumbctl("explain", "pod1")
        #expect(explained.status == 2 && explained.stdout.contains("the machine booted since"), "\(explained.all)")
        let collected = try node.plumbctl("gc")
        #expect(collected.status == 0 && collected.stdout.contains("Collected: 2 attachments\n"), "\(collected.all)")
        try node.expectNothingLeft()
        #expect(try node.plumbctlJSON("history", "pod1")[0]["ended"] == "the machine booted since")
    }
}
