/// ASCII text, put together byte by byte: `joined` and `String(_:radix:)` are generic, and their first use in a process
/// that lives for three milliseconds costs more than all its addresses.
extension [UInt8] {
    mutating func append(_ character: Unicode.Scalar) { append(UInt8(ascii: character)) }

    /// Without leading zeros, as ``append(hexadecimal:)``.
    mutating func append(decimal number: Int) {
        if number >= 10 { append(decimal: number / 10) }
        append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }

    mutating func append(hexadecimal number: UInt16) {
        var shift = 12
        while shift > 0, number >> UInt16(shift) == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: number >> UInt16(shift)) & 15
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            shift -= 4
        }
    }
}
