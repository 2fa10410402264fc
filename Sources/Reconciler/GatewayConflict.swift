internal import Addressing
internal import Store

/// A gateway that ADD is about to put on a bridge, and an address of somebody else's there that overlaps its subnet:
/// two hosts of one subnet on one link, of which the second is most likely a mistake (a LAN's own router, say).
struct GatewayConflict {
    var gateway: LinkAddress
    var foreign: LinkAddress

    /// Only of gateways that are missing: what stands beside one of ours since is not ours to judge. Pure.
    static func all(desired: KernelState, observed: KernelState) -> [GatewayConflict] {
        var conflicts: [GatewayConflict] = []
        for case .address(let gateway) in desired.all(in: .host) where observed[.host, gateway.name] == nil {
            for case .address(let found) in observed.all(in: .host)
            where found.link == gateway.link && found.address.overlaps(gateway.address)
                && desired[.host, found.name] == nil && !found.isLinkLocal
            {
                conflicts.append(GatewayConflict(gateway: gateway, foreign: found))
            }
        }
        return conflicts.sorted { ($0.gateway.name, $0.foreign.name) < ($1.gateway.name, $1.foreign.name) }
    }

    var reason: String {
        "\(gateway.address) is to be the gateway on \(gateway.link), which has \(foreign.address) of an overlapping subnet: "
            + "name another gateway or bridge in the config, take that address away "
            + "(`ip addr del \(foreign.address) dev \(foreign.link)`), or have it replaced by forceAddress"
    }
}

extension Plan {
    /// What ADD does about addresses beside a gateway that it is about to put there. Those of ours, whichever network's, are
    /// none of them.
    ///
    /// - Parameter own: their names on a bridge; asked only if something is there.
    mutating func settleGateways(
        of intent: Intent, desired: KernelState, observed: KernelState,
        own: (String) throws(ReconcilerError) -> Set<String>
    ) throws(ReconcilerError) {
        var conflicts = GatewayConflict.all(desired: desired, observed: observed)
        guard let bridge = conflicts.first?.gateway.link else { return }
        let own = try own(bridge)
        conflicts.removeAll { own.contains($0.foreign.name) }
        settle(conflicts, in: intent)
    }

    /// Refuses, or replaces the foreign addresses if the network says so.
    private mutating func settle(_ conflicts: [GatewayConflict], in intent: Intent) {
        for conflict in conflicts {
            let isForced = intent.networks.contains {
                $0.spec.forceAddress && $0.spec.bridge == conflict.gateway.link
            }
            if isForced {
                let change = Change.delete(
                    .address(conflict.foreign), in: .host,
                    reason: "forceAddress, for \(conflict.gateway.address) is the gateway there")
                if !changes.contains(change) { changes.insert(change, at: 0) }
            } else {
                self.conflicts.append(
                    Conflict(namespace: .host, object: .address(conflict.gateway), reason: conflict.reason))
            }
        }
    }
}
