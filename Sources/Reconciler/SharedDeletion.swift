internal import Store

/// Makes changes to what pods share. What is to be deleted is looked up again first, while nobody can record anything: an
/// ADD beside this pass may have asked for the same gateway, bridge or element since the rows were read, and have found it
/// in its place. It records before it looks at the kernel; so if it comes while we hold the writer's lock, it finds that
/// gone.
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
    guard plan.changes.contains(where: { $0.action == .delete }) else { return execute(plan, &kernel, &report) }
    do throws(StoreError) {
        return try store.holdingWriter { () throws(StoreError) in
            let intent = try store.intent()
            let wanted = render(intent.living)
            plan.changes.removeAll {
                $0.action == .delete && (intent.lacksNetworks || wanted[$0.namespace, $0.name] != nil)
            }
            return execute(plan, &kernel, &report)
        }
    } catch {
        // Nothing is deleted on doubt.
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
