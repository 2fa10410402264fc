internal import Addressing

extension Allocation {
    /// More addresses in a row that others have are not looked through one by one.
    private static let patience = 16

    /// Whether an ADD would find an address in a range set at once, where it looks first. `false` proves nothing.
    ///
    /// - Parameter network: its row, which may say something else than the configuration by now.
    static func hasRoom(
        in set: [RangeSpec], of spec: NetworkSpec, _ network: Network?, _ database: borrowing Connection
    ) throws(StoreError) -> Bool {
        for range in set {
            let id = network?.spec.bridge == spec.bridge ? network?.id(of: range) : nil
            if try hasRoom(range, id: id, bridge: spec.bridge, database) { return true }
        }
        return false
    }

    /// - Parameter id: `nil` for a range that the next ADD will write down, of which none was handed out.
    private static func hasRoom(
        _ range: RangeSpec, id: Int64?, bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> Bool {
        var candidate: IPAddress? = range.first
        if let id { candidate = try next(ofRange: id, database).flatMap { IPAddress($0) } }
        for _ in 0..<patience {
            guard let address = candidate, address <= range.last else { break }
            let block = range.exclusion(of: address)
            if block == nil, address != range.gateway, try isFree(address, bridge: bridge, database) { return true }
            candidate = (block?.last ?? address).advanced(by: 1)
        }
        guard let id else { return false }
        let released = try database.query(
            "SELECT address FROM released WHERE range_id = ? ORDER BY sequence LIMIT \(patience)", .integer(id)
        ) { (row) throws(StoreError) in IPAddress(row.text(0)) }
        for case let address? in released where try isFree(address, bridge: bridge, database) { return true }
        return false
    }

    private static func isFree(
        _ address: IPAddress, bridge: String, _ database: borrowing Connection
    ) throws(StoreError) -> Bool {
        if try use(of: address, bridge: bridge, database) == .held { return false }
        return try !isGateway(address, bridge: bridge, database)
    }
}

extension Network {
    /// The row of a range that is still as it was written down.
    fileprivate func id(of range: RangeSpec) -> Int64? {
        for (set, ids) in zip(spec.rangeSets, rangeIDs) {
            for (known, id) in zip(set, ids) where known == range { return id }
        }
        return nil
    }
}
