import Addressing
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

/// An attachment from ADD to DEL, and what the history says of it.
@Suite struct LifecycleTests {
    private static let events = """
        SELECT kind, object, ifnull(reason, '-'), attachment_id, network, container_id, ifname, pod_namespace, pod_name
        FROM events WHERE kind <> 'withdrawn' ORDER BY id
        """

    @Test func statesFollowOneAnother() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "a"))
            var states = [attachment.state]
            try store.markReady(attachment.id, events: [Event(kind: .add, object: "link x", attachment: attachment)])
            states += try store.intent().attachments.map(\.state)
            try store.markDeleting(attachment.id)
            states += try store.intent().attachments.map(\.state)
            try store.release(attachment, reason: "DEL", events: [Event(kind: .delete, object: "link x")])
            let left = try store.intent().attachments
            close(store)
            #expect(states == [.adding, .ready, .deleting])
            #expect(left == [])
        }
    }

    /// "Who was 10.0.0.2, from when to when" is one SELECT, also when the attachment is long gone.
    @Test func theHistoryOutlivesTheAttachment() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"], ["fd00::/64"]])
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(network, "a"))
            try store.release(attachment, reason: "DEL")
            close(store)
            let who = "\(attachment.id)|pods|a|eth0|default|web-a"
            #expect(
                try sqliteReadOnly(directory, Self.events).split(separator: "\n").map(String.init) == [
                    "assigned|10.0.0.2|-|\(who)", "assigned|fd00::2|-|\(who)",
                    "released|10.0.0.2|DEL|\(who)", "released|fd00::2|DEL|\(who)",
                ])
            #expect(
                try sqliteReadOnly(
                    directory,
                    """
                    SELECT pod_name FROM events WHERE object = '10.0.0.2' AND kind = 'assigned'
                    AND at_ms BETWEEN (SELECT created_ms FROM networks) AND unixepoch() * 1000 + 999
                    """) == "web-a")
        }
    }

    /// DEL may come twice, and from two processes: the second finds nothing and says nothing.
    @Test func releasingTwiceIsReleasingOnce() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/30"]])
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(network, "a"))
            try store.release(attachment, reason: "DEL")
            let next = try store.add(AttachmentRequest(network, "b"))
            try store.release(attachment, reason: "DEL")
            let left = try store.intent().attachments
            close(store)
            #expect(left == [next])
            #expect(next.addresses == attachment.addresses)
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM events WHERE kind = 'released'") == "1")
        }
    }

    /// Locks and interface names are made of ids: one that was used never comes again.
    @Test func idsAreNeverUsedAgain() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            var ids: [Int64] = []
            for _ in 0..<4 {
                let attachment = try store.add(AttachmentRequest(network, "a"))
                #expect(attachment.hostIfname.utf8.count <= 15)
                #expect(attachment.hostIfname.hasSuffix(String(attachment.id, radix: 36)))
                ids.append(attachment.id)
                try store.release(attachment, reason: "DEL")
            }
            close(store)
            #expect(ids == [1, 2, 3, 4])
        }
    }

    /// The longest name that the tag and an id below 36⁶ make fits the kernel's IFNAMSIZ.
    @Test(arguments: [(Int64(1), "plumbab121"), (35, "plumbab12z"), (2_176_782_335, "plumbab12zzzzzz")])
    func hostNames(_ id: Int64, _ name: String) {
        #expect(Attachment.hostIfname(tag: "ab12", id: id) == name)
        #expect(name.utf8.count <= 15)
    }

    @Test func theLeasesViewAnswersAnAdmin() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "a"))
            let row = try sqliteReadOnly(
                directory,
                """
                SELECT address, gateway, network, bridge, pod_namespace, pod_name, container_id, ifname, host_ifname,
                mac, state, since BETWEEN '2024' AND '9999', since = strftime('%Y-%m-%dT%H:%M:%SZ', since) FROM v_leases
                """)
            close(store)
            #expect(
                row == "10.0.0.2/29|10.0.0.1|pods|plumb0|default|web-a|a|eth0|\(attachment.hostIfname)|"
                    + "\(attachment.mac)|adding|1|1")
        }
    }

    @Test func runsAreRecorded() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let run = Run(
                startedMilliseconds: 1_700_000_000_000, durationMilliseconds: 12, planned: 3, done: 2, failed: 1,
                error: "refused")
            try store.record(run)
            close(store)
            #expect(
                try sqliteReadOnly(
                    directory, "SELECT started_ms, duration_ms, planned, done, failed, error FROM runs")
                    == "1700000000000|12|3|2|1|refused")
        }
    }
}
