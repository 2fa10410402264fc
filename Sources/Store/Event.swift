internal import Addressing

/// One line of history.
package struct Event: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        case assigned, released, add, change, delete, failed
    }

    package var kind: Kind
    package var object: String
    package var reason: String?
    package var detail: String?
    package var attachment: Attachment?
    /// Of a released address: when it had been assigned, in milliseconds since 1970, UTC.
    package var since: Int64?

    package init(
        kind: Kind, object: String, reason: String? = nil, detail: String? = nil, attachment: Attachment? = nil,
        since: Int64? = nil
    ) {
        self.kind = kind
        self.object = object
        self.reason = reason
        self.detail = detail
        self.attachment = attachment
        self.since = since
    }

    init(released lease: Lease, of attachment: Attachment, since: Int64?, reason: String) {
        self.init(
            kind: .released, object: lease.address.address.description, reason: reason, attachment: attachment,
            since: since)
    }

    static func write(_ events: [Event], _ database: borrowing Connection) throws(StoreError) {
        guard !events.isEmpty else { return }
        let now = SQLValue.integer(Clock.nowMilliseconds())
        try database.run(
            """
            INSERT INTO events (at_ms, kind, object, reason, detail, attachment_id, network, container_id, ifname,
            pod_namespace, pod_name, since_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            rows: events.map { event in
                let attachment = event.attachment
                return [
                    now, .text(event.kind.rawValue), .text(event.object), .optional(event.reason),
                    .optional(event.detail), .optional(attachment?.id), .optional(attachment?.network),
                    .optional(attachment?.containerID), .optional(attachment?.ifname),
                    .optional(attachment?.pod.namespace), .optional(attachment?.pod.name), .optional(event.since),
                ]
            })
    }

    /// Nothing of that name is left in the kernel that could be ours.
    static func forgetWithdrawal(of object: String, _ database: borrowing Connection) throws(StoreError) {
        try database.run("DELETE FROM events WHERE kind = 'withdrawn' AND object = ?", .text(object))
    }
}

/// A pass over the whole node.
package struct Run: Hashable, Sendable {
    package var startedMilliseconds: Int64
    package var durationMilliseconds: Int64
    package var planned: Int
    package var done: Int
    package var failed: Int
    package var error: String?
    /// Its events have greater ids; `nil` of runs of older binaries.
    package var lastEvent: Int64?

    package init(
        startedMilliseconds: Int64, durationMilliseconds: Int64, planned: Int, done: Int, failed: Int, error: String?,
        lastEvent: Int64? = nil
    ) {
        self.startedMilliseconds = startedMilliseconds
        self.durationMilliseconds = durationMilliseconds
        self.planned = planned
        self.done = done
        self.failed = failed
        self.error = error
        self.lastEvent = lastEvent
    }
}

extension Store {
    /// The id of the newest event, 0 before the first.
    package func lastEvent() throws(StoreError) -> Int64 {
        try database.integer("SELECT max(id) FROM events") ?? 0
    }

    package func record(_ run: Run) throws(StoreError) {
        try write { (database) throws(StoreError) in
            try database.run(
                """
                INSERT INTO runs (started_ms, duration_ms, planned, done, failed, error, last_event)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                .integer(run.startedMilliseconds), .integer(run.durationMilliseconds), .integer(run.planned),
                .integer(run.done), .integer(run.failed), .optional(run.error), .optional(run.lastEvent))
            try Retention.pruneRuns(database)
        }
    }

    package func record(_ events: [Event]) throws(StoreError) {
        guard !events.isEmpty else { return }
        try write { (database) throws(StoreError) in try Event.write(events, database) }
    }
}

extension Store {
    package func lastRun() throws(StoreError) -> Run? {
        try database.query(
            """
            SELECT started_ms, duration_ms, planned, done, failed, error, last_event FROM runs ORDER BY id DESC LIMIT 1
            """
        ) { (row) throws(StoreError) in
            Run(
                startedMilliseconds: row.integer(0), durationMilliseconds: row.integer(1), planned: Int(row.integer(2)),
                done: Int(row.integer(3)), failed: Int(row.integer(4)), error: row.optionalText(5),
                lastEvent: row.optionalInteger(6))
        }.first
    }
}
