import Foundation
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

@Suite(.enabled(if: mayMount, "only root can mount the full and the read-only file system"))
struct DiskTests {
    @Test(arguments: [Store.Access.write, .create])
    func aReadOnlyDiskIsNamed(_ access: Store.Access) throws {
        try withFileSystem(kibibytes: 1024) { directory in
            close(try Store.open(directory: directory, access: .create))
            try remountReadOnly(directory)
            let error = try failure { try Store.open(directory: directory, access: access) }
            #expect(error.code == .readOnly)
            #expect(error.message.contains(directory))
            #expect(error.message.contains("remount"))
        }
    }

    @Test func aReadOnlyDiskWithoutDatabase() throws {
        try withFileSystem(kibibytes: 1024) { root in
            try remountReadOnly(root)
            for directory in [root, root + "/var/plumb"] {
                let error = try failure { try Store.open(directory: directory, access: .create) }
                #expect(error.code == .readOnly, "\(error)")
                #expect(error.description.contains(root))
            }
            #expect(try failure { try Store.open(directory: root, access: .write) }.code == .missing)
        }
    }

    /// `plan` and `status` where nothing can be written: the index of the log is still there from the last writer.
    @Test func aReadOnlyDiskCanBeRead() throws {
        try withFileSystem(kibibytes: 1024) { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "c"))
            close(store)
            try remountReadOnly(directory)
            let reader = try Store.open(directory: directory, access: .read)
            let attachments = try reader.intent().attachments
            close(reader)
            #expect(attachments == [attachment])
        }
    }

    @Test func creationOnAFullDiskLeavesNoDatabase() throws {
        try withFileSystem(kibibytes: 1024) { directory in
            let ballast = try fill(directory)
            let error = try failure { try Store.open(directory: directory, access: .create) }
            #expect(error.code == .full, "\(error)")
            #expect(error.message.contains(directory + "/state.db"))
            #expect(error.message.contains("free space"))
            #expect(!exists(directory + "/state.db"))

            try FileManager.default.removeItem(atPath: ballast)
            close(try Store.open(directory: directory, access: .create))
            #expect(try sqliteReadOnly(directory, "PRAGMA integrity_check") == "ok")
        }
    }

    /// 800 KiB are soon full of leases and their log; what fits stays, what does not leaves nothing.
    @Test func aWriteThatDoesNotFitLeavesNoHalf() throws {
        try withFileSystem(kibibytes: 800) { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/16"], ["fd00::/112"]])
            let store = try Store.open(directory: directory, access: .create)
            var recorded: [Attachment] = []
            let error = try failure {
                while recorded.count < 2000 {
                    recorded.append(try store.add(AttachmentRequest(network, "c\(recorded.count)")))
                }
            }
            #expect(error.code == .full, "\(error)")
            #expect(error.message.contains("free space"))
            #expect(recorded.count > 5)
            let intent = try store.intent()
            close(store)
            #expect(intent.attachments == recorded)
            #expect(try sqliteReadOnly(directory, "PRAGMA integrity_check") == "ok")
            #expect(try sqliteReadOnly(directory, "PRAGMA foreign_key_check") == "")
            let assigned = "SELECT count(*) FROM events WHERE kind = 'assigned'"
            #expect(try sqliteReadOnly(directory, assigned) == String(2 * recorded.count))
        }
    }

    /// The error is not for ever, and the id whose lock was taken is not held by the one who failed to use it.
    @Test func whenThereIsSpaceAgainEverybodyWorks() throws {
        try withFileSystem(kibibytes: 2048) { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let failed = try Store.open(directory: directory, access: .create)
            let ballast = try fill(directory)
            let error = try failure { try failed.record(AttachmentRequest(network, "c")) }
            #expect(error.code == .full, "\(error)")

            try FileManager.default.removeItem(atPath: ballast)
            let other = try Store.open(directory: directory, access: .write)
            let attachment = try other.add(AttachmentRequest(network, "c"))
            close(other)
            let again = try failed.intent().attachments
            close(failed)
            #expect(again == [attachment])
            #expect(texts(attachment.addresses) == ["10.0.0.2"])
        }
    }

    /// A root shell that was the last to close takes the log and its index away; making them again needs space.
    @Test func openingOnAFullDiskSaysThatItIsFull() throws {
        try withFileSystem(kibibytes: 1024) { directory in
            close(try Store.open(directory: directory, access: .create))
            try sqlite(directory, "UPDATE store SET created_ms = created_ms")
            try #require(!exists(directory + "/state.db-shm"))
            _ = try fill(directory)
            let error = try failure {
                let store = try Store.open(directory: directory, access: .write)
                _ = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "c"))
                close(store)
            }
            #expect(error.code == .full, "\(error)")
        }
    }
}
