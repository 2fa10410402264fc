import Foundation
import Schema
import Store
import Testing

@Suite struct CreationTests {
    @Test(arguments: [Store.Access.read, .write])
    func nothingIsMadeByThoseThatOnlyUse(_ access: Store.Access) throws {
        try withScratch { scratch in
            for directory in [scratch, scratch + "/absent"] {
                let error = try failure { try Store.open(directory: directory, access: access) }
                #expect(error.code == .missing)
                #expect(error.message.contains(directory + "/state.db"))
                #expect(error.message.contains("Restore it"))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch).isEmpty)
        }
    }

    @Test func aNewDatabaseIsForRootAndTheGroup() throws {
        try withScratch { scratch in
            let directory = scratch + "/var/lib/plumb"
            close(try Store.open(directory: directory, access: .create))
            #expect(try permissions(scratch + "/var") == 0o750)
            #expect(try permissions(directory) == 0o750)
            #expect(try permissions(directory + "/state.db") == 0o640)
            #expect(try permissions(directory + "/lock") == 0o640)
        }
    }

    @Test(arguments: [
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA application_id", String(Schema.applicationID)),
        ("PRAGMA user_version", String(Schema.version)),
        ("PRAGMA integrity_check", "ok"),
        ("PRAGMA foreign_key_check", ""),
        ("SELECT count(*), length(tag), boot_id IS NULL FROM store", "1|4|1"),
    ])
    func aNewDatabaseSaysWhatItIs(_ sql: String, _ answer: String) throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            #expect(try sqliteReadOnly(directory, sql) == answer)
        }
    }

    @Test func openingAgainMakesNothingNew() throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            let first = try bytes(directory + "/state.db")
            close(try Store.open(directory: directory, access: .create))
            #expect(try bytes(directory + "/state.db") == first)
            #expect(!exists(directory + "/state.db.new"))
        }
    }

    /// Half a draft, or a whole one with the wrong log: whatever the process had got to when it died.
    @Test func leftoversOfADiedCreationDoNotMatter() throws {
        try withScratch { directory in
            for name in ["state.db.new", "state.db.new-wal", "state.db.new-shm", "state.db.new-journal"] {
                try Data("half a draft".utf8).write(to: URL(fileURLWithPath: directory + "/" + name))
            }
            close(try Store.open(directory: directory, access: .create))
            #expect(try sqliteReadOnly(directory, "PRAGMA integrity_check") == "ok")
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(names.filter { $0.contains(".new") } == [])
        }
    }

    @Test func twoDatabasesHaveTagsOfTheirOwn() throws {
        try withScratch { scratch in
            // Four random characters: that twenty are all the same happens once in 36⁷⁶.
            var tags: Set<String> = []
            for number in 0..<20 {
                close(try Store.open(directory: "\(scratch)/\(number)", access: .create))
                tags.insert(try sqliteReadOnly("\(scratch)/\(number)", "SELECT tag FROM store"))
            }
            #expect(tags.count > 1)
        }
    }

    /// Many ADDs of a node's first second: one of them makes the database, all of them use it.
    @Test func manyMayCreateAtOnce() throws {
        try withScratch { scratch in
            let directory = scratch + "/data"
            let network = try NetworkSpec(sets: [["10.0.0.0/24"]])
            let workers = (0..<8).map { number in
                Background {
                    let store = try Store.open(directory: directory, access: .create)
                    _ = try store.add(AttachmentRequest(network, "c\(number)"))
                    close(store)
                }
            }
            for worker in workers { try worker.join() }
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM attachments") == "8")
        }
    }
}
