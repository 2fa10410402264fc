/// What is to be looked at, and when. Pure; times are milliseconds of a clock that nobody sets.
package struct Agenda: Sendable {
    private struct Note {
        var first: Int64
        var due: Int64
    }

    private struct Pace {
        var last: Int64
        /// How often in a row nothing was found.
        var idle: Int
        /// Milliseconds that the last look took.
        var cost: Int64
    }

    private struct Wait {
        var first: Int64
        var due: Int64
    }

    /// One change makes several events: what they are about is looked at once they pause, and without a pause after
    /// ``patience``.
    static let settling: Int64 = 5
    static let patience: Int64 = 20
    /// Between looks that find nothing, so that a pod that changes its own namespace again and again costs little.
    static let leisure: Int64 = 80
    /// Before what others have in hand is looked at again, at least and at most.
    static let wait: (shortest: Int64, longest: Int64) = (50, 1_000)

    /// What events are about.
    private var notes: [Matter: Note] = [:]
    /// What is due at a time of its own, whatever is looked at before.
    private var plans: [Matter: Int64] = [:]
    private var paces: [Matter: Pace] = [:]
    /// What others have in hand.
    private var waits: [Matter: Wait] = [:]

    package init() {}

    /// An event is about it.
    package mutating func note(_ matter: Matter, at now: Int64) {
        let first = notes[matter]?.first ?? now
        let due = max(min(first + Agenda.patience, now + Agenda.settling), earliest(matter))
        notes[matter] = Note(first: first, due: due)
    }

    /// It is to be looked at then, or before that again.
    package mutating func plan(_ matter: Matter, at time: Int64) {
        plans[matter] = min(plans[matter] ?? time, time)
    }

    /// Others have it in hand, and it is to be looked at again: the less often, the longer they have.
    package mutating func wait(for matter: Matter, at now: Int64) {
        let last = waits[matter]
        let first = last.flatMap { now <= $0.due + Agenda.wait.shortest ? $0.first : nil } ?? now
        let due = now + min(max(Agenda.wait.shortest, (now - first) / 4), Agenda.wait.longest)
        waits[matter] = Wait(first: first, due: due)
        plan(matter, at: due)
    }

    private func earliest(_ matter: Matter) -> Int64 {
        guard let pace = paces[matter], pace.idle >= 3 else { return 0 }
        return pace.last + max(Agenda.leisure, 4 * pace.cost)
    }

    /// When something is due.
    package var next: Int64? { [notes.values.map(\.due).min(), plans.values.min()].compactMap(\.self).min() }

    /// What is due now, and no longer on the agenda. A look at everything is one at all that events were about.
    package mutating func take(at now: Int64) -> Set<Matter> {
        var due = Set(plans.filter { $0.value <= now }.keys)
        for matter in due { plans[matter] = nil }
        if due.contains(.everything) {
            notes = [:]
            paces = paces.filter { now - $0.value.last < 10_000 }
            waits = waits.filter { now - $0.value.due < 10_000 }
            return [.everything]
        }
        let noted = notes.filter { $0.value.due <= now }.keys
        due.formUnion(noted)
        for matter in noted { notes[matter] = nil }
        return due
    }

    /// It was looked at.
    package mutating func done(_ matter: Matter, found: Bool, from start: Int64, to end: Int64) {
        let pace = paces[matter]
        let isInARow = pace.map { start - $0.last < 1_000 } ?? false
        paces[matter] = Pace(last: end, idle: found ? 0 : (isInARow ? pace?.idle ?? 0 : 0) + 1, cost: end - start)
    }
}
