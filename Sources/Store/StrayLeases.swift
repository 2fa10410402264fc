internal import Addressing

/// A lease whose attachment has no row: a shell deletes that without its leases, since SQLite minds foreign keys only
/// where it is told to; and with them where it is, which leaves an address that no row knows of.
package struct StrayLease: Hashable, Sendable {
    package var bridge: String
    /// Without a prefix: `10.244.1.5`.
    package var address: String
    /// Milliseconds since 1970, UTC; `nil`: no row tells any more.
    package var since: Int64?
    package var reason: String { "its attachment was deleted" }
}

extension Store {
    package func strayLeases() throws(StoreError) -> [StrayLease] {
        try read { (database) throws(StoreError) in try Store.strayLeases(database) }
    }

    /// Gives them back, and says which; what else points to no row goes too.
    ///
    /// - Parameter hasLeases: a look at them found some.
    package func releaseStrayLeases(hasLeases: Bool) throws(StoreError) -> [StrayLease] {
        var hasRows = false
        for rows in Store.strayRows where !hasRows {
            hasRows = try database.integer("SELECT 1 FROM \(rows) LIMIT 1") != nil
        }
        guard hasRows || hasLeases else { return [] }
        return try write { (database) throws(StoreError) in
            let strays = try Store.strayLeases(database)
            var beginnings: [String: [String: Int64]] = [:]
            for bridge in Set(strays.map(\.bridge)) { beginnings[bridge] = try beginningsOfLeases(bridge, database) }
            for stray in strays {
                try database.run(
                    "DELETE FROM addresses WHERE bridge = ? AND address = ?", .text(stray.bridge), .text(stray.address))
                if let address = IPAddress(stray.address) {
                    try Allocation.remember(address, bridge: stray.bridge, database)
                }
                try recordEnd(of: stray, begun: beginnings[stray.bridge]?[stray.address], database)
            }
            for rows in Store.strayRows { try database.run("DELETE FROM \(rows)") }
            return strays
        }
    }

    /// By address, the newest event that assigned it. One look at all of them, for none is found by its address.
    private func beginningsOfLeases(
        _ bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> [String: Int64] {
        let rows = try database.query(
            """
            SELECT object, max(id) FROM events
            WHERE kind = 'assigned' AND network IN (SELECT name FROM networks WHERE bridge = ?) GROUP BY object
            """, .text(bridge)
        ) { (row) throws(StoreError) in (row.text(0), row.integer(1)) }
        return Dictionary(rows, uniquingKeysWith: max)
    }

    /// - Parameter event: that of its beginning, which says whose it was; `nil`: it is forgotten.
    private func recordEnd(
        of stray: StrayLease, begun event: Int64?, _ database: borrowing Connection
    ) throws(StoreError) {
        try database.run(
            """
            INSERT INTO events (at_ms, kind, object, reason, attachment_id, network, container_id, ifname,
            pod_namespace, pod_name, since_ms)
            SELECT ?1, 'released', ?2, ?3, attachment_id, network, container_id, ifname, pod_namespace, pod_name,
            coalesce(?4, at_ms) FROM (SELECT 1) LEFT JOIN events ON id = ?5
            """, .integer(Clock.nowMilliseconds()), .text(stray.address), .text(stray.reason), .optional(stray.since),
            .optional(event))
    }

    /// What SQLite deletes by itself where it minds foreign keys, but for leases.
    private static let strayRows = [
        // One of the host has none, and NULL is in no empty table.
        "routes WHERE attachment_id IS NOT NULL AND attachment_id NOT IN (SELECT id FROM attachments)",
        "ranges WHERE network_id NOT IN (SELECT id FROM networks)",
        "held WHERE network_id NOT IN (SELECT id FROM networks)",
        "released WHERE range_id NOT IN (SELECT id FROM ranges)",
    ]

    private static func strayLeases(_ database: borrowing Connection) throws(StoreError) -> [StrayLease] {
        try database.query(
            "SELECT bridge, address, created_ms FROM addresses WHERE attachment_id NOT IN (SELECT id FROM attachments)"
        ) { (row) throws(StoreError) in
            StrayLease(bridge: row.text(0), address: row.text(1), since: row.integer(2))
        } + lostLeases(database)
    }
}
