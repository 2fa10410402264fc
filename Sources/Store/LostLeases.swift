internal import Addressing

/// Addresses that a range handed out, and that are nobody's and not released either: a shell with foreign keys deletes an
/// attachment's leases with it, and says so to nobody.
extension Store {
    /// More than the pods of any node: between them lies a `next` that somebody moved by hand, and no lease.
    private static let mostLost = UInt128(1) << 16

    static func lostLeases(_ database: borrowing Connection) throws(StoreError) -> [StrayLease] {
        var lost: [StrayLease] = []
        for range in try HandedOut.all(database) where try range.mayHaveLost(database, atMost: mostLost) {
            // Networks on one bridge may share a subnet.
            for lease in try range.lost(database) where !lost.contains(lease) { lost.append(lease) }
        }
        return lost
    }
}

/// The part of a range that was handed out before: what lies below its `next`.
private struct HandedOut {
    var id: Int64
    var bridge: String
    var part: RangeSpec

    static func all(_ database: borrowing Connection) throws(StoreError) -> [HandedOut] {
        try database.query(
            """
            SELECT r.id, n.bridge, r.subnet, r.first, r.last, r.gateway, r.exclude, r.next
            FROM ranges AS r JOIN networks AS n ON n.id = r.network_id ORDER BY r.id
            """
        ) { (row) throws(StoreError) -> HandedOut? in
            var part: RangeSpec
            do throws(StoreError) {
                part = try RangeSpec(row, from: 2, exclude: 6)
            } catch {
                // A row that an admin filled with nonsense is told where it is needed.
                return nil
            }
            if let text = row.optionalText(7) {
                guard let next = IPAddress(text), part.first < next, let end = next.retreated(by: 1) else { return nil }
                part.last = min(end, part.last)
            }
            return HandedOut(id: row.integer(0), bridge: row.text(1), part: part)
        }.compactMap(\.self)
    }

    /// Counts alone, which cost the same for every size of the range. Each address is in use, released, or both: another
    /// network's pod may have it.
    func mayHaveLost(_ database: borrowing Connection, atMost most: UInt128) throws(StoreError) -> Bool {
        let released = try database.integer("SELECT count(*) FROM released WHERE range_id = ?", .integer(id)) ?? 0
        let used = try database.query(
            """
            SELECT l.address FROM (\(HandedOut.inUse)) AS l
            WHERE NOT EXISTS (SELECT 1 FROM released AS r WHERE r.range_id = ?2 AND r.address = l.address)
            """, .text(bridge), .integer(id), isV6
        ) { (row) throws(StoreError) in IPAddress(row.text(0)) }
        let known = UInt128(released) + UInt128(used.count { $0.map(part.offers) == true })
        return known < part.size && part.size - known <= most
    }

    func lost(_ database: borrowing Connection) throws(StoreError) -> [StrayLease] {
        let known = try database.query(
            "\(HandedOut.inUse) UNION ALL SELECT address FROM released WHERE range_id = ?2",
            .text(bridge), .integer(id), isV6
        ) { (row) throws(StoreError) in IPAddress(row.text(0)) }
        let bits = Set(known.compactMap(\.self).filter(part.offers).map(\.bits))
        var lost: [StrayLease] = []
        var candidate: IPAddress? = part.first
        while let address = candidate, address <= part.last {
            let block = part.exclusion(of: address)
            if block == nil, address != part.gateway, !bits.contains(address.bits) {
                lost.append(StrayLease(bridge: bridge, address: address.description))
            }
            candidate = (block?.last ?? address).advanced(by: 1)
        }
        return lost
    }

    private var isV6: SQLValue { .bool(part.subnet.family == .v6) }

    /// What a bridge's (?1) pods hold of a family (?3), ours and host-local's, each once. There may be a thousand of the
    /// former, and seldom are any of the latter: a UNION would sort them all.
    private static let inUse = """
        SELECT address FROM addresses WHERE bridge = ?1 AND (instr(address, ':') > 0) = ?3
        UNION ALL SELECT DISTINCT address FROM held AS h WHERE bridge = ?1 AND (instr(address, ':') > 0) = ?3
        AND NOT EXISTS (SELECT 1 FROM addresses AS a WHERE a.bridge = ?1 AND a.address = h.address)
        """
}
