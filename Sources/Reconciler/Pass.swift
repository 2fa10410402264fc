package import Store

/// What a pass over the node looks at, and what it leaves alone.
package struct Pass {
    /// Else what is in pods' namespaces is not looked at, nor whether they live; a pod whose outer end drifted is mended
    /// all the same.
    package var includesPods: Bool
    /// Who does it: what events say.
    package var cause: String
    /// Changes that are not to be made now.
    package var spares: (Change) -> Bool

    package init(
        includesPods: Bool = true, cause: String = "apply", sparing: @escaping (Change) -> Bool = { _ in false }
    ) {
        self.includesPods = includesPods
        self.cause = cause
        spares = sparing
    }
}

/// Looks at single attachments, and mends those that drifted, with what they stand on.
///
/// No lock is taken for a look, only to mend: an ADD or a DEL that comes meanwhile never meets it. What is being added or
/// deleted is left alone, whoever does it or died over it; one whose ADD still runs is skipped, since that does not look
/// again at what it has made.
package func attend(
    _ ids: some Sequence<Int64>, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, pass: Pass
) throws(ReconcilerError) -> ApplyReport {
    var result = ApplyReport(examination: Examination(intent: Intent(), plan: Plan()))
    for id in ids {
        var intent = try mapped { () throws(StoreError) in try store.promise(attachment: id) }
        if let attachment = intent.attachments.first, attachment.state == .adding {
            guard try !mapped({ () throws(StoreError) in try store.isLocked(attachment: id) }) else {
                result.skipped.append(attachment)
                continue
            }
            // It has ended in between, or died.
            intent = try mapped { () throws(StoreError) in try store.promise(attachment: id) }
        }
        guard let attachment = intent.attachments.first, attachment.state == .ready else { continue }
        guard case .alive = kernel.open(attachment) else { continue }
        var desired = render(intent)
        var observed: KernelState
        do throws(ReconcilerError) {
            observed = try observe(desired, &kernel, .attachment)
        } catch {
            result.fail("\(attachment.label): \(error)")
            continue
        }
        try observed.tellOwners(by: desired, store)
        try desired.mindSharers(of: observed, store)
        var plan = diff(desired: desired, observed: observed)
        plan.changes.removeAll(where: pass.spares)
        guard !plan.isEmpty else { continue }
        result.examination.intent.attachments.append(attachment)
        result.examination.plan.changes += plan.changes
        let anew = plan.changes.contains(where: \.makesPair)
        attempt(attachment, store, &result) { (result) throws(ReconcilerError) in
            try mend(attachment, anew: anew, pass, store, &kernel, &result)
        }
    }
    recordFailures(&result, pass, in: store)
    return result
}
