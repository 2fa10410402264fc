package import Store

/// Makes the kernel agree with a network that may have no pod yet: its bridge, gateways and forwarding. A conflict with
/// what is there is a failure, as it is to ADD.
package func reconcile(
    _ network: Network, cause: String, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> Report {
    let report = try reconcile(Intent(networks: [network]), store, &kernel, extent: .newAttachment, isNew: true)
    try mapped { () throws(StoreError) in try store.record(report.events(for: nil, cause: cause)) }
    return report
}

/// Makes the host agree with the database, and leaves the pods alone.
package func applyHost(
    _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> ApplyReport {
    let examination = try examine(store, &kernel)
    var result = ApplyReport(examination: examination)
    let pass = Pass(cause: "network")
    mendTogether(examination, pass, store, &kernel, &result)
    mendHost(examination, pass, store, &kernel, &result)
    return result
}

/// Takes our gateways from a bridge that a network has just left, as far as nobody is left there: the host would have the
/// subnet on two bridges until the next apply. While nobody else can record anything, who might ask for one again.
package func leave(
    _ bridge: String, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> Report {
    var report = Report()
    try mapped { () throws(StoreError) in
        try store.holdingWriter { () throws(StoreError) in
            do throws(ReconcilerError) {
                let left = try gateways(leftOn: bridge, store, &kernel, &report)
                var plan = Plan()
                plan.changes = left.map { .delete($0, in: .host, reason: "no longer wanted") }
                report.failures += executeRemembering(plan, store, &kernel, &report).map(\.text)
            } catch {
                report.failures.append(error.description)
            }
        }
        try store.record(report.events(for: nil, cause: "ADD"))
    }
    return report
}

/// Addresses on a bridge that we made there, and that neither a network nor a pod asks for.
private func gateways(
    leftOn bridge: String, _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, _ report: inout Report
) throws(ReconcilerError) -> [Object] {
    let intent = try mapped { () throws(StoreError) in try store.intent() }
    guard !intent.lacksNetworks else { return [] }
    // Of rows that cannot be read only those count that may be about this bridge.
    let promised = intent.attachments.filter { $0.bridge == bridge }
    let recorded = try mapped { () throws(StoreError) in try store.promises(onBridge: bridge) }
    guard recorded.pods == promised.count, recorded.leases == promised.reduce(0, { $0 + $1.leases.count }) else {
        report.failures.append(
            "its gateways stay there, for a pod's row that cannot be read may ask for them: see `plumbctl plan`")
        return []
    }
    var look = KernelState()
    look.insert(Bridge(ifname: bridge), in: .host)
    var observed = KernelState()
    try kernel.observe(.host, .attachment, desired: look, into: &observed)
    let wanted = render(intent.living)
    let left = observed.all(in: .host).filter { object in
        guard case .address = object else { return false }
        return wanted[.host, object.resource.name] == nil
    }
    let withdrawn = try mapped { () throws(StoreError) in try store.withdrawn(among: left.map(\.resource.name)) }
    return left.filter { withdrawn.contains($0.resource.name) }
}
