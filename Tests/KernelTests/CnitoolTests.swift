import Testing

/// The calls of cnitool (cnitool/cmd, libcni): a container id made of the namespace's path, no CNI_ARGS, a GC without a list.
@Suite struct CnitoolTests {
    @Test(arguments: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
    func oneAfterTheOther(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let name = ["CNI_CONTAINERID": "cnitool-77383ca0a0715733ca6f", "CNI_ARGS": ""]
        func call(_ verb: String, _ more: String = "", _ variables: [String: String] = [:]) throws -> Output {
            try node.call(
                Call(
                    verb: verb, version: version, members: dualStack + more,
                    variables: name.merging(variables) { $1 }))
        }
        let nobody = ["CNI_CONTAINERID": "", "CNI_NETNS": "", "CNI_IFNAME": ""]
        let status = try call("STATUS", "", nobody)
        #expect(status.status == (version == "1.1.0" ? 0 : 1) && status.stdout.isEmpty == (version == "1.1.0"))
        let added = try call("ADD")
        #expect(added.status == 0 && added.stderr.isEmpty, "\(added.all)")
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        #expect(try node.sql("SELECT pod_name IS NULL FROM v_leases GROUP BY 1") == "1")

        let check = try call("CHECK", #", "prevResult": \#(added.stdout)"#)
        #expect(check.status == (version >= "0.4.0" ? 0 : 1), "\(check.all)")
        // Without a list nothing is collected.
        let collection = try call("GC", "", nobody)
        #expect(collection.status == (version == "1.1.0" ? 0 : 1), "\(collection.all)")
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
        for _ in 0..<2 {
            let deletion = try call("DEL", #", "prevResult": \#(added.stdout)"#)
            #expect(deletion.status == 0 && deletion.stdout.isEmpty && deletion.stderr.isEmpty, "\(deletion.all)")
        }
        try node.expectNothingLeft()
    }
}
