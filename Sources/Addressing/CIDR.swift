/// An address with a prefix length: an interface's address (`10.244.1.7/24`) or a block (`10.244.1.0/24`).
package struct CIDR: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let address: IPAddress
    /// 0–32 or 0–128 bits.
    package let prefixLength: Int

    package init?(_ address: IPAddress, prefixLength: Int) {
        guard (0...address.family.bitWidth).contains(prefixLength) else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    private init(unchecked address: IPAddress, _ prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    /// The one address `address/32` or `address/128`.
    package init(host address: IPAddress) {
        self.init(unchecked: address, address.family.bitWidth)
    }

    /// `0.0.0.0/0` or `::/0`.
    package static func defaultRoute(_ family: IPFamily) -> Self {
        Self(unchecked: IPAddress(unchecked: family, 0), 0)
    }

    /// Parses `address/length`; `nil` without a slash, or with anything that is not a decimal length in range.
    package init?(_ text: String) {
        let utf8 = Array(text.utf8)
        guard let slash = utf8.firstIndex(of: UInt8(ascii: "/")), let address = IPAddress(utf8: utf8[..<slash]) else {
            return nil
        }
        let digits = utf8[(slash + 1)...]
        guard (1...3).contains(digits.count) else { return nil }
        var length = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            length = length * 10 + Int(digit - UInt8(ascii: "0"))
        }
        self.init(address, prefixLength: length)
    }

    package var family: IPFamily { address.family }

    private var hostMask: UInt128 {
        let hostBits = family.bitWidth - prefixLength
        return hostBits == 128 ? UInt128.max : (UInt128(1) << UInt128(hostBits)) - 1
    }

    /// The block that the address lies in: host bits cleared.
    package var network: Self { Self(unchecked: first, prefixLength) }
    /// The lowest address of the block.
    package var first: IPAddress { IPAddress(unchecked: family, address.bits & ~hostMask) }
    /// The highest address of the block; the broadcast address of an IPv4 subnet.
    package var last: IPAddress { IPAddress(unchecked: family, address.bits | hostMask) }
    /// Whether the address is more than its block, as in `10.0.0.1/24`.
    package var hasHostBits: Bool { address != first }
    /// How many addresses the block has, less one (so that `::/0` fits).
    package var span: UInt128 { hostMask }

    package func contains(_ other: IPAddress) -> Bool {
        other.family == family && other.bits & ~hostMask == first.bits
    }

    package func overlaps(_ other: Self) -> Bool {
        contains(other.first) || other.contains(first)
    }

    /// Whether all of the other block is in this one.
    package func contains(_ other: Self) -> Bool { other.prefixLength >= prefixLength && contains(other.first) }

    /// The same addresses in as few of these blocks as will do: none within another, in order.
    package static func outermost(_ blocks: [CIDR]) -> [CIDR] {
        var kept: [CIDR] = []
        // A block comes before those within it.
        for block in blocks.map(\.network).sorted() where kept.last?.contains(block) != true { kept.append(block) }
        return kept
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.address, lhs.prefixLength) < (rhs.address, rhs.prefixLength)
    }

    package var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(48)
        address.append(to: &text)
        text.append("/")
        text.append(decimal: prefixLength)
        return String(decoding: text, as: UTF8.self)
    }
}
