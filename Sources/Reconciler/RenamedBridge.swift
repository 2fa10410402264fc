internal import Addressing
internal import Netlink

/// A bridge of ours under a name that it should not have: it has our mark and the MAC that was made up for a bridge which is
/// not there by its own. Its ports and gateways are still on it.
struct RenamedBridge {
    var link: LinkMessage
    /// That it should have.
    var ownName: String

    /// Those among `links` that can have their names back: each name is free, or another of them has it.
    static func all(
        among links: [LinkMessage], _ reader: NamespaceReader, _ desired: KernelState
    ) throws(NetlinkError) -> [RenamedBridge] {
        var found: [RenamedBridge] = []
        for link in links {
            guard let own = try ownName(of: link, reader, desired), !found.contains(where: { $0.ownName == own }) else {
                continue
            }
            found.append(RenamedBridge(link: link, ownName: own))
        }
        while true {
            var kept: [RenamedBridge] = []
            for bridge in found {
                let holder = try reader.link(named: bridge.ownName)
                let isFree = holder.map { holder in found.contains { $0.link.index == holder.index } } ?? true
                if isFree { kept.append(bridge) }
            }
            if kept.count == found.count { return kept }
            found = kept
        }
    }

    private static func ownName(
        of link: LinkMessage, _ reader: NamespaceReader, _ desired: KernelState
    ) throws(NetlinkError) -> String? {
        guard let name = link.name else { return nil }
        for case .bridge(let bridge) in desired.all(in: .host) {
            guard let mac = bridge.mac, mac.bytes == link.hardwareAddress, bridge.ifname != name else { continue }
            guard case .bridge(let wanted)? = desired[.host, Bridge.name(name)] else { return bridge.ifname }
            if wanted.mac == mac { return nil }
            // The MAC was changed, not the name, of one that has a gateway by this name.
            for message in try reader.addresses(index: link.index) {
                if let found = LinkAddress(message, on: name), desired[.host, found.name] != nil { return nil }
            }
            return bridge.ifname
        }
        return nil
    }
}

extension Bridge {
    /// Names are given back in the order of these, so that one which has an earlier one's gives way to it first.
    mutating func minds(_ renamed: [RenamedBridge]) {
        guard let other = otherName else { return }
        for bridge in renamed where bridge.link.name == ifname && bridge.ownName > ifname {
            holder = Holder(ifname: bridge.ownName, asideName: Bridge.asideName(bridge.link.index))
        }
        for bridge in renamed where bridge.ownName == ifname {
            let isInTheWay = renamed.contains { $0.ownName == other && $0.ownName < ifname }
            if isInTheWay { asideName = Bridge.asideName(bridge.link.index) }
        }
    }

    /// At most 15 characters.
    private static func asideName(_ index: Int32) -> String { "aside\(index)" }

    /// What must go before it can have its name.
    func makeWay(_ observed: Self?, _ links: LinkTable) throws(NetlinkError) -> [Request] {
        var requests: [Request] = []
        if observed?.isAlternative == true {
            requests.append(try AlternativeName.request(ifname, index: links.index(of: ifname)))
        }
        if let holder = observed?.holder {
            var link = LinkMessage()
            link.index = try links.index(of: holder.ifname)
            link.name = holder.asideName
            requests.append(try .setLink(link, context: "name bridge \(holder.ifname) \(holder.asideName)"))
        }
        return requests
    }
}
