import Store
import Testing

/// An ADD on a full node must cost what it costs on an empty one.
@Suite struct AllocationCostTests {
    private static let network: @Sendable () throws -> NetworkSpec = {
        try NetworkSpec(sets: [["10.0.0.0/16"], ["fd00::/64"]])
    }

    /// Records `count` attachments and releases every third, so that all three tables have rows. Of 1500 a thousand are left:
    /// more do not fit on a bridge.
    private func populate(_ directory: String, _ count: Int) throws {
        let store = try Store.open(directory: directory, access: .create)
        let network = try Self.network()
        for number in 0..<count {
            let attachment = try store.add(AttachmentRequest(network, "c\(number)"))
            if number % 3 == 0 { try store.release(attachment, reason: "test") }
        }
        close(store)
    }

    private func effort(with count: Int, _ body: (borrowing Store) throws -> Void) throws -> Effort {
        try withScratch { directory in
            try populate(directory, count)
            return try measureEffort(directory) {
                let store = try Store.open(directory: directory, access: .write)
                try body(store)
                close(store)
            }
        }
    }

    @Test func recordingIsNotLinearInTheLeases() throws {
        let network = try Self.network()
        let few = try effort(with: 10) { _ = try $0.add(AttachmentRequest(network, "one-more")) }
        let many = try effort(with: 1500) { _ = try $0.add(AttachmentRequest(network, "one-more")) }
        #expect(few.instructions > 100, "the counter counts")
        #expect(Double(many.instructions) < 1.2 * Double(few.instructions))
        for (sql, rows) in many.walked { #expect(rows < 20, "\(rows) rows walked by \(sql)") }
    }

    @Test func releasingIsNotLinearInTheLeases() throws {
        func releaseOne(_ store: borrowing Store) throws {
            let network = try Self.network().name
            let id = try #require(try store.attachmentID(containerID: "c1", ifname: "eth0", network: network))
            let attachment = try #require(try store.attachment(id))
            try store.release(attachment, reason: "test")
        }
        let few = try effort(with: 10, releaseOne)
        let many = try effort(with: 1500, releaseOne)
        #expect(few.instructions > 100, "the counter counts")
        #expect(Double(many.instructions) < 1.2 * Double(few.instructions))
        for (sql, rows) in many.walked { #expect(rows < 20, "\(rows) rows walked by \(sql)") }
    }

    /// A pool that was all handed out once lives on what comes back.
    @Test func aUsedUpPoolIsNotSearchedThrough() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/24"]])
            let store = try Store.open(directory: directory, access: .create)
            let all = try store.drain(network, "c")
            for attachment in all.prefix(2) { try store.release(attachment, reason: "test") }
            close(store)
            let effort = try measureEffort(directory) {
                let store = try Store.open(directory: directory, access: .write)
                _ = try store.add(AttachmentRequest(network, "next"))
                close(store)
            }
            for (sql, rows) in effort.walked { #expect(rows < 20, "\(rows) rows walked by \(sql)") }
            #expect(effort.instructions > 100 && effort.instructions < 5000, "\(effort.instructions)")
        }
    }
}
