/// How long history is kept: 30 days, and a million events at most.
///
/// Whoever takes the eighth, sixteenth, … attachment out prunes what eight pods' lives write, so that a node where pods come
/// and go keeps its bounds without anybody's help and no ADD pays for it; apply prunes what is left over. By the order of
/// events first: at most ``rowsAtOnce`` are looked at, so that this costs the same however many there are.
///
/// `withdrawn` events are not history: an object of ours in the kernel without intent is deleted because of one. They stay
/// until that was done, or until apply has seen for itself that the kernel has no such object
/// (``Store/forgetWithdrawn(except:before:)``).
enum Retention {
    static let milliseconds: Int64 = 30 * 86_400_000
    static let rows: Int64 = 1_000_000
    private static let period: Int64 = 8
    /// The life of a pod writes 7 events, and 19 with two families, `ipMasq` and `macspoofchk`.
    private static let rowsAtOnce = 32 * Int(period)

    static func prune(_ database: borrowing Connection, after attachment: Int64) throws(StoreError) {
        if attachment % period == 0 { try prune(database, rows: rowsAtOnce) }
    }

    /// Takes out the oldest events that are too old or too many, of at most `rows`. The caller holds a write transaction.
    static func prune(_ database: borrowing Connection, rows: Int) throws(StoreError) {
        try database.run(
            """
            DELETE FROM events WHERE id IN (
                SELECT id FROM (SELECT id, at_ms FROM events WHERE kind <> 'withdrawn' ORDER BY id LIMIT ?1)
                WHERE at_ms < ?2 OR id <= (SELECT max(id) FROM events) - ?3)
            """, .integer(rows), .integer(Clock.nowMilliseconds() - milliseconds), .integer(Retention.rows))
    }

    static func pruneRuns(_ database: borrowing Connection) throws(StoreError) {
        try database.run(
            """
            DELETE FROM runs WHERE id IN (SELECT id FROM (SELECT id, started_ms FROM runs ORDER BY id LIMIT ?1)
                WHERE started_ms < ?2 OR id <= (SELECT max(id) FROM runs) - ?3) AND id < (SELECT max(id) FROM runs)
            """, .integer(rowsAtOnce), .integer(Clock.nowMilliseconds() - milliseconds), .integer(rows))
    }
}

extension Store {
    /// What apply prunes at most, and at once: each transaction holds up the ADDs beside it for a few milliseconds.
    private static let batches = 200
    private static let rowsInBatch = 1_000

    /// Takes out all history that is too old or too many, up to a bound that the next apply goes on from; fills in what
    /// older binaries and shells left out.
    package func tidy() throws(StoreError) {
        try keepLog()
        if try SortKeys.areMissing(database) {
            try write { (database) throws(StoreError) in try SortKeys.fill(database) }
        }
        // A shell may have taken their ranges out.
        if try !database.query(Allocation.forsakenGateways, row: { $0.text(1) }).isEmpty {
            try write { (database) throws(StoreError) in
                try database.run("INSERT INTO gateways (bridge, gateway) \(Allocation.forsakenGateways)")
            }
        }
        try deleteStrays()
        for _ in 0..<Store.batches {
            let taken = try write { (database) throws(StoreError) in
                try Retention.prune(database, rows: Store.rowsInBatch)
                return database.changes
            }
            if taken < Store.rowsInBatch { return }
        }
    }

    /// What was a network's that a shell deleted without foreign keys.
    private func deleteStrays() throws(StoreError) {
        for table in ["ranges", "held"] {
            let strays = "FROM \(table) WHERE network_id NOT IN (SELECT id FROM networks)"
            guard try database.integer("SELECT 1 \(strays)") != nil else { continue }
            try write { (database) throws(StoreError) in try database.run("DELETE \(strays)") }
        }
    }

    /// A copy by `VACUUM INTO` that was put in the file's place has no log, and an open SELECT then keeps pods waiting.
    private func keepLog() throws(StoreError) {
        guard try database.query("PRAGMA journal_mode", row: { $0.text(0) }) != ["wal"] else { return }
        try lockWriter(patience: LockFile.writerPatienceMilliseconds)
        defer { unlockWriter() }
        do throws(StoreError) {
            try database.execute("PRAGMA journal_mode = WAL")
        } catch  where error.code == .locked {
            // Somebody reads: the next apply does it.
        }
    }

    /// Objects that were given up and that may be forgotten: a look at the whole kernel found none of them.
    ///
    /// - Parameters:
    ///   - present: what that look found, by the names under which objects are given up.
    ///   - before: the newest event when it began; what was given up since may have been there unseen.
    package func forgetWithdrawn(except present: Set<String>, before event: Int64) throws(StoreError) {
        let candidates = try database.query(
            // By the index that has those alone, not by the id.
            "SELECT id, object FROM events WHERE kind = 'withdrawn' AND +id <= ? AND at_ms < ?", .integer(event),
            .integer(Clock.nowMilliseconds() - Store.patience)
        ) { (row) throws(StoreError) in (row.integer(0), row.text(1)) }
        let absent = candidates.filter { !present.contains($0.1) }
        guard !absent.isEmpty else { return }
        try write { (database) throws(StoreError) in
            for (id, _) in absent { try database.run("DELETE FROM events WHERE id = ?", .integer(id)) }
        }
    }

    /// An ADD whose row was deleted under it may still be about to make the link: a day is longer than any of them lives.
    private static let patience: Int64 = 86_400_000
}
