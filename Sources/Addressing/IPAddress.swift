/// The two address families; the raw value is the number of bits in an address.
package enum IPFamily: Int, Hashable, Sendable, Comparable, CaseIterable {
    case v4 = 32
    case v6 = 128

    package var bitWidth: Int { rawValue }
    /// 4 or 6, as people and cniVersions before 1.0.0 write it.
    package var version: Int { self == .v4 ? 4 : 6 }

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// An IPv4 or IPv6 address as a number, so that ranges are arithmetic.
///
/// IPv4 sorts before IPv6. The text form is canonical: dotted decimal, or RFC 5952 for IPv6.
package struct IPAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let family: IPFamily
    /// The address in host order; an IPv4 address fills the low 32 bits.
    package let bits: UInt128

    /// `nil` if `bits` needs more than the family's width.
    package init?(family: IPFamily, bits: UInt128) {
        guard family == .v6 || bits <= UInt128(UInt32.max) else { return nil }
        self.family = family
        self.bits = bits
    }

    init(unchecked family: IPFamily, _ bits: UInt128) {
        self.family = family
        self.bits = bits
    }

    package static func v4(_ bits: UInt32) -> Self { Self(unchecked: .v4, UInt128(bits)) }
    package static func v6(_ bits: UInt128) -> Self { Self(unchecked: .v6, bits) }

    /// Reads four or sixteen bytes in network order, the form in which netlink carries an address.
    package init?(networkBytes bytes: [UInt8]) {
        let family: IPFamily
        switch bytes.count {
        case 4: family = .v4
        case 16: family = .v6
        default: return nil
        }
        self.init(unchecked: family, bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    /// Four or sixteen bytes in network order.
    package var networkBytes: [UInt8] {
        stride(from: family.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> UInt128($0)) }
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        lhs.family == rhs.family ? lhs.bits < rhs.bits : lhs.family < rhs.family
    }

    /// The address `offset` further on, or `nil` past the end of the family's space.
    package func advanced(by offset: UInt128) -> Self? {
        let (sum, overflow) = bits.addingReportingOverflow(offset)
        return overflow ? nil : Self(family: family, bits: sum)
    }

    /// The address `offset` before, or `nil` below zero.
    package func retreated(by offset: UInt128) -> Self? {
        bits >= offset ? Self(unchecked: family, bits - offset) : nil
    }

    /// 224.0.0.0/4 (RFC 5771) or ff00::/8 (RFC 4291 section 2.7).
    package var isMulticast: Bool {
        family == .v4 ? bits >> 28 == 0xe : bits >> 120 == 0xff
    }

    package var isUnspecified: Bool { bits == 0 }

    /// 127.0.0.0/8, ::1.
    package var isLoopback: Bool { family == .v4 ? bits >> 24 == 127 : bits == 1 }

    /// Text that sorts as addresses do, where there is nothing but text to sort: 4 or 6, then the bits in hexadecimal.
    package var sortKey: String {
        var text: [UInt8] = [UInt8(ascii: family == .v4 ? "4" : "6")]
        for shift in stride(from: family.bitWidth - 4, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: bits >> UInt128(shift)) & 15
            text.append(digit < 10 ? 48 + digit : 87 + digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    package var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(48)
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    func append(to text: inout [UInt8]) {
        switch family {
        case .v4: IPv4Text.append(UInt32(truncatingIfNeeded: bits), to: &text)
        case .v6: IPv6Text.append(bits, to: &text)
        }
    }
}

extension IPAddress {
    /// Parses dotted decimal (four parts, no leading zeros, as Go's `net.ParseIP`) or RFC 4291 text without a zone.
    ///
    /// Not generic over texts: across modules that would be compiled for all of them, and run for none of them well.
    package init?(_ text: String) { self.init(utf8: Array(text.utf8)[...]) }

    package init?(_ text: Substring) { self.init(utf8: Array(text.utf8)[...]) }

    init?(utf8: ArraySlice<UInt8>) {
        if utf8.contains(UInt8(ascii: ":")) {
            guard let bits = IPv6Text.parse(utf8) else { return nil }
            self = .v6(bits)
        } else {
            guard let bits = IPv4Text.parse(utf8) else { return nil }
            self = .v4(bits)
        }
    }
}

enum IPv4Text {
    static func parse(_ utf8: ArraySlice<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in utf8 {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                octet = 0
                digits = 0
                dots += 1
                continue
            }
            // A zero that another digit follows is a leading one.
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits == 0 || octet > 0 else { return nil }
            octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
            digits += 1
            guard octet <= 255 else { return nil }
        }
        return dots == 3 && digits > 0 ? value << 8 | octet : nil
    }

    static func append(_ bits: UInt32, to text: inout [UInt8]) {
        for shift in [24, 16, 8, 0] as [UInt32] {
            if shift < 24 { text.append(".") }
            text.append(decimal: Int(bits >> shift & 0xff))
        }
    }
}
