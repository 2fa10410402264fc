internal import Addressing

/// What another IPAM plugin gave.
package struct Assignment: Sendable {
    package var leases: [Lease]
    package var routes: [RouteSpec]
    /// The `dns` object of the answer, as JSON.
    package var dns: String?

    package init(leases: [Lease], routes: [RouteSpec], dns: String? = nil) {
        self.leases = leases
        self.routes = routes
        self.dns = dns
    }
}

/// Attachments whose addresses another IPAM plugin gives. It runs outside of any transaction, so they are recorded in two
/// steps: the row before it is called, its addresses after. A row without them is one that must be given back.
extension Store {
    /// Records what the plugin gave, and answers with the attachment that it made.
    ///
    /// - Throws: `.taken` when the bridge has one of the addresses already.
    package func assign(
        _ assignment: Assignment, to attachment: Attachment, network: NetworkSpec
    ) throws(StoreError) -> Attachment {
        var assigned = attachment
        assigned.leases = assignment.leases
        assigned.routes = Store.promisedRoutes(assignment.routes, network: network, leases: assignment.leases)
        assigned.dns = attachment.dns ?? assignment.dns
        assigned.unmasqueraded = network.unmasqueraded(assignment.leases)
        return try write { (database) throws(StoreError) in
            for lease in assigned.leases {
                try checkIsFree(lease.address.address, for: assigned, database)
                if assigned.isGateway, let gateway = lease.gateway { try check(gateway, of: assigned, database) }
            }
            try Store.giveWay(&assigned, database)
            try database.run(
                "UPDATE attachments SET dns = ?, masquerade = ? WHERE id = ?", .optional(assigned.dns),
                .blocks(assigned.unmasqueraded), .integer(assigned.id))
            if assigned.isGateway {
                for gateway in assigned.leases.compactMap(\.gateway) {
                    try database.run(
                        "INSERT OR IGNORE INTO gateways (bridge, gateway) VALUES (?, ?)", .text(assigned.bridge),
                        .text(gateway.description))
                }
            }
            try insertPromises(of: assigned, .integer(Clock.nowMilliseconds()), database)
            return assigned
        }
    }

    /// The bridge must not take an address that a pod lives with.
    private func check(
        _ gateway: IPAddress, of attachment: Attachment, _ database: borrowing Connection
    ) throws(StoreError) {
        let isOwn = attachment.leases.contains { $0.address.address == gateway }
        let pod = isOwn ? "the pod itself" : try Allocation.pod(with: gateway, bridge: attachment.bridge, database)
        guard let pod else { return }
        throw StoreError(
            .taken,
            "network \(attachment.network), \(attachment.label): IPAM plugin \(attachment.delegate?.type ?? "") named the "
                + "gateway \(gateway), which \(pod) has on \(attachment.bridge)")
    }

    private func checkIsFree(
        _ address: IPAddress, for attachment: Attachment, _ database: borrowing Connection
    ) throws(StoreError) {
        guard let holder = try Allocation.holder(of: address, bridge: attachment.bridge, database) else { return }
        throw StoreError(
            .taken,
            "network \(attachment.network), \(attachment.label): IPAM plugin \(attachment.delegate?.type ?? "") gave "
                + "\(address), which \(holder) has on \(attachment.bridge)")
    }

    /// The attachment's addresses are free for others, though its row stays until the plugin has taken them back.
    func disown(
        _ attachment: Attachment, reason: String, _ database: borrowing Connection
    ) throws(StoreError) {
        let holding = try Allocation.holding(of: attachment, database)
        try database.run("DELETE FROM addresses WHERE attachment_id = ?", .integer(attachment.id))
        try Allocation.giveBack(attachment, holding, database)
        try database.run("UPDATE attachments SET state = 'deleting' WHERE id = ?", .integer(attachment.id))
        try Event.write(
            attachment.leases.map { Event(released: $0, of: attachment, since: holding.since, reason: reason) },
            database)
    }
}
