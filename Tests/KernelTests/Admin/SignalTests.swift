import Testing

/// Those whom `watch` starts hear signals, which it blocks for itself.
@Suite struct SignalTests {
    @Test func aChildHearsSignals() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate()
        try node.run(
            #"""
            ip link add br0 up type bridge
            # The other shell unblocks all when it begins.
            sed -i '1s/sh$/bash/; 2i grep SigBlk /proc/self/status >> /run/masks' /run/bin/giver
            """#)
        let added = try node.call(.delegated())
        #expect(added.status == 0, "\(added.all)")
        let watching = try Watching(node)
        try node.run("ip netns del pod1")
        try node.waitUntilGone(try node.sql("SELECT host_ifname FROM attachments"))
        try node.run("kill -HUP $(cat /run/watch-*.pid)")
        try node.run("for i in $(seq 500); do grep -q DEL /run/calls && exit; sleep 0.02; done; exit 1")
        #expect(try node.run("sort -u /run/masks") == "SigBlk:\t0000000000000000")
        let ended = try watching.end()
        #expect(ended.status == 0, "\(ended.all)")
    }
}
