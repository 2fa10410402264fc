/// The text form of IPv6 addresses: read as RFC 4291 section 2.2 allows, written as RFC 5952 asks.
enum IPv6Text {
    static func parse(_ utf8: ArraySlice<UInt8>) -> UInt128? {
        let colon = UInt8(ascii: ":")
        guard let gap = doubleColon(in: utf8) else {
            guard let groups = parseGroups(utf8), groups.count == 8 else { return nil }
            return assemble(groups)
        }
        let head = utf8[..<gap]
        let tail = utf8[(gap + 2)...]
        // A second "::" or a third colon leaves a colon at an edge, which parseGroups refuses.
        guard head.last != colon, tail.first != colon,
            let left = head.isEmpty ? [] : parseGroups(head, allowIPv4: false),
            let right = tail.isEmpty ? [] : parseGroups(tail),
            left.count + right.count <= 7
        else { return nil }
        return assemble(left + Array(repeating: 0, count: 8 - left.count - right.count) + right)
    }

    private static func doubleColon(in utf8: ArraySlice<UInt8>) -> Int? {
        utf8.indices.dropLast().first { utf8[$0] == UInt8(ascii: ":") && utf8[$0 + 1] == UInt8(ascii: ":") }
    }

    private static func assemble(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    /// Hexadecimal groups, the last two of which may be written as an IPv4 address.
    private static func parseGroups(_ utf8: ArraySlice<UInt8>, allowIPv4: Bool = true) -> [UInt16]? {
        let parts = utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if allowIPv4, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let embedded = IPv4Text.parse(part) else { return nil }
                groups += [UInt16(embedded >> 16), UInt16(truncatingIfNeeded: embedded)]
            } else {
                guard let group = hexGroup(part) else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func hexGroup(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var value: UInt16 = 0
        for digit in digits {
            guard let nibble = hexDigitValue(digit) else { return nil }
            value = value << 4 | UInt16(nibble)
        }
        return value
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
            text.append(number: group(place, of: bits), radix: 16)
        }
    }

    /// The groups count from the left.
    private static func group(_ place: Int, of bits: UInt128) -> Int {
        Int(UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * place)))
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
