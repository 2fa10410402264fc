internal import Addressing

/// A lease whose attachment has no row: a shell deletes that without its leases, since SQLite minds foreign keys only
/// where it is told to; and with them where it is, which leaves an address that no row knows of.
package struct StrayLease: Hashable, Sendable {
    package var bridge: String
    package var address: String
    /// Milliseconds; `nil`: no row tells any more.
    package var since: Int64?
    package var reason: String { "its attachment was deleted" }
}

extension Store {
    package func strayLeases() throws(StoreError) -> [StrayLease] {
        try read { (database) throws(StoreError) in try Store.strayLeases(database) }
    }

    /// Gives them back, and says which; the routes of such attachments go too.
    package func releaseStrayLeases() throws(StoreError) -> [StrayLease] {
        let hasRoutes = try database.integer("SELECT 1 FROM routes WHERE \(Store.isStrayRoute)") != nil
        let hasLeases = try !strayLeases().isEmpty
        guard hasRoutes || hasLeases else { return [] }
        return try write { (database) throws(StoreError) in
            let strays = try Store.strayLeases(database)
            for stray in strays {
                try database.run(
                    "DELETE FROM addresses WHERE bridge = ? AND address = ?", .text(stray.bridge), .text(stray.address))
                if let address = IPAddress(stray.address) {
                    try Allocation.remember(address, bridge: stray.bridge, database)
                }
                let event = Event(kind: .released, object: stray.address, reason: stray.reason, since: stray.since)
                try Event.write([event], database)
            }
            try database.run("DELETE FROM routes WHERE \(Store.isStrayRoute)")
            return strays
        }
    }

    private static let isStrayRoute = "attachment_id NOT IN (SELECT id FROM attachments)"

    private static func strayLeases(_ database: borrowing Connection) throws(StoreError) -> [StrayLease] {
        try database.query(
            "SELECT bridge, address, created_ms FROM addresses WHERE attachment_id NOT IN (SELECT id FROM attachments)"
        ) { (row) throws(StoreError) in
            StrayLease(bridge: row.text(0), address: row.text(1), since: row.integer(2))
        } + lostLeases(database)
    }
}
