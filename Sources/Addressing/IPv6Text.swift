/// The text form of IPv6 addresses: read as RFC 4291 section 2.2 allows, written as RFC 5952 asks.
enum IPv6Text {
    /// Hexadecimal groups, the last two of which may be written as an IPv4 address.
    static func parse(_ utf8: ArraySlice<UInt8>) -> UInt128? {
        let colon = UInt8(ascii: ":")
        var groups = Groups()
        var group: UInt16 = 0
        var digits = 0
        var place = utf8.startIndex
        var start = place
        if utf8.first == colon {
            // Only as the first of two.
            place += 1
            guard place < utf8.endIndex, utf8[place] == colon else { return nil }
        }
        while place < utf8.endIndex {
            let byte = utf8[place]
            if let digit = hexDigitValue(byte) {
                group = group << 4 | UInt16(digit)
                digits += 1
                guard digits <= 4 else { return nil }
                place += 1
            } else if byte == colon {
                place += 1
                start = place
                if digits == 0 {
                    guard groups.leaveGap() else { return nil }
                } else {
                    guard groups.append(group), place < utf8.endIndex else { return nil }
                    group = 0
                    digits = 0
                }
            } else if byte == UInt8(ascii: "."), let embedded = IPv4Text.parse(utf8[start...]) {
                guard groups.append(UInt16(embedded >> 16)) else { return nil }
                group = UInt16(truncatingIfNeeded: embedded)
                digits = 4
                break
            } else {
                return nil
            }
        }
        if digits > 0, !groups.append(group) { return nil }
        return groups.address
    }

    /// What was read of an address, from the left.
    private struct Groups {
        private var bits: UInt128 = 0
        private var count = 0
        /// Before which of them `::` stands.
        private var gap: Int?

        mutating func append(_ group: UInt16) -> Bool {
            guard count < 8 else { return false }
            bits = bits << 16 | UInt128(group)
            count += 1
            return true
        }

        /// `false` for the second one.
        mutating func leaveGap() -> Bool {
            guard gap == nil else { return false }
            gap = count
            return true
        }

        /// With zeros in the gap, which stands for one group or more.
        var address: UInt128? {
            guard let gap else { return count == 8 ? bits : nil }
            guard count < 8 else { return nil }
            let right = UInt128(16 * (count - gap))
            let left = bits >> right
            return left << UInt128(16 * (8 - gap)) | (bits - left << right)
        }
    }

    static func append(_ bits: UInt128, to text: inout [UInt8]) {
        // RFC 5952 section 5: IPv4-mapped addresses keep the dotted form.
        if bits >> 32 == 0xffff {
            text += "::ffff:".utf8
            return IPv4Text.append(UInt32(truncatingIfNeeded: bits), to: &text)
        }
        let gap = longestZeroRun(bits)
        for place in 0..<8 {
            if gap.contains(place) {
                if place == gap.lowerBound { text += "::".utf8 }
                continue
            }
            if place > 0, place != gap.upperBound { text.append(":") }
            text.append(hexadecimal: group(place, of: bits))
        }
    }

    /// The groups count from the left.
    private static func group(_ place: Int, of bits: UInt128) -> UInt16 {
        UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * place))
    }

    /// RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals; empty if there is none.
    private static func longestZeroRun(_ bits: UInt128) -> Range<Int> {
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, group(end, of: bits) == 0 { end += 1 }
            if end - start >= 2, end - start > best.count { best = start..<end }
            start = end + 1
        }
        return best
    }
}

/// 0–15 for an ASCII hexadecimal digit of either case.
func hexDigitValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
