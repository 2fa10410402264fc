internal import Addressing

/// A range and how full it is.
package struct Pool: Hashable, Sendable {
    package enum Fullness: String, Hashable, Sendable {
        case ok, full
        /// From 90 %.
        case nearlyFull = "nearly full"
    }

    package var network: String
    package var bridge: String
    /// With its prefix: `10.244.1.0/24`.
    package var subnet: String
    /// The ends of the range, and the gateway: addresses without a prefix.
    package var first: String
    package var last: String
    package var gateway: String
    /// Addresses held by pods on this bridge, of whichever network.
    package var used: Int
    /// Addresses for pods; in full, where an IPv6 /64 has more than 64 bits hold.
    package var size: UInt128
    /// Of 100; `nil` while the size is not known.
    package var percent: Double?
    package var state: Fullness
}

extension Store {
    /// None for a row that is nonsense: whoever looks at the whole node tells of it.
    package func pools() throws(StoreError) -> [Pool] {
        var problems: [String] = []
        return try database.queryValid(
            """
            SELECT network, bridge, subnet, first, last, gateway, used, percent, used >= size, exclude FROM v_pools
            """, values: [], what: "range", idColumn: 0, &problems
        ) { (row) throws(StoreError) in
            let percent = row.optionalText(7).flatMap(Double.init)
            let range = try RangeSpec(row, from: 2, exclude: 9)
            return Pool(
                network: row.text(0), bridge: row.text(1), subnet: row.text(2), first: row.text(3), last: row.text(4),
                gateway: row.text(5), used: Int(row.integer(6)), size: range.size, percent: percent,
                state: row.bool(8) ? .full : percent.map { $0 >= 90 } ?? false ? .nearlyFull : .ok)
        }
    }
}
