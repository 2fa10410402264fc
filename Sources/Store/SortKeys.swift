internal import Addressing

/// The columns that make addresses sortable and countable in SQL, in rows that were written without them: by an older
/// binary, or by a shell.
enum SortKeys {
    /// The version that brought them.
    static let minor: Int64 = 1007

    /// The caller holds a write transaction. A row that says nothing sensible stays as it is.
    static func fill(_ database: borrowing Connection) throws(StoreError) {
        for table in ["addresses", "held"] {
            for text in try database.query("SELECT DISTINCT address FROM \(table) WHERE sort_key IS NULL", row: first) {
                guard let address = IPAddress(text) else { continue }
                try database.run(
                    "UPDATE \(table) SET sort_key = ? WHERE address = ?", .text(address.sortKey), .text(text))
            }
        }
        guard try database.integer("SELECT 1 FROM ranges WHERE size IS NULL") != nil else { return }
        var problems: [String] = []
        for network in try Network.load(database, problems: &problems) {
            for (range, id) in zip(network.spec.rangeSets.joined(), network.rangeIDs.joined()) {
                try database.run(
                    "UPDATE ranges SET first_key = ?, last_key = ?, size = ? WHERE id = ?", .text(range.first.sortKey),
                    .text(range.last.sortKey), range.storedSize, .integer(id))
            }
        }
    }

    private static func first(_ row: borrowing Statement) -> String { row.text(0) }

    /// Whether a row lacks them.
    static func areMissing(_ database: borrowing Connection) throws(StoreError) -> Bool {
        try database.integer(
            """
            SELECT EXISTS (SELECT 1 FROM addresses WHERE sort_key IS NULL)
            OR EXISTS (SELECT 1 FROM held WHERE sort_key IS NULL) OR EXISTS (SELECT 1 FROM ranges WHERE size IS NULL)
            """) == 1
    }
}
