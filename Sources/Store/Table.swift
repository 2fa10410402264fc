internal import CSQLite

/// Rows as a SELECT gives them.
package struct Table: Hashable, Sendable {
    package var columns: [String]
    package var rows: [[SQLValue]]

    package init(columns: [String], rows: [[SQLValue]] = []) {
        self.columns = columns
        self.rows = rows
    }
}

extension Connection {
    func table(_ sql: String, _ values: [SQLValue] = []) throws(StoreError) -> Table {
        var columns: [String] = []
        let rows = try query(sql, values: values) { (row) throws(StoreError) -> [SQLValue] in
            if columns.isEmpty { columns = row.columnNames }
            return columns.indices.map { row.value(Int32($0)) }
        }
        return Table(columns: columns, rows: rows)
    }

    /// Statement by statement. One that cannot be compiled ends it, as does one that fails.
    private func forEachStatement(
        _ script: String, _ body: (Statement, String) throws(StoreError) -> Void
    ) throws(StoreError) {
        // Offsets in bytes, which is how SQLite says where a statement ends.
        let bytes = Array(script.utf8)
        var start = 0
        while start < bytes.count {
            var statement: OpaquePointer?
            var consumed = 0
            let status = bytes[start...].withUnsafeBytes { buffer -> Int32 in
                let text = buffer.assumingMemoryBound(to: CChar.self).baseAddress
                var tail: UnsafePointer<CChar>?
                let status = sqlite3_prepare_v2(handle, text, Int32(buffer.count), &statement, &tail)
                if let text, let tail { consumed = tail - text }
                return status
            }
            let sql = String(decoding: bytes[start...].prefix(max(consumed, 1)), as: UTF8.self)
            guard status == SQLITE_OK else { throw scriptError(status, sql) }
            start += max(consumed, 1)
            // A comment or white space.
            guard let statement else { continue }
            defer { sqlite3_finalize(statement) }
            try body(Statement(statement), sql)
        }
    }

    private func scriptError(_ status: Int32, _ sql: String) -> StoreError {
        // By the authorizer of `run`.
        if status & 0xff == SQLITE_AUTH {
            return StoreError(
                .sqlite, "all that is given is one transaction already: leave BEGIN, COMMIT, END and ROLLBACK out")
        }
        let error = error(status, doing: sql)
        guard error.code == .sqlite else { return error }
        return StoreError(.sqlite, sqlite3_errmsg(handle).map { String(cString: $0) } ?? error.message)
    }

    /// Whether a script changes nothing; on doubt it does.
    func isReadOnly(_ script: String) -> Bool {
        var answer = true
        do throws(StoreError) {
            try forEachStatement(script) { (statement, _) throws(StoreError) in
                if !statement.isReadOnly { answer = false }
            }
        } catch {
            return false
        }
        return answer
    }

    /// Rows that were written, all in all.
    fileprivate var totalChanges: Int { Int(sqlite3_total_changes(handle)) }

    /// Runs a script, and answers with a table for each statement that gives rows.
    func run(script: String, _ changes: inout Int) throws(StoreError) -> [Table] {
        var tables: [Table] = []
        var written = 0
        // Asked of SQLite, which alone knows where a statement begins. It compiles some again while they run.
        sqlite3_set_authorizer(
            handle, { _, action, _, _, _, _ in action == SQLITE_TRANSACTION ? SQLITE_DENY : SQLITE_OK }, nil)
        defer { sqlite3_set_authorizer(handle, nil, nil) }
        try forEachStatement(script) { (statement, sql) throws(StoreError) in
            var table = Table(columns: statement.columnNames)
            let before = totalChanges
            while true {
                let status = statement.step()
                if status == SQLITE_DONE { break }
                guard status == SQLITE_ROW else { throw scriptError(status, sql) }
                table.rows.append(table.columns.indices.map { statement.value(Int32($0)) })
            }
            // SQLite's own count stays that of an earlier statement where one writes no rows.
            if totalChanges != before { written += self.changes }
            if !table.columns.isEmpty { tables.append(table) }
        }
        changes = written
        return tables
    }
}

extension Store {
    /// Whether a script can be run without writing.
    package func isReadOnly(_ script: String) -> Bool { database.isReadOnly(script) }

    /// Runs a script in one snapshot, of a store that was opened to read.
    package func read(script: String) throws(StoreError) -> [Table] {
        try read { (database) throws(StoreError) in
            var changes = 0
            return try database.run(script: script, &changes)
        }
    }

    /// Runs a script in one transaction, under the writer's lock, and on the disk before this returns.
    ///
    /// - Returns: a table for each statement that gives rows, and how many rows were written by statements, not triggers.
    package func write(script: String) throws(StoreError) -> (tables: [Table], changes: Int) {
        try write(durable: true) { (database) throws(StoreError) in
            var changes = 0
            let tables = try database.run(script: script, &changes)
            return (tables, changes)
        }
    }
}
