package import Addressing
package import Netlink
package import Store

/// A route with our protocol number, in a pod or on the host. Of any other protocol only such are looked at that keep one of
/// ours from being made.
package struct Route: Resource {
    package var destination: CIDR
    package var gateway: IPAddress?
    /// The outgoing link. Desired `nil`: the kernel finds it by the gateway, and it is not compared.
    package var link: String?
    package var source: IPAddress?
    package var metric: UInt32
    package var table: UInt32
    /// Bytes.
    package var mtu: UInt32?
    /// Bytes.
    package var advertisedMSS: UInt32?
    /// RT_SCOPE_ number, IPv4 only; desired `nil` is not compared.
    package var scope: UInt8?
    /// Observed: somebody else's in the place of one that is asked for. To a destination with a metric in a table the kernel
    /// adds one route (NLM_F_EXCL), by whatever gateway and link, whoever made it.
    package var isForeign = false
    /// Observed, of ours: somebody else's was appended to it, and would keep ours from being added again.
    package var hasCompany = false

    package init(
        destination: CIDR, gateway: IPAddress? = nil, link: String? = nil, source: IPAddress? = nil,
        metric: UInt32 = 0, table: UInt32 = 254, mtu: UInt32? = nil, advertisedMSS: UInt32? = nil, scope: UInt8? = nil
    ) {
        self.destination = destination
        self.gateway = gateway
        self.link = link
        self.source = source
        // The kernel turns an IPv6 metric of 0 into 1024 (IP6_RT_PRIO_USER); one form serves for both.
        self.metric = destination.family == .v6 && metric == Route.defaultIPv6Metric ? 0 : metric
        self.table = table
        self.mtu = mtu
        self.advertisedMSS = advertisedMSS
        self.scope = scope
    }

    private static let defaultIPv6Metric: UInt32 = 1024

    init(_ spec: RouteSpec, link: String?) {
        self.init(
            destination: spec.destination, gateway: spec.gateway, link: spec.device ?? link, source: spec.source,
            metric: spec.metric, table: spec.table, mtu: spec.mtu, advertisedMSS: spec.advertisedMSS,
            scope: spec.scope)
    }

    package static let kindName = "route"
    package var name: String { "\(isForeign ? "foreign " : "")route \(destination) metric \(metric) table \(table)" }
    package var wrapped: Object { .route(self) }
    package var mark: Bool? { !isForeign }
    package static var isRemembered: Bool { true }

    package var withdrawnNames: [String] {
        destination.family == .v6 && metric == 0 && !isForeign
            ? [name, "route \(destination) metric \(Route.defaultIPv6Metric) table \(table)"] : [name]
    }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        for spec in intent.hostRoutes { desired.insert(Route(spec, link: nil), in: .host) }
        for attachment in intent.attachments {
            for spec in attachment.routes {
                desired.insert(Route(spec, link: attachment.ifname), in: attachment.pod)
            }
        }
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        var families: Set<IPFamily> = []
        var ownLinks: [String] = []
        if reader.isWholeNode, reader.namespace == .host {
            families = Set(IPFamily.allCases)
        } else {
            for object in desired.all(in: reader.namespace) {
                switch object {
                case .route(let route): families.insert(route.destination.family)
                case .podLink(let link): ownLinks.append(link.ifname)
                default: break
                }
            }
        }
        for family in families {
            for var message in try reader.routes(family: family.netlinkFamily) {
                message.takeNextHop(asIn: desired, in: reader.namespace)
                guard message.isOurs else { continue }
                let link = try message.outputIndex.map { (index) throws(NetlinkError) in
                    try reader.linkName(index: Int32(index))
                }
                guard let route = Route(message, link: link ?? nil) else { continue }
                // Another attachment of the same pod has routes by another link.
                if reader.namespace != .host, route.link.map(ownLinks.contains) != true,
                    desired[reader.namespace, route.name] == nil
                {
                    continue
                }
                observed.insert(route, in: reader.namespace)
            }
        }
        try observeForeign(reader, desired, into: &observed)
    }

    /// What keeps those from being added that are missing or must be made anew. With all of them in place, nothing is read.
    private static func observeForeign(
        _ reader: NamespaceReader, _ desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        guard reader.extent != .newAttachment, desired[repair: reader.namespace] != .nothing else { return }
        var wanted: [Route] = []
        let found = observed.named(in: reader.namespace)
        for case (let name, .route(let route)) in desired.named(in: reader.namespace) {
            if case .route(let there)? = found[name], route.drift(from: there).isEmpty { continue }
            wanted.append(route)
        }
        for place in Set(wanted.map { Place(family: $0.destination.family, table: $0.table) }) {
            for message in try reader.routes(family: place.family.netlinkFamily, table: place.table)
            where !message.isOurs && message.isInTheWay {
                guard var foreign = Route(message, link: nil), wanted.contains(where: foreign.hasPlace) else {
                    continue
                }
                if case .route(var ours)? = observed[reader.namespace, foreign.name] {
                    ours.hasCompany = true
                    observed.insert(ours, in: reader.namespace)
                } else {
                    foreign.isForeign = true
                    observed.insert(foreign, in: reader.namespace)
                }
            }
        }
    }

    /// There may be a million to compare with.
    private func hasPlace(of other: Self) -> Bool {
        destination == other.destination && metric == other.metric && table == other.table
    }

    private struct Place: Hashable {
        var family: IPFamily
        var table: UInt32
    }

    fileprivate init?(_ message: RouteMessage, link: String?) {
        guard let family = IPFamily(netlinkFamily: message.family),
            let address = message.destination.map({ IPAddress(networkBytes: $0) }) ?? CIDR.defaultRoute(family).address,
            let destination = CIDR(address, prefixLength: Int(message.destinationLength))
        else { return nil }
        self.init(
            destination: destination, gateway: message.gateway.flatMap { IPAddress(networkBytes: $0) }, link: link,
            source: message.preferredSource.flatMap { IPAddress(networkBytes: $0) }, metric: message.priority ?? 0,
            table: message.table, mtu: message.mtu, advertisedMSS: message.advertisedMSS, scope: message.scope)
        // Those of IPv4 are one route's, and go together.
        hasCompany = family == .v6 && message.nextHops.count > 1
    }

    package func standIn(in namespace: NamespaceID, _ observed: KernelState) -> Object? {
        var foreign = self
        foreign.isForeign = true
        guard let found = observed[namespace, foreign.name], !isMoved(in: namespace, observed) else { return nil }
        return found
    }

    /// Ours is not deleted to be made anew where that would be refused. Of several IPv6 routes to one destination the kernel
    /// says only the first one's protocol, so that ours, appended behind a foreign one, would be known for ours no more; and
    /// NLM_F_REPLACE takes all of them.
    package func conflict(with observed: Self) -> String? {
        if observed.isForeign {
            let way = observed.gateway.map { ", via \($0)" } ?? ""
            return "\(destination) has a route already\(way) and not Plumb's: \(wayOut)"
        }
        guard observed.hasCompany else { return nil }
        let drift = drift(from: observed)
        guard !drift.isEmpty else { return nil }
        return
            "route \(destination): \(drift.joined(separator: "; ")), and it has a route beside it that is not Plumb's: "
            + wayOut
    }

    /// For a person, where another route has this one's place.
    var wayOut: String {
        "look at `ip -\(destination.family.version) route show \(destination)\(tableOption)` there, and take that one away, or "
            + "give one of both a metric of its own (ours by key ipam.routes, or in table routes)"
    }

    /// A later plugin of the chain (sbr) may put a pod's routes into a table of its own; by our mark they are still known
    /// there, and then they are not missing.
    func isMoved(in namespace: NamespaceID, _ observed: KernelState) -> Bool {
        guard namespace != .host else { return false }
        return observed.all(in: namespace).contains {
            if case .route(let route) = $0 { isSame(as: route) && route.table != table } else { false }
        }
    }

    /// The same, from the other side: an observed route that nobody asked for in its table.
    func wasMoved(in namespace: NamespaceID, _ desired: KernelState, _ observed: KernelState) -> Bool {
        guard namespace != .host else { return false }
        return desired.all(in: namespace).contains {
            if case .route(let route) = $0 {
                isSame(as: route) && route.table != table && observed[namespace, route.name] == nil
            } else {
                false
            }
        }
    }

    private func isSame(as other: Self) -> Bool {
        !isForeign && !other.isForeign && destination == other.destination && gateway == other.gateway
            && metric == other.metric
    }

    package func drift(from observed: Self) -> [String] {
        var drift: [String] = []
        if observed.gateway != gateway {
            drift.append(observed.gateway.map { "it goes via \($0)" } ?? "it has no gateway")
        }
        if let link, observed.link != link { drift.append("it leaves by \(observed.link ?? "no link")") }
        if let source, observed.source != source {
            drift.append("its source is \(observed.source?.description ?? "none")")
        }
        if let mtu, observed.mtu != mtu { drift.append("its MTU is \(observed.mtu ?? 0)") }
        if let advertisedMSS, observed.advertisedMSS != advertisedMSS {
            drift.append("its advertised MSS is \(observed.advertisedMSS ?? 0)")
        }
        if destination.family == .v4, let scope, observed.scope != scope {
            drift.append("its scope is \(observed.scope ?? 0)")
        }
        return drift
    }

    /// A route is replaced by deleting ours first: NLM_F_REPLACE would take anybody's.
    package func steps(_ action: Action, from observed: Self?) -> Int { action == .change ? 2 : 1 }

    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        switch (action, step) {
        case (.add, 0), (.change, 1):
            return .netlink([.addRoute(try message(links), context: "add route \(destination)")])
        case (.delete, 0): return .netlink([.deleteRoute(only(links), context: "delete route \(destination)")])
        default:
            return .netlink([.deleteRoute((observed ?? self).only(links), context: "replace route \(destination)")])
        }
    }

    /// To delete one that was observed, and none that others joined to it (`ip -6 route append`).
    private func only(_ links: LinkTable) -> RouteMessage {
        var message = identity
        message.gateway = gateway?.networkBytes
        // Gone with its link, perhaps.
        if let link, let index = links.index(ifKnown: link) { message.outputIndex = UInt32(index) }
        return message
    }

    /// Destination, table, metric and protocol: enough for the kernel to find ours, and nobody else's.
    private var identity: RouteMessage {
        var message = RouteMessage()
        message.family = destination.family.netlinkFamily
        message.destinationLength = UInt8(destination.prefixLength)
        if destination.prefixLength > 0 { message.destination = destination.address.networkBytes }
        message.table = table
        message.routeProtocol = Mark.routeProtocol
        message.scope = RouteMessage.scopeNowhere
        if metric != 0 || destination.family == .v6 {
            message.priority = metric == 0 ? Route.defaultIPv6Metric : metric
        }
        return message
    }

    private func message(_ links: LinkTable) throws(NetlinkError) -> RouteMessage {
        var message = identity
        message.priority = metric == 0 ? nil : metric
        message.gateway = gateway?.networkBytes
        if let link { message.outputIndex = UInt32(try links.index(of: link)) }
        message.preferredSource = source?.networkBytes
        message.mtu = mtu
        message.advertisedMSS = advertisedMSS
        let implied = gateway == nil && destination.family == .v4 ? RouteMessage.scopeLink : RouteMessage.scopeUniverse
        message.scope = scope ?? implied
        return message
    }

    package func phase(_ action: Action) -> Phase {
        action == .delete ? .deleteRoutes : gateway == nil ? .linkRoutes : .gatewayRoutes
    }

    /// As `ip route` wants it.
    private var tableOption: String { table == 254 ? "" : " table \(table)" }

    package func command(_ action: Action) -> String {
        let verb =
            switch action {
            case .add: "add"
            case .change: "replace"
            case .delete: "del"
            }
        // Appended, not joined: an ADD writes one or two of these, and the first `joined` of a process costs as much as ten.
        var text = "ip -\(destination.family.version) route \(verb) "
        text += destination.prefixLength == 0 ? "default" : destination.description
        if action != .delete {
            if let gateway { text += " via \(gateway)" }
            if let link { text += " dev \(link)" }
            if let source { text += " src \(source)" }
            if let mtu { text += " mtu \(mtu)" }
            if let advertisedMSS { text += " advmss \(advertisedMSS)" }
            if destination.family == .v4, let scope { text += " scope \(scope)" }
        }
        if metric != 0 { text += " metric \(metric)" }
        return text + tableOption + " proto \(Mark.routeProtocol)"
    }
}

extension RouteMessage {
    fileprivate var isOurs: Bool { routeProtocol == Mark.routeProtocol && isUnicast && !isCloned }

    /// The kernel tells routes also by their type of service, and by the source for which they are.
    fileprivate var isInTheWay: Bool { typeOfService == 0 && sourceLength == 0 && !isCloned }

    /// IPv6 makes one route of several to a destination, and shows the protocol of the first. Which of them is ours: the
    /// one that is asked for, else that first one.
    fileprivate mutating func takeNextHop(asIn desired: KernelState, in namespace: NamespaceID) {
        guard let first = nextHops.first else { return }
        var chosen = first
        if let route = Route(self, link: nil), case .route(let wanted)? = desired[namespace, route.name],
            let match = nextHops.first(where: { $0.gateway == wanted.gateway?.networkBytes })
        {
            chosen = match
        }
        gateway = chosen.gateway
        outputIndex = UInt32(chosen.outputIndex)
    }
}
