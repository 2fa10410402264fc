package import Store

/// How the host is for pods of a network that live, and for its next.
package struct Outlook: Sendable {
    /// What pods that live should find on the host.
    package var living: Plan
    /// What the next ADD would do about the network's bridge. It is refused for the conflicts.
    package var next: Plan
}

/// Looks at the host as an ADD would. Changes nothing.
///
/// - Parameters:
///   - living: what the host has for pods that live; of single pods nothing.
///   - next: the network as the next ADD will record it.
///   - own: names of gateways of ours on a bridge; asked only if something is in the way.
package func outlook(
    living: KernelState, next: Network, _ kernel: inout some Kernel & ~Copyable,
    own: (String) throws(ReconcilerError) -> Set<String>
) throws(ReconcilerError) -> Outlook {
    let intent = Intent(networks: [next])
    var bridge = KernelState()
    Bridge.render(intent, into: &bridge)
    LinkAddress.render(intent, into: &bridge)
    var looked = living
    Bridge.render(intent, into: &looked)
    var observed = KernelState()
    try kernel.observe(.host, .attachment, desired: looked, into: &observed)
    var outlook = Outlook(
        living: diff(desired: living, observed: observed), next: diff(desired: bridge, observed: observed))
    try outlook.next.settleGateways(of: intent, desired: bridge, observed: observed, own: own)
    return outlook
}
