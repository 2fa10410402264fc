import Store
import Testing

/// A bridge takes 1023 ports; an ADD knows without counting them.
@Suite struct PortCountTests {
    @Test func oneTooManyIsRefused() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/16"]])
            let store = try Store.open(directory: directory, access: .create)
            let first = try store.add(AttachmentRequest(network, "c0"))
            for number in 1..<PortCount.limit { _ = try store.add(AttachmentRequest(network, "c\(number)")) }
            #expect(throws: StoreError.self) { try store.add(AttachmentRequest(network, "one-more")) }
            // Another bridge has room; and so has this one, once somebody left.
            let other = try NetworkSpec("other", bridge: "plumb1", sets: [["10.1.0.0/16"]])
            _ = try store.add(AttachmentRequest(other, "elsewhere"))
            try store.release(first, reason: "test")
            _ = try store.add(AttachmentRequest(network, "one-more"))
            #expect(throws: StoreError.self) { try store.add(AttachmentRequest(network, "two-more")) }
            close(store)
        }
    }

    /// What ended is known for a database that was made before that was counted, and after a shell deleted.
    @Test func theCountIsSetRight() throws {
        func ended(_ directory: String) throws -> String { try sqlite(directory, "SELECT ended FROM store") }
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/24"]])
            let store = try Store.open(directory: directory, access: .create)
            for number in 0..<4 { _ = try store.add(AttachmentRequest(network, "c\(number)")) }
            try store.release(
                try #require(try store.attachments(containerID: "c0", ifname: "eth0").first), reason: "test")
            #expect(try ended(directory) == "1")
            try sqlite(directory, "PRAGMA foreign_keys = ON; DELETE FROM attachments WHERE container_id <> 'c3'")
            #expect(try ended(directory) == "1")
            try PortCount.recount(in: store)
            #expect(try ended(directory) == "3")
            try PortCount.recount(in: store)
            #expect(try ended(directory) == "3")
            close(store)
        }
    }
}
