import Testing

/// What another IPAM plugin gave is given back, whoever ends the attachment and wherever ADD died.
@Suite struct DelegatedEndTests {
    private func nodeWithPod() throws -> TestNode {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate()
        let output = try node.call(.delegated())
        try #require(output.status == 0, "\(output.all)")
        return node
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var script = "true"
        var members = TestNode.delegated()
        var variables: [String: String] = [:]
    }

    static let cases = [
        Case(testDescription: "as usual"),
        Case(testDescription: "by the row", members: dualStack),
        Case(testDescription: "by the row, without CNI_PATH", members: "", variables: ["CNI_PATH": ""]),
        Case(testDescription: "without CNI_PATH", variables: ["CNI_PATH": ""]),
        Case(
            testDescription: "another plugin by now",
            script: "printf '#!/bin/sh\\necho wrong >> /run/calls\\n' > /run/bin/taker; chmod +x /run/bin/taker",
            members: TestNode.delegated().replacing("giver", with: "taker")),
        Case(testDescription: "namespace gone", script: "ip netns del pod1", variables: ["CNI_NETNS": ""]),
        Case(
            testDescription: "no database", script: #"rm "$DATA"/state.db*; ip -n pod1 link del eth0"#),
        Case(
            testDescription: "no row",
            script: #"sqlite3 "$DATA/state.db" 'PRAGMA foreign_keys=ON; DELETE FROM attachments'"#),
    ]

    @Test(arguments: cases) func deleted(test: Case) throws {
        let node = try nodeWithPod()
        try node.run(test.script)
        let output = try node.call(.delegated("DEL", members: test.members, variables: test.variables))
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        #expect(try node.delegateCalls() == "ADD DEL")
        #expect(try node.run("tail -1 /run/calls").hasPrefix("DEL c-pod1 eth0 "))
        #expect(try JSON(try node.run("cat /run/input"))["ipam"]["type"] == "giver")
    }

    /// DEL takes the link away, says what the delegate says, and may be repeated; apply ends it as well.
    @Test(arguments: ["DEL", "apply"]) func deletedWhenTheDelegateCannot(by: String) throws {
        let node = try nodeWithPod()
        try node.failDelegate("DEL", #"{"code": 5, "msg": "not now"}"#)
        try node.expectError(.delegated("DEL"), code: 5, saying: ["giver", "not now"])
        #expect(try node.ourLinks() == ["br0"])
        #expect(try node.sql("SELECT state FROM attachments") == "deleting")
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1 && apply.stderr.contains("not now"), "\(apply.all)")
        try node.failDelegate("DEL", nil)
        if by == "DEL" {
            #expect(try node.call(.delegated("DEL")).status == 0)
        } else {
            try node.expectConvergence()
        }
        try node.expectNothingLeft()
    }

    @Test func theNamespaceVanished() throws {
        let node = try nodeWithPod()
        let hostEnd = try #require(try node.ourLinks().last)
        try node.run("ip netns del pod1")
        try node.waitUntilGone(hostEnd)
        try node.expectConvergence()
        #expect(try node.delegateCalls() == "ADD DEL")
        let last = "DEL c-pod1 eth0 /run/netns/pod1 \(TestNode.delegatePath) "
        let arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod1"
        #expect(try node.run("tail -1 /run/calls").hasPrefix(last + arguments))
        try node.expectNothingLeft()
    }

    /// Its addresses are free at once, and the delegate hears of it from apply.
    @Test func theMachineBooted() throws {
        let node = try nodeWithPod()
        try node.run("ip netns del pod1; ip netns add pod2")
        _ = try node.sql("UPDATE attachments SET boot_id = 'other'; UPDATE store SET boot_id = 'other'")
        let output = try node.call(.delegated(pod: "pod2"))
        #expect(output.status == 0, "\(output.all)")
        #expect(try node.delegateCalls() == "ADD ADD")
        try node.expectConvergence()
        #expect(try node.run("cut -d' ' -f1-2 /run/calls | tail -1") == "DEL c-pod1")
        #expect(try node.sql("SELECT group_concat(container_id) FROM attachments") == "c-pod2")
    }

    /// ADD failed and could not be undone: apply undoes it, and never completes what the runtime was told had failed.
    @Test func anAddThatCouldNotBeUndone() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate(
            answer: #"{"ips": [{"address": "10.9.0.7/24"}], "routes": [{"dst": "10.8.0.0/16", "gw": "192.0.2.1"}]}"#)
        try node.failDelegate("DEL", #"{"code": 5, "msg": "not now"}"#)
        let output = try node.call(.delegated())
        #expect(try JSON(output.stdout)["details"].text?.contains("not now") == true, "\(output.all)")
        #expect(try node.plumbctl("apply").status == 1)
        #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1)
        try node.failDelegate("DEL", nil)
        try node.expectConvergence()
        try node.expectNothingLeft()
    }

    /// Killed while the delegate runs, ADD leaves a row by which DEL, apply or the next ADD have it take back what it gave.
    @Test(arguments: ["DEL", "apply", "ADD"]) func killedWhileItRuns(by: String) throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.installDelegate()
        try node.run(": > /run/none/wait")
        let command = try node.start(.delegated())
        try node.run("until [ -e /run/waiting ]; do sleep 0.01; done")
        // Nothing waits for a slow delegate: neither another pod nor a reader.
        #expect(try node.call(Call(pod: "pod2", network: "own")).status == 0)
        command.kill()
        try node.run("rm /run/none/wait; until [ -s /run/calls ]; do sleep 0.01; done")
        #expect(command.wait().status == 128 + 9)
        #expect(try node.sql("SELECT state FROM attachments WHERE network_id = 1") == "adding")
        switch by {
        case "apply":
            let plan = try node.plumbctl("plan")
            #expect(plan.stdout.contains("ADD died while IPAM plugin giver was called"), "\(plan.all)")
            try node.expectConvergence()
        default:
            let output = try node.call(.delegated(by))
            #expect(output.status == 0, "\(output.all)")
        }
        #expect(try node.delegateCalls() == (by == "ADD" ? "ADD DEL ADD" : "ADD DEL"))
        #expect(try node.sql("SELECT count(*) FROM attachments") == (by == "ADD" ? "2" : "1"))
        try node.expectConvergence()
    }
}
