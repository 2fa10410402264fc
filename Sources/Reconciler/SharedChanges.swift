internal import Store

/// Makes changes to what pods share. What they are for is looked up again first, while nobody can record anything: since the
/// rows were read, an ADD may have asked for the gateway or bridge that is to be deleted, and have found it in its place; and
/// what is to be made may be nobody's any more. Whoever records does so before it looks at the kernel; so if it comes while
/// we hold the writer's lock, it finds what we did.
func executeShared(
    _ plan: Plan, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, _ report: inout Report
) -> [Doubt] {
    var plan = plan
    do throws(ReconcilerError) {
        if plan.conflicts.isEmpty { try remember(plan, store) }
    } catch {
        // What would not be known for ours later is not made.
        report.failures.append(error.description)
        let made = Set(plan.remembered)
        plan.changes.removeAll { made.contains($0.name) }
    }
    guard !plan.changes.isEmpty else { return execute(plan, &kernel, &report) }
    do throws(StoreError) {
        return try store.holdingWriter { () throws(StoreError) in
            let intent = try store.intent()
            let wanted = render(intent.living)
            plan.changes.removeAll { change in
                let isWanted = wanted[change.namespace, change.name] != nil
                return change.action == .delete ? !intent.isWhole || isWanted : !isWanted
            }
            return execute(plan, &kernel, &report)
        }
    } catch {
        // Nothing is deleted on doubt; what was to be made was wanted a moment ago.
        report.failures.append(error.description)
        plan.changes.removeAll { $0.action == .delete }
        return execute(plan, &kernel, &report)
    }
}

extension Intent {
    /// Without the attachments that are on their way out.
    var living: Intent {
        var intent = self
        intent.attachments.removeAll(where: \.isDoomed)
        return intent
    }
}
