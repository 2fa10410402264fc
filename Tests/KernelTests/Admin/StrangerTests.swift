import Testing

/// What somebody meets who uses plumbctl for the first time, on a node that is not well.
@Suite struct StrangerTests {
    @Test func aReadOnlyFileSystemIsSaid() throws {
        let node = try TestNode(dataDirectory: "/run/data/plumb")
        try node.run("mkdir /run/data && mount -t tmpfs tmpfs /run/data")
        try node.addPods(1)
        try node.add("pod1")
        #expect(try node.plumbctlJSON("status")["warnings"].elements.isEmpty)
        try node.run("mount -o remount,ro /run/data")
        let check = try node.plumbctl("check")
        #expect(check.status == 1 && check.stdout.contains("no pod can be added: /run/data/plumb"), "\(check.all)")
        let status = try node.plumbctl("status")
        #expect(status.status == 0 && status.stdout.contains("warning: no pod can be added"), "\(status.all)")
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && apply.stderr.contains("remount its file system"), "\(apply.all)")
    }

    /// A page of a table, which nobody reads to copy it.
    @Test func aDamagedDatabaseIsNotCopied() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let page = try node.sql(
            "PRAGMA wal_checkpoint(TRUNCATE); SELECT rootpage FROM sqlite_schema WHERE name = 'runs'")
        let number = try #require(Int(page.split(separator: "\n").last ?? ""))
        try node.run(
            "dd if=/dev/urandom of=$DATA/state.db bs=2048 seek=\(number - 1) count=1 conv=notrunc 2>/dev/null")
        let snapshot = try node.plumbctl("snapshot", "/run/copy.db")
        #expect(snapshot.status == 1 && snapshot.stderr.contains("no copy was made"), "\(snapshot.all)")
        #expect(try node.attempt("test -e /run/copy.db").status == 1)
        let check = try node.plumbctl("check")
        #expect(check.status == 1 && check.stdout.contains("is damaged"), "\(check.all)")
    }

    /// What every statement needs, which is read when the copy is looked at for the first time.
    @Test func aDamagedSchemaIsNotTheCopys() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        _ = try node.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        try node.run("dd if=/dev/urandom of=$DATA/state.db bs=1 seek=100 count=100 conv=notrunc 2>/dev/null")
        let snapshot = try node.plumbctl("snapshot", "/run/copy.db")
        #expect(snapshot.status == 1 && snapshot.stderr.contains("/run/plumb/state.db is damaged"), "\(snapshot.all)")
        #expect(!snapshot.stderr.contains("/run/copy.db"), "\(snapshot.all)")
        #expect(try node.attempt("test -e /run/copy.db").status == 1)
    }

    @Test func aCopyForWhichThereIsNoRoom() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run("mkdir /run/small && mount -t tmpfs -o size=32k tmpfs /run/small")
        let snapshot = try node.plumbctl("snapshot", "/run/small/copy.db")
        #expect(
            snapshot.status == 1 && snapshot.stderr.contains("no space left for /run/small/copy.db"), "\(snapshot.all)")
        #expect(!snapshot.stderr.contains("state.db"), "\(snapshot.all)")
        #expect(try node.run("ls /run/small").isEmpty)
    }

    /// A copy that has no log gets one from the first apply.
    @Test func aRestoredVacuumServes() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        try node.run(
            #"""
            cd "$DATA" && sqlite3 state.db "VACUUM INTO '/run/copy.db'" && mkdir aside && mv state.db* aside/
            install -m 0640 /run/copy.db state.db
            """#)
        #expect(try node.sql("PRAGMA journal_mode") == "delete")
        try node.expectRest()
        #expect(try node.sql("PRAGMA journal_mode") == "wal")
        try node.add("pod2")
        try node.expectPing(from: "pod1", to: "10.244.0.3")
    }

    @Test func aForeignRouteInAPodIsNamedWithTheWayOut() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run("ip -n pod1 route del default; ip -n pod1 route add default dev eth0")
        let apply = try node.plumbctl("apply")
        #expect(
            apply.status == 1 && apply.stderr.contains("ip -4 route show 0.0.0.0/0") && apply.stderr.contains("pod1"),
            "\(apply.all)")
        try node.run("ip -n pod1 route del default")
        try node.expectConvergence()
    }

    /// A VLAN's link, whose dot sysctl(8) would take for a slash: what is printed does what it says.
    @Test func aLinkWithADotInItsName() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            ip link add up.100 up type veth peer name far; ip link set far up
            ip -6 addr add fd01::1/64 dev up.100 nodad; ip -6 route add default via fd01::9 dev up.100 proto ra
            """)
        try node.add("pod1")
        let told = try node.plumbctlJSON("status")["forwarding"].elements.compactMap { $0["command"].text }
        let command = try #require(told.first { $0.contains("up.100") })
        try node.run(command)
        #expect(try node.run("cat /proc/sys/net/ipv6/conf/up.100/accept_ra") == "2", "\(command)")
    }

    @Test func whoIsNotRootIsToldSo() throws {
        let node = try TestNode()
        try node.run(
            """
            { cat /etc/group; echo plumb:x:4242:; } > /run/group; mount --bind /run/group /etc/group
            touch /run/plumbctl && mount --bind "$PLUMBCTL" /run/plumbctl
            """)
        try node.addPods(1)
        try node.add("pod1")
        for (command, words) in [
            ("status", "takes root"), ("plan", "takes root"), ("explain pod1", "takes root"), ("graph", "takes root"),
            ("apply", "be root"), ("gc", "be root"), ("network remove pods", "be root"), ("watch", "takes root"),
            ("sql 'DELETE FROM events'", "be root"), ("check", "be root"),
        ] {
            let output = try node.attempt(
                "exec setpriv --reuid 4711 --regid 4242 --clear-groups -- /run/plumbctl \(command) --data-dir $DATA")
            #expect(output.status == 1 && output.all.contains(words), "\(command): \(output.all)")
        }
    }

    /// Whoever reads JSON finds each key, whether there is something or not.
    @Test func keysOfJSONStay() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let before = try node.plumbctl("status", "--output", "json")
        #expect(before.stdout.contains("\"lastRun\" : null"), "\(before.all)")
        try node.expectRest()
        let status = try node.plumbctlJSON("status")
        #expect(status["lastRun"]["failed"] == 0 && status["lastRun"]["started"].text?.hasSuffix("Z") == true)
        #expect(status["attachments"] == .object(["adding": 0, "ready": 1, "deleting": 0]))
        #expect(status["pools"][0]["size"] == 253)
        #expect(before.stdout.contains("\"size\" : 1.8446744073709552e+19"), "\(before.all)")
        let pod = try node.plumbctlJSON("explain", "pod1")["attachments"][0]
        #expect(pod["containerId"] == "c-pod1" && pod["podName"] == "pod1" && pod["podNamespace"] == "default")
        let network = try node.plumbctlJSON("get", "networks")[0]
        #expect(network == (try node.plumbctlJSON("network", "list")[0]))
        #expect(
            network.keys.isSuperset(of: ["vlans", "promisc", "dad", "bridgeNetfilter", "forceAddress"])
                && network["promisc"] == "off" && network["vlans"] == .null)
        #expect(try node.plumbctlJSON("get", "routes")[0].keys.isSuperset(of: ["mtu", "advmss", "scope"]))
        let told = try node.plumbctl("explain", "pod1", "--output", "json")
        #expect(told.stdout.contains("\"mtu\" : null"), "\(told.all)")
    }

    @Test func tablesLeaveOutWhatGoesWithoutSaying() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let written = try node.plumbctl(
            "sql", "INSERT INTO routes (dst, gateway, metric) VALUES ('10.77.0.0/24', '10.244.0.2', 7)")
        #expect(written.status == 0 && written.stdout.isEmpty && written.stderr == "Wrote 1 row.\n", "\(written.all)")
        #expect(try node.plumbctl("sql", "DELETE FROM routes WHERE 0; CREATE TABLE t (a)").stderr == "Wrote 0 rows.\n")
        let routes = try node.plumbctl("get", "routes").stdout.split(separator: "\n").map {
            $0.split(separator: " ").prefix(6).joined(separator: " ")
        }
        #expect(routes[1...2] == ["10.77.0.0/24 10.244.0.2 - - 7 -", "0.0.0.0/0 10.244.0.1 - - - -"], "\(routes)")
        #expect(try node.plumbctlJSON("get", "routes")[1]["table"] == 254)
        #expect(try !node.plumbctl("get", "routes").stdout.contains("ADVMSS"))
        #expect(try !node.plumbctl("get", "networks").stdout.contains("VLANS"))
        try node.run("ip -n pod1 route del default")
        let plan = try node.plumbctl("plan")
        #expect(plan.stdout.contains("+ route 0.0.0.0/0 of pod default/pod1: missing"), "\(plan.all)")
        let json = try node.plumbctl("plan", "--output", "json")
        #expect(json.stdout.contains("route 0.0.0.0/0 metric 0 table 254"), "\(json.all)")
    }
}
