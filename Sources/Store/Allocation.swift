internal import Addressing

/// Handing out addresses, in O(log n) of the pool: never-used ones upward first, then the longest released.
enum Allocation {
    /// One address from a range set, or `nil` when every range of it is used up. The caller holds a write transaction.
    ///
    /// - Parameter isReused: set if another had it before.
    static func allocate(
        set: Int, of network: Network, isReused: inout Bool, _ database: borrowing Connection
    ) throws(StoreError) -> Lease? {
        for (range, id) in zip(network.spec.rangeSets[set], network.rangeIDs[set]) {
            if let address = try allocate(
                from: range, id: id, bridge: network.spec.bridge, isReused: &isReused, database),
                let cidr = CIDR(address, prefixLength: range.subnet.prefixLength)
            {
                return Lease(address: cidr, gateway: range.gateway)
            }
        }
        return nil
    }

    /// An address that was asked for, and that a range of the set offers. Wherever it stands in the range's order it is
    /// passed over there until it comes back.
    ///
    /// - Throws: `.taken`, with who has it.
    static func claim(
        _ address: IPAddress, set: Int, of network: Network, _ database: borrowing Connection
    ) throws(StoreError) -> Lease {
        if let holder = try holder(of: address, bridge: network.spec.bridge, database) {
            throw StoreError(
                .taken,
                "network \(network.spec.name): the address \(address) that was asked for is taken: \(holder) has it")
        }
        guard let range = network.spec.rangeSets[set].first(where: { $0.offers(address) }),
            let cidr = CIDR(address, prefixLength: range.subnet.prefixLength)
        else { throw StoreError(.invalid, "network \(network.spec.name) does not offer \(address)") }
        return Lease(address: cidr, gateway: range.gateway)
    }

    private static func allocate(
        from range: RangeSpec, id: Int64, bridge: String, isReused: inout Bool, _ database: borrowing Connection
    ) throws(StoreError) -> IPAddress? {
        if let fresh = try allocateFresh(from: range, id: id, bridge: bridge, isReused: &isReused, database) {
            return fresh
        }
        isReused = true
        while true {
            // What is another network's gateway today stays in its place until that changes.
            let oldest = try database.query(
                """
                SELECT sequence, address FROM released WHERE range_id = ?1 AND address NOT IN (\(gatewaysOnBridge))
                ORDER BY sequence LIMIT 1
                """, .integer(id), .text(bridge)
            ) { (row) throws(StoreError) in (row.integer(0), try row.parsed(1, "address", { IPAddress($0) })) }
            guard let (sequence, address) = oldest.first else { return nil }
            try database.run(
                "DELETE FROM released WHERE range_id = ? AND sequence = ?", .integer(id), .integer(sequence))
            // Another network on this bridge may have taken it since; its release puts it back here.
            if try use(of: address, bridge: bridge, database) != .held { return address }
        }
    }

    private static func allocateFresh(
        from range: RangeSpec, id: Int64, bridge: String, isReused: inout Bool, _ database: borrowing Connection
    ) throws(StoreError) -> IPAddress? {
        guard let text = try next(ofRange: id, database) else { return nil }
        guard var candidate = IPAddress(text), range.contains(candidate) else {
            throw StoreError(.invalid, "range \(range.subnet): its next address \"\(text)\" is none of its own")
        }
        while true {
            let block = range.exclusion(of: candidate)
            let end = block?.last ?? candidate
            let following = end < range.last ? end.advanced(by: 1) : nil
            if block == nil, candidate != range.gateway,
                case let use = try use(of: candidate, bridge: bridge, database), use != .held
            {
                if try !isGateway(candidate, bridge: bridge, database) {
                    try database.run(
                        "UPDATE ranges SET next = ? WHERE id = ?", .optional(following?.description), .integer(id))
                    // Another range had it before, which this one took the place of.
                    if use == .released { isReused = true }
                    return candidate
                }
                // Another network's, for now: a pod's again when that network changes.
                try remember(candidate, range: id, database)
            }
            guard let following else {
                try database.run("UPDATE ranges SET next = NULL WHERE id = ?", .integer(id))
                return nil
            }
            candidate = following
        }
    }

    /// The lowest address of a range that was never handed out, as it is written; `nil` when all were.
    static func next(ofRange id: Int64, _ database: borrowing Connection) throws(StoreError) -> String? {
        var next: String?
        try database.each("SELECT next FROM ranges WHERE id = ?", values: [.integer(id)]) { (row) throws(StoreError) in
            next = row.optionalText(0)
        }
        return next
    }

    enum Use {
        case none
        /// By a pod of ours, or by one that host-local served.
        case held
        /// By a pod that history knows of, on whichever bridge.
        case released
    }

    static func use(
        of address: IPAddress, bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> Use {
        // The last condition is the index's own, or it would not be used.
        let found = try database.integer(
            """
            SELECT 1 FROM addresses WHERE bridge = ?1 AND address = ?2
            UNION ALL SELECT 1 FROM held WHERE bridge = ?1 AND address = ?2
            UNION ALL SELECT 2 FROM events WHERE object = ?2 AND (kind = 'withdrawn' OR kind = 'released')
            """, .text(bridge), .text(address.description))
        return switch found {
        case nil: .none
        case 1: .held
        default: .released
        }
    }

    /// Who has an address on a bridge, in words; `nil` if nobody has.
    static func holder(
        of address: IPAddress, bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> String? {
        if let pod = try pod(with: address, bridge: bridge, database) { return pod }
        return try isGateway(address, bridge: bridge, database) ? "the bridge itself, as a gateway," : nil
    }

    /// The same of pods alone.
    static func pod(
        with address: IPAddress, bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> String? {
        let id = try database.integer(
            "SELECT attachment_id FROM addresses WHERE bridge = ? AND address = ?", .text(bridge),
            .text(address.description))
        if let id { return try Attachment.load(database, id: id)?.label ?? "attachment \(id)" }
        let held = try HeldLease.load(
            database, where: "h.bridge = ? AND h.address = ?", .text(bridge), .text(address.description))
        return held.first.map { "container \($0.containerID.prefix(12)), by host-local," }
    }

    /// Gateways that a bridge (?2) holds or is to hold, whoever asks for them.
    static let gatewaysOnBridge = """
        SELECT r.gateway FROM networks AS n JOIN ranges AS r ON r.network_id = n.id WHERE n.bridge = ?2 AND n.is_gateway
        UNION ALL SELECT gateway FROM gateways WHERE bridge = ?2
        UNION ALL SELECT \(Made.address) FROM made WHERE \(Made.areAddresses) AND \(Made.link) = ?2
        """

    static func isGateway(
        _ address: IPAddress, bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> Bool {
        // Neither by IN, which copies the list into a table of its own, nor by a join: each ADD compiles this. NULL, or what
        // was made of that address.
        var isGateway = false
        try database.each(
            """
            SELECT NULL FROM ranges
            WHERE gateway = ?1 AND (SELECT is_gateway FROM networks WHERE id = network_id AND bridge = ?2)
            UNION ALL SELECT NULL FROM gateways WHERE bridge = ?2 AND gateway = ?1
            UNION ALL SELECT object FROM made WHERE object > ?3 AND object < ?4
            """,
            values: [
                .text(address.description), .text(bridge), .text("address \(address)/"), .text("address \(address)0"),
            ]
        ) { (row) throws(StoreError) in
            isGateway = isGateway || row.optionalText(0)?.hasSuffix(" on \(bridge)") ?? true
        }
        return isGateway
    }

    /// Gateways by which pods still route and that no range asks for any more stay where they are, and are handed to nobody.
    static let forsakenGateways = """
        SELECT DISTINCT l.bridge, l.gateway FROM addresses AS l JOIN attachments AS a ON a.id = l.attachment_id
        WHERE a.is_gateway AND l.gateway IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM networks AS n JOIN ranges AS r ON r.network_id = n.id
            WHERE n.bridge = l.bridge AND n.is_gateway AND r.gateway = l.gateway)
        EXCEPT SELECT bridge, gateway FROM gateways
        """

    /// Puts an address behind all others that a range may hand out again.
    private static func remember(
        _ address: IPAddress, range: Int64, _ database: borrowing Connection
    ) throws(StoreError) {
        // Not by OR REPLACE, for which copies of the pages are kept in case that it fails half-way.
        try database.run(
            "DELETE FROM released WHERE range_id = ? AND address = ?", .integer(range), .text(address.description))
        try database.run(
            """
            INSERT INTO released (range_id, sequence, address) VALUES
            (?1, ifnull((SELECT sequence FROM released WHERE range_id = ?1 ORDER BY sequence DESC LIMIT 1), 0) + 1, ?2)
            """, .integer(range), .text(address.description))
    }

    /// What giving back an attachment's addresses needs to know of it, while its rows are there.
    struct Holding {
        /// In milliseconds.
        var since: Int64?
        fileprivate var mayForsakeGateways = false
    }

    static func holding(of attachment: Attachment, _ database: borrowing Connection) throws(StoreError) -> Holding {
        var holding = Holding()
        try database.each(
            "SELECT created_ms, EXISTS (SELECT 1 FROM gateways) FROM addresses WHERE attachment_id = ? LIMIT 1",
            values: [.integer(attachment.id)]
        ) { (row) throws(StoreError) in
            // There seldom are any such gateways.
            holding = Holding(since: row.integer(0), mayForsakeGateways: row.bool(1))
        }
        return holding
    }

    /// Gives the addresses of an attachment whose rows are gone back to every range on their bridge that could have handed
    /// them out.
    static func giveBack(
        _ attachment: Attachment, _ holding: Holding, _ database: borrowing Connection
    ) throws(StoreError) {
        if holding.mayForsakeGateways {
            try database.run(
                """
                DELETE FROM gateways WHERE NOT EXISTS (SELECT 1 FROM addresses AS l JOIN attachments AS a
                ON a.id = attachment_id WHERE l.bridge = gateways.bridge AND l.gateway = gateways.gateway AND a.is_gateway)
                """)
        }
        for lease in attachment.leases {
            try remember(lease.address.address, bridge: attachment.bridge, database)
        }
    }

    /// Puts an address behind all others that the ranges on its bridge may hand out again: such as have it for pods, for
    /// another network's pod may have held what is the gateway here, and whose never-used part is already past it.
    static func remember(
        _ address: IPAddress, bridge: String, _ database: borrowing Connection
    ) throws(StoreError) {
        try database.each(
            """
            SELECT id, first, last, next, exclude FROM ranges
            WHERE (SELECT bridge FROM networks WHERE id = network_id) = ? AND gateway <> ?
            AND (instr(gateway, ':') > 0) = ?
            """, values: [.text(bridge), .text(address.description), .bool(address.family == .v6)]
        ) { (row) throws(StoreError) in
            // One that is nonsense costs its own network alone, and is told by whoever loads that.
            guard let first = IPAddress(row.text(1)), let last = IPAddress(row.text(2)),
                let exclude = RangeSpec.blocks(row.text(4)), first <= address, address <= last
            else { return }
            if exclude.contains(where: { $0.contains(address) }) { return }
            if let next = row.optionalText(3).flatMap({ IPAddress($0) }), next <= address { return }
            try remember(address, range: row.integer(0), database)
        }
    }

    /// How a used-up set looks to an admin: `10.244.1.0/24 (253 of 253 addresses in use)`.
    static func describe(
        set: Int, of network: Network, _ database: borrowing Connection
    ) throws(StoreError) -> String {
        let held = try database.query(
            """
            SELECT address FROM addresses WHERE bridge = ?1 UNION SELECT address FROM held WHERE bridge = ?1
            """, .text(network.spec.bridge)
        ) { (row) throws(StoreError) in IPAddress(row.text(0)) }.compactMap(\.self)
        return network.spec.rangeSets[set].map { $0.described(held: held) }.joined(separator: ", ")
    }
}
