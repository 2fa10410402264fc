/// ASCII text, put together byte by byte: `joined` and `String(_:radix:)` are generic, and their first use in a process
/// that lives for three milliseconds costs more than all its addresses.
extension [UInt8] {
    mutating func append(_ character: Unicode.Scalar) { append(UInt8(ascii: character)) }

    /// Without leading zeros, as ``append(hexadecimal:)``.
    mutating func append(decimal number: Int) { append(number.magnitude, radix: 10) }

    mutating func append(_ number: UInt, radix: UInt) {
        if number >= radix { append(number / radix, radix: radix) }
        append(digit: UInt8(truncatingIfNeeded: number % radix))
    }

    mutating func append(hexadecimal number: UInt16) {
        var shift = 12
        while shift > 0, number >> UInt16(shift) == 0 { shift -= 4 }
        while shift >= 0 {
            append(digit: UInt8(truncatingIfNeeded: number >> UInt16(shift)) & 15)
            shift -= 4
        }
    }

    private mutating func append(digit: UInt8) {
        append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
}

/// As `String(_:radix:)` for ten and more: digits, then the letters from `a`.
package func digits(_ number: Int64, radix: UInt = 10) -> String {
    var text: [UInt8] = number < 0 ? [UInt8(ascii: "-")] : []
    text.append(UInt(number.magnitude), radix: radix)
    return String(decoding: text, as: UTF8.self)
}

extension DefaultStringInterpolation {
    package mutating func appendInterpolation(_ number: UInt32) { appendLiteral(digits(Int64(number))) }
    package mutating func appendInterpolation(_ number: UInt8) { appendLiteral(digits(Int64(number))) }
    package mutating func appendInterpolation(_ number: Int32) { appendLiteral(digits(Int64(number))) }
}
