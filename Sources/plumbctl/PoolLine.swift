internal import Store

/// A pool as JSON and tables have it.
struct PoolLine: Encodable {
    /// A number wherever it stands; one that JSON's readers hold as a real where it is beyond 63 bits.
    struct Size: Encodable {
        var value: UInt128

        var text: String { Int64(exactly: value).map(String.init) ?? Rows.short(Double(value)) }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            if let integer = Int64(exactly: value) {
                try container.encode(integer)
            } else {
                try container.encode(Double(value))
            }
        }
    }

    var network: String
    var bridge: String
    var subnet: String
    var first: String
    var last: String
    var gateway: String
    var used: Int
    var size: Size
    var percent: OrNull<Double>
    /// ok, nearly full or full.
    var state: String

    init(_ pool: Pool) {
        network = pool.network
        bridge = pool.bridge
        subnet = pool.subnet
        first = pool.first
        last = pool.last
        gateway = pool.gateway
        used = pool.used
        size = Size(value: pool.size)
        percent = OrNull(pool.percent)
        state = pool.state.rawValue
    }
}
