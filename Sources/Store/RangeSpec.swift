package import Addressing

/// A range as configured.
package struct RangeSpec: Hashable, Sendable {
    package var subnet: CIDR
    package var first: IPAddress
    package var last: IPAddress
    package var gateway: IPAddress
    /// Blocks that are never handed out: none within another, in order.
    package var exclude: [CIDR]

    package init(subnet: CIDR, first: IPAddress, last: IPAddress, gateway: IPAddress, exclude: [CIDR] = []) {
        self.subnet = subnet
        self.first = first
        self.last = last
        self.gateway = gateway
        self.exclude = exclude
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.family == subnet.family && (first...last).contains(address)
    }

    /// The excluded block that holds an address.
    package func exclusion(of address: IPAddress) -> CIDR? { exclude.first { $0.contains(address) } }

    /// A pod may have the address, as far as this range is concerned.
    package func offers(_ address: IPAddress) -> Bool {
        contains(address) && address != gateway && exclusion(of: address) == nil
    }

    /// Addresses between the ends that are not excluded.
    private var span: UInt128 {
        exclude.reduce(last.bits - first.bits + 1) { span, block in
            let low = max(block.first, first)
            let high = min(block.last, last)
            return low <= high ? span - (high.bits - low.bits + 1) : span
        }
    }

    /// Addresses for pods.
    package var size: UInt128 { span - (contains(gateway) && exclusion(of: gateway) == nil ? 1 : 0) }

    /// ``size`` as a column holds it: a real number where it is beyond 63 bits.
    var storedSize: SQLValue { Int64(exactly: size).map(SQLValue.int64) ?? .real(Double(size)) }

    /// How full the range is, in words: `10.244.1.1–10.244.1.254 in 10.244.1.0/24 (253 of 253 addresses in use)`.
    func described(held: [IPAddress]) -> String {
        "\(first)–\(last) in \(subnet) (\(held.count { contains($0) }) of \(size) addresses in use)"
    }

    /// Addresses that an ADD could have.
    func free(held: [IPAddress], gateways: [IPAddress]) -> UInt128 {
        size - UInt128(Set(held + gateways).count { offers($0) })
    }
}

extension RangeSpec {
    /// The columns subnet, first, last and gateway, and `exclude`; a shell may have written anything there.
    init(_ row: borrowing Statement, from column: Int32, exclude: Int32) throws(StoreError) {
        self.init(
            subnet: try row.parsed(column, "subnet", { CIDR($0) }),
            first: try row.parsed(column + 1, "range start", { IPAddress($0) }),
            last: try row.parsed(column + 2, "range end", { IPAddress($0) }),
            gateway: try row.parsed(column + 3, "gateway", { IPAddress($0) }),
            exclude: try row.parsed(
                exclude, "excluded blocks", { RangeSpec.blocks($0).map { $0.count > 1 ? CIDR.outermost($0) : $0 } }))
        guard subnet.prefixLength > 0, subnet.contains(first), subnet.contains(last), first <= last else {
            throw StoreError(.invalid, "range \(first)–\(last) in the database is no part of \(subnet)")
        }
        guard gateway.family == subnet.family else {
            throw StoreError(.invalid, "gateway \(gateway) in the database is of another family than \(subnet)")
        }
    }

    /// The column `exclude`.
    static func text(_ blocks: [CIDR]) -> String { blocks.map(\.description).joined(separator: " ") }

    static func blocks(_ text: String) -> [CIDR]? {
        var blocks: [CIDR] = []
        for word in text.split(separator: " ") {
            guard let block = CIDR(String(word)) else { return nil }
            blocks.append(block)
        }
        return blocks
    }
}
