/// What the database says of itself and of the node: the row of `store`, and how many attachments there ever were. All of it
/// in one statement, for each costs more to compile than to run.
struct NodeRow {
    /// Of which names in the kernel are made.
    var tag = ""
    /// Of the last ADD; `nil` before the first.
    var bootID: String?
    /// Attachments that were given an id, and those of them whose rows were deleted.
    var attachments: Int64 = 0
    var ended: Int64 = 0

    /// Attachments of the whole node. A shell may have written any number.
    var living: Int64 { attachments &- ended }

    static func load(_ database: borrowing Connection) throws(StoreError) -> NodeRow {
        let rows = try database.query(
            "SELECT tag, boot_id, ended, (SELECT seq FROM sqlite_sequence WHERE name = 'attachments') FROM store"
        ) { (row) throws(StoreError) in
            NodeRow(
                tag: try row.parsed(0, "tag", { $0.utf8.count == 4 ? $0 : nil }), bootID: row.optionalText(1),
                attachments: row.integer(3), ended: row.integer(2))
        }
        return rows.first ?? NodeRow()
    }
}
