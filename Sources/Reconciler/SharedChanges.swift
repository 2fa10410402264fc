internal import Store

/// Makes changes to what pods share. What they are for is looked up again first, while nobody can record anything: since the
/// rows were read, an ADD may have asked for the gateway or bridge that is to be deleted, and have found it in its place; and
/// what is to be made may be nobody's any more. Whoever records does so before it looks at the kernel; so if it comes while
/// we hold the writer's lock, it finds what we did.
func executeShared(
    _ plan: Plan, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, _ report: inout Report
) -> [Doubt] {
    var plan = plan
    guard !plan.changes.isEmpty else { return execute(plan, &kernel, &report) }
    do throws(StoreError) {
        return try store.holdingWriter { () throws(StoreError) in
            let intent = try store.intent()
            let wanted = render(intent.living)
            plan.changes.removeAll { change in
                let isWanted = wanted[change.namespace, change.name] != nil
                return change.action == .delete ? !intent.isWhole || isWanted : !isWanted
            }
            return executeRemembering(plan, store, &kernel, &report)
        }
    } catch {
        // Nothing is deleted on doubt, and nothing made that would not be known for ours later. The rest was wanted a moment ago.
        report.failures.append(error.description)
        let made = Set(plan.remembered)
        plan.changes.removeAll { $0.action == .delete || made.contains($0.name) }
        return execute(plan, &kernel, &report)
    }
}

/// Makes a plan's changes, and has the database know what of it is ours, in the same hold of the writer's lock: between two,
/// somebody else might let go of what one made, or make what the other forgets.
func executeRemembering(
    _ plan: Plan, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, _ report: inout Report
) -> [Doubt] {
    var plan = plan
    do throws(StoreError) {
        if !plan.isBlocked { try store.rememberHoldingWriter(made: plan.remembered) }
    } catch {
        report.failures.append(error.description)
        let made = Set(plan.remembered)
        plan.changes.removeAll { made.contains($0.name) }
    }
    let before = report.done.count
    let doubtful = execute(plan, &kernel, &report)
    do throws(StoreError) {
        try store.forgetHoldingWriter(deleted: report.done[before...].filter { $0.action == .delete }.map(\.name))
    } catch {
        report.failures.append(error.description)
    }
    return doubtful
}

extension Intent {
    /// Without the attachments that are on their way out.
    var living: Intent {
        var intent = self
        intent.attachments.removeAll(where: \.isDoomed)
        return intent
    }
}
