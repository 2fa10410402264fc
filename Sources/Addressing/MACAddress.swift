/// A 48-bit Ethernet address.
package struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// Six bytes, first on the wire first.
    package let bytes: [UInt8]

    /// `nil` unless there are six bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        self.bytes = Array(bytes)
    }

    /// Parses six two-digit groups joined by `:` or by `-`, as Go's `net.ParseMAC` does for EUI-48.
    package init?(_ text: some StringProtocol) {
        let separator: UInt8 = text.utf8.contains(UInt8(ascii: "-")) ? UInt8(ascii: "-") : UInt8(ascii: ":")
        let parts = text.utf8.split(separator: separator, omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        for part in parts {
            let digits = part.compactMap(hexDigitValue)
            guard part.count == 2, digits.count == 2 else { return nil }
            bytes.append(digits[0] << 4 | digits[1])
        }
        self.init(bytes: bytes)
    }

    /// A unicast address from the locally administered space (IEEE 802: second-lowest bit of the first byte set).
    package static func random(using generator: inout some RandomNumberGenerator) -> Self {
        let number = generator.next()
        var bytes = (0..<6).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
        bytes[0] = bytes[0] & 0xfc | 0x02
        return Self(unchecked: bytes)
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Whether the address may name one interface: not a group address (IEEE 802, lowest bit), and not all zero.
    package var isUnicast: Bool { bytes[0] & 1 == 0 && bytes.contains { $0 != 0 } }

    package var description: String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(separator: ":")
    }
}
