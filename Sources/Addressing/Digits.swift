/// ASCII text, put together byte by byte: `joined` and `String(_:radix:)` are generic, and their first use in a process
/// that lives for three milliseconds costs more than all its addresses.
extension [UInt8] {
    mutating func append(_ character: Unicode.Scalar) { append(UInt8(ascii: character)) }

    /// In a radix up to 16, without leading zeros.
    mutating func append(number: Int, radix: Int) {
        var unit = 1
        while number / unit >= radix { unit *= radix }
        while unit > 0 {
            let digit = UInt8(truncatingIfNeeded: number / unit % radix)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            unit /= radix
        }
    }
}
