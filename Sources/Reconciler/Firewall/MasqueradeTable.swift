internal import Addressing
internal import Netlink
internal import Store

/// The table that masquerades: a packet that came in by a pod's bridge with that pod's address takes the address of the
/// link that it leaves by, unless it goes where it may go as it is, or to a multicast group.
///
/// The bridge is part of every key, since the same address may be in use on two of them. `iifname` is known after routing
/// since Linux 5.7 (commit 28f8bfd1ac94).
enum MasqueradeTable {
    /// The database's tag, if anything is to be masqueraded.
    static func tag(_ intent: Intent) -> String? {
        for network in intent.networks where network.spec.masquerade != nil && !network.tag.isEmpty {
            return network.tag
        }
        for attachment in intent.attachments where attachment.unmasqueraded != nil {
            return Attachment.tag(ofHostIfname: attachment.hostIfname).map(String.init)
        }
        return nil
    }

    static func table(tag: String) -> FirewallTable {
        let name = FirewallTable.prefix + tag
        let chain = NFChain(
            family: .inet, table: name, name: "postrouting",
            base: NFChain.Base(type: "nat", hook: .postrouting, priority: 100))
        var rules: [FirewallRule] = []
        func add(_ expressions: [NFExpression], _ text: String, comment: String) {
            rules.append(
                FirewallRule(
                    rule: NFRule(
                        family: .inet, table: name, chain: chain.name, expressions: expressions, comment: comment),
                    text: text))
        }
        for family in [IPFamily.v4, .v6] {
            let ip = family == .v4 ? "ip" : "ip6"
            add(
                FirewallMatch.family(family) + FirewallMatch.isMulticast(family) + [.verdict(.return)],
                "\(ip) daddr \(family == .v4 ? "224.0.0.0/4" : "ff00::/8") return",
                comment: "IPv\(family.version) multicast")
        }
        for family in [IPFamily.v4, .v6] {
            let ip = family == .v4 ? "ip" : "ip6"
            let set = direct(family, name).name
            add(
                FirewallMatch.family(family) + [
                    FirewallMatch.input, FirewallMatch.source(family), FirewallMatch.destination(family),
                    .lookup(set: set, .first), .verdict(.return),
                ], "iifname . \(ip) saddr . \(ip) daddr @\(set) return",
                comment: "IPv\(family.version) as it is")
        }
        for family in [IPFamily.v4, .v6] {
            let ip = family == .v4 ? "ip" : "ip6"
            let set = pods(family, name).name
            add(
                FirewallMatch.family(family) + [
                    FirewallMatch.input, FirewallMatch.source(family), .lookup(set: set, .first), .masquerade(),
                ], "iifname . \(ip) saddr @\(set) masquerade", comment: "IPv\(family.version) of pods")
        }
        return FirewallTable(
            table: NFTable(family: .inet, name: name, comment: FirewallTable.comment),
            sets: [pods(.v4, name), pods(.v6, name), direct(.v4, name), direct(.v6, name)], chains: [chain],
            rules: rules, key: "ipMasq")
    }

    /// Bridge and address of every pod that is masqueraded.
    private static func pods(_ family: IPFamily, _ table: String) -> NFSet {
        NFSet(
            family: .inet, table: table, name: "masquerade\(family.version)", keys: [.interfaceName, type(family)])
    }

    /// Bridge, source and destination of what goes as it is: there are few, whatever the number of pods.
    private static func direct(_ family: IPFamily, _ table: String) -> NFSet {
        NFSet(
            family: .inet, table: table, name: "direct\(family.version)",
            keys: [.interfaceName, type(family), type(family)], hasIntervals: true)
    }

    private static func type(_ family: IPFamily) -> NFDataType { family == .v4 ? .ipv4Address : .ipv6Address }

    static func elements(_ intent: Intent) -> [FirewallElement] {
        guard let tag = tag(intent) else { return [] }
        let table = FirewallTable.prefix + tag
        var elements: [FirewallElement] = []
        var paths: [DirectPath] = []
        for network in intent.networks {
            let blocks = network.spec.unmasqueraded() ?? []
            for set in network.spec.rangeSets {
                for range in set {
                    for block in blocks where block.family == range.subnet.family {
                        paths.append(
                            DirectPath(bridge: network.spec.bridge, source: range.subnet, destination: block))
                    }
                }
            }
        }
        for attachment in intent.attachments {
            guard let blocks = attachment.unmasqueraded else { continue }
            for lease in attachment.leases {
                let address = lease.address.address
                elements.append(
                    FirewallElement(
                        NFElement(key: FirewallMatch.key(attachment.bridge) + address.networkBytes),
                        of: pods(address.family, table), text: "\(attachment.bridge) . \(address)",
                        comment: FirewallElement.comment(attachment), owner: attachment.id))
                for block in blocks where block.family == address.family {
                    let path = DirectPath(
                        bridge: attachment.bridge, source: lease.address.network, destination: block)
                    // A thousand pods say the same.
                    if !paths.contains(path) { paths.append(path) }
                }
            }
        }
        for path in DirectPath.outermost(paths) {
            elements.append(
                FirewallElement(path.element, of: direct(path.source.family, table), text: path.text))
        }
        return elements
    }
}

/// Where traffic of a subnet goes as it is.
private struct DirectPath: Hashable {
    var bridge: String
    var source: CIDR
    var destination: CIDR

    func covers(_ other: Self) -> Bool {
        bridge == other.bridge && source.contains(other.source) && destination.contains(other.destination)
    }

    /// The kernel takes no two elements that overlap. Blocks of one bridge are either within one another or apart, but
    /// a path may be wider in its source and narrower in its destination: both then become one that is wide in both.
    static func outermost(_ paths: [DirectPath]) -> [DirectPath] {
        var kept: [DirectPath] = []
        for path in paths {
            var path = path
            while let place = kept.firstIndex(where: { $0.overlaps(path) }) {
                let other = kept.remove(at: place)
                if other.source.contains(path.source) { path.source = other.source }
                if other.destination.contains(path.destination) { path.destination = other.destination }
            }
            kept.append(path)
        }
        return kept
    }

    private func overlaps(_ other: Self) -> Bool {
        bridge == other.bridge && source.overlaps(other.source) && destination.overlaps(other.destination)
    }

    /// A block of one address is written as the address.
    var text: String {
        func text(_ block: CIDR) -> String { block.span == 0 ? block.address.description : block.description }
        return "\(bridge) . \(text(source)) . \(text(destination))"
    }

    var element: NFElement {
        let name = FirewallMatch.key(bridge)
        return NFElement(
            key: name + source.first.networkBytes + destination.first.networkBytes,
            keyEnd: name + source.last.networkBytes + destination.last.networkBytes)
    }
}
