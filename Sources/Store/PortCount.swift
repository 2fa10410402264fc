/// How many ports of bridges are ours, counted without a look at each.
package enum PortCount {
    /// A bridge takes no more (BR_MAX_PORTS, net/bridge/br_private.h).
    package static let limit = 1023

    /// Refuses one port too many before anything is recorded. Ports that nobody recorded are the kernel's to count.
    ///
    /// - Throws: `.exhausted`.
    static func check(
        _ network: Network, on node: NodeRow, _ database: borrowing Connection
    ) throws(StoreError) {
        // Ids are given once, so that what lives is what was given less what ended: only if the whole node has so many
        // are those of this bridge counted.
        guard node.living >= limit else { return }
        let count =
            network.spec.rangeSets.isEmpty
            ? "SELECT count(*) FROM attachments WHERE bridge = ?"
            : "SELECT count(*) FROM addresses WHERE bridge = ? AND position = 0"
        let ports = try database.integer(count, .text(network.spec.bridge)) ?? 0
        guard ports >= limit else { return }
        throw StoreError(
            .exhausted,
            "network \(network.spec.name): bridge \(network.spec.bridge) has \(ports) pods, and takes \(limit): use more "
                + "networks on this node")
    }

    /// An attachment's row was deleted.
    static func ended(_ database: borrowing Connection) throws(StoreError) {
        // Of one row by its id, no copy of the page is kept for the case that the statement fails half-way.
        try database.run("UPDATE store SET ended = ended + 1 WHERE id = 1")
    }

    /// Sets right what a shell deleted: until then more are taken to live than do, and an ADD may count in vain.
    package static func recount(in store: borrowing Store) throws(StoreError) {
        let node = try store.read { (database) throws(StoreError) in try NodeRow.load(database) }
        guard try ended(of: node, store.database) != node.ended else { return }
        try store.write { (database) throws(StoreError) in
            try database.run(
                "UPDATE store SET ended = ?", .integer(try ended(of: try NodeRow.load(database), database)))
        }
    }

    private static func ended(of node: NodeRow, _ database: borrowing Connection) throws(StoreError) -> Int64 {
        node.attachments &- (try database.integer("SELECT count(*) FROM attachments") ?? 0)
    }
}
