import Addressing
import Netlink
import Reconciler

struct SimulatedLink: Hashable, Sendable {
    struct End: Hashable, Sendable {
        var namespace: NamespaceID
        var name: String
    }

    var kind: String
    var isUp = true
    var isMarked = false
    var mac: MACAddress?
    var mtu = 1500
    var master: String?
    var hairpin = false
    var isolated = false
    var isPromiscuous = false
    var filtersVLANs = false
    /// Of a port, or of a bridge itself.
    var vlans = [BridgeVLAN(1, isPVID: true, isUntagged: true)]
    /// The other end of a pair, and its index.
    var other: End?
    var peerIndex: Int32?
    var index: Int32 = 0
}

struct SimulatedAddress: Hashable, Sendable {
    var cidr: CIDR
    var link: String
    var isForeign = false
    var isUnusable = false
    /// Duplicate address detection failed.
    var isDuplicate = false
}

struct SimulatedRoute: Hashable, Sendable {
    var route: Route
    /// Of another protocol number: read where it is in the way.
    var isForeign = false
}

/// One network namespace of the simulated kernel.
struct SimulatedNamespace: Hashable, Sendable {
    var links: [String: SimulatedLink] = [:]
    var addresses: [SimulatedAddress] = []
    var routes: [SimulatedRoute] = []
    var firewall = SimulatedFirewall()
    var sysctls = ["net/ipv4/ip_forward": "0", "net/ipv6/conf/all/forwarding": "0"]

    var foreign: [String] {
        links.filter { !$0.value.isMarked }.map { "link \($0.key) \($0.value)" }
            + addresses.filter(\.isForeign).map { "address \($0)" } + routes.filter(\.isForeign).map { "route \($0)" }
    }

    mutating func dropLink(_ name: String) {
        links[name] = nil
        addresses.removeAll { $0.link == name }
        routes.removeAll { $0.route.link == name }
        for port in links.keys where links[port]?.master == name { links[port]?.master = nil }
    }

    mutating func moveEverything(from name: String, to new: String) {
        for place in addresses.indices where addresses[place].link == name { addresses[place].link = new }
        for place in routes.indices where routes[place].route.link == name { routes[place].route.link = new }
    }

    /// `ip link set … down`: routes by it go, and IPv6 addresses (keep_addr_on_down is off).
    mutating func bringDown(_ name: String) {
        links[name]?.isUp = false
        routes.removeAll { $0.route.link == name }
        addresses.removeAll { $0.link == name && $0.cidr.family == .v6 }
    }
}

// MARK: - Reading

extension SimulatedNamespace {
    func observe(
        _ namespace: NamespaceID, _ extent: Extent, desired: KernelState, into observed: inout KernelState
    ) {
        let isNode = extent == .node && namespace == .host
        var watched: Set<String> = []
        for (name, link) in links where isNode && link.kind == "bridge" && link.isMarked {
            observed.insert(Bridge(ifname: name, mac: link.mac, mtu: link.mtu, isUp: link.isUp), in: namespace)
        }
        for object in desired.all(in: namespace) {
            switch object {
            case .sysctl(let wanted):
                if let value = sysctls[wanted.path] {
                    observed.insert(Sysctl(path: wanted.path, value: value), in: namespace)
                }
            case .bridge(let wanted):
                watched.insert(wanted.ifname)
                if let link = links[wanted.ifname] {
                    observed.insert(
                        Bridge(
                            ifname: wanted.ifname, mac: link.mac, mtu: link.mtu, isUp: link.isUp,
                            isMarked: link.isMarked, kind: link.kind, isPromiscuous: link.isPromiscuous,
                            filtersVLANs: link.filtersVLANs, vlan: link.vlans.first { $0.isPVID }?.first),
                        in: namespace)
                }
            case .podLink(let wanted):
                watched.insert(wanted.ifname)
                if let link = links[wanted.ifname] {
                    observed.insert(
                        PodLink(
                            ifname: wanted.ifname, mac: link.mac, mtu: link.mtu, isUp: link.isUp,
                            index: UInt32(link.index), isMarked: link.isMarked), in: namespace)
                }
            case .address(let wanted): watched.insert(wanted.link)
            case .veth, .route, .firewallTable, .firewallElement: break
            }
        }
        if namespace == .host {
            observeVeths(extent, desired, &observed)
            firewall.observe(extent, desired, &observed)
        }
        for address in addresses where watched.contains(address.link) {
            observed.insert(
                LinkAddress(
                    address: address.cidr, link: address.link, isGateway: namespace == .host,
                    isUnusable: address.isUnusable, detection: address.isDuplicate), in: namespace)
        }
        let families = Set(
            desired.all(in: namespace).compactMap {
                if case .route(let route) = $0 { route.destination.family } else { nil }
            })
        for route in routes
        where !route.isForeign && extent != .newAttachment
            && (isNode || families.contains(route.route.destination.family))
        {
            observed.insert(route.route, in: namespace)
        }
        guard extent != .newAttachment else { return }
        for route in routes where route.isForeign {
            guard case .route(let wanted)? = desired[namespace, route.route.name] else { continue }
            var found = route.route
            if case .route(let ours)? = observed[namespace, wanted.name] {
                found = ours
                found.hasCompany = true
            } else {
                found.isForeign = true
            }
            observed.insert(found, in: namespace)
        }
    }

    private func observeVeths(_ extent: Extent, _ desired: KernelState, _ observed: inout KernelState) {
        guard extent != .newAttachment else { return }
        for (name, link) in links where link.kind == "veth" {
            let wanted: Veth? = if case .veth(let veth) = desired[.host, Veth.name(name)] { veth } else { nil }
            guard wanted != nil || (extent == .node && link.isMarked) else { continue }
            var veth = Veth(
                ifname: name, attachment: wanted?.attachment ?? 0, bridge: link.master,
                hairpin: link.master == nil ? nil : link.hairpin, isUp: link.isUp, isMarked: link.isMarked,
                peerIndex: link.peerIndex.map { UInt32($0) }, mac: link.mac,
                isolated: link.master == nil ? nil : link.isolated,
                vlans: link.master == nil ? nil : VLANMembership(link.vlans), mtu: link.mtu)
            if let wanted { veth.recognise(wanted) }
            observed.insert(veth, in: .host)
        }
    }
}

// MARK: - Changing

extension SimulatedLink {
    /// A port that comes to a bridge is in its default VLAN alone, and has no options.
    mutating func join(_ bridge: String) {
        master = bridge
        hairpin = false
        isolated = false
        vlans = [BridgeVLAN(1, isPVID: true, isUntagged: true)]
    }

    /// A link has one VLAN at most to which frames without a tag belong.
    mutating func enter(_ wanted: VLANMembership) {
        if wanted.isExact { vlans = [] }
        for vlan in wanted.vlans {
            vlans.removeAll { $0.first == vlan.first && $0.last == vlan.last }
            if vlan.isPVID { for place in vlans.indices { vlans[place].isPVID = false } }
            vlans.append(vlan)
        }
    }
}

extension SimulatedNamespace {
    mutating func configure(_ wanted: PodLink, setsOptions: Bool) -> Outcome.Status {
        guard var link = links[wanted.ifname] else { return .failed("there is no link \(wanted.ifname)") }
        if setsOptions {
            link.mac = wanted.mac ?? link.mac
            link.mtu = wanted.mtu ?? link.mtu
        }
        link.isUp = true
        links[wanted.ifname] = link
        return .done
    }

    mutating func make(_ wanted: LinkAddress, _ action: Action, _ step: Int) -> Outcome.Status {
        guard links[wanted.link] != nil else {
            return action == .delete ? .done : .failed("there is no link \(wanted.link)")
        }
        let place = addresses.firstIndex { $0.cidr == wanted.address && $0.link == wanted.link }
        switch (action, step) {
        case (.add, 0), (.change, 1):
            guard place == nil else { return .lookAgain("\(wanted.name): EEXIST") }
            // Detection runs, and lets it pass later.
            addresses.append(
                SimulatedAddress(cidr: wanted.address, link: wanted.link, isUnusable: wanted.detection))
        default:
            guard let place else { return .done }
            addresses.remove(at: place)
        }
        return .done
    }

    mutating func make(_ wanted: Route, _ action: Action, _ step: Int) -> Outcome.Status {
        switch (action, step) {
        case (.add, 0), (.change, 1): return add(wanted)
        default:
            guard let place = routes.firstIndex(where: { !$0.isForeign && $0.route.name == wanted.name }) else {
                return .done
            }
            routes.remove(at: place)
            return .done
        }
    }

    private mutating func add(_ wanted: Route) -> Outcome.Status {
        guard !routes.contains(where: { $0.route.name == wanted.name }) else {
            return .lookAgain("\(wanted.name): EEXIST")
        }
        guard let out = wanted.link ?? wanted.gateway.flatMap({ linkTowards($0) }) else {
            return .failed("\(wanted.name): ENETUNREACH")
        }
        guard links[out]?.isUp == true else { return .failed("\(wanted.name): ENETDOWN") }
        if let gateway = wanted.gateway, !isOnLink(gateway, out) { return .failed("\(wanted.name): ENETUNREACH") }
        var route = wanted
        route.link = out
        if route.destination.family == .v4 { route.scope = wanted.scope ?? (wanted.gateway == nil ? 253 : 0) }
        routes.append(SimulatedRoute(route: route))
        return .done
    }

    private func linkTowards(_ gateway: IPAddress) -> String? {
        links.keys.sorted().first { links[$0]?.isUp == true && isOnLink(gateway, $0) }
    }

    private func isOnLink(_ gateway: IPAddress, _ link: String) -> Bool {
        addresses.contains { $0.link == link && $0.cidr.contains(gateway) }
            || routes.contains {
                $0.route.link == link && $0.route.gateway == nil && $0.route.destination.contains(gateway)
            }
    }
}
