package import Store

/// What a pass over the node did.
package struct ApplyReport: Sendable {
    package var examination: Examination
    package var done: [Change] = []
    package var released: [Examination.Release] = []
    package var strays: [StrayLease] = []
    /// Attachments that another process works on right now; it is not this pass's business.
    package var skipped: [Attachment] = []
    package var failures: [String] = []
    /// Failures that history knows of already, with whose they are.
    var recorded: Set<String> = []
}

/// Makes the kernel agree with all of the database. One failure stays one: whatever else can be mended is.
///
/// - Parameter progress: told after each attachment how many of how many are done.
package func apply(
    _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, pass: Pass = Pass(),
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
) throws(ReconcilerError) -> ApplyReport {
    let started = Clock.nowMilliseconds()
    let examination = try examine(store, &kernel, includesPods: pass.includesPods)
    var result = ApplyReport(examination: examination)
    let lastEvent = lastEvent(store, &result)
    mendTogether(examination, pass, store, &kernel, &result)
    mendHost(examination, pass, store, &kernel, &result)

    let drifted = Set(
        examination.plan.changes.filter { !$0.phase.isTransaction && !pass.spares($0) }.compactMap(\.attachment)
    )
    .union(examination.unfinished.map(\.id))
    .union(examination.plan.conflicts.compactMap(\.attachment))
    let living = examination.intent.attachments.filter {
        !$0.isDoomed && drifted.contains($0.id) && (pass.includesPods || $0.state == .ready)
    }
    let anew = Set(examination.plan.changes.filter { $0.makesPair }.compactMap(\.attachment))
    let total = living.count + examination.deleting.count + examination.releases.count
    var count = 0
    for attachment in living {
        attempt(attachment, store, &result) { (result) throws(ReconcilerError) in
            try mend(attachment, anew: anew.contains(attachment.id), pass, store, &kernel, &result)
        }
        count += 1
        progress(count, total)
    }
    var dead: [Doomed] = []
    for attachment in examination.deleting {
        dead.append(Doomed(attachment: attachment, reason: attachment.doom))
    }
    for release in examination.releases { dead.append(Doomed(attachment: release.attachment, reason: release.reason)) }
    let collected = collect(dead, cause: pass.cause, store, &kernel) { progress(count + $0, total) }
    result.add(collected)
    if pass.includesPods {
        do throws(StoreError) {
            try store.releaseHeldWithoutFile()
            if examination.intent.isWhole {
                result.strays = try store.releaseStrayLeases(hasLeases: !examination.strays.isEmpty)
            }
            try PortCount.recount(in: store)
            try store.forgetWithdrawn(except: examination.host.present, before: lastEvent)
            try store.tidy()
        } catch {
            result.fail(error.description)
        }
        forgetMade(examination, store, &kernel, &result)
    }
    if collected.leavesShared(in: examination.intent) {
        let again = try examine(store, &kernel, includesPods: pass.includesPods)
        mendTogether(again, pass, store, &kernel, &result)
        mendHost(again, pass, store, &kernel, &result)
    }
    recordFailures(&result, pass, in: store)
    if pass.includesPods { record(&result, started: started, lastEvent: lastEvent, in: store) }
    return result
}

/// Lets go of what the database remembers to have made, no row asks for and nobody finds any more. Looked at again while
/// nobody can record or make anything: another pass may have made it since, for a network that is gone by now.
private func forgetMade(
    _ examination: Examination, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable,
    _ result: inout ApplyReport
) {
    do throws(StoreError) {
        try store.forgetMade(where: examination.host.isAbsent) { (intent) throws(StoreError) in
            let wanted = render(intent)
            var observed = KernelState()
            let look: HostLook
            do throws(ReconcilerError) {
                look = try lookAtHost(wanted, store, &kernel, into: &observed)
            } catch {
                result.fail(error.description)
                return { _ in true }
            }
            return { !look.isAbsent($0) || wanted[.host, $0] != nil }
        }
    } catch {
        result.fail(error.description)
    }
}

/// After which event those of this pass come. History that cannot be read is no reason not to mend.
private func lastEvent(_ store: borrowing Store, _ result: inout ApplyReport) -> Int64 {
    do throws(StoreError) {
        return try store.lastEvent()
    } catch {
        result.fail(error.description)
        return 0
    }
}

extension Collected {
    /// The pods that went may have been the last for which something on the host was that is nobody's own: a gateway of
    /// before, a set's element for their subnet.
    fileprivate func leavesShared(in intent: Intent) -> Bool {
        guard !released.isEmpty else { return false }
        let gone = Set(released.map(\.attachment.id))
        var rest = intent
        rest.attachments.removeAll { gone.contains($0.id) }
        return intent.sharedNames != rest.sharedNames
    }
}

extension Intent {
    /// Of what it asks for on the host for more than one pod.
    fileprivate var sharedNames: Set<String> {
        let names = Set(render(self).all(in: .host).map(\.resource.name))
        return names.subtracting(Object.onHost(of: attachments).map(\.resource.name))
    }
}

extension Plan.Conflict {
    package var attachment: Int64? {
        object.resource.owner ?? namespace.attachment
    }
}

/// Everything that belongs to no one attachment.
func mendHost(
    _ examination: Examination, _ pass: Pass, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable,
    _ result: inout ApplyReport
) {
    var plan = examination.plan
    let owned = Set(examination.intent.attachments.map(\.id))
    plan.changes.removeAll(where: pass.spares)
    plan.changes.removeAll {
        $0.phase.isTransaction || $0.attachment.map(owned.contains) == true || $0.isOfDoomed(examination.deleting)
    }
    let conflicts = plan.conflicts.filter { $0.attachment == nil }.map(\.reason)
    for text in examination.intent.problems + examination.unseen + conflicts { result.fail(text) }
    plan.conflicts = []
    var report = Report()
    let doubtful = executeShared(plan, store, &kernel, &report)
    report.failures += stillMissing(doubtful, store, &kernel)
    result.add(report)
    do throws(StoreError) {
        try store.record(report.events(for: nil, cause: pass.cause))
        result.recorded.formUnion(report.failures)
    } catch {
        result.fail(error.description)
    }
}

/// What is one transaction, whomever it is for. Under the locks of those for whom something is made, whose rows are looked
/// at again: a DEL may have come since.
func mendTogether(
    _ examination: Examination, _ pass: Pass, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable,
    _ result: inout ApplyReport
) {
    var plan = Plan()
    let foreign = examination.plan.conflicts.map(\.object)
    plan.changes = examination.plan.changes.filter { change in
        change.phase.isTransaction && !pass.spares(change) && !foreign.contains { change.object.resource.isIn($0) }
    }
    guard !plan.changes.isEmpty else { return }
    var locked: Set<Int64> = []
    defer { for id in locked { store.unlock(attachment: id) } }
    var report = Report()
    do throws(ReconcilerError) {
        try mapped { () throws(StoreError) in
            var busy = Set(plan.changes.compactMap(\.attachment))
            for id in busy where try store.tryLock(attachment: id) { locked.insert(id) }
            busy.subtract(locked)
            // An ADD that still runs may be through with its part of it.
            result.skip(examination.intent.attachments.filter { busy.contains($0.id) })
            let ended = try store.ended(among: Array(locked))
            plan.changes.removeAll { $0.attachment.map { !locked.contains($0) || ended.contains($0) } == true }
        }
        let doubtful = executeShared(plan, store, &kernel, &report)
        report.failures += stillMissing(doubtful, store, &kernel)
        try mapped { () throws(StoreError) in try store.record(report.events(for: nil, cause: pass.cause)) }
    } catch {
        report.failures.append(error.description)
    }
    result.add(report)
}

/// Why what must be looked at again has failed, if it has: an ADD beside this pass may have made the same bridge.
private func stillMissing(
    _ doubtful: [Doubt], _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) -> [String] {
    guard !doubtful.isEmpty else { return [] }
    do throws(ReconcilerError) {
        let plan = try examine(store, &kernel).plan
        let missing = Set(plan.changes.map(\.name) + plan.conflicts.map(\.object.resource.name))
        return doubtful.filter { missing.contains($0.change.name) }.map(\.text)
    } catch {
        return doubtful.map(\.text) + [error.description]
    }
}

extension Change {
    var makesPair: Bool {
        if case .add(.veth, _, _) = self { true } else { false }
    }

    fileprivate func isOfDoomed(_ deleting: [Attachment]) -> Bool {
        deleting.contains { Veth.name($0.hostIfname) == name }
    }
}

extension ApplyReport {
    /// Something was done, or failed.
    package var hasNews: Bool { !done.isEmpty || !released.isEmpty || !strays.isEmpty || !failures.isEmpty }

    /// Once: a database that is locked is so for all that follows.
    mutating func fail(_ text: String) {
        if !failures.contains(text) { failures.append(text) }
    }

    fileprivate mutating func skip(_ attachments: [Attachment]) {
        for attachment in attachments where !skipped.contains(where: { $0.id == attachment.id }) {
            skipped.append(attachment)
        }
    }

    fileprivate mutating func add(_ report: Report) {
        done += report.done
        for text in report.failures { fail(text) }
    }

    fileprivate mutating func add(_ collected: Collected) {
        done += collected.done
        released += collected.released
        skip(collected.skipped)
        for text in collected.failures { fail(text) }
    }
}

/// Runs `body` under an attachment's lock; a failure is that attachment's alone.
func attempt(
    _ attachment: Attachment, _ store: borrowing Store, _ result: inout ApplyReport,
    _ body: (inout ApplyReport) throws(ReconcilerError) -> Void
) {
    do throws(ReconcilerError) {
        guard try mapped({ () throws(StoreError) in try store.tryLock(attachment: attachment.id) }) else {
            result.skip([attachment])
            return
        }
        defer { store.unlock(attachment: attachment.id) }
        try body(&result)
    } catch {
        result.fail("\(attachment.label): \(error)")
    }
}

/// Mends one attachment by what its row says now: the snapshot is old by the time its turn comes.
///
/// - Parameter anew: its pair is gone.
func mend(
    _ attachment: Attachment, anew: Bool, _ pass: Pass, _ store: borrowing Store,
    _ kernel: inout some Kernel & ~Copyable, _ result: inout ApplyReport
) throws(ReconcilerError) {
    let intent = try mapped { () throws(StoreError) in try store.promise(attachment: attachment.id) }
    guard var current = intent.attachments.first, !current.isDoomed else { return }
    guard case .alive = kernel.open(current) else { return }
    if anew, current.state == .ready, current.repairPod == .missingLink, current.delegate == nil {
        // Once the new pair stands, only the row tells that the rest is missing. A disk that refuses is no reason not
        // to mend.
        do throws(StoreError) {
            try store.markUnfinished(current.id)
            current.state = .adding
        } catch {
            result.fail("\(current.label): \(error)")
        }
    }
    let report = try reconcile(intent, store, &kernel, extent: .attachment, sparing: pass.spares)
    result.done += report.done
    for text in report.failures { result.fail("\(current.label): \(text)") }
    let events = report.events(for: current, cause: pass.cause)
    try mapped { () throws(StoreError) in
        if current.state == .adding, report.failures.isEmpty {
            try store.markReady(current.id, events: events)
        } else {
            try store.record(events)
        }
    }
    result.recorded.formUnion(report.failures.map { "\(current.label): \($0)" })
}

/// Such as no event tells of yet.
func recordFailures(_ result: inout ApplyReport, _ pass: Pass, in store: borrowing Store) {
    let failures = result.failures.filter { !result.recorded.contains($0) }
    guard !failures.isEmpty else { return }
    do throws(StoreError) {
        try store.record(failures.map { Event(kind: .failed, object: $0, reason: pass.cause) })
        result.recorded.formUnion(failures)
    } catch {
        result.fail(error.description)
    }
}

/// A pass over the whole node. One over a part is none: what failed elsewhere would look mended.
private func record(_ result: inout ApplyReport, started: Int64, lastEvent: Int64, in store: borrowing Store) {
    let examination = result.examination
    let run = Run(
        startedMilliseconds: started, durationMilliseconds: Clock.nowMilliseconds() - started,
        planned: examination.plan.changes.count + examination.releases.count + examination.deleting.count
            + examination.strays.count,
        done: result.done.count + result.released.count + result.strays.count, failed: result.failures.count,
        error: result.failures.first, lastEvent: lastEvent)
    do throws(StoreError) {
        try store.record(run)
    } catch {
        // What was done is told all the same.
        result.fail(error.description)
    }
}
