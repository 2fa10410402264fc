internal import Addressing
internal import Netlink
internal import Store

/// The table that lets a port send with its pod's MAC only. Dropped as they come in, before the bridge learns from them.
enum MACCheckTable {
    /// The database's tag, if any port is to be checked.
    static func tag(_ intent: Intent) -> String? {
        for network in intent.networks where network.spec.checksMAC && !network.tag.isEmpty { return network.tag }
        for attachment in intent.attachments where attachment.checksMAC {
            return Attachment.tag(ofHostIfname: attachment.hostIfname).map(String.init)
        }
        return nil
    }

    static func table(tag: String) -> FirewallTable {
        let name = FirewallTable.prefix + tag
        let chain = NFChain(
            family: .bridge, table: name, name: "prerouting",
            base: NFChain.Base(type: "filter", hook: .prerouting, priority: -300))
        let rule = NFRule(
            family: .bridge, table: name, chain: chain.name,
            expressions: [
                FirewallMatch.input, .lookup(set: ports(name).name, .first),
                FirewallMatch.input, .payload(.link, offset: 6, length: 6, into: .fifth),
                .lookup(set: macs(name).name, .first, isInverted: true), .verdict(.drop),
            ], comment: "not the MAC of its pod")
        return FirewallTable(
            table: NFTable(family: .bridge, name: name, comment: FirewallTable.comment),
            sets: [ports(name), macs(name)], chains: [chain],
            rules: [FirewallRule(rule: rule, text: "iifname @ports iifname . ether saddr != @macs drop")],
            key: "macspoofchk")
    }

    /// Host ends that are checked.
    private static func ports(_ table: String) -> NFSet {
        NFSet(family: .bridge, table: table, name: "ports", keys: [.interfaceName])
    }

    /// Host ends, each with the MAC that may come in by it.
    private static func macs(_ table: String) -> NFSet {
        NFSet(family: .bridge, table: table, name: "macs", keys: [.interfaceName, .etherAddress])
    }

    static func elements(_ intent: Intent) -> [FirewallElement] {
        guard let tag = tag(intent) else { return [] }
        let table = FirewallTable.prefix + tag
        var elements: [FirewallElement] = []
        for attachment in intent.attachments where attachment.checksMAC {
            let port = FirewallMatch.key(attachment.hostIfname)
            let comment = FirewallElement.comment(attachment)
            elements.append(
                FirewallElement(
                    NFElement(key: port), of: ports(table), text: attachment.hostIfname, comment: comment,
                    owner: attachment.id))
            // A field of a concatenation takes whole groups of four bytes.
            elements.append(
                FirewallElement(
                    NFElement(key: port + attachment.mac.bytes + [0, 0]), of: macs(table),
                    text: "\(attachment.hostIfname) . \(attachment.mac)", comment: comment, owner: attachment.id))
        }
        return elements
    }
}
