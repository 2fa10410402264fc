/// What must be done to make `observed` what `desired` asks for. Pure, and the only place where that is decided.
///
/// - Parameter withdrawn: names of objects that the database remembers to have given up; nothing else is ever deleted.
package func diff(desired: KernelState, observed: KernelState, withdrawn: Set<String> = []) -> Plan {
    var plan = Plan()
    // The host's place comes first, and with it the pairs.
    var pairs = Pairs()
    desired.forEachPlace { place in
        let namespace = place.namespace
        if let reason = observed[unreadable: namespace] {
            plan.notices.append(Plan.Notice(reason, attachment: namespace.attachment))
            return
        }
        // A namespace that nobody looked at is doubt, and nothing is done on doubt.
        guard observed.isObserved(namespace) else { return }
        guard isOurs(namespace, desired: desired, observed: observed) else { return }
        if pairs.taken.contains(namespace) { return }
        let found = pairs.remade.contains(namespace) ? KernelState() : observed
        let foundByName = found.named(in: namespace)
        for (name, object) in desired.named(in: namespace) {
            if case .veth(let veth) = object,
                isSettled(veth, in: namespace, desired: desired, observed: observed, plan: &plan, &pairs)
            {
                continue
            }
            compare(object, with: foundByName[name], in: namespace, observed: found, withdrawn: withdrawn, plan: &plan)
        }
    }
    observed.forEachPlace { place in
        var surplus: [Route] = []
        let wanted = desired.named(in: place.namespace)
        for (name, object) in observed.named(in: place.namespace) where wanted[name] == nil {
            if place.namespace == .host {
                prune(object, withdrawn: withdrawn, plan: &plan)
            } else if case .route(let route) = object, !route.isForeign {
                surplus.append(route)
            }
        }
        if !surplus.isEmpty {
            prune(surplus, in: place.namespace, desired: desired, observed: observed, pairs, plan: &plan)
        }
    }
    plan.changes = inOrder(plan.changes)
    plan.conflicts.sort { $0.object.resource.name < $1.object.resource.name }
    plan.notices.sort { $0.text < $1.text }
    plan.orphans.sort { $0.resource.name < $1.resource.name }
    return plan
}

/// By phase, attachment and name; what is there before what is missing, for it may have that one's name.
private func inOrder(_ changes: [Change]) -> [Change] {
    guard changes.count > 1 else { return changes }
    /// Each is asked once; names are made up when they are asked for, and seldom decide.
    struct Ranked {
        var phase: Phase
        var attachment: Int64
        var change: Change
    }
    var ranked = changes.map { Ranked(phase: $0.phase, attachment: $0.attachment ?? 0, change: $0) }
    ranked.sort {
        if $0.phase != $1.phase { return $0.phase < $1.phase }
        if $0.attachment != $1.attachment { return $0.attachment < $1.attachment }
        let isMissing = $0.change.action == .add
        return isMissing == ($1.change.action == .add) ? $0.change.name < $1.change.name : !isMissing
    }
    return ranked.map { $0.change }
}

/// Whether the inside of a namespace is compared at all.
private func isOurs(_ namespace: NamespaceID, desired: KernelState, observed: KernelState) -> Bool {
    switch desired[repair: namespace] {
    case .nothing: false
    case .missingLink: !observed.all(in: namespace).contains { if case .podLink = $0 { true } else { false } }
    case .everything, nil: true
    }
}

/// Pods of which more is decided by their pair; few at any time.
private struct Pairs {
    /// Something else has the name of their link: nothing is done there.
    var taken: [NamespaceID] = []
    /// The pod's end goes, and whatever lies on it, before the pair is made anew.
    var remade: [NamespaceID] = []
}

/// Whether a pair's ends decide all that there is to say of it.
private func isSettled(
    _ veth: Veth, in namespace: NamespaceID, desired: KernelState, observed: KernelState, plan: inout Plan,
    _ pairs: inout Pairs
) -> Bool {
    let outer: Veth?
    switch observed[namespace, veth.name] {
    case .veth(let found)?:
        // Somebody else's link has the outer end's name.
        if veth.conflict(with: found) != nil { return false }
        outer = found
    default: outer = nil
    }
    let repair = desired[repair: veth.pod]
    if repair == .nothing { return outer == nil }
    switch veth.innerEnd(observed, outer: outer) {
    case .asItShouldBe: return false
    case .missing(let reason):
        guard repair != .missingLink else {
            // The ends of a pair go together, so that this one was renamed or moved, with all that others did to it.
            let way = "rename that one back, or delete \(veth.ifname), for the next apply to make both anew"
            pairs.taken.append(veth.pod)
            plan.conflicts.append(
                Plan.Conflict(namespace: veth.pod, object: veth.wrapped, reason: "\(veth.name): \(reason): \(way)"))
            return true
        }
        // Neither end can be mended, so the pair is made anew.
        if let found = outer { plan.changes.append(.delete(found.wrapped, in: namespace, reason: reason)) }
        plan.changes.append(.add(veth.wrapped, in: namespace, reason: reason))
    case .alone(let inner, let reason):
        guard repair != .missingLink else {
            // To make it anew would take along what others did to the inside.
            let way = "rename that one back, or delete \(inner.ifname) in the pod, for the next apply to make both anew"
            plan.conflicts.append(
                Plan.Conflict(namespace: veth.pod, object: veth.wrapped, reason: "\(inner.name): \(reason): \(way)"))
            return true
        }
        pairs.remade.append(veth.pod)
        plan.changes.append(.delete(inner.wrapped, in: veth.pod, reason: reason))
        plan.changes.append(.add(veth.wrapped, in: namespace, reason: reason))
    case .foreign(let reason):
        guard repair != .missingLink else { return outer == nil }
        pairs.taken.append(veth.pod)
        plan.conflicts.append(Plan.Conflict(namespace: veth.pod, object: veth.wrapped, reason: reason))
    }
    return true
}

/// - Parameter found: what has its name.
private func compare(
    _ object: Object, with found: Object?, in namespace: NamespaceID, observed: KernelState, withdrawn: Set<String>,
    plan: inout Plan
) {
    let resource = object.resource
    var standIn: Object? {
        // What goes makes room by itself.
        resource.standIn(in: namespace, observed).flatMap { withdrawn.contains($0.resource.name) ? nil : $0 }
    }
    guard let found = found ?? standIn else {
        if case .route(let route) = object, route.isMoved(in: namespace, observed) { return }
        plan.changes.append(.add(object, in: namespace, reason: "missing"))
        return
    }
    let judgement = resource.judgement(ofAny: found)
    if let reason = judgement.conflict {
        plan.conflicts.append(Plan.Conflict(namespace: namespace, object: object, reason: reason))
        return
    }
    for remark in judgement.remarks {
        plan.notices.append(Plan.Notice(remark, attachment: namespace.attachment, leavesDoubt: false))
    }
    if !judgement.drift.isEmpty {
        plan.changes.append(
            .change(object, from: found, in: namespace, reason: judgement.drift.joined(separator: "; ")))
    }
}

private func prune(_ object: Object, withdrawn: Set<String>, plan: inout Plan) {
    let resource = object.resource
    if resource.mark != false, resource.withdrawnNames.contains(where: withdrawn.contains) {
        plan.changes.append(.delete(object, in: .host, reason: "no longer wanted"))
    } else if resource.mark == true {
        plan.orphans.append(object)
        plan.notices.append(
            Plan.Notice(
                "\(resource.name) carries Plumb's mark, but this database does not know it: kept (`plumbctl gc`)"))
    }
}

/// A pod may make any number of routes with our mark.
private let mostPruned = 1_000

/// Routes of ours by a pod's own link, whose rows are gone.
private func prune(
    _ routes: [Route], in namespace: NamespaceID, desired: KernelState, observed: KernelState, _ pairs: Pairs,
    plan: inout Plan
) {
    guard desired[repair: namespace] == .everything, desired.isObserved(namespace), !desired[isPartial: namespace],
        observed[unreadable: namespace] == nil, !pairs.taken.contains(namespace), !pairs.remade.contains(namespace)
    else { return }
    let surplus = routes.filter { !$0.wasMoved(in: namespace, desired, observed) }
    for route in surplus.prefix(mostPruned) {
        plan.changes.append(.delete(.route(route), in: namespace, reason: "no row asks for it"))
    }
    guard surplus.count > mostPruned else { return }
    plan.notices.append(
        Plan.Notice(
            "a pod has \(surplus.count - mostPruned) more routes of Plumb's number that no row asks for: the next passes take "
                + "them", attachment: namespace.attachment))
}

extension Change {
    /// A route that a pod has and no row asks for: who has CAP_NET_ADMIN there makes as many as he likes.
    package var isSurplusRoute: Bool {
        if case .delete(.route, _, _) = self { attachment != nil } else { false }
    }
}
