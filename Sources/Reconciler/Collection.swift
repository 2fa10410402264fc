internal import Delegation
package import Store

/// An attachment that is to go, and why.
package struct Doomed: Sendable {
    package var attachment: Attachment
    package var reason: String
    /// Somebody said so who may (a list of what is valid), so that it goes though it lives, unless its ADD answers
    /// meanwhile. Else it goes only if nothing
    /// of it is left, or if a DEL gave it up.
    package var isOrdered: Bool

    package init(attachment: Attachment, reason: String, isOrdered: Bool = false) {
        self.attachment = attachment
        self.reason = reason
        self.isOrdered = isOrdered
    }
}

/// What came of taking attachments away.
package struct Collected: Sendable {
    package var done: [Change] = []
    package var released: [Examination.Release] = []
    /// Another process works on them right now, or has just added them.
    package var skipped: [Attachment] = []
    /// One text each.
    package var failures: [String] = []
}

/// Takes attachments out of the kernel, many links at once, and then out of the database. One failure stays one.
///
/// Each is looked at again under its lock: the snapshot that doomed it is old by the time its turn comes.
package func collect(
    _ doomed: [Doomed], cause: String, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable,
    progress: (_ done: Int) -> Void = { _ in }
) -> Collected {
    var result = Collected()
    var rest = doomed[...]
    while !rest.isEmpty {
        // Their locks are held together, and their links go together.
        let batch = rest.prefix(64)
        rest = rest.dropFirst(batch.count)
        var locked: [Doomed] = []
        for candidate in batch {
            if let current = lock(candidate, store, &kernel, &result) { locked.append(current) }
        }
        takeAway(locked, cause: cause, store, &kernel, &result)
        for one in batch { store.unlock(attachment: one.attachment.id) }
        progress(doomed.count - rest.count)
    }
    return result
}

/// Takes a candidate's lock and decides by what its row says now; `nil`: it stays, is gone already, or has failed.
private func lock(
    _ candidate: Doomed, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, _ result: inout Collected
) -> Doomed? {
    let id = candidate.attachment.id
    do throws(ReconcilerError) {
        guard try mapped({ () throws(StoreError) in try store.tryLock(attachment: id) }) else {
            result.skipped.append(candidate.attachment)
            return nil
        }
        guard let current = try mapped({ () throws(StoreError) in try store.attachment(id) }) else { return nil }
        var doomed = candidate
        doomed.attachment = current
        if current.isDoomed { return doomed }
        if candidate.isOrdered {
            // Its ADD has answered in between: whoever gave the order did not know of it.
            if candidate.attachment.state == .adding, current.state == .ready {
                result.skipped.append(current)
                return nil
            }
            try mapped { () throws(StoreError) in try store.markDeleting(id) }
            return doomed
        }
        guard case .gone = kernel.open(current),
            try !observeHost(of: [current], store, &kernel).mayHaveEnd(of: current)
        else { return nil }
        return doomed
    } catch {
        result.failures.append("\(candidate.attachment.label): \(error)")
        return nil
    }
}

private func takeAway(
    _ doomed: [Doomed], cause: String, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable,
    _ result: inout Collected
) {
    guard !doomed.isEmpty else { return }
    var outcomes: [String: Outcome] = [:]
    do throws(ReconcilerError) {
        let plan = try removal(of: doomed.map(\.attachment), store, &kernel)
        for outcome in kernel.perform(plan.changes) { outcomes[outcome.change.name] = outcome }
    } catch {
        result.failures.append("\(doomed.map(\.attachment.label).joined(separator: ", ")): \(error)")
        return
    }
    for one in doomed {
        let attachment = one.attachment
        var report = Report()
        // A link that was not there is as good as one that went.
        for object in Object.onHost(of: [attachment]) {
            if let outcome = outcomes[object.resource.name] { report.add(outcome) }
        }
        result.done += report.done
        guard report.failures.isEmpty else {
            result.failures += report.failures.map { "\(attachment.label): \($0)" }
            continue
        }
        do throws(ReconcilerError) {
            try takeBack(attachment)
            try mapped { () throws(StoreError) in
                try store.release(
                    attachment, reason: one.reason, events: report.events(for: attachment, cause: cause))
            }
            result.released.append(Examination.Release(attachment: attachment, reason: one.reason))
        } catch {
            result.failures.append("\(attachment.label): \(error)")
        }
    }
}

/// Has another IPAM plugin take back what it gave, before the row that knows of it goes.
private func takeBack(_ attachment: Attachment) throws(ReconcilerError) {
    do throws(DelegationError) {
        try Delegate.takeBack(attachment)
    } catch {
        throw ReconcilerError(.delegate, error.description)
    }
}

extension Report {
    fileprivate mutating func add(_ outcome: Outcome) {
        switch outcome.status {
        case .done: done.append(outcome.change)
        case .lookAgain(let text): failures.append(text)
        case .failed(let text, let code):
            failures.append(text)
            failureCode = code
        }
    }
}
