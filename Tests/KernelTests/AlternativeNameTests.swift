import Testing

/// What has a name of ours as a further one (an altname), which keeps it from every other link.
@Suite struct AlternativeNameTests {
    /// `ip link set NAME name lost`, as newer tools do it.
    private func rename(_ name: String, in namespace: String = "") -> String {
        let ip = "ip \(namespace)"
        return """
            \(ip) link set \(name) down; \(ip) link set \(name) name lost; \(ip) link property add dev lost altname \(name)
            \(ip) link set lost up
            """
    }

    /// It may also lose the mark: the MAC says whose it is.
    @Test(arguments: ["apply", "ADD"], ["true", "ip link set lost group default"])
    func aRenamedBridge(verb: String, more: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let index = try node.json("ip -j link show cni0")[0]["ifindex"]
        try node.run(rename("cni0") + "\n" + more)
        let plan = try node.plumbctl("plan")
        #expect(plan.stdout.contains("~ bridge cni0: it is named lost"), "\(plan.all)")
        if verb == "ADD" { try node.add("pod2") }
        try node.expectConvergence()
        let bridge = try node.json("ip -d -j link show cni0")[0]
        #expect(bridge["ifname"] == "cni0" && bridge["ifindex"] == index && bridge["altnames"] == .null)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
    }

    @Test(arguments: ["true", "ip link set lost group default", "ip link set lost alias mine"])
    func aRenamedHostEnd(more: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let name = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        let inside = try node.run("ip -j addr show eth0", in: "pod1")
        try node.run(rename(name) + "\n" + more)
        let plan = try node.plumbctl("plan")
        #expect(plan.stdout.contains("it is named lost"), "\(plan.all)")
        try node.expectConvergence()
        let end = try node.json("ip -d -j link show \(name)")[0]
        #expect(end["ifname"].text == name && end["altnames"] == .null)
        #expect(try node.run("ip -j addr show eth0", in: "pod1") == inside)
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.run(rename(name))
        try node.delete("pod1")
        try node.expectNothingLeft()
    }

    /// Typed by hand, the commands that plan prints come to the same.
    @Test func whatIsPrintedMendsToo() throws {
        let node = try TestNode()
        try node.addPods(1)
        let name = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        for script in [rename("cni0"), rename(name), rename("eth0", in: "-n pod1")] {
            try node.run(script)
            let commands = try node.plumbctlJSON("plan")["changes"].elements.compactMap { $0["command"].text }
            for command in commands { _ = try node.attempt(command) }
            let plan = try node.plumbctl("plan")
            #expect(plan.status == 0, "\(script): \(commands) \(plan.all)")
        }
    }

    /// As one that was renamed without it: the pair is made anew.
    @Test func aRenamedPodLink() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run(rename("eth0", in: "-n pod1"))
        try node.expectConvergence()
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.run(rename("eth0", in: "-n pod1"))
        try node.delete("pod1")
        try node.expectNothingLeft()
    }

    /// Each is told by its own name, and stays as it is.
    @Test(arguments: ["bridge", "veth peer name theirs1", "ifb"]) func somebodyElsesLink(kind: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        let way = "`ip link property del dev theirs altname"
        let name = try #require(try node.add("pod1")["interfaces"][1]["name"].text)
        func theirs() throws -> String { try node.run("ip -d -j addr show theirs | sed 's/\"gc_timer\":[^,]*,//'") }
        for taken in ["cni0", name] {
            try node.run(
                """
                ip link del \(taken); ip link add theirs type \(kind); ip link property add dev theirs altname \(taken)
                """)
            let before = try theirs()
            for command in ["plan", "apply", "check"] {
                let output = try node.plumbctl(command)
                #expect(output.status != 0 && output.all.contains("\(way) \(taken)`"), "\(output.all)")
            }
            if taken == "cni0" {
                let add = try node.call(Call(pod: "pod2"))
                #expect(add.status == 1 && add.stdout.contains("\(way) cni0`"), "\(add.all)")
                let status = try node.call(Call(verb: "STATUS"))
                #expect(status.status == 1 && status.stdout.contains("\(way) cni0`"), "\(status.all)")
            } else {
                try node.delete("pod1")
                _ = try node.plumbctl("gc", "--orphans")
            }
            #expect(try theirs() == before)
            try node.run("ip link del theirs")
            try node.expectConvergence()
        }
    }
}
