internal import Schema

/// Brings a database of an older minor to ours. Minors only add, so that older binaries go on working with it.
enum Migration {
    /// The caller holds a write transaction: all of it is done, or nothing. Another process may have done it meanwhile.
    static func run(_ database: borrowing Connection) throws(StoreError) {
        var version = try version(database)
        while version < Schema.version, let addition = Schema.addition(to: version) {
            try database.execute(addition)
            version += 1
            if version == SortKeys.minor { try SortKeys.fill(database) }
            try database.execute("PRAGMA user_version=\(version)")
        }
    }

    /// Major × 1000 + minor.
    static func version(_ database: borrowing Connection) throws(StoreError) -> Int64 {
        try database.integer("PRAGMA user_version") ?? 0
    }
}
