package import Addressing
internal import Netlink
package import Store

/// What a reconcile did.
package struct Report: Sendable {
    package var done: [Change] = []
    /// Why something that was to be done was not, one text each.
    package var failures: [String] = []
    /// What kind of failure the last of them is.
    package var failureCode = ReconcilerError.Code.kernel
    package var notices: [String] = []
    /// What was there before.
    package var observed = KernelState()

    package init() {}

    /// A line each, and one for the rest: a pod must not fill history.
    private static let mostSurplusRoutes = 16

    /// History of what was done and what failed.
    package func events(for attachment: Attachment?, cause: String? = nil) -> [Event] {
        var told: [Event] = []
        var surplus = 0
        for change in done {
            if change.isSurplusRoute {
                surplus += 1
                if surplus > Report.mostSurplusRoutes { continue }
            }
            told.append(
                Event(
                    kind: Event.Kind(change.action), object: change.name,
                    reason: cause.map { "\($0): \(change.reason)" } ?? change.reason, detail: change.command,
                    attachment: attachment))
        }
        if surplus > Report.mostSurplusRoutes {
            let reason = "\(surplus - Report.mostSurplusRoutes) more that no row asks for"
            told.append(
                Event(
                    kind: .delete, object: "routes", reason: cause.map { "\($0): \(reason)" } ?? reason,
                    attachment: attachment))
        }
        return told + failures.map { Event(kind: .failed, object: $0, reason: cause, attachment: attachment) }
    }
}

extension Event.Kind {
    fileprivate init(_ action: Action) {
        switch action {
        case .add: self = .add
        case .change: self = .change
        case .delete: self = .delete
        }
    }
}

/// Makes the kernel agree with one attachment and what it stands on. Its namespace is open in `kernel`.
///
/// - Parameters:
///   - isNew: an ADD of its own stands behind it, which is refused where another would have to give way.
///   - sparing: changes that are not to be made now.
package func reconcile(
    _ intent: Intent, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, extent: Extent,
    isNew: Bool = false, sparing: (Change) -> Bool = { _ in false }
) throws(ReconcilerError) -> Report {
    var desired = render(intent)
    var report = Report()
    report.observed = try observe(desired, &kernel, extent)
    try report.observed.tellOwners(by: desired, store)
    try desired.mindSharers(of: report.observed, store)
    var plan = diff(desired: desired, observed: report.observed)
    plan.changes.removeAll(where: sparing)
    if isNew {
        try plan.settleGateways(of: intent, desired: desired, observed: report.observed) {
            (bridge) throws(ReconcilerError) in
            try mapped { () throws(StoreError) in try store.gatewayNames(on: bridge) }
        }
    }
    if !plan.isBlocked { try remember(plan, store) }
    var doubtful = execute(plan, &kernel, &report)
    if !doubtful.isEmpty {
        // Somebody else's work or a lost reply: what a fresh look still misses has failed.
        var fresh = try observe(desired, &kernel, .attachment)
        try fresh.tellOwners(by: desired, store)
        if let reason = foreignPodLink(desired, fresh) {
            report.failureCode = .conflict
            report.failures = [reason]
            return report
        }
        let second = diff(desired: desired, observed: fresh)
        let missing = Set(second.changes.map(\.name))
        for conflict in second.conflicts {
            report.failureCode = .conflict
            // Whatever else failed did so for want of the pair.
            if case .veth = conflict.object { report.failures = [] }
            if !report.failures.contains(conflict.reason) { report.failures.append(conflict.reason) }
        }
        doubtful.removeAll { !missing.contains($0.change.name) }
        report.failures += doubtful.map(\.text)
    }
    return report
}

/// A pair that could not be made because its name in the pod is somebody else's; in words.
private func foreignPodLink(_ desired: KernelState, _ observed: KernelState) -> String? {
    for case .veth(let veth) in desired.all(in: .host) where observed[.host, veth.name] == nil {
        for case .podLink(let link) in observed.all(in: veth.pod) {
            let place = veth.peer?.path ?? "the pod"
            return "an interface \(link.ifname) is in \(place) already, and is not ours: it stays as it is; delete it "
                + "there, or use another CNI_IFNAME"
        }
    }
    return nil
}

/// Takes an attachment's pair away, from the host's end; where that is not there, from the pod's, if that can be reached and
/// mark and MAC, or the other end under its new name, say that it is ours: that one was renamed or moved.
package func remove(
    _ attachment: Attachment, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> Report {
    let plan = try removal(of: [attachment], store, &kernel)
    var report = Report()
    let doubtful = execute(plan, &kernel, &report)
    report.failures += doubtful.map(\.text)
    let wasThere = plan.changes.contains { if case .delete(.veth, _, _) = $0 { true } else { false } }
    guard !wasThere, case .alive = kernel.open(attachment) else { return report }
    var wanted = KernelState()
    wanted.insert(PodLink(ifname: attachment.ifname, hostIfname: attachment.hostIfname), in: attachment.pod)
    wanted.insert(Veth(attachment), in: .host)
    var inside = KernelState()
    try kernel.observe(attachment.pod, .attachment, desired: wanted, into: &inside)
    guard case .podLink(let link)? = inside[attachment.pod, PodLink.name(attachment.ifname)],
        link.isMarked && link.mac == attachment.mac || inside[.host, Veth.name(attachment.hostIfname)] != nil
    else { return report }
    var rest = Plan()
    rest.changes = [.delete(link.wrapped, in: attachment.pod, reason: "its other end is not \(attachment.hostIfname)")]
    report.failures += execute(rest, &kernel, &report).map(\.text)
    return report
}

/// Deletes a pair of ours by its end in the pod, for want of a database that knows the other. A link without our mark
/// stays.
///
/// - Parameter addresses: a link that holds one of them goes without our mark too.
package func removeFromInside(
    _ ifname: String, _ namespace: consuming NetworkNamespace, holding addresses: [IPAddress] = []
) throws(ReconcilerError) {
    let reader = NamespaceReader(namespace: .pod(attachment: 0, path: namespace.identity.path), opened: namespace)
    do throws(NetlinkError) {
        guard let link = try reader.link(named: ifname), link.kind == "veth" else { return }
        if link.group != Mark.group {
            let held = try reader.addresses(index: link.index).compactMap { $0.local ?? $0.address }
                .compactMap { IPAddress(networkBytes: $0) }
            guard held.contains(where: addresses.contains) else { return }
        }
        try reader.socket.perform(.deleteLink(index: link.index, context: "delete \(ifname) in the pod"))
    } catch {
        guard ErrnoPolicy.verdict(.delete, errno: error.errno) != .done else { return }
        throw ReconcilerError(error)
    }
}

/// What is to be done so that nothing of these attachments is left in the kernel.
func removal(
    of attachments: [Attachment], _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> Plan {
    let observed = try observeHost(of: attachments, store, &kernel)
    var desired = KernelState()
    desired.markObserved(.host)
    let withdrawn = observed.found(Object.onHost(of: attachments)).map(\.resource.name)
    return diff(desired: desired, observed: observed, withdrawn: Set(withdrawn))
}

extension KernelState {
    /// Names of the host ends of attachments that are there, and theirs.
    func ends(of attachments: [Attachment]) -> [String] {
        found(Veth.onHost(of: attachments)).map(\.resource.name)
    }

    /// Whether what is under the name of an attachment's host end may be that. Where it is doubtful, the addresses stay.
    func mayHaveEnd(of attachment: Attachment) -> Bool {
        let wanted = Veth(attachment)
        guard case .veth(let found)? = self[.host, wanted.name] else { return false }
        return wanted.isFor(theSameAs: found) || wanted.alias == found.alias
    }

    /// Which of these objects of pods are on the host, and theirs.
    fileprivate func found(_ objects: [Object]) -> [Object] {
        objects.filter { wanted in self[.host, wanted.resource.name].map(wanted.isFor) ?? false }
    }
}

/// What the host has for attachments, as far as it is there.
func observeHost(
    of attachments: [Attachment], _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> KernelState {
    var wanted = KernelState()
    for object in Object.onHost(of: attachments) { wanted[.host, object.resource.name] = object }
    var observed = KernelState()
    try kernel.observe(.host, .attachment, desired: wanted, into: &observed)
    try observed.tellOwners(by: wanted, store)
    return observed
}

func observe(
    _ desired: KernelState, _ kernel: inout some Kernel & ~Copyable, _ extent: Extent
) throws(ReconcilerError) -> KernelState {
    var observed = KernelState()
    for namespace in desired.namespaces {
        try kernel.observe(namespace, extent, desired: desired, into: &observed)
    }
    return observed
}

/// Before the kernel hears of a plan: what of it can be told from others' only by the database.
func remember(_ plan: Plan, _ store: borrowing Store) throws(ReconcilerError) {
    let made = plan.remembered
    guard !made.isEmpty else { return }
    try mapped { () throws(StoreError) in try store.remember(made: made) }
}

struct Doubt {
    var change: Change
    var text: String
}

/// Makes a plan's changes. What conflicts or fails is in the report; what a fresh look must decide is returned.
func execute(_ plan: Plan, _ kernel: inout some Kernel & ~Copyable, _ report: inout Report) -> [Doubt] {
    report.failures += plan.conflicts.map(\.reason)
    if !plan.conflicts.isEmpty { report.failureCode = .conflict }
    report.notices += plan.notices.map(\.text)
    guard !plan.isBlocked else { return [] }
    var doubtful: [Doubt] = []
    for outcome in kernel.perform(plan.changes) {
        switch outcome.status {
        case .done: report.done.append(outcome.change)
        case .lookAgain(let text): doubtful.append(Doubt(change: outcome.change, text: text))
        case .failed(let text, let code):
            // All of a transaction fail by the same word.
            if !report.failures.contains(text) { report.failures.append(text) }
            // What follows a full bridge fails for want of the link.
            if report.failureCode != .bridgeFull { report.failureCode = code }
        }
    }
    return doubtful
}
