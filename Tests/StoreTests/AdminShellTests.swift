import Addressing
import Foundation
import Store
import Testing

/// An admin with the `sqlite3` shell and no manners.
@Suite struct AdminShellTests {
    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let duration = try ContinuousClock().measure(body)
        return duration / .seconds(1)
    }

    @Test func aWriteWaitsForTheAdminsTransaction() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let shell = try ShellSession(directory)
            try shell.execute("BEGIN IMMEDIATE; INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/16', '10.0.0.9');")
            let journal = Journal()
            let add = Background {
                let second = try Store.open(directory: directory, access: .write)
                _ = try second.add(AttachmentRequest(network, "c"))
                journal.write("added")
                close(second)
            }
            usleep(300_000)
            #expect(journal.all == [])
            try shell.execute("COMMIT;")
            try add.join()
            try shell.end()
            let intent = try store.intent()
            #expect(intent.attachments.count == 1)
            #expect(intent.hostRoutes.map(\.destination.description) == ["10.9.0.0/16"])
            close(store)
        }
    }

    /// The code that a caller turns into "try again later", without waiting the 45 seconds of a real write.
    @Test func aStatementThatFindsTheDatabaseLockedSaysSo() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let shell = try ShellSession(directory)
            try shell.execute("BEGIN IMMEDIATE;")
            try store.database.execute("PRAGMA busy_timeout=50")
            let error = try failure { try store.database.execute("BEGIN IMMEDIATE") }
            #expect(error.code == .locked)
            #expect(error.message.contains(directory + "/state.db"))
            #expect(error.message.contains("end the transaction"))
            try shell.end()
            close(store)
        }
    }

    @Test func anOpenSelectNeverBlocksAWrite() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["10.0.0.0/16"]])
            _ = try store.add(AttachmentRequest(network, "before"))
            let shell = try ShellSession(directory)
            try shell.execute("BEGIN; SELECT count(*) FROM attachments;")
            // Enough for the log to pass the limit, so that checkpoints meet the reader too.
            let time = try seconds {
                for number in 0..<60 { _ = try store.add(AttachmentRequest(network, "c\(number)")) }
            }
            #expect(time < 10, "a wait for the reader would be 5 s or 45 s each")
            try shell.end()
            close(store)
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM attachments") == "61")
        }
    }

    /// The log is emptied by whoever commits past the limit: without that, every first opener reads all of it.
    @Test func theLogStaysShort() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            var longest = 0
            for _ in 0..<500 {
                try store.record([Event(kind: .add, object: String(repeating: "x", count: 2000))])
                longest = max(longest, try size(directory + "/state.db-wal"))
            }
            close(store)
            #expect(longest < 200 * (2048 + 24), "\(longest) bytes")
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM events") == "500")
        }
    }

    /// Short-lived processes each write once; none of them may leave the emptying to the next for ever.
    @Test func theLogStaysShortAcrossOpenings() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/16"]])
            var longest = 0
            for number in 0..<100 {
                let store = try Store.open(directory: directory, access: .create)
                _ = try store.add(AttachmentRequest(network, "c\(number)"))
                close(store)
                longest = max(longest, try size(directory + "/state.db-wal"))
            }
            #expect(longest < 200 * (2048 + 24), "\(longest) bytes")
        }
    }

    /// What an admin enters is on the disk when the command returns, and the next write is back to the usual.
    @Test func aDurableWriteIsAWrite() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let during = try store.write(durable: true) { (database) throws(StoreError) in
                try database.run("INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/16', '10.0.0.9')")
                return try database.integer("PRAGMA synchronous")
            }
            let after = try store.database.integer("PRAGMA synchronous")
            let routes = try store.intent().hostRoutes.count
            close(store)
            #expect(during == 2)
            #expect(after == 1)
            #expect(routes == 1)
        }
    }
}
