import CSQLite
import Store
import Synchronization
import Testing

/// What SQLite did for the statements of one database: deterministic, where times are not.
struct Effort: Sendable {
    /// Instructions of SQLite's virtual machine.
    var instructions = 0
    /// Statements that walked a table without an index, and how many rows they walked.
    var walked: [String: Int] = [:]
}

/// Counts the work of every connection that is opened to `<directory>/state.db` while `body` runs.
///
/// SQLite calls an automatic extension with each new connection of the process; those of other tests, which run at the
/// same time, are told apart by their file.
func measureEffort(_ directory: String, _ body: () throws -> Void) throws -> Effort {
    watched.withLock { $0[directory + "/state.db"] = Effort() }
    defer { watched.withLock { $0[directory + "/state.db"] = nil } }
    let entry: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeRawPointer?) -> Int32 = { handle, _, _ in
        guard let file = sqlite3_db_filename(handle, "main") else { return SQLITE_OK }
        guard watched.withLock({ $0[String(cString: file)] != nil }) else { return SQLITE_OK }
        return sqlite3_trace_v2(handle, UInt32(SQLITE_TRACE_PROFILE), traced, nil)
    }
    // The signature that SQLite calls it with is not the one that it declares: sqlite.org/c3ref/auto_extension.html.
    let extensionEntry = unsafeBitCast(entry, to: (@convention(c) () -> Void).self)
    try #require(sqlite3_auto_extension(extensionEntry) == SQLITE_OK)
    defer { sqlite3_cancel_auto_extension(extensionEntry) }
    try body()
    return try #require(watched.withLock { $0[directory + "/state.db"] })
}

private let watched = Mutex<[String: Effort]>([:])

private let traced:
    @convention(c) (UInt32, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?)
        -> Int32 = { _, _, pointer, _ in
            let statement = OpaquePointer(pointer)
            guard let file = sqlite3_db_filename(sqlite3_db_handle(statement), "main") else { return 0 }
            let instructions = Int(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1))
            let walked = Int(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1))
            let sql = sqlite3_sql(statement).map { String(cString: $0) } ?? ""
            watched.withLock {
                $0[String(cString: file)]?.instructions += instructions
                if walked > 0 { $0[String(cString: file)]?.walked[sql, default: 0] += walked }
            }
            return 0
        }
