import Testing

/// The picture: well-formed, with all that is there, and with what is broken marked.
@Suite struct GraphTests {
    @Test func everyPodIsInIt() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in ["pod1", "pod2", "pod3"] { try node.add(pod) }
        let whole = try node.plumbctl("graph")
        #expect(
            whole.status == 0 && whole.stdout.hasPrefix("<svg ") && whole.stdout.contains("no drift"), "\(whole.all)")
        for text in ["cni0", "pod1", "10.244.0.3", "fd00:10:244::4", "3/253", "prefers-color-scheme: dark"] {
            #expect(whole.stdout.contains(text), "\(text)")
        }
        #expect(!whole.stdout.contains("class=\"cardOfdrift\""))
        try node.run("ip -n pod2 addr flush dev eth0")
        let broken = try node.plumbctl("graph", "--theme", "light")
        #expect(broken.stdout.count(of: "class=\"cardOfdrift\"") == 1)
        #expect(!broken.stdout.contains("prefers-color-scheme"))
        #expect(try node.plumbctlJSON("graph")["bridges"][0]["pods"].elements.count == 3)
    }

    @Test func aFileIsReplacedAndNothingElse() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.run("echo old > /run/graph; echo old > /run/target; ln -s target /run/link")
        let svg = try node.plumbctl("graph", "--file", "/run/graph")
        #expect(svg.status == 0 && svg.stdout.isEmpty, "\(svg.all)")
        #expect(try node.run("tail -c 7 /run/graph; ls /run/graph*") == "</svg>\n/run/graph")
        let json = try node.plumbctl("graph", "-o", "json", "--file", "/run/graph")
        #expect(json.status == 0 && json.stdout.isEmpty, "\(json.all)")
        #expect(try node.json("cat /run/graph")["bridges"][0]["name"] == "cni0")
        // Whatever stands in that place for something else stays it.
        #expect(try node.plumbctl("graph", "--file", "/run/link").status == 0)
        #expect(try node.run("stat -c %F /run/link; head -c 5 /run/target") == "symbolic link\n<svg ")
        let shown = try node.run("$PLUMBCTL graph --file /dev/stdout --data-dir $DATA | cat; stat -c %F /dev/stdout")
        #expect(shown.hasPrefix("<svg ") && shown.hasSuffix("</svg>\nsymbolic link"), "\(shown)")
        let nowhere = try node.plumbctl("graph", "--file", "/run/nowhere/graph")
        #expect(nowhere.status == 1 && nowhere.stderr.contains("/run/nowhere/graph: No such file"), "\(nowhere.all)")
    }

    @Test func eachWayOut() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        func uplinks() throws -> [[String?]] {
            try node.plumbctlJSON("graph")["uplinks"].elements.map { [$0["device"].text, $0["gateway"].text] }
        }
        #expect(try uplinks().isEmpty)
        #expect(try node.plumbctl("graph").stdout.contains("no default route"))
        try node.run(
            """
            for n in 0 1; do ip link add up$n up type veth peer name far$n; ip link set far$n up; done
            ip addr add 10.1.0.2/24 dev up0; ip -6 addr add fd01::2/64 dev up0 nodad; ip addr add 10.2.0.2/24 dev up1
            ip -6 route add default via fd01::1 dev up0; ip -6 route add unreachable default metric 4096
            ip -6 route add default via fd01::7 dev up0 table 7
            """)
        #expect(try uplinks() == [["up0", "fd01::1"]])
        #expect(try node.plumbctl("graph").stdout.contains("up0 → fd01::1"))
        try node.run(
            "ip route add default nexthop via 10.1.0.1 nexthop via 10.2.0.1; ip route add default dev up1 metric 9")
        #expect(
            try uplinks() == [["up0", "10.1.0.1"], ["up1", "10.2.0.1"], ["up1", nil], ["up0", "fd01::1"]])
    }

    @Test func namesAreTextAndNothingElse() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call(variables: ["CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=<b>&\"x"])
        #expect(try node.call(call).status == 0)
        let graph = try node.plumbctl("graph").stdout
        #expect(graph.contains("&lt;b&gt;&amp;&quot;x") && !graph.contains("<b>"))
    }
}

extension String {
    fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
