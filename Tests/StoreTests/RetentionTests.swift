import Store
import Testing

/// 30 days, a million events: pruned by those who take attachments out, and by apply.
@Suite struct RetentionTests {
    private static let old = "CAST((julianday('now') - 2440587.5 - 31) * 86400000 AS INTEGER)"

    /// `count` events of 31 days ago, among which are withdrawn objects.
    private func age(_ directory: String, _ count: Int) throws {
        try sqlite(
            directory,
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
            INSERT INTO events (at_ms, kind, object, reason)
            SELECT \(Self.old), CASE i % 10 WHEN 0 THEN 'withdrawn' ELSE 'add' END, 'link x' || i, 'test' FROM n
            """)
    }

    @Test func eachEighthReleasePrunesForEight() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/24"]])
            close(try Store.open(directory: directory, access: .create))
            try age(directory, 400)
            let store = try Store.open(directory: directory, access: .write)
            for _ in 0..<7 { try store.release(try store.add(AttachmentRequest(network, "a")), reason: "test") }
            let before = try store.list(.events).rows.count
            try store.release(try store.add(AttachmentRequest(network, "a")), reason: "test")
            let some = try store.list(.events).rows.count
            for _ in 0..<8 { try store.release(try store.add(AttachmentRequest(network, "a")), reason: "test") }
            close(store)
            // 360 that may go, and two a lease.
            #expect(before == 360 + 14)
            #expect(some == 360 - 256 + 16)
            #expect(
                try sqliteReadOnly(directory, "SELECT kind, count(*) FROM events GROUP BY kind")
                    == "assigned|16\nreleased|16\nwithdrawn|40")
        }
    }

    @Test func aMillionIsTheMost() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["10.0.0.0/24"]])
            try store.release(try store.add(AttachmentRequest(network, "a")), reason: "test")
            // The ids of events tell how many there were.
            try sqlite(
                directory,
                "INSERT INTO events (id, at_ms, kind, object) VALUES (1000003, strftime('%s') * 1000, 'add', 'link y')")
            try store.tidy()
            let left = try store.list(.events).rows.count
            close(store)
            #expect(left == 1)
        }
    }

    @Test func tidyTakesAllThatIsOld() throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            try age(directory, 5_000)
            let store = try Store.open(directory: directory, access: .write)
            try store.tidy()
            close(store)
            #expect(
                try sqliteReadOnly(directory, "SELECT kind, count(*) FROM events GROUP BY kind") == "withdrawn|500")
        }
    }

    /// A withdrawn object is forgotten only when the kernel was seen to be without it.
    @Test func withdrawnObjectsStayWhileTheyMayBeThere() throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            try sqlite(
                directory,
                """
                INSERT INTO events (at_ms, kind, object) VALUES (\(Self.old), 'withdrawn', 'link there'),
                    (\(Self.old), 'withdrawn', 'link gone'),
                    (strftime('%s') * 1000, 'withdrawn', 'link young'), (\(Self.old), 'withdrawn', 'link since')
                """)
            let store = try Store.open(directory: directory, access: .write)
            let all = ["link there", "link gone", "link young", "link since"]
            try store.tidy()
            let before = try store.withdrawn(among: all)
            try store.forgetWithdrawn(except: ["link there"], before: 3)
            let after = try store.withdrawn(among: all)
            close(store)
            #expect(before.count == 4)
            #expect(after == Set(all).subtracting(["link gone"]))
        }
    }

    @Test func runsArePrunedButTheLast() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            for started in [1, 2, 3] as [Int64] {
                try store.record(
                    Run(
                        startedMilliseconds: started, durationMilliseconds: 1, planned: 0, done: 0, failed: 0,
                        error: nil))
            }
            let last = try store.lastRun()?.startedMilliseconds
            close(store)
            #expect(last == 3)
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM runs") == "1")
        }
    }
}
