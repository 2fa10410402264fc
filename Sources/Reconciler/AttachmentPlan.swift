package import Store

/// What one attachment and what it stands on need, whoever owns the inside of its pod. Its namespace is open in
/// `kernel`. Changes nothing.
///
/// - Parameters:
///   - includesPods: whether the inside of the pod is looked at.
///   - bridgeMTU: what all that share the bridge ask for together, in bytes.
package func plan(
    _ intent: Intent, includesPods: Bool, bridgeMTU: Int?, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> Plan {
    var desired = render(intent)
    for case .bridge(var bridge) in desired.all(in: .host) where bridge.mtu != nil {
        bridge.mtu = bridgeMTU ?? bridge.mtu
        desired[.host, bridge.name] = .bridge(bridge)
    }
    for attachment in intent.attachments {
        desired[repair: attachment.pod] = .everything
        if !includesPods { desired.remove(attachment.pod) }
    }
    return diff(desired: desired, observed: try observe(desired, &kernel, .attachment))
}
