package import Reconciler

/// Who mends what somebody else undoes again and again only makes it flap. Pure; times are milliseconds.
package struct Backoff: Sendable {
    /// One thing in the kernel, or with an empty name all of an attachment or of the host.
    package struct Thing: Hashable, Sendable {
        package var attachment: Int64?
        package var name: String

        package init(attachment: Int64?, name: String) {
            self.attachment = attachment
            self.name = name
        }
    }

    private struct Streak {
        /// Where rows ask for another, nobody undid it.
        var wish: Object?
        var count: Int
        var last: Int64
        var until: Int64
    }

    /// Mended at once so often in a row.
    static let free = 5
    /// What comes undone later than this after it was mended begins anew.
    static let memory: Int64 = 5_000
    package static let longest: Int64 = 60_000

    private var streaks: [Thing: Streak] = [:]

    package init() {}

    /// It was mended, or could not be.
    ///
    /// - Parameter wish: what it was made, as ``Change/wish`` has it.
    /// - Returns: for how long it is left alone now, and how often in a row it was; `nil`: it is not.
    package mutating func mended(
        _ thing: Thing, to wish: Object? = nil, at now: Int64
    ) -> (delay: Int64, times: Int)? {
        var count = 1
        if let streak = streaks[thing], streak.wish == wish,
            now - streak.last <= max(Backoff.memory, 2 * delay(streak.count))
        {
            count = streak.count + 1
        }
        let delay = delay(count)
        streaks[thing] = Streak(wish: wish, count: count, last: now, until: now + delay)
        return delay == 0 ? nil : (delay, count)
    }

    private func delay(_ count: Int) -> Int64 {
        guard count > Backoff.free else { return 0 }
        return min(Backoff.longest, 1_000 << Int64(min(count - Backoff.free - 1, 10)))
    }

    /// How long it is still to be left alone; 0: it is not.
    ///
    /// - Parameter longest: from the last time.
    package func rest(
        _ thing: Thing, to wish: Object? = nil, at now: Int64, atMost longest: Int64 = Backoff.longest
    ) -> Int64 {
        guard let streak = streaks[thing], streak.wish == wish else { return 0 }
        return max(0, min(streak.until, streak.last + longest) - now)
    }

    /// How many things are left alone now.
    package func count(at now: Int64) -> Int { streaks.values.count { $0.until > now } }

    /// Forgets what has been quiet.
    package mutating func tidy(at now: Int64) {
        streaks = streaks.filter { now - $0.value.last <= max(Backoff.memory, 2 * delay($0.value.count)) }
    }
}
