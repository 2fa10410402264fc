import Testing

/// CHECK, GC and STATUS of a network whose addresses another plugin gives: it is asked too, after us (SPEC.md section 4).
@Suite struct DelegatedVerbTests {
    private func node() throws -> TestNode {
        let node = try TestNode()
        try node.addPods(2)
        try node.installDelegate()
        return node
    }

    private func members(_ more: String) -> String { TestNode.delegated(", " + more) }

    private let nobody = ["CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": "", "CNI_ARGS": ""]

    private let refusal = #"{"cniVersion": "1.1.0", "code": 117, "msg": "the giver is out"}"#

    private func expectRefusal(_ output: Output) throws {
        #expect(output.status == 1)
        let error = try JSON(output.stdout)
        #expect(error["code"] == 117, "\(output.all)")
        #expect(output.stdout.contains("the giver is out"))
    }

    @Test func checkAsksItToo() throws {
        let node = try node()
        let result = try node.call(.delegated()).stdout
        let check = Call.delegated("CHECK", members: members(#""prevResult": \#(result)"#))
        let well = try node.call(check)
        #expect(well.status == 0 && well.stdout.isEmpty, "\(well.all)")
        #expect(try node.delegateCalls() == "ADD CHECK")
        try node.failDelegate("CHECK", refusal)
        try expectRefusal(try node.call(check))
        // Our own drift comes first, and is reason enough.
        try node.run("ip -n pod1 addr del 10.9.0.7/24 dev eth0")
        #expect(try JSON(try node.call(check).stdout)["code"] == 104)
    }

    @Test func statusAsksItToo() throws {
        let node = try node()
        let status = Call.delegated("STATUS", variables: nobody)
        let well = try node.call(status)
        #expect(well.status == 0 && well.stdout.isEmpty, "\(well.all)")
        try node.failDelegate("STATUS", refusal)
        try expectRefusal(try node.call(status))
        #expect(try node.delegateCalls() == "STATUS STATUS")
    }

    @Test func collectionIsPassedOn() throws {
        let node = try node()
        #expect(try node.call(.delegated()).status == 0)
        // Without a list nobody is told to collect.
        let silent = try node.call(.delegated("GC", variables: nobody))
        #expect(silent.status == 0 && silent.stdout.isEmpty, "\(silent.all)")
        #expect(try node.delegateCalls() == "ADD")
        // The attachment's own DEL, then the collection of what only the giver knows.
        let none = Call.delegated("GC", members: members(#""cni.dev/valid-attachments": []"#), variables: nobody)
        let output = try node.call(none)
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        #expect(try node.delegateCalls() == "ADD DEL GC")
        #expect(try node.run("cat /run/input") == none.configuration(node.dataDirectory))
        try node.expectNothingLeft()

        try node.failDelegate("GC", refusal)
        try expectRefusal(try node.call(none))
    }

    /// What the giver will not take back keeps its row, and does not keep others from being collected.
    @Test func aGiverThatRefusesKeepsItsRow() throws {
        let node = try node()
        #expect(try node.call(.delegated()).status == 0)
        try node.failDelegate("DEL", refusal)
        try node.failDelegate("GC", refusal)
        let none = Call.delegated("GC", members: members(#""cni.dev/valid-attachments": []"#), variables: nobody)
        let output = try node.call(none)
        #expect(output.status == 1)
        // Both errors are told, under the code of ours.
        #expect(try JSON(output.stdout)["code"] == 100, "\(output.all)")
        for words in ["pod default/pod1: IPAM plugin giver", "failed with DEL", "failed with GC", "the giver is out"] {
            #expect(try JSON(output.stdout)["msg"].text?.contains(words) == true, "\(words): \(output.all)")
        }
        #expect(try node.sql("SELECT state FROM attachments") == "deleting")
        #expect(try node.attempt("ip link show eth0", in: "pod1").status == 1)
        try node.failDelegate("DEL", nil)
        try node.failDelegate("GC", nil)
        #expect(try node.call(none).status == 0)
        try node.expectNothingLeft()
    }
}
