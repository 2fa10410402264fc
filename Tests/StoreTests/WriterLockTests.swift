import Foundation
import Testing

@testable import Store

/// Two stores of one process exclude one another as two processes do: open file description locks belong to the opening.
@Suite struct WriterLockTests {
    /// Waits until so many wait for the lock file, as /proc/locks shows them (`->`).
    private func waitForWaiters(_ count: Int, on directory: String) throws {
        let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/lock")
        let inode = try #require(attributes[.systemFileNumber] as? UInt64)
        for _ in 0..<2000 {
            let table = String(decoding: try bytes("/proc/locks"), as: UTF8.self)
            let waiting = table.split(separator: "\n").count { $0.contains("->") && $0.contains(":\(inode) 0 0") }
            if waiting == count { return }
            usleep(1000)
        }
        throw CommandFailed(description: "never \(count) waiting for \(directory)/lock")
    }

    @Test func writersHaveTheirTurnInOrder() throws {
        try withScratch { directory in
            let holder = try Store.open(directory: directory, access: .create)
            let journal = Journal()
            let lock = try LockFile(directory: directory)
            try lock.lockWriter()
            var waiting: [Background] = []
            for name in ["first", "second", "third"] {
                waiting.append(
                    Background {
                        let store = try Store.open(directory: directory, access: .write)
                        try store.write { _ in journal.write(name) }
                        close(store)
                    })
                try waitForWaiters(waiting.count, on: directory)
            }
            #expect(journal.all == [])
            lock.unlockWriter()
            for thread in waiting { try thread.join() }
            #expect(journal.all == ["first", "second", "third"])
            close(holder)
        }
    }

    @Test func aTransactionExcludesAnother() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let journal = Journal()
            var other: Background?
            var problem: (any Error)?
            try store.write { _ in
                other = Background {
                    let second = try Store.open(directory: directory, access: .write)
                    try second.write { _ in journal.write("second") }
                    close(second)
                }
                // The closure may throw nothing but the store's own errors.
                do { try waitForWaiters(1, on: directory) } catch { problem = error }
                journal.write("first")
            }
            try other?.join()
            if let problem { throw problem }
            #expect(journal.all == ["first", "second"])
            close(store)
        }
    }

    @Test func aFailedTransactionLeavesNothingAndNoLock() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let error = try failure {
                try store.write { (database) throws(StoreError) in
                    try database.run(
                        "INSERT INTO runs (started_ms, duration_ms, planned, done, failed) "
                            + "VALUES (1, 1, 1, 1, 0)")
                    throw StoreError(.exhausted, "made up")
                }
            }
            #expect(error == StoreError(.exhausted, "made up"))
            let other = try Store.open(directory: directory, access: .write)
            let rows = try other.write { (database) throws(StoreError) in
                try database.integer("SELECT count(*) FROM runs")
            }
            #expect(rows == 0)
            close(other)
            close(store)
        }
    }

    /// One patience for both: half of it goes for one of ours, and a shell's transaction gets what is left.
    @Test func patienceIsNotGrantedTwice() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let shell = try ShellSession(directory)
            try shell.execute("BEGIN IMMEDIATE;")
            let lock = try LockFile(directory: directory)
            try lock.lockWriter()
            let waiting = Background {
                let second = try Store.open(directory: directory, access: .write)
                let error = try failure { try second.write(patience: 3_000) { _ in } }
                #expect(error.code == .locked && error.message.contains("another program"), "\(error)")
                close(second)
            }
            try waitForWaiters(1, on: directory)
            usleep(1_500_000)
            let rest = try ContinuousClock().measure {
                lock.unlockWriter()
                try waiting.join()
            }
            // A second grant would last for all of it, and of the first half is left.
            #expect(rest < .milliseconds(2_900), "\(rest)")
            try shell.end()
            close(store)
        }
    }

    @Test func readersNeedNoLock() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let attachment = try store.add(AttachmentRequest(network, "c"))
            let seen = try store.write { (database) throws(StoreError) in
                try database.run("DELETE FROM attachments")
                let reader = try Store.open(directory: directory, access: .read)
                let attachments = try reader.intent().attachments
                close(reader)
                return attachments
            }
            #expect(seen == [attachment])
            close(store)
        }
    }

    @Test func aReaderCannotWrite() throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            let reader = try Store.open(directory: directory, access: .read)
            let error = try failure { try reader.markDeleting(1) }
            close(reader)
            #expect(error.code == .readOnly)
        }
    }
}
