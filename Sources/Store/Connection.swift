internal import CSQLite
internal import Glibc

/// One SQLite connection. Not shared between threads.
package struct Connection: ~Copyable {
    let handle: OpaquePointer
    private let path: String
    private let cache = StatementCache()
    /// Pages in the write-ahead log after the last commit of ours.
    private let walPages: UnsafeMutablePointer<Int32>
    private let endsWithProcess: Bool
    let cascades: Bool

    /// Opens an existing file; never creates one.
    ///
    /// - Parameters:
    ///   - endsWithProcess: left to the kernel, which frees memory and locks faster than a close does, page by page and
    ///     statement by statement.
    ///   - isUnchanging: the caller sees to it that nobody writes meanwhile; no lock is taken.
    ///   - cascades: `false`: whoever deletes a row deletes by itself what goes with it. Neither triggers, which make up for
    ///     what shells leave out, nor foreign keys act, or are compiled.
    init(
        path: String, readOnly: Bool, endsWithProcess: Bool = false, isUnchanging: Bool = false,
        cascades: Bool = true
    ) throws(StoreError) {
        var flags = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
        var name = path
        if isUnchanging {
            name = "file:\(Connection.escaped(path))?immutable=1"
            flags |= SQLITE_OPEN_URI
        }
        var opened: OpaquePointer?
        let status = sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard status == SQLITE_OK, let opened else {
            let error = Connection.error(status, opened, path: path, doing: "open")
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        self.path = path
        self.endsWithProcess = endsWithProcess
        self.cascades = cascades
        if !cascades { _ = plumb_without_triggers(handle) }
        walPages = .allocate(capacity: 1)
        walPages.initialize(to: 0)
        // This also takes the place of SQLite's own checkpoints: they are ours to time (``Store/write(durable:_:)``).
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                context?.assumingMemoryBound(to: Int32.self).pointee = pages
                return SQLITE_OK
            }, walPages)
    }

    /// For a URI file name (sqlite.org/uri.html).
    private static func escaped(_ path: String) -> String {
        var text = ""
        for character in path {
            switch character {
            case "%": text += "%25"
            case "?": text += "%3f"
            case "#": text += "%23"
            default: text.append(character)
            }
        }
        return text
    }

    /// All of the database, as one snapshot of it, in this process's memory.
    func copyInMemory() throws(StoreError) -> Connection {
        let copy = try Connection(path: ":memory:", readOnly: false)
        try copyAll(to: copy)
        return copy
    }

    /// All of the database, as one snapshot of it.
    func copyAll(to copy: borrowing Connection) throws(StoreError) {
        let backup = sqlite3_backup_init(copy.handle, "main", handle, "main")
        // Busy is no error to `finish`, but it is no copy either.
        let status = sqlite3_backup_step(backup, -1)
        sqlite3_backup_finish(backup)
        guard status == SQLITE_DONE else { throw error(status, doing: "copy") }
    }

    deinit {
        if endsWithProcess {
            // Nor are the statements freed, and their texts.
            _ = Unmanaged.passRetained(cache)
            return
        }
        cache.removeAll()
        sqlite3_close_v2(handle)
        walPages.deallocate()
    }

    /// How long a statement waits for locks of processes that are not ours (an admin's shell).
    func setBusyTimeout(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

    /// Leaves the log alone on close: a reader of a moment must not pay for, or race with, a checkpoint.
    func disableCheckpointOnClose() {
        _ = plumb_no_checkpoint_on_close(handle)
    }

    var writeAheadLogPages: Int { Int(walPages.pointee) }

    /// Moves the log into the database and empties it. `false`: somebody reads, and it can wait.
    func checkpoint() throws(StoreError) -> Bool {
        setBusyTimeout(milliseconds: 0)
        let status = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        switch status & 0xff {
        case SQLITE_OK: return true
        case SQLITE_BUSY, SQLITE_LOCKED: return false
        default: throw error(status, doing: "checkpoint")
        }
    }

    /// Runs statements that take and give nothing.
    package func execute(_ sql: String) throws(StoreError) {
        let status = sqlite3_exec(handle, sql, nil, nil, nil)
        guard status == SQLITE_OK else { throw error(status, doing: sql) }
    }

    /// The statement for a text, compiled once a connection: compiling costs more than running.
    private func statement(_ sql: String) throws(StoreError) -> Statement {
        if let known = cache.find(sql) { return known }
        var statement: OpaquePointer?
        let status = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
        guard status == SQLITE_OK, let statement else { throw error(status, doing: sql) }
        let new = Statement(statement)
        cache.insert(sql, new)
        return new
    }

    /// Runs one statement to its end.
    package func run(_ sql: String, _ values: SQLValue...) throws(StoreError) {
        try run(sql, values: values)
    }

    package func run(_ sql: String, values: [SQLValue]) throws(StoreError) {
        try run(sql, rows: CollectionOfOne(values))
    }

    /// Runs one statement for each of these lists of values.
    func run(_ sql: String, rows: some Collection<[SQLValue]>) throws(StoreError) {
        guard !rows.isEmpty else { return }
        let statement = try statement(sql)
        for values in rows {
            statement.bind(values)
            defer { statement.reset() }
            var status: Int32
            repeat { status = statement.step() } while status == SQLITE_ROW
            guard status == SQLITE_DONE else { throw error(status, doing: sql) }
        }
    }

    /// All rows, each made into a value.
    package func query<T>(
        _ sql: String, _ values: SQLValue..., row: (borrowing Statement) throws(StoreError) -> T
    ) throws(StoreError) -> [T] {
        try query(sql, values: values, row: row)
    }

    package func query<T>(
        _ sql: String, values: [SQLValue], row: (borrowing Statement) throws(StoreError) -> T
    ) throws(StoreError) -> [T] {
        var rows: [T] = []
        try each(sql, values: values) { (statement) throws(StoreError) in rows.append(try row(statement)) }
        return rows
    }

    /// Looks at each row. `body` must not run the same statement.
    func each(
        _ sql: String, values: [SQLValue], _ body: (borrowing Statement) throws(StoreError) -> Void
    ) throws(StoreError) {
        let statement = try statement(sql)
        statement.bind(values)
        defer { statement.reset() }
        while true {
            let status = statement.step()
            if status == SQLITE_DONE { return }
            guard status == SQLITE_ROW else { throw error(status, doing: sql) }
            try body(statement)
        }
    }

    /// As ``query(_:values:row:)``; a row that an admin filled with nonsense is told, and costs no other row.
    func queryValid<T>(
        _ sql: String, values: [SQLValue], what: String, idColumn: Int32, _ problems: inout [String],
        row: (borrowing Statement) throws(StoreError) -> T
    ) throws(StoreError) -> [T] {
        var rows: [T] = []
        var found: [String] = []
        try each(sql, values: values) { (statement) throws(StoreError) in
            do throws(StoreError) {
                rows.append(try row(statement))
            } catch {
                let problem = StoreError(.invalid, "\(what) \(statement.integer(idColumn)): \(error)")
                found.append(problem.description)
            }
        }
        problems += found
        return rows
    }

    /// The first column of the first row.
    package func integer(_ sql: String, _ values: SQLValue...) throws(StoreError) -> Int64? {
        let statement = try statement(sql)
        statement.bind(values)
        defer { statement.reset() }
        switch statement.step() {
        case SQLITE_ROW: return statement.optionalInteger(0)
        case SQLITE_DONE: return nil
        case let status: throw error(status, doing: sql)
        }
    }

    package var lastInsertedID: Int64 { sqlite3_last_insert_rowid(handle) }
    package var changes: Int { Int(sqlite3_changes(handle)) }

    static let wayOutOfDamage =
        "Move it away with its -wal and -shm and restore a copy, or drain the node and start with none"

    func error(_ status: Int32, doing: String) -> StoreError {
        Connection.error(status, handle, path: path, doing: doing)
    }

    private static func error(_ status: Int32, _ handle: OpaquePointer?, path: String, doing: String) -> StoreError {
        let text = handle.flatMap(sqlite3_errmsg) ?? sqlite3_errstr(status)
        let words = text.map { String(cString: $0) } ?? "error \(status)"
        switch status & 0xff {
        case SQLITE_NOTADB, SQLITE_CORRUPT:
            return StoreError(
                .corrupt,
                "\(path) is damaged (\(words)); nothing was changed. \(wayOutOfDamage)")
        case SQLITE_BUSY, SQLITE_LOCKED:
            return StoreError(
                .locked, "\(path) is locked by another program (\(words)): end the transaction that it holds open")
        // Ten seconds in which the log's locks answered with other errors than "taken".
        case SQLITE_PROTOCOL:
            return StoreError(.locked, "\(path): its log could not be locked (\(words)); try again")
        case SQLITE_NOMEM:
            return StoreError(.io, "\(path): \(words): free memory, and try again")
        case SQLITE_FULL:
            return StoreError(.full, "no space left for \(path): free space on its file system (\(words))")
        case SQLITE_READONLY:
            return StoreError(
                .readOnly, "\(path) cannot be written (\(words)): remount its file system or mend its permissions")
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH:
            return StoreError(.io, "cannot open \(path) (\(words)): look at its directory and permissions")
        // The log's index is grown by writing, and a disk that is full for it comes as an input/output error.
        case SQLITE_IOERR where handle.map(sqlite3_system_errno) == ENOSPC:
            return StoreError(.full, "no space left for \(path): free space on its file system (\(words))")
        case SQLITE_IOERR:
            return StoreError(.io, "\(path): \(words) (SQLite error \(status)): look at the disk that holds it")
        case SQLITE_CONSTRAINT:
            return StoreError(.invalid, "\(path): \(words)")
        default:
            return StoreError(.sqlite, "\(path): \(words) (SQLite error \(status)) in: \(doing)")
        }
    }
}
