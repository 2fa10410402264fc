internal import Addressing
package import Netlink
internal import Reconciler
package import Store

/// What is ours in the kernel, by the numbers that its events have. Pure.
package struct Landscape: Sendable {
    /// Of a bridge, what we might mend: its ports' comings and goings make events too. Of another link, what a route may need.
    private struct Seen: Hashable {
        var name: String?
        var isUp: Bool
        var isPromiscuous: Bool
        var mac: [UInt8]?
        var mtu: UInt32?
        var group: UInt32?
        var filtersVLANs: Bool?

        init(_ link: LinkMessage) {
            name = link.name
            isUp = link.isUp
            isPromiscuous = link.isPromiscuous
            mac = link.hardwareAddress
            mtu = link.mtu
            group = link.group
            filtersVLANs = link.filtersVLANs
        }
    }

    private struct Destination: Hashable {
        var bytes: [UInt8]
        var length: UInt8
        var table: UInt32
    }

    package let intent: HostIntent
    private let destinations: Set<Destination>
    /// Gateways and sources of host routes. With the addresses of its link an IPv4 route goes without an event; once there is a
    /// way to these, it can be made again.
    private let nextHops: [IPAddress]
    /// Links of which it matters how they are: our bridges, and those that host routes name.
    private let names: Set<String>
    /// Of nf_tables.
    private let tables: Set<String>
    private var bridges: [Int32: Seen] = [:]
    /// Outer ends of pods, by index.
    private var ends: [Int32: Int64] = [:]
    /// Attachments of pods whose namespace has a number here. More than one for a pod with several interfaces.
    private var pods: [Int32: Set<Int64>] = [:]

    /// - Parameter links: all of this namespace.
    package init(intent: HostIntent, links: [LinkMessage]) {
        self.intent = intent
        destinations = Set(
            intent.routes.map {
                let length = UInt8($0.destination.prefixLength)
                return Destination(
                    bytes: length == 0 ? [] : $0.destination.address.networkBytes, length: length, table: $0.table)
            })
        nextHops = intent.routes.flatMap { [$0.gateway, $0.source] }.compactMap(\.self)
        names = intent.bridges.union(intent.routes.compactMap(\.device))
        tables = Set(FirewallTable.names(tag: intent.tag))
        for link in links { _ = concern(link, isGone: false) }
    }

    /// How many pods' namespaces are heard.
    package var podCount: Int { pods.count }

    /// What an event asks to be looked at.
    package mutating func concern(_ event: KernelEvent) throws(NetlinkError) -> Set<Matter> {
        let content = try EventContent(event.message)
        if let number = event.namespaceID {
            switch content {
            case .link, .address, .route: return Set((pods[number] ?? []).map { .attachment($0) })
            case .forwarding, .ruleset, .other: return []
            }
        }
        switch content {
        case .link(let link, let isGone): return concern(link, isGone: isGone)
        case .address(let address): return bridges[Int32(bitPattern: address.index)] == nil ? [] : [.host]
        case .route(let route):
            let isOurs =
                route.routeProtocol == Mark.routeProtocol
                || destinations.contains(
                    Destination(
                        bytes: route.destination ?? [], length: route.destinationLength, table: route.table))
            return isOurs || isWay(route) ? [.host] : []
        case .forwarding(let message):
            return message.index == ForwardingMessage.everything && message.isOn == false ? [.host] : []
        case .ruleset(let event):
            guard tables.contains(FirewallTable.name(event.family, event.table)) else { return [] }
            return concern(try event.elements())
        case .other: return []
        }
    }

    /// Whether it is to what is on a link, and a host route needs that.
    private func isWay(_ route: RouteMessage) -> Bool {
        guard !nextHops.isEmpty, route.gateway == nil, let bytes = route.destination,
            let block = IPAddress(networkBytes: bytes).flatMap({
                CIDR($0, prefixLength: Int(route.destinationLength))
            })
        else { return false }
        return nextHops.contains(where: block.contains)
    }

    /// What a pod's ADD or DEL did is a matter of that pod, and a look at that costs least.
    private func concern(_ elements: [NFElement]?) -> Set<Matter> {
        guard let elements else { return [.host] }
        return Set(
            elements.map { element in
                let end = FirewallElement.hostIfname(inComment: element.comment)
                return end.flatMap { Attachment.id(ofHostIfname: $0, tag: intent.tag) }.map { .attachment($0) } ?? .host
            })
    }

    private mutating func concern(_ link: LinkMessage, isGone: Bool) -> Set<Matter> {
        let index = link.index
        if let name = link.name, let id = Attachment.id(ofHostIfname: name, tag: intent.tag) {
            ends[index] = isGone ? nil : id
            if let number = link.linkNamespaceID, !isGone { pods[number, default: []].insert(id) }
            return [.attachment(id)]
        }
        if let id = ends[index] {
            // Under another name it is no end of ours any more.
            ends[index] = nil
            return [.attachment(id)]
        }
        guard bridges[index] != nil || link.name.map(names.contains) == true else { return [] }
        if isGone {
            bridges[index] = nil
            return [.host]
        }
        // A bridge tells of its ports in messages that lack the rest (AF_BRIDGE).
        guard link.family == 0 else { return [] }
        let seen = Seen(link)
        guard bridges.updateValue(seen, forKey: index) != seen else { return [] }
        return [.host]
    }
}
