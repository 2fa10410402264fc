internal import Addressing

/// How full a network is, and who lives on it.
package struct NetworkUsage: Sendable {
    /// The row, as the last ADD wrote it; `nil` before the first.
    package var network: Network?
    /// Attachments of this network that an ADD of this boot finished, by bridge: they stay where they were made. One that
    /// is still being added may well have no bridge yet.
    package var living: [(bridge: String, count: Int, example: Int64)] = []
    /// Attachments of all networks on the configured bridge.
    package var ports = 0
    /// Range sets without a free address, in words, as `10.9.0.2–10.9.0.6 in 10.9.0.0/29 (5 of 5 addresses in use)`.
    package var exhausted: [String] = []

    /// Of a database that is not there yet.
    package init() {}
}

extension Store {
    /// Looks, in one snapshot, whether the network as configured has room for one more pod. What earlier boots left is
    /// free: the next ADD takes it back.
    ///
    /// - Parameter bootID: empty if it could not be read, and then nothing is taken for dead.
    package func usage(_ spec: NetworkSpec, bootID: String) throws(StoreError) -> NetworkUsage {
        try read { (database) throws(StoreError) in
            var usage = NetworkUsage()
            usage.network = try Network.load(database, name: spec.name).first
            // The first ADD of a boot takes out what earlier boots left; from then on nobody has to look.
            let isCollected = try database.integer("SELECT 1 FROM store WHERE boot_id = ?", .text(bootID)) != nil
            let boot = SQLValue.text(isCollected ? "" : bootID)
            if let network = usage.network {
                usage.living = try database.query(
                    """
                    SELECT bridge, count(*), min(id) FROM attachments
                    WHERE network_id = ?2 AND state = 'ready' AND \(Store.isLiving) GROUP BY bridge
                    """, boot, .integer(network.id)
                ) { (row) throws(StoreError) in (row.text(0), Int(row.integer(1)), row.integer(2)) }
            }
            let ports = try database.integer(
                "SELECT count(*) FROM attachments WHERE bridge = ?2 AND \(Store.isLiving)", boot, .text(spec.bridge))
            usage.ports = Int(ports ?? 0)
            usage.exhausted = try exhausted(spec, boot: boot, database)
            return usage
        }
    }

    /// Of this boot, given as ?1, or of one that nobody knows; all if ?1 is empty.
    private static let isLiving = "(?1 = '' OR boot_id IN (?1, ''))"

    private func exhausted(
        _ spec: NetworkSpec, boot: SQLValue, _ database: borrowing Connection
    ) throws(StoreError) -> [String] {
        let leases = """
            FROM (SELECT address FROM addresses WHERE bridge = ?2 AND (?1 = '' OR attachment_id IN (
            SELECT id FROM attachments WHERE \(Store.isLiving)))
            UNION SELECT address FROM held WHERE bridge = ?2 AND \(Store.isLiving))
            """
        // A nonsense row keeps no address from anybody.
        let gateways = try database.query(Allocation.gatewaysOnBridge, .null, .text(spec.bridge)) {
            (row) throws(StoreError) in IPAddress(row.text(0))
        }.compactMap(\.self)
        let count = Int(try database.integer("SELECT count(*) \(leases)", boot, .text(spec.bridge)) ?? 0)
        // With more addresses than anything could hold, nobody has to look at each.
        let taken = UInt128(count + gateways.count + 1)
        let doubtful = spec.rangeSets.filter { set in !set.contains { $0.size > taken } }
        if doubtful.isEmpty { return [] }
        let held = try database.query("SELECT address \(leases)", boot, .text(spec.bridge)) {
            (row) throws(StoreError) in IPAddress(row.text(0))
        }.compactMap(\.self)
        var exhausted: [String] = []
        for set in doubtful where set.allSatisfy({ $0.free(held: held, gateways: gateways) == 0 }) {
            exhausted.append(set.map { $0.described(held: held) }.joined(separator: ", "))
        }
        return exhausted
    }
}
