package import Netlink
internal import Store

/// The VLANs of a bridge's port: what is wanted, or what is.
package struct VLANMembership: Hashable, Sendable {
    /// In ascending order.
    package var vlans: [BridgeVLAN]
    /// Desired: in others it is not, save what the kernel's own default gives.
    package var isExact: Bool

    package init(_ vlans: [BridgeVLAN], isExact: Bool = false) {
        self.vlans = vlans.sorted { $0.first < $1.first }
        self.isExact = isExact
    }

    /// What an attachment asks for: a VLAN without tags, in which frames that come without one are, or some with tags.
    init(_ wanted: PortVLANs) {
        let access = wanted.access.map { [BridgeVLAN($0, isPVID: true, isUntagged: true)] } ?? []
        self.init(access + wanted.trunk.map { BridgeVLAN($0.first, $0.last) }, isExact: !wanted.keepsDefault)
    }

    /// - Parameter observed: `nil` is the kernel's own default, which a new port has.
    func drift(from observed: Self?) -> [String] {
        let actual = observed?.vlans ?? []
        var drift: [String] = []
        for vlan in vlans where !actual.contains(where: { $0.covers(vlan) }) && !VLANMembership.join(actual, vlan) {
            drift.append("it is not in VLAN \(vlan.words)")
        }
        for vlan in excess(in: actual) { drift.append("it is in VLAN \(vlan.words)") }
        return drift
    }

    /// Of what there is, what should not be.
    private func excess(in actual: [BridgeVLAN]) -> [BridgeVLAN] {
        guard isExact else { return [] }
        var excess: [BridgeVLAN] = []
        for found in actual {
            var next = found.first
            for vlan in vlans where vlan.last >= next && vlan.first <= found.last {
                if vlan.first > next { excess.append(BridgeVLAN(next, vlan.first - 1)) }
                next = vlan.last + 1
            }
            if next <= found.last { excess.append(BridgeVLAN(next, found.last)) }
        }
        return excess
    }

    /// Whether the ranges of what there is make up a wanted one together.
    private static func join(_ actual: [BridgeVLAN], _ wanted: BridgeVLAN) -> Bool {
        var next = Int(wanted.first)
        for vlan in actual where vlan.isPVID == wanted.isPVID && vlan.isUntagged == wanted.isUntagged {
            if Int(vlan.first) <= next, Int(vlan.last) >= next { next = Int(vlan.last) + 1 }
        }
        return next > Int(wanted.last)
    }

    func requests(for ifname: String, index: Int32, from observed: Self?) -> [Request] {
        // A port begins in VLAN 1, unless the bridge's default was changed; what is not there is no error to take away.
        let surplus = isExact ? excess(in: observed?.vlans ?? [BridgeVLAN(1)]) : []
        var requests: [Request] = []
        if !surplus.isEmpty {
            requests.append(.deleteVLANs(surplus, index: index, context: "take \(ifname) out of VLANs"))
        }
        requests.append(.addVLANs(vlans, index: index, context: "put \(ifname) into VLANs"))
        return requests
    }

    /// What a person would type, after the port's own options.
    func command(for ifname: String) -> String {
        let deletion = isExact ? " && bridge vlan del vid 1 dev \(ifname)" : ""
        return deletion
            + vlans.map { vlan in
                " && bridge vlan add vid \(vlan.words) dev \(ifname)" + (vlan.isPVID ? " pvid" : "")
                    + (vlan.isUntagged ? " untagged" : "")
            }.joined()
    }
}

extension BridgeVLAN {
    fileprivate func covers(_ other: Self) -> Bool {
        first <= other.first && last >= other.last && isPVID == other.isPVID && isUntagged == other.isUntagged
    }

    fileprivate var words: String { first == last ? "\(first)" : "\(first)-\(last)" }
}
