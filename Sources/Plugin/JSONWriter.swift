/// JSON as the answers need it: objects with sorted keys, strings escaped, nothing else. The library's encoder costs 0.18 ms of
/// metadata look-ups in a process that lives for three (`bench/run --quick` shows VERSION beside an empty call).
enum JSONWriter {
    indirect enum Value {
        case string(String)
        case integer(Int)
        /// JSON already.
        case verbatim(String)
        case array([Value])
        /// Members whose value is `nil` are left out.
        case object([(String, Value?)])
    }

    static func write(_ value: Value) -> String {
        var text = ""
        append(value, to: &text)
        return text
    }

    private static func append(_ value: Value, to text: inout String) {
        switch value {
        case .string(let string): appendQuoted(string, to: &text)
        case .integer(let integer): text += String(integer)
        case .verbatim(let json): text += json
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                append(element, to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            var isFirst = true
            for case (let key, let value?) in members.sorted(by: { $0.0 < $1.0 }) {
                if !isFirst { text += "," }
                isFirst = false
                appendQuoted(key, to: &text)
                text += ":"
                append(value, to: &text)
            }
            text += "}"
        }
    }

    /// RFC 8259 section 7: quotation mark, reverse solidus and control characters are escaped.
    private static func appendQuoted(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
