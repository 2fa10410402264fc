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
