internal import Addressing

/// How full a range is.
package struct PoolUsage: Sendable {
    package var network: String
    /// With its prefix: `10.244.1.0/24`.
    package var subnet: String
    /// Addresses for pods.
    package var size: UInt128
    /// Of these, what an ADD could have.
    package var free: UInt128
}

extension Store {
    /// Every range of every network, in one snapshot; none of a network of which a row is nonsense.
    package func poolUsage() throws(StoreError) -> [PoolUsage] {
        try read { (database) throws(StoreError) in
            var pools: [PoolUsage] = []
            var taken: [String: (held: [IPAddress], gateways: [IPAddress])] = [:]
            var problems: [String] = []
            for network in try Network.load(database, problems: &problems) {
                let bridge = network.spec.bridge
                let known: (held: [IPAddress], gateways: [IPAddress])
                if let found = taken[bridge] {
                    known = found
                } else {
                    known = (
                        try addresses(
                            """
                            SELECT address FROM addresses WHERE bridge = ?2
                            UNION SELECT address FROM held WHERE bridge = ?2
                            """, bridge, database), try addresses(Allocation.gatewaysOnBridge, bridge, database)
                    )
                    taken[bridge] = known
                }
                for range in network.spec.rangeSets.joined() {
                    pools.append(
                        PoolUsage(
                            network: network.spec.name, subnet: range.subnet.description, size: range.size,
                            free: range.free(held: known.held, gateways: known.gateways)))
                }
            }
            return pools
        }
    }

    /// A nonsense row keeps no address from anybody.
    private func addresses(
        _ sql: String, _ bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> [IPAddress] {
        try database.query(sql, .null, .text(bridge)) { (row) throws(StoreError) in IPAddress(row.text(0)) }
            .compactMap(\.self)
    }

    /// How many attachments there are, by state.
    package func attachmentCounts() throws(StoreError) -> [AttachmentState: Int] {
        let rows = try database.query("SELECT state, count(*) FROM attachments GROUP BY state") {
            (row) throws(StoreError) in (AttachmentState(rawValue: row.text(0)), Int(row.integer(1)))
        }
        var counts: [AttachmentState: Int] = [:]
        for case (let state?, let count) in rows { counts[state] = count }
        return counts
    }
}
