internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// stdout is data, stderr is talk. The one place that writes either.
enum Terminal {
    static func say(_ line: String) { write(line, to: STDOUT_FILENO) }
    static func talk(_ line: String) { write(line, to: STDERR_FILENO) }

    static func sayJSON(_ value: some Encodable) throws { say(try json(value)) }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// One line, for whoever reads line by line.
    static func sayJSONLine(_ value: some Encodable) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { say(String(decoding: try encoder.encode(value), as: UTF8.self)) } catch { talk("plumbctl: \(error)") }
    }

    /// A line that is written over by the next, on a terminal only.
    static func progress(_ text: String) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        let bytes = Array("\r\u{1b}[K\(text)".utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    static let usesColour = isatty(STDOUT_FILENO) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)

    /// Green, yellow or red for `+`, `~` and `-`.
    static func coloured(_ text: String, by symbol: String) -> String {
        let codes = ["+": "32", "~": "33", "-": "31", "!": "31"]
        guard usesColour, let code = codes[symbol] else { return text }
        return "\u{1b}[\(code)m\(text)\u{1b}[0m"
    }

    enum Colour: String { case red = "31", green = "32", yellow = "33", bold = "1", faint = "2" }

    static func coloured(_ text: String, _ colour: Colour?) -> String {
        guard usesColour, let colour else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }

    /// `1 lease`, `2 leases`.
    static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// A heading of a part of what follows.
    static func heading(_ text: String) { say(coloured(text, .bold)) }

    /// Columns as wide as their widest cell.
    static func table(_ header: [String], _ rows: [[String]]) {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            let line = cells.joined(separator: "  ")
            say(String(line.reversed().drop { $0 == " " }.reversed()))
        }
    }

    /// Why stdout did not take all that was said, in words. Where nobody reads any more (`| head`), SIGPIPE ends the process.
    static var loss: String? {
        let errno = lost.withLock { $0 }
        return errno == 0 ? nil : String(cString: strerror(errno))
    }
    private static let lost = Mutex<Int32>(0)

    private static func write(_ line: String, to descriptor: Int32) {
        let bytes = Array((line + "\n").utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            guard count >= 0 || errno == EINTR else {
                if descriptor == STDOUT_FILENO { lost.withLock { $0 = errno } }
                return
            }
            written += max(count, 0)
        }
    }
}
