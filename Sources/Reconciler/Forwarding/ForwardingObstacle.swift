internal import Addressing
internal import Netlink
package import Store

/// Something of others that keeps packets of pods from passing, and that is not ours to change.
package struct ForwardingObstacle: Hashable, Sendable {
    package var reason: String
    /// What opens it, to be typed as root.
    package var command: String

    package init(reason: String, command: String) {
        self.reason = reason
        self.command = command
    }
}

/// What stands in the way of this node's pods. Pure.
///
/// A drop policy is an obstacle only until a rule of the same chain accepts all that comes from and goes to the bridge: what
/// narrower rules let pass cannot be told from here.
package func forwardingObstacles(_ intent: Intent, _ facts: ForwardingFacts) -> [ForwardingObstacle] {
    var obstacles: [ForwardingObstacle] = []
    let bridges = IPFamily.allCases.map { (family: $0, names: gatewayBridges(intent, $0)) }
    let allBridges = Set(intent.networks.map(\.spec.bridge) + intent.attachments.map(\.bridge))
    for dropping in facts.chains {
        let chain = dropping.chain
        // What one port sends to another passes a chain of bridges, whether or not there is a gateway.
        let concerned =
            chain.family == .bridge
            ? Array(allBridges) : bridges.filter { chain.family.takes($0.family) }.flatMap(\.names)
        for bridge in Set(concerned).sorted() where !dropping.accepts(bridge) {
            obstacles.append(
                ForwardingObstacle(
                    reason:
                        "chain \(chain.name) of table \(chain.family.name) \(chain.table) drops what pods on \(bridge) send "
                        + (chain.family == .bridge ? "each other" : "and get") + ", unless one of its rules accepts it",
                    command: chain.opening(bridge)))
        }
    }
    for (family, bridges) in bridges {
        guard let accepted = facts.legacyDrops[family] else { continue }
        for bridge in bridges where !accepted.contains(bridge) {
            let tool = family == .v4 ? "iptables-legacy" : "ip6tables-legacy"
            obstacles.append(
                ForwardingObstacle(
                    reason:
                        "the FORWARD policy of \(tool) drops what pods on \(bridge) send and get, unless a rule accepts it",
                    command: "\(tool) -I FORWARD -i \(bridge) -j ACCEPT && \(tool) -I FORWARD -o \(bridge) -j ACCEPT"))
        }
    }
    obstacles += netfilterObstacles(intent, facts)
    if intent.forwards(.v6) {
        for (link, mode) in facts.advertisedUplinks.sorted(by: { $0.key < $1.key }) where mode == "1" {
            obstacles.append(
                ForwardingObstacle(
                    reason:
                        "the IPv6 default route by \(link) comes from a router's advertisements, which the kernel ignores "
                        + "while it forwards: it will expire",
                    command: "sysctl -w \(sysctlName("net/ipv6/conf/\(link)/accept_ra"))=2"))
        }
    }
    return obstacles
}

/// kube-proxy translates addresses in iptables, which frames between ports of one bridge pass only if br_netfilter says so.
private func netfilterObstacles(_ intent: Intent, _ facts: ForwardingFacts) -> [ForwardingObstacle] {
    // Where the key is set it is drift, and apply's.
    guard facts.hasKubeProxy, !intent.networks.contains(where: \.spec.bridgeNetfilter) else { return [] }
    let consequence = "service traffic between local pods will fail: "
    for family in IPFamily.allCases where !gatewayBridges(intent, family).isEmpty {
        guard let value = facts.bridgeNetfilter[family] else {
            return [
                ForwardingObstacle(
                    reason: consequence + "br_netfilter is not loaded",
                    command: "modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1 "
                        + "net.bridge.bridge-nf-call-ip6tables=1")
            ]
        }
        let name = sysctlName(Sysctl.bridgeNetfilter(family))
        if value == "0" {
            return [
                ForwardingObstacle(
                    reason: consequence + "\(name) is 0 (key bridgeNetfilter keeps it on)",
                    command: "sysctl -w \(name)=1")
            ]
        }
    }
    return []
}

/// As people write it, with dots; with the path's own slashes where a link's name has a dot (`eth0.100`), which sysctl(8)
/// would take for a slash.
private func sysctlName(_ path: String) -> String {
    // Not `replacing`: that is of the regular expressions' library, a tenth of the plugin's size and start.
    path.contains(".") ? path : String(path.map { $0 == "/" ? "." : $0 })
}

/// Bridges whose pods reach the world through this host, in order.
private func gatewayBridges(_ intent: Intent, _ family: IPFamily) -> [String] {
    var bridges: Set<String> = []
    for network in intent.networks where network.spec.isGateway {
        if network.spec.rangeSets.joined().contains(where: { $0.subnet.family == family }) {
            bridges.insert(network.spec.bridge)
        }
    }
    for attachment in intent.attachments where attachment.isGateway {
        if attachment.leases.contains(where: { $0.address.family == family }) { bridges.insert(attachment.bridge) }
    }
    return bridges.sorted()
}

extension Intent {
    fileprivate func forwards(_ family: IPFamily) -> Bool { !gatewayBridges(self, family).isEmpty }
}

extension NFFamily {
    fileprivate func takes(_ family: IPFamily) -> Bool {
        switch self {
        case .ipv4: family == .v4
        case .ipv6: family == .v6
        default: true
        }
    }
}

extension NFChain {
    /// The command that lets a bridge's packets pass. In the family `bridge` interfaces are its ports; the bridge's own
    /// name (`meta ibrname`) takes a module that not every kernel has.
    fileprivate func opening(_ bridge: String) -> String {
        // Rules that nft makes in a table of iptables, iptables can no longer list.
        if table == "filter", name == "FORWARD", family == .ipv4 || family == .ipv6 {
            let tool = family == .ipv4 ? "iptables" : "ip6tables"
            return "\(tool) -I FORWARD -i \(bridge) -j ACCEPT && \(tool) -I FORWARD -o \(bridge) -j ACCEPT"
        }
        if table == "firewalld" {
            return "firewall-cmd --permanent --zone=trusted --add-interface=\(bridge) && firewall-cmd --reload"
        }
        let place = "nft insert rule \(family.name) \(table) \(name)"
        guard family == .bridge else { return "\(place) iifname \(bridge) accept && \(place) oifname \(bridge) accept" }
        let ports = Attachment.namePrefix
        if table == "filter", name == "FORWARD" {
            return "ebtables -I FORWARD -i \(ports)+ -j ACCEPT && ebtables -I FORWARD -o \(ports)+ -j ACCEPT"
        }
        return "\(place) 'iifname \"\(ports)*\" accept' && \(place) 'oifname \"\(ports)*\" accept'"
    }
}

extension ForwardingFacts.DroppingChain {
    /// Whether rules accept all from and to a bridge.
    fileprivate func accepts(_ bridge: String) -> Bool {
        func accepts(_ keys: [NFMetaKey], _ name: String) -> Bool {
            keys.allSatisfy { key in rules.contains { $0.accepts(key, name) } }
        }
        guard chain.family == .bridge else { return accepts([.inputName, .outputName], bridge) }
        return accepts([.inputName, .outputName], Attachment.namePrefix)
            || accepts([.inputBridgeName, .outputBridgeName], bridge)
    }
}

extension NFRule {
    /// Accepts whatever has this name for an interface, and looks at nothing else.
    fileprivate func accepts(_ key: NFMetaKey, _ name: String) -> Bool {
        let steps = expressions.filter { $0 != .counter }
        guard steps.count == 3, case .meta(key, let register) = steps[0],
            case .compare(register, .equal, let bytes) = steps[1], steps[2] == .verdict(.accept)
        else { return false }
        // Without an end it is a beginning: `cni*`, `cni+`.
        guard let end = bytes.firstIndex(of: 0) else { return name.utf8.starts(with: bytes) }
        return bytes[..<end].elementsEqual(name.utf8)
    }
}
