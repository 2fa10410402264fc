import Testing

/// The disk of the database is full, or can only be read: the runtime's DEL takes the pod's link away all the same, and
/// the first apply that may write again collects the lease.
@Suite struct DiskTests {
    struct Disk: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var spoil: String
        var mend: String
        var words: [String]
    }

    static let disks = [
        Disk(
            testDescription: "full", spoil: #"cat /dev/zero > "$DATA/ballast" 2> /run/said || true"#,
            mend: #"rm "$DATA/ballast""#, words: ["state.db", "no space left", "free space"]),
        Disk(
            testDescription: "read-only", spoil: #"mount -o remount,ro "$DATA""#, mend: #"mount -o remount,rw "$DATA""#,
            words: ["remount its file system", "Read-only file system"]),
    ]

    @Test(arguments: disks, [true, false]) func DELTakesTheLink(of disk: Disk, hasNamespace: Bool) throws {
        let node = try TestNode()
        try node.addPods(3)
        try node.run(#"mkdir -m 0750 "$DATA"; mount -t tmpfs -o size=1m,mode=0750 tmpfs "$DATA""#)
        for pod in ["pod1", "pod2"] { try node.add(pod) }
        try node.run(disk.spoil)
        let links = try node.ourLinks()

        try node.expectError(Call(pod: "pod3"), code: 5, saying: disk.words)
        #expect(try node.ourLinks() == links)
        try node.expectError(Call(verb: "STATUS"), code: 50, saying: disk.words)
        for pod in ["pod1", "pod2"] { try node.expectPing(from: pod, to: "10.244.0.1", "fd00:10:244::1") }

        var call = Call(verb: "DEL", pod: "pod2")
        if !hasNamespace { call.variables["CNI_NETNS"] = "" }
        for _ in 1...2 {
            let deletion = try node.call(call)
            #expect(deletion.status == 0 && deletion.stdout.isEmpty, "\(deletion.all)")
            #expect(deletion.stderr.contains("plumbctl apply"), "\(deletion.all)")
        }
        #expect(try node.ourLinks().count == links.count - 1)
        // As the runtime does then.
        try node.run("ip netns del pod2")
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 1, "\(apply.all)")
        for word in disk.words { #expect(apply.stderr.contains(word), "\(apply.all)") }
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")

        try node.run(disk.mend)
        try node.expectConvergence()
        #expect(try node.sql("SELECT count(*) FROM attachments") == "1")
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        try node.delete("pod1")
        try node.expectNothingLeft()
    }
}
