internal import CSQLite
internal import Glibc
internal import Schema
internal import SystemPackage

/// Makes the database, whole or not at all: under another name, then renamed.
enum Creation {
    /// The caller holds the writer's lock and has seen that there is no database.
    static func create(directory: String, fileName: String) throws(StoreError) {
        let path = "\(directory)/\(fileName)"
        let draft = path + ".new"
        // What a process that died here left: never yet a database.
        for leftover in [draft, draft + "-wal", draft + "-shm", draft + "-journal"] { unlink(leftover) }
        let descriptor = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw failure("create \(draft)") }
        // Whatever umask the runtime was started with.
        _ = fchmod(descriptor, 0o640)
        close(descriptor)
        try fill(draft)
        try setAside(path)
        guard rename(draft, path) == 0 else { throw failure("rename \(draft)") }
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure("open \(directory)") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure("fsync \(directory)") }
    }

    /// A log without its database, which a shell removed alone: SQLite would take it for that of the new one, and fill that
    /// with the old one's pages. It is kept under another name.
    private static func setAside(_ path: String) throws(StoreError) {
        for log in ["\(path)-wal", "\(path)-journal"] {
            guard rename(log, "\(log).\(Clock.nowMilliseconds())") != 0 else { continue }
            guard Glibc.errno == ENOENT else { throw failure("move \(log) away, a log whose database is gone") }
        }
        // The index of that log; who still has it open keeps it.
        unlink("\(path)-shm")
    }

    /// Bytes; SQLite's own is 4096. Whoever opens first reads the whole log, and rows of ours are short: half of it is half the
    /// log to read and to sum, and half the memory of each page that an ADD looks at.
    private static let pageSize = 2048

    private static func fill(_ path: String) throws(StoreError) {
        let database = try Connection(path: path, readOnly: false)
        try database.execute("PRAGMA page_size=\(pageSize)")
        try database.execute("BEGIN; PRAGMA application_id=\(Schema.applicationID)")
        try database.execute("PRAGMA user_version=\(Schema.created)")
        try database.execute(Schema.creation)
        try Migration.run(database)
        var generator = SystemRandomNumberGenerator()
        try database.run(
            "INSERT INTO store (id, tag, created_ms) VALUES (1, ?, ?)", .text(randomTag(using: &generator)),
            .integer(Clock.nowMilliseconds()))
        try database.execute("COMMIT")
        // Last, because it cannot be set inside a transaction; closing empties and removes the log again.
        try database.execute("PRAGMA journal_mode=WAL")
    }

    /// Four of 36 characters, 1.7 million tags.
    static func randomTag(using generator: inout some RandomNumberGenerator) -> String {
        (0..<4).map { _ in String(UInt8.random(in: 0..<36, using: &generator), radix: 36) }.joined()
    }

    private static func failure(_ doing: String) -> StoreError {
        let errno = Errno(rawValue: Glibc.errno)
        let code: StoreError.Code =
            switch errno {
            case .readOnlyFileSystem: .readOnly
            case .noSpace: .full
            default: .io
            }
        return StoreError(code, "cannot \(doing)", errno: errno)
    }
}
