/// Networks that an admin makes and takes away, without a pod.
extension Store {
    /// Writes a network's row as the first ADD would. Durable.
    ///
    /// - Parameters:
    ///   - hostLocal: as ``AttachmentRequest/hostLocal``.
    ///   - bootID: of host-local's leases that are taken over; empty if it could not be read.
    /// - Returns: the network as it is recorded now.
    /// - Throws: `.contradiction` with another network or a pod on the bridge; `.invalid` for a row that is nonsense; `.io` for
    ///   host-local's files, too; `.locked`, `.full`, `.readOnly`, `.corrupt`, `.sqlite`. Nothing is written then.
    package func ensure(
        _ network: NetworkSpec, hostLocal: String?, bootID: String
    ) throws(StoreError) -> Network {
        try write(durable: true) { (database) throws(StoreError) in
            try Network.ensure(network, hostLocal: hostLocal, bootID: bootID, database)
        }
    }

    /// Takes a network's row and its pools out, and gives its bridge up if nobody else is on it: the next apply deletes it,
    /// unless it was adopted. Durable.
    ///
    /// - Throws: `.missing` if there is no such network, `.taken` while pods live on it; both say which there are.
    package func removeNetwork(_ name: String) throws(StoreError) {
        try write(durable: true) { (database) throws(StoreError) in
            // Whatever else stands in its rows: to take them out may be the way out.
            let found = try database.query("SELECT id, bridge FROM networks WHERE name = ?", .text(name)) {
                (row) throws(StoreError) in (id: row.integer(0), bridge: row.text(1))
            }
            guard let network = found.first else {
                let names = try database.query("SELECT name FROM networks ORDER BY name") { $0.text(0) }
                throw StoreError(
                    .missing,
                    "there is no network \(name); there \(names.isEmpty ? "is none" : "are: \(names.joined(separator: ", "))")"
                )
            }
            try refuseInhabited(network.id, name, database)
            let bridge = network.bridge
            try database.run("DELETE FROM networks WHERE id = ?", .integer(network.id))
            try Network.withdraw(bridge: bridge, of: name, because: "its network was removed", database)
        }
    }

    /// Takes out a network that an ADD made which then failed, unless somebody uses it by now.
    package func forget(_ network: Network) throws(StoreError) {
        try write { (database) throws(StoreError) in
            try database.run(
                "DELETE FROM networks WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM attachments WHERE network_id = ?1)",
                .integer(network.id))
        }
    }

    private func refuseInhabited(
        _ id: Int64, _ name: String, _ database: borrowing Connection
    ) throws(StoreError) {
        var problems: [String] = []
        var inhabitants = try Attachment.load(
            database, where: "network_id = ?", .integer(id), problems: &problems
        ).map(\.label)
        inhabitants += problems
        inhabitants += try HeldLease.load(database, where: "h.network_id = ?", .integer(id)).map {
            "container \($0.containerID.prefix(12)) with \($0.address)"
        }
        inhabitants += try HeldLease.problems(database, network: id)
        guard !inhabitants.isEmpty else { return }
        let named = inhabitants.prefix(10).joined(separator: ", ")
        let more = inhabitants.count > 10 ? " and \(inhabitants.count - 10) more" : ""
        throw StoreError(
            .taken,
            "network \(name) has \(inhabitants.count) living \(inhabitants.count == 1 ? "pod" : "pods"): "
                + "\(named)\(more). Delete them first, or `plumbctl gc` if they are gone")
    }
}
