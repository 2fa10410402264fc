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
///
/// - Parameter bridge: one that a network has just left. If it was adopted, it stays, and nobody asks for it any more; our
///   gateways are taken from it all the same.
package func applyHost(
    _ store: borrowing Store, _ kernel: inout some Kernel & ~Copyable, leaving bridge: String
) throws(ReconcilerError) -> ApplyReport {
    var examination = try examine(store, &kernel)
    var look = KernelState()
    look.insert(Bridge(ifname: bridge), in: .host)
    var observed = KernelState()
    try kernel.observe(.host, .attachment, desired: look, into: &observed)
    let wanted = render(examination.intent)
    let left = observed.all(in: .host).filter { object in
        guard case .address = object, !examination.intent.lacksNetworks else { return false }
        return wanted[.host, object.resource.name] == nil
    }
    let withdrawn = try mapped { () throws(StoreError) in try store.withdrawn(among: left.map(\.resource.name)) }
    let gateways = left.filter { withdrawn.contains($0.resource.name) }
    let known = Set(examination.plan.changes.map(\.name))
    examination.plan.changes.insert(
        contentsOf: gateways.filter { !known.contains($0.resource.name) }.map {
            .delete($0, in: .host, reason: "no longer wanted")
        }, at: 0)
    var result = ApplyReport(examination: examination)
    let pass = Pass(cause: "network")
    mendTogether(examination, pass, store, &kernel, &result)
    mendHost(examination, pass, store, &kernel, &result)
    return result
}
