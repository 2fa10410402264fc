/// What must be done to make `observed` what `desired` asks for. Pure, and the only place where that is decided.
///
/// - Parameter withdrawn: names of objects that the database remembers to have given up; nothing else is ever deleted.
package func diff(desired: KernelState, observed: KernelState, withdrawn: Set<String> = []) -> Plan {
    var plan = Plan()
    desired.forEachPlace { place in
        let namespace = place.namespace
        if let reason = observed[unreadable: namespace] {
            plan.notices.append(Plan.Notice(reason, attachment: namespace.attachment))
            return
        }
        // A namespace that nobody looked at is doubt, and nothing is done on doubt.
        guard observed.isObserved(namespace) else { return }
        guard isOurs(namespace, desired: desired, observed: observed) else { return }
        for object in desired.all(in: namespace) {
            compare(object, in: namespace, desired: desired, observed: observed, plan: &plan)
        }
    }
    observed.forEachPlace { place in
        for object in observed.all(in: place.namespace)
        where desired[place.namespace, object.resource.name] == nil {
            if case .route(let route) = object, route.wasMoved(in: place.namespace, desired, observed) { continue }
            prune(object, in: place.namespace, withdrawn: withdrawn, plan: &plan)
        }
    }
    plan.changes = inOrder(plan.changes)
    plan.conflicts.sort { $0.object.resource.name < $1.object.resource.name }
    plan.notices.sort { $0.text < $1.text }
    plan.orphans.sort { $0.resource.name < $1.resource.name }
    return plan
}

/// By phase, attachment and name.
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
        return $0.attachment == $1.attachment ? $0.change.name < $1.change.name : $0.attachment < $1.attachment
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

private func compare(
    _ object: Object, in namespace: NamespaceID, desired: KernelState, observed: KernelState, plan: inout Plan
) {
    let resource = object.resource
    guard let found = observed[namespace, resource.name] else {
        if case .veth(let veth) = object, desired[repair: veth.pod] == .nothing { return }
        if case .route(let route) = object, route.isMoved(in: namespace, observed) { return }
        plan.changes.append(.add(object, in: namespace, reason: "missing"))
        return
    }
    let judgement = resource.judgement(ofAny: found)
    if let reason = judgement.conflict {
        plan.conflicts.append(Plan.Conflict(namespace: namespace, object: object, reason: reason))
        return
    }
    if case .veth(let veth) = object, let reason = veth.loss(of: observed, actual: found) {
        // The pair lost its inner end: neither end can be mended, so it is made anew.
        guard desired[repair: veth.pod] != .nothing else { return }
        plan.changes.append(.delete(found, in: namespace, reason: reason))
        plan.changes.append(.add(object, in: namespace, reason: reason))
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

private func prune(_ object: Object, in namespace: NamespaceID, withdrawn: Set<String>, plan: inout Plan) {
    let resource = object.resource
    if resource.mark != false, resource.withdrawnNames.contains(where: withdrawn.contains) {
        plan.changes.append(.delete(object, in: namespace, reason: "no longer wanted"))
    } else if resource.mark == true {
        if namespace == .host { plan.orphans.append(object) }
        plan.notices.append(
            Plan.Notice(
                "\(resource.name) carries Plumb's mark, but this database does not know it: kept"
                    + (namespace == .host ? " (`plumbctl gc`)" : ""), attachment: namespace.attachment))
    }
}
