internal import Addressing
internal import Store

/// `prevResult` of a CHECK, as far as it is about the container's interface: ADD's answer, and what later plugins of the
/// chain made of it.
struct PreviousResult {
    /// Whether the container's interface is there at all: a later plugin may have put another in its place.
    var listsInterface = false
    private var mac: MACAddress?
    private var mtu: Int?
    /// Addresses of the interface, and those that say of no interface.
    private var addresses: [CIDR] = []
    private var unplaced: [CIDR] = []
    private var routes: [RouteSpec] = []
    private let version: ProtocolVersion

    /// - Throws: `.invalidConfig`, naming the key.
    init(_ object: ConfigObject, ifname: String, version: ProtocolVersion) throws(PluginError) {
        self.version = version
        var place: Int?
        for (index, interface) in (try object.objects("interfaces") ?? []).enumerated() where place == nil {
            // Without a sandbox it is one of the host's.
            guard try interface.string("name") == ifname, try interface.string("sandbox")?.isEmpty == false else {
                continue
            }
            place = index
            if let text = try interface.string("mac"), !text.isEmpty {
                mac = try PreviousResult.parsed(text, "\(interface.path).mac", "a MAC") { MACAddress($0) }
            }
            mtu = try interface.integer("mtu")
        }
        listsInterface = place != nil
        for ip in try object.objects("ips") ?? [] {
            let address = try PreviousResult.address(ip)
            let interface: Int? = try ip.integer("interface")
            if interface == nil { unplaced.append(address) } else if interface == place { addresses.append(address) }
        }
        for route in try object.objects("routes") ?? [] { routes.append(try PreviousResult.route(route)) }
    }

    private static func parsed<T>(
        _ text: String, _ key: String, _ what: String, _ parse: (String) -> T?
    ) throws(PluginError) -> T {
        guard let value = parse(text) else {
            throw PluginError(.invalidConfig, "key \(key): \"\(text)\" is not \(what)")
        }
        return value
    }

    private static func address(_ object: ConfigObject) throws(PluginError) -> CIDR {
        try parsed(
            try object.string("address") ?? "", "\(object.path).address", "an address with its prefix length",
            { CIDR($0) })
    }

    private static func route(_ object: ConfigObject) throws(PluginError) -> RouteSpec {
        let destination = try parsed(try object.string("dst") ?? "", "\(object.path).dst", "a prefix") { CIDR($0) }
        var gateway: IPAddress?
        if let text = try object.string("gw"), !text.isEmpty {
            gateway = try parsed(text, "\(object.path).gw", "an address") { IPAddress($0) }
        }
        return RouteSpec(
            destination: destination.network, gateway: gateway, metric: try object.integer("priority") ?? 0,
            table: try object.integer("table") ?? 254, mtu: try object.integer("mtu"),
            advertisedMSS: try object.integer("advmss"), scope: try object.integer("scope"))
    }
}

extension PreviousResult {
    /// What CHECK compares the kernel with: our row, save for what a later plugin changed and said so. Pure.
    func expected(of attachment: Attachment) -> Attachment {
        guard listsInterface else { return attachment }
        var expected = attachment
        // Another than ours was somebody's wish; ours is compared only if it was.
        if let mac, mac != attachment.mac {
            expected.mac = mac
            expected.macRequested = true
        }
        if let mtu, mtu > 0 { expected.mtu = mtu }
        // Before, nobody could say in it that he changed the MTU.
        if version < .v1_1_0, attachment.repairPod != .all { expected.mtu = nil }
        expected.leases = leases(attachment.leases)
        expected.routes = attachment.routes.compactMap(known)
        return expected
    }

    /// The addresses of the interface: ours in so far as they are still listed, and what others put there.
    private func leases(_ ours: [Lease]) -> [Lease] {
        let kept = ours.filter { addresses.contains($0.address) || unplaced.contains($0.address) }
        let others = addresses.filter { address in !ours.contains { $0.address == address } }
        return kept + others.map { Lease(address: $0, gateway: nil) }
    }

    /// A route of ours that is still listed. One that goes elsewhere by now is the later plugin's, not to be known by our
    /// mark. Versions before 1.1.0 tell no more of a route than where it goes.
    private func known(_ route: RouteSpec) -> RouteSpec? {
        for listed in routes where listed.destination == route.destination && listed.gateway == route.gateway {
            if version < .v1_1_0 { return route }
            guard listed.metric == route.metric, listed.table == route.table else { continue }
            var route = route
            route.mtu = listed.mtu
            route.advertisedMSS = listed.advertisedMSS
            route.scope = listed.scope
            return route
        }
        return nil
    }
}
