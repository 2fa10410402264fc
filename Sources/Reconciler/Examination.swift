internal import Addressing
package import Store

/// What a look at the whole node found: the plan, and what the database itself has to let go of.
package struct Examination: Sendable {
    package var intent: Intent
    package var plan: Plan
    /// What the kernel has: of the host, and of the pods that could be looked at.
    package var observed = KernelState()
    /// What the host has, by names.
    var host = HostLook()
    /// Attachments whose namespace is gone, while something holds their link.
    package var lingering: [Release] = []
    /// Attachments of which nothing is left, and why that is certain.
    package var releases: [Release] = []
    /// Attachments that a DEL marked and did not finish, or whose ADD died over another plugin's answer.
    package var deleting: [Attachment] = []
    /// Attachments whose ADD has not answered: it still runs, or it died.
    package var unfinished: [Attachment] = []
    /// Leases that belong to nobody.
    package var strays: [StrayLease] = []

    package struct Release: Sendable {
        package var attachment: Attachment
        package var reason: String

        package init(attachment: Attachment, reason: String) {
            self.attachment = attachment
            self.reason = reason
        }
    }

    /// What could not be looked at, and why: nobody can say whether it is as it should be.
    package var unseen: [String] = []

    /// Nothing is to be done.
    package var isClean: Bool { plan.isEmpty && releases.isEmpty && deleting.isEmpty && strays.isEmpty }
}

/// A look at what the host has, by names.
struct HostLook: Sendable {
    /// Under which what is there may have been given up.
    var present: Set<String> = []
    /// Links whose addresses were read.
    var linksRead: Set<String> = []

    /// Nothing is there that may have been made under this name.
    func isAbsent(_ object: String) -> Bool {
        if present.contains(object) { return false }
        return LinkAddress.link(inName: object).map(linksRead.contains) ?? true
    }
}

/// Looks at all of the host, also at bridges that are nobody's any more but have gateways of ours.
func lookAtHost(
    _ desired: KernelState, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable,
    into observed: inout KernelState
) throws(ReconcilerError) -> HostLook {
    // First, for the look at the whole node learns all indexes, and those are what changes need.
    let left = try observeLeftBridges(desired, store, &kernel, into: &observed)
    try kernel.observe(.host, .node, desired: desired, into: &observed)
    return HostLook(
        present: Set(observed.all(in: .host).flatMap(\.resource.withdrawnNames)),
        linksRead: Set(desired.linksWithAddresses(in: .host)).union(left))
}

/// Reads all intent and all of the kernel that it is about, and decides. Changes nothing.
///
/// - Parameter includesPods: else what is in pods' namespaces is not looked at, nor whether they live.
package func examine(
    _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, includesPods: Bool = true
) throws(ReconcilerError) -> Examination {
    let intent = try mapped { () throws(StoreError) in try store.intent() }
    let living = intent.attachments.filter { !$0.isDoomed }
    var desired = render(intent.living)
    desired.markObserved(.host)
    var observed = KernelState()
    var examination = Examination(intent: intent, plan: Plan())
    examination.host = try lookAtHost(desired, store, &kernel, into: &observed)
    try observed.tellOwners(by: desired, store)
    if !intent.isWhole { try desired.mindSharers(of: observed, store) }
    // By a bridge's name that is nonsense, living pods' leases cannot be found, nor by an address that is.
    if intent.isWhole {
        examination.strays = try mapped { () throws(StoreError) in try store.strayLeases() }
    }
    examination.deleting = intent.attachments.filter(\.isDoomed)
    var notices = intent.problems.map { Plan.Notice($0) }
    let host = observed
    for attachment in includesPods ? living : [] {
        switch kernel.open(attachment) {
        case .alive:
            if attachment.state == .adding { examination.unfinished.append(attachment) }
            do throws(ReconcilerError) {
                try kernel.observe(attachment.pod, .attachment, desired: desired, into: &observed)
            } catch {
                observed[unreadable: attachment.pod] = "\(attachment.label): \(error)"
                examination.unseen.append("\(attachment.label): \(error)")
            }
        case .gone(let reason):
            // What lingers keeps all but its link as it is: something may still send by it.
            var forgotten = Veth.onHost(of: [attachment])
            let other = observed.forgetRenamedEnd(of: attachment)
            if other == nil, !observed.mayHaveEnd(of: attachment) {
                examination.releases.append(Examination.Release(attachment: attachment, reason: reason))
                forgotten = Object.onHost(of: [attachment])
            } else {
                examination.lingering.append(Examination.Release(attachment: attachment, reason: reason))
                notices.append(
                    Plan.Notice(
                        "\(attachment.label) lingers: \(reason), yet \(other ?? attachment.hostIfname) is alive, so something holds "
                            + "its namespace; its addresses stay with it until DEL", attachment: attachment.id))
            }
            desired.remove(attachment.pod)
            desired.forget(forgotten)
            observed.forget(forgotten)
        case .unknown(let reason):
            let text = "\(attachment.label) cannot be looked at: \(reason); nothing is done about it"
            notices.append(Plan.Notice(text, attachment: attachment.id))
            examination.unseen.append(text)
            desired.remove(attachment.pod)
            desired.forget(Object.onHost(of: [attachment]))
            observed.forget(Object.onHost(of: [attachment]))
            observed.forgetRenamedEnd(of: attachment)
        }
    }
    examination.observed = observed
    examination.observed.complete(with: host)
    observed.forget(observed.strayEnds(of: intent))
    let wanted = desired.named(in: .host)
    var orphans = observed.named(in: .host).filter { wanted[$0.key] == nil }.map(\.value)
    if orphans.contains(where: { $0.resource.mark == true }) {
        // An ADD beside us writes first, and then makes: what was made since the rows were read has its rows now.
        let now = render(try mapped { () throws(StoreError) in try store.intent() })
        let since = orphans.filter { now[.host, $0.resource.name] != nil }
        observed.forget(since)
        orphans.removeAll { now[.host, $0.resource.name] != nil }
    }
    if !intent.isWhole {
        // Each may be of a network or a pod that cannot be read: nothing is decided about it, but of what a DEL marked.
        observed.forget(orphans)
        orphans = []
        for object in Object.onHost(of: examination.deleting) {
            observed[.host, object.resource.name] = host[.host, object.resource.name]
        }
    }
    var withdrawn = try mapped { () throws(StoreError) in
        try store.withdrawn(among: orphans.flatMap(\.resource.withdrawnNames))
    }
    for case .veth(let link) in orphans where withdrawn.contains(link.name) {
        // A name is given twice by a database that lost its log: the one that was withdrawn need not be this one.
        guard let owner = link.alias else { continue }
        let isIt = try mapped { () throws(StoreError) in try store.withdrew(link.name, of: owner) }
        if !isIt { withdrawn.remove(link.name) }
    }
    for case .bridge(let bridge) in orphans where withdrawn.contains(bridge.name) {
        let own = try mapped { () throws(StoreError) in try store.gatewayNames(on: bridge.ifname) }
        let tag = try mapped { () throws(StoreError) in try store.tag() }
        let others = bridge.holds.filter { !own.contains($0) && !Veth.isHostEnd($0, of: tag) }
        guard !others.isEmpty else { continue }
        withdrawn.remove(bridge.name)
        observed.forget([.bridge(bridge)])
        notices.append(
            Plan.Notice(
                "\(bridge.name) stays though no network asks for it: \(others.joined(separator: ", ")) on it is not Plumb's"
            ))
    }
    withdrawn.formUnion(observed.ends(of: examination.deleting))
    withdrawn.formUnion(try surplus(orphans, withdrawn: withdrawn, observed, intent, store))
    let suspects = orphans.filter { $0.resource.mark == true && withdrawn.isDisjoint(with: $0.resource.withdrawnNames) }
    observed.forget(try passing(suspects, store, &kernel))
    examination.plan = diff(desired: desired, observed: observed, withdrawn: withdrawn)
    examination.plan.notices += notices
    try keepOff(&examination.plan, desired: desired, observed: host, intent.living, store)
    return examination
}

/// Of what carries our mark and had neither a row nor been given up: what is so no longer. A DEL beside us takes the link away
/// first and its row then, so that of one without a row nothing is left by now; a bridge or a route may be asked for again.
private func passing(
    _ suspects: [Object], _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> [Object] {
    guard !suspects.isEmpty else { return [] }
    let there = Set(try kernel.marked(among: suspects).map(\.resource.name))
    let now = render(try mapped { () throws(StoreError) in try store.intent() })
    let withdrawn = try mapped { () throws(StoreError) in
        try store.withdrawn(among: suspects.flatMap(\.resource.withdrawnNames))
    }
    return suspects.filter { suspect in
        let resource = suspect.resource
        return !there.contains(resource.name) || now[.host, resource.name] != nil
            || !withdrawn.isDisjoint(with: resource.withdrawnNames)
    }
}

/// What ADD refuses, a pass must not do afterwards, for the network's row outlives that ADD: a gateway beside a foreign
/// address of its subnet where no pod routes by it yet, and any address on what is no bridge.
private func keepOff(
    _ plan: inout Plan, desired: KernelState, observed: KernelState, _ intent: Intent, _ store: borrowing Store
) throws(ReconcilerError) {
    var refused: Set<String> = []
    for case .bridge(let bridge) in plan.conflicts.map(\.object) {
        for case .address(let address) in desired.all(in: .host) where address.link == bridge.ifname {
            refused.insert(address.name)
        }
    }
    for conflict in GatewayConflict.all(desired: desired, observed: observed)
    where !refused.contains(conflict.gateway.name) {
        let bridge = conflict.gateway.link
        let isInUse = intent.attachments.contains { attachment in
            attachment.bridge == bridge && attachment.isGateway
                && attachment.leases.contains { $0.gateway == conflict.gateway.address.address }
        }
        let own = try mapped { () throws(StoreError) in try store.gatewayNames(on: bridge) }
        let isForced = intent.networks.contains { $0.spec.forceAddress && $0.spec.bridge == bridge }
        if isInUse || isForced || own.contains(conflict.foreign.name) { continue }
        refused.insert(conflict.gateway.name)
        plan.conflicts.append(
            Plan.Conflict(namespace: .host, object: .address(conflict.gateway), reason: conflict.reason))
    }
    plan.changes.removeAll {
        $0.namespace == .host && $0.action != .delete && refused.contains($0.object.resource.name)
    }
}

/// A bridge that its network left and that stays, adopted or with others' things on it: nobody asks for it any more, and
/// gateways of ours are on it until the last pod that routes by them is gone. Answers with those bridges.
private func observeLeftBridges(
    _ desired: KernelState, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable,
    into observed: inout KernelState
) throws(ReconcilerError) -> [String] {
    let left = try mapped { () throws(StoreError) in try store.linksOfGateways() }.filter {
        desired[.host, Bridge.name($0)] == nil
    }
    guard !left.isEmpty else { return [] }
    var look = KernelState()
    for link in left { look.insert(Bridge(ifname: link), in: .host) }
    var found = KernelState()
    try kernel.observe(.host, .attachment, desired: look, into: &found)
    for object in found.all(in: .host) { if case .address = object { observed[.host, object.resource.name] = object } }
    return left
}

/// Of orphans that the database does not remember: names of those that are its own all the same, and are to go.
private func surplus(
    _ orphans: [Object], withdrawn: Set<String>, _ observed: KernelState, _ intent: Intent, _ store: borrowing Store
) throws(ReconcilerError) -> [String] {
    guard !orphans.isEmpty else { return [] }
    let tag = try mapped { () throws(StoreError) in try store.tag() }
    var leftovers = Leftovers(
        objects: orphans, withdrawn: withdrawn, observed: observed, intent: intent, tag: tag)
    guard !Object.surplus(in: leftovers).isEmpty else { return [] }
    // Read after the kernel was: an ADD beside us writes first, and then makes.
    leftovers.intent = try mapped { () throws(StoreError) in try store.intent() }
    let now = render(leftovers.intent)
    return Object.surplus(in: leftovers).filter { now[.host, $0] == nil }
}

extension KernelState {
    /// What was forgotten of the host since.
    fileprivate mutating func complete(with earlier: KernelState) {
        let known = named(in: .host)
        for (name, object) in earlier.named(in: .host) where known[name] == nil { self[.host, name] = object }
    }

    /// The host's end of a pair whose pod's end tells nothing, under a name that it should not have, by the MAC that was made
    /// up for it. It is no orphan.
    ///
    /// - Returns: what it is named.
    @discardableResult
    fileprivate mutating func forgetRenamedEnd(of attachment: Attachment) -> String? {
        for case .veth(let veth) in all(in: .host)
        where veth.isMarked && veth.mac == attachment.hostMAC && veth.ifname != attachment.hostIfname {
            self[.host, veth.name] = nil
            return veth.ifname
        }
        return nil
    }

    /// Host ends of recorded pairs, by the MACs that were made up for them, under names that they should not have. Those of
    /// pods that were looked at go by their own already; the others are no orphans either, least of all such as go because
    /// another sandbox of the same pod that had the name was given up.
    fileprivate func strayEnds(of intent: Intent) -> [Object] {
        let names = Dictionary(intent.attachments.map { ($0.hostMAC, $0.hostIfname) }) { first, _ in first }
        return all(in: .host).filter { object in
            guard case .veth(let veth) = object, veth.attachment == 0, let own = veth.mac.flatMap({ names[$0] }) else {
                return false
            }
            return own != veth.ifname
        }
    }

    /// Of the host.
    fileprivate mutating func forget(_ objects: [Object]) {
        for object in objects { self[.host, object.resource.name] = nil }
    }
}

/// Calls into the store, with its errors as ours.
package func mapped<T>(_ body: () throws(StoreError) -> T) throws(ReconcilerError) -> T {
    do throws(StoreError) { return try body() } catch { throw ReconcilerError(error) }
}
