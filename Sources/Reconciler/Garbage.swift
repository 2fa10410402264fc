package import Store

/// What a collection found and took.
package struct GarbageReport: Sendable {
    package var released: [Examination.Release] = []
    package var done: [Change] = []
    package var strays: [StrayLease] = []
    /// Of the host, with our mark, unknown to the database: still there, unless they were to be deleted.
    package var orphans: [Object] = []
    /// Attachments that another process works on.
    package var skipped: [Attachment] = []
    package var failures: [String] = []
}

/// Collects what apply collects, and mends nothing: attachments of which nothing is left, unfinished DELs, leases that
/// belong to nobody.
///
/// - Parameter deletesOrphans: deletes what carries our mark and has no row. Whose it is only a person can tell: a lost
///   database's, or that of another data directory, whose pods it cuts off.
package func collectGarbage(
    _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, deletesOrphans: Bool,
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
) throws(ReconcilerError) -> GarbageReport {
    let examination = try examine(store, &kernel)
    var report = GarbageReport()
    var doomed = examination.deleting.map { Doomed(attachment: $0, reason: $0.doom) }
    doomed += examination.releases.map { Doomed(attachment: $0.attachment, reason: $0.reason) }
    let collected = collect(doomed, cause: "gc", store, &kernel) { progress($0, doomed.count) }
    report.released = collected.released
    report.done = collected.done
    report.skipped = collected.skipped
    report.failures = examination.intent.problems + collected.failures
    do throws(StoreError) {
        try store.releaseHeldWithoutFile()
        if examination.intent.isWhole {
            report.strays = try store.releaseStrayLeases(hasLeases: !examination.strays.isEmpty)
        }
    } catch {
        report.failures.append(error.description)
    }
    report.orphans = examination.plan.orphans
    let known = Set(report.orphans.map(\.resource.name))
    for case .bridge(let bridge) in report.orphans where deletesOrphans {
        // Which of the addresses a lost database put there nobody can tell.
        let others = bridge.holds.filter { $0.hasPrefix("link ") && !known.contains($0) }
        guard !others.isEmpty else { continue }
        report.orphans.removeAll { $0.resource.name == bridge.name }
        report.failures.append(
            "\(bridge.name) stays: \(others.joined(separator: ", ")) on it is not Plumb's; take that off it first")
    }
    if deletesOrphans, !report.orphans.isEmpty { deleteOrphans(store, &kernel, &report) }
    return report
}

private func deleteOrphans(
    _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, _ report: inout GarbageReport
) {
    var plan = Plan()
    do throws(ReconcilerError) {
        // A collection has read since, and knows other links by their numbers.
        var look = KernelState()
        for orphan in report.orphans { look[.host, orphan.resource.name] = orphan }
        var found = KernelState()
        try kernel.observe(.host, .attachment, desired: look, into: &found)
        report.orphans.removeAll { found[.host, $0.resource.name]?.resource.mark != true }
    } catch {
        report.orphans = []
        report.failures.append(error.description)
        return
    }
    // Links before the bridges that they are ports of, and routes before both.
    plan.changes = report.orphans.map { .delete($0, in: .host, reason: "an orphan, and gc --orphans") }
        .sorted { ($0.phase, $0.isOfBridge ? 1 : 0, $0.name) < ($1.phase, $1.isOfBridge ? 1 : 0, $1.name) }
    var outcome = Report()
    outcome.failures += executeShared(plan, store, &kernel, &outcome).map(\.text)
    report.done += outcome.done
    report.failures += outcome.failures
    do throws(StoreError) {
        try store.record(outcome.events(for: nil, cause: "gc"))
    } catch {
        report.failures.append(error.description)
    }
}

extension Change {
    fileprivate var isOfBridge: Bool { if case .bridge = object { true } else { false } }
}
