/// A 48-bit Ethernet address.
package struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// Six bytes, first on the wire first.
    package let bytes: [UInt8]

    /// `nil` unless there are six bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.bytes = bytes
    }

    /// Parses six two-digit groups joined by `:` or by `-`, or three of four digits by `.`, as Go's `net.ParseMAC` does for
    /// EUI-48.
    package init?(_ text: String) {
        let utf8 = Array(text.utf8)
        let width = utf8.count == 14 ? 4 : 2
        guard width == 4 || utf8.count == 17 else { return nil }
        let separator = utf8[width]
        guard (width == 4 ? [UInt8(ascii: ".")] : [UInt8(ascii: ":"), UInt8(ascii: "-")]).contains(separator) else {
            return nil
        }
        var bytes: [UInt8] = []
        var place = 0
        while place < utf8.count {
            if place > 0 {
                guard utf8[place] == separator else { return nil }
                place += 1
            }
            for _ in 0..<(width / 2) {
                guard let high = hexDigitValue(utf8[place]), let low = hexDigitValue(utf8[place + 1]) else {
                    return nil
                }
                bytes.append(high << 4 | low)
                place += 2
            }
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
        var text: [UInt8] = []
        text.reserveCapacity(17)
        for byte in bytes {
            if !text.isEmpty { text.append(":") }
            text.append(hexadecimal: UInt16(byte >> 4))
            text.append(hexadecimal: UInt16(byte & 15))
        }
        return String(decoding: text, as: UTF8.self)
    }
}
