/// JSON as the answers need it: objects with sorted keys, strings escaped, nothing else. The library's encoder costs 0.18 ms of
/// metadata look-ups in a process that lives for three (`bench/run --quick` shows VERSION beside an empty call).
enum JSONWriter {
    indirect enum Value {
        case string(String)
        case integer(Int)
        /// JSON already.
        case verbatim(String)
        case array([Value])
        /// As it was read.
        case read(JSONValue)
        case object([Member])
    }

    /// A type of its own: a tuple's has to be made first.
    struct Member {
        var key: String
        /// Left out if `nil`.
        var value: Value?

        init(_ key: String, _ value: Value?) {
            self.key = key
            self.value = value
        }
    }

    static func write(_ value: Value) -> String {
        var text: [UInt8] = []
        append(value, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static func append(_ value: Value, to text: inout [UInt8]) {
        switch value {
        case .string(let string): appendQuoted(string, to: &text)
        case .integer(let integer): text += String(integer).utf8
        case .verbatim(let json): text += json.utf8
        case .read(let value): append(value, to: &text)
        case .array(let elements):
            text.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                append(element, to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            var isFirst = true
            for member in sorted(members) {
                guard let value = member.value else { continue }
                if !isFirst { text.append(UInt8(ascii: ",")) }
                isFirst = false
                appendQuoted(member.key, to: &text)
                text.append(UInt8(ascii: ":"))
                append(value, to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    /// Members are mostly given in order, and to see that costs less than to sort them.
    private static func sorted(_ members: [Member]) -> [Member] {
        for place in members.indices.dropFirst() where members[place].key < members[place - 1].key {
            return members.sorted { $0.key < $1.key }
        }
        return members
    }

    private static func append(_ value: JSONValue, to text: inout [UInt8]) {
        switch value {
        case .null: text += "null".utf8
        case .bool(let bool): text += (bool ? "true" : "false").utf8
        case .number(let digits): text += digits.utf8
        case .string(let string): appendQuoted(string, to: &text)
        case .array(let elements): append(.array(elements.map { .read($0) }), to: &text)
        case .object(let members): append(.object(members.map { Member($0, .read($1)) }), to: &text)
        }
    }

    /// RFC 8259 section 7: quotation mark, reverse solidus and control characters are escaped.
    private static func appendQuoted(_ string: String, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): text += "\\\"".utf8
            case UInt8(ascii: "\\"): text += "\\\\".utf8
            case UInt8(ascii: "\n"): text += "\\n".utf8
            case UInt8(ascii: "\r"): text += "\\r".utf8
            case UInt8(ascii: "\t"): text += "\\t".utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                text += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
