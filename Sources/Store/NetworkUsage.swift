package import Addressing

/// How full a network is, and who lives on it.
package struct NetworkUsage: Sendable {
    /// The row, as the last ADD wrote it; `nil` before the first.
    package var network: Network?
    /// An attachment of this network lives that an ADD of this boot finished: one that is still being added may well have no
    /// bridge yet.
    package var isInUse = false
    /// One such attachment for each bridge that the network has left: they stay where they were made.
    package var elsewhere: [Int64] = []
    /// Attachments of all networks on the configured bridge; counted only where the node has as many as one bridge takes.
    package var ports = 0
    /// Of the configured bridge, where another network has it; `nil`: the network's own, or the next ADD makes one up.
    package var sharedMAC: MACAddress?
    /// Why the network cannot be recorded as configured beside what lives on its bridge, in words.
    package var contradiction: String?
    /// Range sets without a free address, in words, as `10.9.0.2–10.9.0.6 in 10.9.0.0/29 (5 of 5 addresses in use)`.
    package var exhausted: [String] = []

    /// Of a database that is not there yet.
    package init() {}
}

extension Store {
    /// Looks, in one snapshot, whether the network as configured has room for one more pod. What earlier boots left is
    /// free: the next ADD takes it back. As with an ADD, what it costs does not grow with the pods, until a pool is full or a
    /// network has pods on a bridge that it left.
    ///
    /// - Parameter bootID: empty if it could not be read, and then nothing is taken for dead.
    /// - Throws: `.invalid` if a row of the network is nonsense, or no MAC is known of a bridge that it comes to; `.locked`,
    ///   `.io`, `.corrupt`, `.sqlite`.
    package func usage(_ spec: NetworkSpec, bootID: String) throws(StoreError) -> NetworkUsage {
        try read { (database) throws(StoreError) in
            var usage = NetworkUsage()
            let node = try NodeRow.load(database)
            usage.network = try Network.load(database, name: spec.name, tag: node.tag).first
            let boot = node.uncollected(bootID)
            if let network = usage.network {
                usage.isInUse =
                    try database.integer(
                        "SELECT 1 FROM attachments WHERE \(Store.isLivingReady) LIMIT 1", boot, .integer(network.id))
                    != nil
                // All are where they were made as long as its row is as it was made.
                let isChanged = "SELECT 1 FROM networks WHERE id = ? AND updated_ms <> created_ms"
                if usage.isInUse, try database.integer(isChanged, .integer(network.id)) != nil {
                    usage.elsewhere = try database.query(
                        "SELECT min(id) FROM attachments WHERE \(Store.isLivingReady) AND bridge <> ?3 GROUP BY bridge",
                        boot, .integer(network.id), .text(network.spec.bridge)
                    ) { (row) throws(StoreError) in row.integer(0) }
                }
            }
            if node.living >= PortCount.limit {
                let ports = try database.integer(
                    "SELECT count(*) FROM attachments WHERE bridge = ?2 AND \(Store.isLiving)", boot,
                    .text(spec.bridge))
                usage.ports = Int(ports ?? 0)
            }
            if usage.network?.spec.bridge != spec.bridge {
                usage.sharedMAC = try Network.knownMAC(bridge: spec.bridge, database)
            }
            // What earlier boots left contradicts nobody.
            if usage.network?.spec != spec, boot == .text("") {
                do throws(StoreError) {
                    try SharedBridge.check(spec, since: usage.network, database)
                } catch  where error.code == .contradiction {
                    usage.contradiction = error.message
                }
            }
            usage.exhausted = try exhausted(spec, usage.network, boot: boot, database)
            return usage
        }
    }

    /// How many attachments make a network be in use.
    package func living(network id: Int64, bootID: String) throws(StoreError) -> Int {
        try read { (database) throws(StoreError) in
            let boot = try NodeRow.load(database).uncollected(bootID)
            let count = "SELECT count(*) FROM attachments WHERE \(Store.isLivingReady)"
            return Int(try database.integer(count, boot, .integer(id)) ?? 0)
        }
    }

    /// Of this boot, given as ?1, or of one that nobody knows; all if ?1 is empty.
    private static let isLiving = "(?1 = '' OR boot_id IN (?1, ''))"
    /// Of network ?2.
    private static let isLivingReady = "network_id = ?2 AND state = 'ready' AND \(isLiving)"

    private func exhausted(
        _ spec: NetworkSpec, _ network: Network?, boot: SQLValue, _ database: borrowing Connection
    ) throws(StoreError) -> [String] {
        // Who is dead and who is not must be looked at one by one.
        var doubtful = boot == .text("") ? [] : spec.rangeSets
        if doubtful.isEmpty {
            for set in spec.rangeSets where try !Allocation.hasRoom(in: set, of: spec, network, database) {
                doubtful.append(set)
            }
        }
        if doubtful.isEmpty { return [] }
        let leases = """
            FROM (SELECT address FROM addresses WHERE bridge = ?2 AND (?1 = '' OR attachment_id IN (
            SELECT id FROM attachments WHERE \(Store.isLiving)))
            UNION SELECT address FROM held WHERE bridge = ?2 AND \(Store.isLiving))
            """
        // A nonsense row keeps no address from anybody.
        let gateways = try database.query(Allocation.gatewaysOnBridge, .null, .text(spec.bridge)) {
            (row) throws(StoreError) in IPAddress(row.text(0))
        }.compactMap(\.self)
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

extension NodeRow {
    /// The boot, or empty if nobody has to look at it: its first ADD takes out what earlier boots left.
    fileprivate func uncollected(_ bootID: String) -> SQLValue { .text(self.bootID == bootID ? "" : bootID) }
}
