/// A JSON value, read as RFC 8259 has it.
///
/// Our own, because the library's decoder takes a third of a millisecond of a process that lives for three; it knows
/// what a configuration needs and no more.
enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The digits as they stood: a consumer asks for the integer that it needs.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Of members with the same key the last one counts, as with Go's encoding/json.
    case object([String: JSONValue])

    var isEmpty: Bool {
        switch self {
        case .null, .bool(false), .number("0"), .string(""): true
        case .array(let elements): elements.isEmpty
        case .object(let members): members.values.allSatisfy(\.isEmpty)
        default: false
        }
    }

    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

struct JSONReader {
    /// Where the text stops being JSON, in bytes from its start.
    struct Failure: Error {
        var offset: Int
        var reason: String
    }

    /// Deeper nesting is refused: no configuration has it, and the reader's stack is finite.
    private static let depthLimit = 64

    private let bytes: [UInt8]
    private var position = 0

    static func read(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
        var reader = JSONReader(bytes: bytes)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.failure("there is more after its end") }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func failure(_ reason: String) -> Failure { Failure(offset: position, reason: reason) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { position += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        guard depth < JSONReader.depthLimit else { throw failure("it nests too deeply") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw failure("it ends too early")
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(Failure) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw failure("a value is expected") }
        position += word.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONValue {
        var members: [String: JSONValue] = [:]
        position += 1
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a key in quotation marks is expected") }
            let key = try string()
            skipSpace()
            guard take(":") else { throw failure("a colon is expected") }
            members[key] = try value(depth: depth + 1)
            skipSpace()
        } while take(",")
        guard take("}") else { throw failure("a comma or a closing brace is expected") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Failure) -> JSONValue {
        var elements: [JSONValue] = []
        position += 1
        skipSpace()
        if take("]") { return .array(elements) }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw failure("a comma or a closing bracket is expected") }
        return .array(elements)
    }

    private mutating func digits() throws(Failure) {
        let start = position
        while let byte = next, isDigit(byte) { position += 1 }
        guard position > start else { throw failure("a digit is expected") }
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        _ = take("-")
        guard let first = next, isDigit(first) else { throw failure("a value is expected") }
        if first == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private mutating func string() throws(Failure) -> String {
        position += 1
        let start = position
        // ASCII without an escape, as nearly all is, need not be looked at twice.
        while let byte = next, byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") {
            if take("\"") { return String(decoding: bytes[start..<(position - 1)], as: UTF8.self) }
            position += 1
        }
        var text = Array(bytes[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw failure("a text is no UTF-8") }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw failure("a control character must be escaped")
            default: text.append(byte)
            }
        }
        throw failure("it ends within a text")
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        guard let byte = next else { throw failure("it ends within an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += String(Character(try scalar())).utf8
        default: throw failure("an unknown escape")
        }
    }

    /// Four hexadecimal digits, and four more for what lies beyond the basic plane. A lone surrogate becomes U+FFFD, as
    /// with Go's encoding/json.
    private mutating func scalar() throws(Failure) -> Unicode.Scalar {
        let high = try codeUnit()
        guard (0xd800..<0xdc00).contains(high) else { return Unicode.Scalar(high) ?? "\u{fffd}" }
        let resume = position
        guard take("\\"), take("u") else {
            position = resume
            return "\u{fffd}"
        }
        let low = try codeUnit()
        guard (0xdc00..<0xe000).contains(low) else {
            position = resume
            return "\u{fffd}"
        }
        return Unicode.Scalar(0x10000 + (UInt32(high) - 0xd800) << 10 + UInt32(low) - 0xdc00) ?? "\u{fffd}"
    }

    private mutating func codeUnit() throws(Failure) -> UInt16 {
        guard position + 4 <= bytes.count,
            let unit = UInt16(String(decoding: bytes[position..<(position + 4)], as: UTF8.self), radix: 16),
            bytes[position] != UInt8(ascii: "+")
        else { throw failure("four hexadecimal digits are expected") }
        position += 4
        return unit
    }
}
