package import Store

/// What one attachment and what it stands on need, whoever owns the inside of its pod. Its namespace is open in
/// `kernel`. Changes nothing.
///
/// - Parameter includesPods: whether the inside of the pod is looked at.
package func plan(
    _ intent: Intent, includesPods: Bool, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) -> Plan {
    var desired = render(intent)
    for attachment in intent.attachments {
        desired[repair: attachment.pod] = .everything
        if !includesPods { desired.remove(attachment.pod) }
    }
    return diff(desired: desired, observed: try observe(desired, &kernel, .attachment))
}
