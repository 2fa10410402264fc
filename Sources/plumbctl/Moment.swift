internal import ArgumentParser
internal import Glibc
internal import Store

/// A moment as people write it; UTC throughout, as all that Plumb says.
struct Moment: ExpressibleByArgument, CustomStringConvertible {
    /// Since 1970.
    var milliseconds: Int64

    static let help = "2026-11-24T03:14:00Z, 2026-11-24, 03:14 (the last one, UTC), or 30m, 2h, 3d ago."

    init(milliseconds: Int64) { self.milliseconds = milliseconds }

    init?(argument: String) { self.init(argument, now: Clock.nowMilliseconds()) }

    init?(_ text: String, now: Int64) {
        if let ago = Moment.span(text) {
            milliseconds = now - ago
            return
        }
        var text = text.uppercased()
        if text.hasSuffix("Z") { text.removeLast() }
        let parts = text.split(whereSeparator: { $0 == "T" || $0 == " " })
        guard (1...2).contains(parts.count) else { return nil }
        if parts.count == 1, parts[0].contains(":") {
            guard let time = Moment.time(parts[0]) else { return nil }
            let day = now / 86_400_000 * 86_400_000
            milliseconds = day + time <= now ? day + time : day + time - 86_400_000
            return
        }
        guard let date = Moment.date(parts[0]), let time = parts.count == 2 ? Moment.time(parts[1]) : 0 else {
            return nil
        }
        milliseconds = date + time
    }

    private static func span(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count >= 0 else {
            return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow ? nil : product
    }

    private static func numbers(_ text: Substring, _ separator: Character) -> [Int32]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int32($0) }
        return numbers.count == parts.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
    }

    private static func time(_ text: Substring) -> Int64? {
        guard let fields = numbers(text, ":"), (2...3).contains(fields.count), fields[0] < 24, fields[1] < 60,
            fields.count == 2 || fields[2] < 60
        else { return nil }
        return Int64(fields[0]) * 3_600_000 + Int64(fields[1]) * 60_000 + Int64(fields.count == 3 ? fields[2] : 0)
            * 1_000
    }

    private static func date(_ text: Substring) -> Int64? {
        guard let fields = numbers(text, "-"), fields.count == 3, (1970...9999).contains(fields[0]),
            (1...12).contains(fields[1]), (1...31).contains(fields[2])
        else { return nil }
        var date = tm()
        date.tm_year = fields[0] - 1900
        date.tm_mon = fields[1] - 1
        date.tm_mday = fields[2]
        return Int64(timegm(&date)) * 1_000
    }

    /// `2026-11-24T03:14:00Z`.
    var description: String {
        var seconds = time_t(milliseconds / 1_000)
        var date = tm()
        gmtime_r(&seconds, &date)
        func digits(_ number: Int32, _ count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return digits(date.tm_year + 1900, 4) + "-" + digits(date.tm_mon + 1) + "-" + digits(date.tm_mday) + "T"
            + digits(date.tm_hour) + ":" + digits(date.tm_min) + ":" + digits(date.tm_sec) + "Z"
    }
}
