internal import Glibc
internal import Store

/// The file that a configuration names to be told of each call (`logFile`), beside stderr. Looked for only then, and for
/// one write: nothing of it costs a call that has none.
struct Log {
    enum Level: String, CaseIterable, Comparable {
        case debug, info, warn, error

        static func < (lhs: Self, rhs: Self) -> Bool { lhs.rank < rhs.rank }

        private var rank: Int { Level.allCases.firstIndex(of: self) ?? 0 }
    }

    /// An absolute path.
    var path: String
    /// What is below is left out.
    var level: Level

    init(path: String, level: Level) {
        self.path = path
        self.level = level
    }

    /// `nil` if the configuration names none. What is wrong with it stops no verb here: ADD and STATUS tell of it
    /// (``Config``), and what can be understood counts.
    init?(_ input: [UInt8]) {
        guard Log.mentioned(in: input) else { return nil }
        var path: String?
        var level: String?
        do throws(PluginError) {
            let object = try ConfigObject(input)
            path = try object.string("logFile")
            level = try object.string("logLevel")
        } catch {
            // The verb tells of it.
        }
        guard let path, path.isAbsolutePath else { return nil }
        self.init(path: path, level: level.flatMap(Level.init) ?? .warn)
    }

    /// So that the input is read a second time only for who wants a log.
    private static func mentioned(in input: [UInt8]) -> Bool {
        let quote = UInt8(ascii: "\"")
        var start = 0
        while start + 9 <= input.count {
            // Keys are taken in any case.
            if input[start] == quote, input[start + 1] | 0x20 == UInt8(ascii: "l"),
                zip(input[start...], "\"logfile\"".utf8).allSatisfy({ $0 | 0x20 == $1 | 0x20 })
            {
                return true
            }
            start += 1
        }
        return false
    }

    /// What was said of one call.
    struct Event {
        var level: Level
        var text: String
    }

    /// A line an event, `2026-11-24T04:35:32.123Z warn ADD c1 eth0 …`; `-` where the runtime said nothing. Pure.
    func lines(_ events: [Event], _ variables: [String: String], atMilliseconds time: Int64) -> String {
        func word(_ name: String) -> String {
            let value = variables[name, default: ""]
            return value.isEmpty ? "-" : Log.escaped(value, also: " ")
        }
        let call = "\(word("CNI_COMMAND")) \(word("CNI_CONTAINERID")) \(word("CNI_IFNAME"))"
        return events.filter { $0.level >= level }.reduce(into: "") {
            $0 += "\(Log.stamp(time)) \($1.level.rawValue) \(call) \(Log.escaped($1.text))\n"
        }
    }

    /// RFC 3339, in UTC.
    static func stamp(_ milliseconds: Int64) -> String {
        func padded(_ number: Int32, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))T"
            + "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))."
            + "\(padded(Int32(milliseconds % 1000), 3))Z"
    }

    /// What a runtime or another plugin says must not look like a line of ours.
    private static func escaped(_ text: String, also: Unicode.Scalar? = nil) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || scalar.value == 0x7f || scalar == also {
                result += scalar == " " ? "\\u{20}" : scalar.escaped(asASCII: true)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Appends, all in one write, so that calls at the same time do not mix.
    ///
    /// - Returns: why it could not; `nil` if it could.
    func append(_ lines: String) -> String? {
        // Never waits: a named pipe without a reader is refused.
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
        guard file >= 0 else { return String(cString: strerror(errno)) }
        defer { close(file) }
        let bytes = Array(lines.utf8)
        let count = write(file, bytes, bytes.count)
        if count < 0 { return String(cString: strerror(errno)) }
        return count < bytes.count ? "only \(count) of \(bytes.count) bytes were taken" : nil
    }
}

extension Log {
    /// Tells of a call that has been answered. A file that cannot be written is told on stderr, and changes nothing.
    static func record(
        _ response: inout Response, _ failure: PluginError?, _ variables: [String: String], _ input: [UInt8]
    ) {
        guard let log = Log(input) else { return }
        var events = [Event(level: .debug, text: "asked with \(String(decoding: input, as: UTF8.self))")]
        events += response.stderr.map { Event(level: .warn, text: $0) }
        if let failure {
            let details = failure.details.isEmpty ? "" : " (\(failure.details))"
            events.append(Event(level: .error, text: "code \(failure.code.rawValue): \(failure.message)\(details)"))
        } else {
            events.append(Event(level: .info, text: "succeeded"))
            if !response.stdout.isEmpty { events.append(Event(level: .debug, text: "answered \(response.stdout)")) }
        }
        let lines = log.lines(events, variables, atMilliseconds: Clock.nowMilliseconds())
        guard !lines.isEmpty, let reason = log.append(lines) else { return }
        response.stderr.append("plumb: key logFile: cannot write \(log.path): \(reason)")
    }
}
