internal import Addressing
package import Netlink
internal import SystemPackage

/// How much of a namespace is looked at.
package enum Extent: Hashable, Sendable {
    /// Everything that carries our mark, by dumps.
    case node
    /// What one attachment needs, object by object.
    case attachment
    /// The same for an attachment that cannot have anything yet: only what it shares with others is read.
    case newAttachment
}

/// Links by name, as far as they are known: what messages need indexes for.
package struct LinkTable: Hashable, Sendable {
    private var indexes: [String: Int32] = [:]
    /// The open namespace of the pod in hand, for the message that creates a link in it.
    package var podDescriptor: Int32?

    package init() {}

    package func index(of name: String) throws(NetlinkError) -> Int32 {
        guard let index = indexes[name] else {
            throw NetlinkError(.unresolved, context: "there is no link \(name)")
        }
        return index
    }

    func index(ifKnown name: String) -> Int32? { indexes[name] }

    package mutating func learn(_ name: String, index: Int32) { indexes[name] = index }
    /// That one has another name now.
    mutating func forget(_ name: String, index: Int32) {
        if indexes[name] == index { indexes[name] = nil }
    }
    package mutating func forget() { indexes.removeAll(keepingCapacity: true) }
}

/// What there is under a name that was asked for, if anything. A type of its own: that of an optional would have to be made.
private struct Found {
    var link: LinkMessage?
}

/// One open network namespace: what was read of it, each thing at most once, and the socket to change it by. Used by one
/// thread.
package final class NamespaceReader {
    package let namespace: NamespaceID
    package var socket: NetlinkSocket
    private let descriptor: OwnedDescriptor?
    package var table = LinkTable()
    private(set) var extent: Extent = .attachment
    var firewallConnection: FirewallSocket?
    var firewallState: FirewallState?
    private var byName: [String: Found] = [:]
    /// Of a dump; with fewer links, ``byName`` is looked through: a dictionary of another kind costs more at first use.
    private var dumpedNames: [Int32: String] = [:]
    private var dumpedLinks: [LinkMessage]?
    /// What links of ours are named that go by the name that they should have.
    private var otherNames: [Int32: String] = [:]
    private var dumpedAddresses: [UInt32: [AddressMessage]]?
    /// IPv4 and IPv6: of a pod all that lead somewhere, of the host those that the kernel made.
    private var dumpedRoutes: ([RouteMessage]?, [RouteMessage]?) = (nil, nil)

    package init(namespace: NamespaceID, socket: consuming NetlinkSocket) {
        self.namespace = namespace
        self.socket = socket
        descriptor = nil
    }

    /// A pod's; messages that create links in it name its descriptor, which stays open as long as this.
    package init(namespace: NamespaceID, opened: consuming NetworkNamespace) {
        self.namespace = namespace
        descriptor = Optional(opened.descriptor)
        socket = opened.socket
    }

    package var isWholeNode: Bool { extent == .node }

    /// Forgets what was read: from here on the kernel is asked anew.
    func begin(_ extent: Extent) {
        self.extent = extent
        byName.removeAll(keepingCapacity: true)
        dumpedNames = [:]
        dumpedLinks = nil
        otherNames = [:]
        dumpedAddresses = nil
        dumpedRoutes = (nil, nil)
        firewallState = nil
        table.forget()
    }

    /// `nil`: there is none of that name. It may have another, and this one as a further one (an altname).
    package func link(named name: String) throws(NetlinkError) -> LinkMessage? {
        if let known = byName[name] { return known.link }
        if extent == .node, namespace == .host {
            _ = try allLinks()
            return byName[name]?.link
        }
        let link = try one(.getLink(name: name, context: "read link \(name)"))
        byName[name] = Found(link: link)
        if let link { learn(link) }
        return link
    }

    /// Looks again for a link that was not there; learns its index if it is a bridge.
    func learnBridge(named name: String) throws(NetlinkError) {
        guard let link = try one(.getLink(name: name, context: "read link \(name)")), link.kind == "bridge" else {
            return
        }
        learn(link)
    }

    /// Links with our mark; of those named, by whichever of their names, also ones without.
    func markedLinks(_ named: [String]) throws(NetlinkError) -> [LinkMessage] {
        switch extent {
        case .newAttachment: return []
        case .attachment:
            var links: [LinkMessage] = []
            for name in named { if let link = try link(named: name) { links.append(link) } }
            return links
        case .node:
            let wanted = Set(named)
            return try allLinks().filter {
                $0.isMarked || $0.isDoomed || $0.name.map(wanted.contains) == true
                    || $0.alternativeNames.contains(where: wanted.contains)
            }
        }
    }

    /// The ports of a bridge and what else stands on it (a VLAN, a macvlan), as far as the whole node is looked at.
    func links(on bridge: Int32) throws(NetlinkError) -> [LinkMessage] {
        guard isWholeNode else { return [] }
        // A veth's other end may be in another namespace, where its index says nothing.
        return try allLinks().filter {
            $0.master == UInt32(bridge) || $0.link == UInt32(bridge) && $0.kind != "veth"
        }
    }

    func linkName(index: Int32) throws(NetlinkError) -> String? {
        if let name = dumpedNames[index] { return name }
        if dumpedLinks == nil, let known = byName.values.first(where: { $0.link?.index == index }) {
            return known.link?.name
        }
        guard let link = try one(.getLink(index: index, context: "read link \(index)")) else { return nil }
        learn(link)
        if let name = link.name { byName[name] = Found(link: link) }
        return link.name
    }

    /// `nil`: there is none with that index.
    func link(index: Int32) throws(NetlinkError) -> LinkMessage? {
        if let dumpedLinks { return dumpedLinks.first { $0.index == index } }
        return try one(.getLink(index: index, context: "read link \(index)"))
    }

    /// Somebody gave a link of ours another name: from here on it goes by the one that it should have.
    ///
    /// - Returns: it, by that name.
    func take(_ link: LinkMessage, as name: String) -> LinkMessage {
        var taken = link
        taken.name = name
        otherNames[link.index] = link.name
        // Another may have been taken by that name since.
        if let other = link.name, byName[other]?.link?.index == link.index { byName[other] = nil }
        if let other = link.name { table.forget(other, index: link.index) }
        byName[name] = Found(link: taken)
        dumpedNames[link.index] = name
        if let place = dumpedLinks?.firstIndex(where: { $0.index == link.index }) { dumpedLinks?[place] = taken }
        learn(taken)
        return taken
    }

    /// What a link is named that goes by another name here; `nil`: it has its own.
    func otherName(of link: LinkMessage) -> String? { otherNames[link.index] }

    /// The VLANs of a port, or of a bridge itself: none where the kernel knows of none.
    func vlans(index: Int32) throws(NetlinkError) -> [BridgeVLAN] {
        var vlans: [BridgeVLAN] = []
        do throws(NetlinkError) {
            for message in try socket.dump(.dumpVLANs(index: index, context: "read VLANs of link \(index)")) {
                vlans += try BridgeVLAN.parse(message.body)
            }
        } catch  where error.errno == .notSupportedOnSocket || error.errno == .noSuchAddressOrDevice {
            return []
        }
        return vlans
    }

    func addresses(index: Int32) throws(NetlinkError) -> [AddressMessage] {
        if extent == .node, namespace == .host {
            if let dumpedAddresses { return dumpedAddresses[UInt32(index)] ?? [] }
            let all = try dump(.dumpAddresses(context: "read addresses"), AddressMessage.init(parsing:))
            let grouped = Dictionary(grouping: all, by: \.index)
            dumpedAddresses = grouped
            return grouped[UInt32(index)] ?? []
        }
        do throws(NetlinkError) {
            return try dump(
                .dumpAddresses(index: index, context: "read addresses of link \(index)"),
                AddressMessage.init(parsing:))
        } catch  where error.errno == .operationNotSupportedByDevice {
            // The link went since its index was read, and its addresses with it.
            return []
        }
    }

    /// Routes with our protocol number, in every table; of a pod, which has few, all that lead somewhere.
    func routes(family: UInt8) throws(NetlinkError) -> [RouteMessage] {
        if extent == .newAttachment { return [] }
        if namespace != .host { return try unicastRoutes(family: family) }
        return try dump(
            .dumpRoutes(family: family, routeProtocol: Mark.routeProtocol, context: "read routes"),
            RouteMessage.init(parsing:))
    }

    /// Everybody's, of every type, in one table.
    func routes(family: UInt8, table: UInt32) throws(NetlinkError) -> [RouteMessage] {
        do throws(NetlinkError) {
            return try dump(
                .dumpRoutes(family: family, table: table, context: "read routes of table \(table)"),
                RouteMessage.init(parsing:))
        } catch  where error.errno == .noSuchFileOrDirectory {
            // There is no such table yet.
            return []
        }
    }

    /// Whether what is on a link is reached by it, as by the route that the kernel makes with an address. Taken for granted
    /// where an attachment is new.
    ///
    /// - Parameter byAnyRoute: on the host, whoever made the route.
    func reaches(_ address: CIDR, _ link: Int32, byAnyRoute: Bool) throws(NetlinkError) -> Bool {
        if extent == .newAttachment { return true }
        let family = address.family.netlinkFamily
        let destination = address.network.address.networkBytes
        let routes =
            byAnyRoute
            ? try dump(
                .dumpRoutes(
                    family: family, outputIndex: link, isUnicast: true, context: "read routes by link \(link)"),
                RouteMessage.init(parsing:)) : try unicastRoutes(family: family)
        return routes.contains { route in
            route.gateway == nil && route.outputIndex == UInt32(link)
                && route.destinationLength == UInt8(address.prefixLength) && route.destination == destination
        }
    }

    private func unicastRoutes(family: UInt8) throws(NetlinkError) -> [RouteMessage] {
        if let known = family == IPFamily.v4.netlinkFamily ? dumpedRoutes.0 : dumpedRoutes.1 { return known }
        let routes = try dump(
            .dumpRoutes(
                family: family, routeProtocol: namespace == .host ? RouteMessage.byKernel : 0, isUnicast: true,
                context: "read routes"), RouteMessage.init(parsing:))
        if family == IPFamily.v4.netlinkFamily { dumpedRoutes.0 = routes } else { dumpedRoutes.1 = routes }
        return routes
    }

    func sysctl(_ path: String) throws(NetlinkError) -> String? { try SysctlFile.read(path) }

    private func allLinks() throws(NetlinkError) -> [LinkMessage] {
        if let dumpedLinks { return dumpedLinks }
        let links = try dump(.dumpLinks(context: "read links"), LinkMessage.init(parsing:))
        byName.reserveCapacity(links.count)
        dumpedNames.reserveCapacity(links.count)
        for link in links {
            learn(link)
            guard let name = link.name else { continue }
            byName[name] = Found(link: link)
            dumpedNames[link.index] = name
        }
        for link in links {
            for name in link.alternativeNames where byName[name] == nil { byName[name] = Found(link: link) }
        }
        dumpedLinks = links
        return links
    }

    private func learn(_ link: LinkMessage) {
        guard let name = link.name else { return }
        table.learn(name, index: link.index)
    }

    private func one(_ request: Request) throws(NetlinkError) -> LinkMessage? {
        do throws(NetlinkError) {
            return try socket.perform(request).first.map { (message) throws(NetlinkError) in
                try LinkMessage(parsing: message.body)
            }
        } catch  where error.errno == .operationNotSupportedByDevice || error.errno == .noSuchAddressOrDevice {
            return nil
        }
    }

    private func dump<T>(
        _ request: Request, _ parse: (ArraySlice<UInt8>) throws(NetlinkError) -> T
    ) throws(NetlinkError) -> [T] {
        var objects: [T] = []
        for message in try socket.dump(request) { objects.append(try parse(message.body)) }
        return objects
    }
}

extension LinkMessage {
    /// Carries our mark.
    var isMarked: Bool { group == Mark.group }

    /// Carries the mark under which a database of ours deletes many links at once; whoever began it may have died.
    var isDoomed: Bool {
        guard let group, let name, group != 0, group != Mark.group else { return false }
        return Mark.doomedGroup(ofLink: name) == group
    }
}
