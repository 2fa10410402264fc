import Foundation
import Schema
import Store
import Testing

/// A file in the database's place that must not be touched.
struct BadFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: StoreError.Code
    /// What the message must say of the way out.
    let wayOut: String
    let make: @Sendable (_ directory: String) throws -> Void

    init(
        _ description: String, _ code: StoreError.Code, _ wayOut: String,
        make: @escaping @Sendable (String) throws -> Void
    ) {
        testDescription = description
        self.code = code
        self.wayOut = wayOut
        self.make = make
    }

    static let all: [BadFile] = [
        BadFile("0 bytes", .corrupt, "restore a copy") { try write([], $0) },
        BadFile("text", .corrupt, "restore a copy") { try write(Array("not a database\n".utf8), $0) },
        BadFile("text of many pages", .corrupt, "restore a copy") {
            try write([UInt8](repeating: UInt8(ascii: "x"), count: 20_000), $0)
        },
        BadFile("another application's", .foreign, "Name another dataDir") {
            try sqlite($0, "PRAGMA application_id=1234; CREATE TABLE t (x); PRAGMA journal_mode=wal")
        },
        BadFile("nobody's SQLite file", .foreign, "Name another dataDir") { try sqlite($0, "CREATE TABLE t (x)") },
        BadFile("a newer major version", .newer, "Install the newer plumb") {
            close(try Store.open(directory: $0, access: .create))
            try sqlite($0, "PRAGMA user_version=2000")
        },
        BadFile("a version that never was", .corrupt, "restore a copy") {
            close(try Store.open(directory: $0, access: .create))
            try sqlite($0, "PRAGMA user_version=999")
        },
        BadFile("truncated within a page", .corrupt, "restore a copy") { try truncate($0, to: 10_000) },
        BadFile("truncated to one page", .corrupt, "restore a copy") { try truncate($0, to: 2048) },
        // SQLite takes less than a smallest page for an empty file, and would throw its log away.
        BadFile("truncated within the header", .corrupt, "restore a copy") { try truncate($0, to: 50) },
    ]

    /// Bytes of the header (sqlite.org/fileformat.html section 1.3) without which nothing can be read.
    static let flips: [BadFile] = [
        (0, "magic"), (15, "end of magic"), (16, "page size"), (19, "read version"), (21, "payload fraction"),
        (28, "size in pages"),
    ].map { offset, name in
        BadFile("header flipped at \(offset), \(name)", .corrupt, "restore a copy") { directory in
            close(try Store.open(directory: directory, access: .create))
            var damaged = try bytes(directory + "/state.db")
            damaged[offset] ^= 0xff
            try write(damaged, directory)
        }
    }

    private static func truncate(_ directory: String, to count: Int) throws {
        close(try Store.open(directory: directory, access: .create))
        try write(Array(try bytes(directory + "/state.db").prefix(count)), directory)
    }

    private static func write(_ bytes: [UInt8], _ directory: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: directory + "/state.db"))
    }
}

@Suite struct RefusalTests {
    @Test(arguments: BadFile.all + BadFile.flips)
    func aFileThatIsNotOursStaysAsItIs(_ file: BadFile) throws {
        try withScratch { directory in
            try file.make(directory)
            let before = try bytes(directory + "/state.db")
            for access in [Store.Access.read, .write, .create] {
                let error = try failure { try Store.open(directory: directory, access: access) }
                #expect(error.code == file.code, "\(access): \(error)")
                #expect(error.message.contains(directory + "/state.db"), "\(error)")
                #expect(error.message.contains(file.wayOut), "\(error)")
                #expect(try bytes(directory + "/state.db") == before)
            }
            #expect(!exists(directory + "/state.db.new"))
        }
    }

    @Test(arguments: [Store.Access.read, .write, .create])
    func aDirectoryInItsPlace(_ access: Store.Access) throws {
        try withScratch { directory in
            let path = directory + "/state.db"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            let error = try failure { try Store.open(directory: directory, access: access) }
            #expect(error.code == .io)
            #expect(error.message.contains("\(path) is a directory"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
        }
    }

    /// Minors only add: an older binary goes on working, and does not turn the number back.
    @Test(arguments: [Store.Access.read, .write, .create])
    func aNewerMinorWorks(_ access: Store.Access) throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            try sqlite(directory, "PRAGMA user_version=1999; ALTER TABLE networks ADD COLUMN later TEXT")
            let store = try Store.open(directory: directory, access: access)
            if access != .read {
                _ = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "c"))
            }
            let count = try store.intent().attachments.count
            #expect(count == (access == .read ? 0 : 1))
            close(store)
            #expect(try sqliteReadOnly(directory, "PRAGMA user_version") == "1999")
        }
    }

    /// Damage that the header does not show is found by whoever reads it, and named as what it is.
    @Test func damageInsideIsFoundWhenRead() throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            let page = try #require(
                Int(try sqliteReadOnly(directory, "SELECT rootpage FROM sqlite_schema WHERE name = 'attachments'")))
            var damaged = try bytes(directory + "/state.db")
            for offset in (page - 1) * 2048..<page * 2048 { damaged[offset] = 0xff }
            try Data(damaged).write(to: URL(fileURLWithPath: directory + "/state.db"))
            let store = try Store.open(directory: directory, access: .write)
            let error = try failure { try store.intent() }
            close(store)
            #expect(error.code == .corrupt)
            #expect(error.message.contains(directory + "/state.db"))
            #expect(try bytes(directory + "/state.db") == damaged)
        }
    }
}
