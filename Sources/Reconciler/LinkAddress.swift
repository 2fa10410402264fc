package import Addressing
package import Netlink
package import Store

/// An address on a link of ours: a gateway on a bridge, or a pod's. The kernel keeps no mark on an address (IFA_PROTO is
/// lost by `ip addr change`), so it is ours by its row alone, and others on the same link are never touched.
package struct LinkAddress: Resource {
    package var address: CIDR
    package var link: String
    /// In a pod, the phase in which it comes is another.
    package var isGateway: Bool
    /// Observed: duplicate address detection is running, or failed.
    package var isUnusable: Bool
    /// Desired: duplicate address detection runs before it is used. Observed: it has failed.
    package var detection: Bool
    /// Observed: the route to its subnet, which the kernel made with it, is gone.
    package var lacksRoute: Bool
    /// Desired: somebody may know it by another MAC, and is told when it is added.
    package var isAnnounced: Bool

    package init(
        address: CIDR, link: String, isGateway: Bool, isUnusable: Bool = false, detection: Bool = false,
        isAnnounced: Bool = false, lacksRoute: Bool = false
    ) {
        self.address = address
        self.link = link
        self.isGateway = isGateway
        self.isUnusable = isUnusable
        self.detection = detection
        self.isAnnounced = isAnnounced
        self.lacksRoute = lacksRoute
    }

    /// What is on a bridge; `nil`: the message makes no sense.
    init?(_ message: AddressMessage, on link: String) {
        guard let bytes = message.local ?? message.address, let address = IPAddress(networkBytes: bytes),
            let cidr = CIDR(address, prefixLength: Int(message.prefixLength))
        else { return nil }
        self.init(address: cidr, link: link, isGateway: true)
    }

    package static let kindName = "address"
    package var name: String { "address \(address) on \(link)" }
    /// `nil`: it is no address's name.
    static func link(inName name: String) -> String? {
        guard name.hasPrefix("address "), let space = name.lastIndex(of: " ") else { return nil }
        return String(name[name.index(after: space)...])
    }
    package static var isRemembered: Bool { true }
    package var wrapped: Object { .address(self) }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        var gateways: [LinkAddress] = []
        for network in intent.networks where network.spec.isGateway {
            for range in network.spec.rangeSets.joined() {
                guard let address = CIDR(range.gateway, prefixLength: range.subnet.prefixLength) else { continue }
                insertGateway(address, on: network.spec.bridge, beside: &gateways, into: &desired)
            }
        }
        for attachment in intent.attachments {
            for lease in attachment.leases {
                desired.insert(
                    LinkAddress(
                        address: lease.address, link: attachment.ifname, isGateway: false,
                        detection: attachment.link.detectsDuplicates && lease.address.family == .v6,
                        isAnnounced: intent.isReuse), in: attachment.pod)
                // A gateway stays as long as a pod routes by it, whatever the network says by now.
                if attachment.isGateway, let gateway = lease.gateway,
                    let address = CIDR(gateway, prefixLength: lease.address.prefixLength)
                {
                    insertGateway(address, on: attachment.bridge, beside: &gateways, into: &desired)
                }
            }
        }
    }

    /// Of gateways that differ in the prefix length alone IPv6 takes one: that which covers the others.
    ///
    /// - Parameter gateways: those that were inserted before, one or two for a thousand pods.
    private static func insertGateway(
        _ address: CIDR, on link: String, beside gateways: inout [LinkAddress], into desired: inout KernelState
    ) {
        if gateways.contains(where: { $0.address == address && $0.link == link }) { return }
        let gateway = LinkAddress(address: address, link: link, isGateway: true)
        gateways.append(gateway)
        guard address.family == .v6 else { return desired.insert(gateway, in: .host) }
        if case .address(let other)? = gateway.sameAddress(in: .host, desired) {
            if other.address.prefixLength < address.prefixLength { return }
            desired[.host, other.name] = nil
        }
        desired.insert(gateway, in: .host)
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        for ifname in desired.linksWithAddresses(in: reader.namespace) {
            guard let link = try reader.link(named: ifname), link.name == ifname else { continue }
            for message in try reader.addresses(index: link.index) {
                guard let bytes = message.local ?? message.address, let address = IPAddress(networkBytes: bytes),
                    let cidr = CIDR(address, prefixLength: Int(message.prefixLength))
                else { continue }
                var found = LinkAddress(
                    address: cidr, link: ifname, isGateway: reader.namespace == .host,
                    isUnusable: message.isUnusable, detection: message.isDuplicate)
                if link.isUp, !message.isUnusable, !message.wantsNoRoute, found.hasRoute {
                    found.lacksRoute = try !reader.reaches(cidr, link.index, byAnyRoute: false)
                    // The name by which the wish is found costs more than that look; on the host, the next one may cost
                    // much more.
                    if found.lacksRoute, reader.namespace == .host {
                        let isElsewhere =
                            try desired[.host, found.name] == nil
                            ? true : reader.reaches(cidr, link.index, byAnyRoute: true)
                        found.lacksRoute = !isElsewhere
                    }
                }
                observed.insert(found, in: reader.namespace)
            }
        }
    }

    /// IPv6 has an address once on a link, of whatever prefix length (ipv6_add_addr, net/ipv6/addrconf.c).
    package func standIn(in namespace: NamespaceID, _ observed: KernelState) -> Object? {
        address.family == .v6 ? sameAddress(in: namespace, observed) : nil
    }

    private func sameAddress(in namespace: NamespaceID, _ state: KernelState) -> Object? {
        state.all(in: namespace).first {
            if case .address(let found) = $0 {
                found.link == link && found.address.address == address.address
            } else {
                false
            }
        }
    }

    package func drift(from observed: Self) -> [String] {
        if observed.address != address {
            // Another network's gateway, that of a larger subnet, is this one's too.
            let length = observed.address.prefixLength
            return isGateway && length < address.prefixLength ? [] : ["its prefix length is \(length)"]
        }
        if lacksOnlyRoute(observed) { return ["the route to its subnet is gone"] }
        // Its detection takes a second or two, and is what was asked for.
        guard observed.isUnusable, !detection || observed.detection else { return [] }
        return [observed.detection ? "another host has it" : "duplicate address detection has not let it be used"]
    }

    /// With the first IPv4 address of a subnet the kernel would take the others of it along, also foreign ones
    /// (`promote_secondaries` of net/ipv4/devinet.c): that is switched off first.
    package func steps(_ action: Action, from observed: Self?) -> Int {
        if action == .change, lacksOnlyRoute(observed) { return 1 }
        return action == .change || action == .delete && address.family == .v4 ? 2 : 1
    }

    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        var message = AddressMessage()
        message.family = address.family.netlinkFamily
        let isDeletion = action == .delete || action == .change && step == 0
        message.prefixLength = UInt8((isDeletion ? observed ?? self : self).address.prefixLength)
        message.index = UInt32(try links.index(of: link))
        message.address = address.address.networkBytes
        message.local = message.address
        switch (action, step) {
        case (.change, _) where lacksOnlyRoute(observed):
            return .netlink([.appendRoute(subnetRoute(message.index), context: "add the route to \(address.network)")])
        case (.delete, 0) where address.family == .v4:
            return .sysctl(path: "net/ipv4/conf/\(link)/promote_secondaries", value: "1")
        case (.add, 0), (.change, 1):
            if address.family == .v6, !detection {
                message.flags = AddressMessage.noDuplicateDetection
            } else if address.family == .v4, address.prefixLength < 31 {
                message.broadcast = address.last.networkBytes
            }
            let addition = Request.addAddress(message, context: "add \(address) to \(link)")
            guard isAnnounced, address.family == .v4 else { return .netlink([addition]) }
            return .netlink(
                [addition]
                    + Request.announce(
                        address.address.networkBytes, index: Int32(message.index), context: "announce \(address)"))
        default:
            return .netlink([.deleteAddress(message, context: "delete \(address) from \(link)")])
        }
    }

    fileprivate func lacksOnlyRoute(_ observed: Self?) -> Bool {
        observed?.lacksRoute == true && observed?.address == address
    }

    /// fe80::/10, of which every link has one by itself (RFC 4291, section 2.5.6).
    var isLinkLocal: Bool { address.family == .v6 && address.address.bits >> 118 == 0x3fa }

    /// An address that is alone in its subnet has none.
    private var hasRoute: Bool { address.prefixLength > 0 && address.prefixLength < address.family.bitWidth }

    /// As the kernel makes it (fib_add_ifaddr, net/ipv4/fib_frontend.c; addrconf_prefix_route, net/ipv6/addrconf.c), so that
    /// it goes with the address again.
    private func subnetRoute(_ index: UInt32) -> RouteMessage {
        var route = RouteMessage()
        route.family = address.family.netlinkFamily
        route.destinationLength = UInt8(address.prefixLength)
        route.destination = address.network.address.networkBytes
        route.outputIndex = index
        route.routeProtocol = RouteMessage.byKernel
        if address.family == .v4 {
            route.scope = RouteMessage.scopeLink
            route.preferredSource = address.address.networkBytes
        } else {
            route.priority = 256
        }
        return route
    }

    package func phase(_ action: Action) -> Phase {
        action == .delete ? .deleteAddresses : isGateway ? .bridgeAddresses : .podAddresses
    }

    package func command(_ action: Action, from observed: Self?) -> String {
        guard action == .change, let observed else { return command(action) }
        if lacksOnlyRoute(observed) {
            return
                "ip -\(address.family.version) route append \(address.network) dev \(link) proto kernel "
                + (address.family == .v4 ? "scope link src \(address.address)" : "metric 256")
        }
        return "\(observed.command(.delete)) && \(command(.add))"
    }

    package func command(_ action: Action) -> String {
        let nodad = address.family == .v6 && !detection ? " nodad" : ""
        return switch action {
        case .add: "ip addr add \(address) dev \(link)\(nodad)"
        case .change: "ip addr replace \(address) dev \(link)\(nodad)"
        case .delete:
            (address.family == .v4 ? "sysctl -qw net/ipv4/conf/\(link)/promote_secondaries=1 && " : "")
                + "ip addr del \(address) dev \(link)"
        }
    }
}

extension Change {
    /// It, or what replaces another, is ours from then on. An address to which only its route comes back may be anybody's.
    var makesObject: Bool {
        if case .address(let address) = object, case .address(let found)? = observed {
            return action == .change && !address.lacksOnlyRoute(found)
        }
        return action != .delete
    }
}

extension KernelState {
    /// Each once: a few bridges, or a pod's one link.
    func linksWithAddresses(in namespace: NamespaceID) -> [String] {
        var links: [String] = []
        for object in all(in: namespace) {
            let link: String
            switch object {
            case .bridge(let bridge): link = bridge.ifname
            case .podLink(let pod): link = pod.ifname
            case .address(let address): link = address.link
            default: continue
            }
            if !links.contains(link) { links.append(link) }
        }
        return links
    }
}

extension IPFamily {
    /// AF_INET or AF_INET6.
    var netlinkFamily: UInt8 { self == .v4 ? 2 : 10 }

    init?(netlinkFamily: UInt8) {
        switch netlinkFamily {
        case 2: self = .v4
        case 10: self = .v6
        default: return nil
        }
    }
}
