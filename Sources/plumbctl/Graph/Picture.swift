internal import Addressing
internal import Reconciler
internal import Store

/// What is to be seen, without where.
struct Picture: Encodable {
    enum Condition: String, Encodable { case ok, pending, drift, gone }

    struct Pod: Encodable {
        var name: String
        var namespace: String
        var addresses: [String]
        var interface: String
        var port: String
        var condition: Condition
        /// As plan says them.
        var reasons: [String]
        /// The first of them in a few words.
        var note: String
    }

    struct BridgeBox: Encodable {
        var name: String
        var networks: [String]
        var gateways: [String]
        /// up, down, missing, or up and somebody else's.
        var state: String
        var pools: [PoolLine]
        var pods: [Pod]
        var reasons: [String]
    }

    var node: String
    var uplinks: [Uplink]
    var bridges: [BridgeBox]
    var routes: [String]
    var orphans: [String]
    /// All that plan says, a line each.
    var drift: [String]

    init(_ examination: Examination, pools: [Pool], uplinks: [Uplink], node: String) {
        self.node = node
        self.uplinks = uplinks
        let intent = examination.intent
        let plan = examination.plan
        let lines = PlanLines(intent)
        var reasons: [Int64: [String]] = [:]
        var notes: [Int64: String] = [:]
        for change in plan.changes {
            guard let id = change.attachment else { continue }
            reasons[id, default: []].append(lines.line(change).text(namesOwner: false))
            if notes[id] == nil { notes[id] = "\(Picture.kind(of: change.object)): \(change.reason)" }
        }
        for conflict in plan.conflicts {
            guard let id = conflict.attachment else { continue }
            notes[id] = "conflict: \(conflict.reason)"
            reasons[id, default: []].append(lines.line(conflict).text(namesOwner: false))
        }
        var gone: [Int64: String] = [:]
        for release in examination.dead + examination.lingering { gone[release.attachment.id] = release.reason }

        let names = Set(intent.networks.map(\.spec.bridge) + intent.attachments.map(\.bridge)).sorted()
        bridges = names.map { name in
            let networks = intent.networks.filter { $0.spec.bridge == name }
            let attachments = intent.attachments.filter { $0.bridge == name }
            var gateways: [String] = []
            for range in networks.filter(\.spec.isGateway).flatMap({ $0.spec.rangeSets.joined() }) {
                let gateway = range.gateway.description
                if !gateways.contains(gateway) { gateways.append(gateway) }
            }
            var state = "missing"
            if case .bridge(let bridge)? = examination.observed[.host, Bridge.name(name)] {
                state = (bridge.isUp ? "up" : "down") + (bridge.isMarked ? "" : ", adopted")
            }
            let own = plan.changes.filter { $0.attachment == nil && Picture.isAbout($0.object, bridge: name) }
            return BridgeBox(
                name: name, networks: networks.map(\.spec.name), gateways: gateways, state: state,
                pools: pools.filter { $0.bridge == name }.map(PoolLine.init),
                pods: attachments.map { Pod($0, reasons: reasons[$0.id] ?? [], note: notes[$0.id], gone: gone[$0.id]) }
                    .sorted { $0.sortKey < $1.sortKey },
                reasons: own.map { lines.line($0).text() })
        }
        routes = intent.hostRoutes.map { route in
            route.destination.description + (route.gateway.map { " via \($0)" } ?? "")
                + (route.device.map { " dev \($0)" } ?? "")
        }
        orphans = plan.orphans.map(\.resource.name)
        let all = PlanView(examination)
        drift = (all.changes + all.conflicts).map { $0.text() }
    }

    private static func kind(of object: Object) -> String {
        switch object {
        case .veth: "port"
        case .podLink(let link): link.ifname
        case .address(let address): address.address.description
        case .route(let route): "route \(route.destination)"
        case .firewallElement: "nf_tables"
        default: object.kindName
        }
    }

    private static func isAbout(_ object: Object, bridge: String) -> Bool {
        switch object {
        case .bridge(let found): found.ifname == bridge
        case .address(let address): address.link == bridge
        default: false
        }
    }
}

extension Picture.Pod {
    /// By namespace and name, web-2 before web-10.
    fileprivate var sortKey: String {
        let number = String(name.reversed().prefix { $0.isNumber }.reversed())
        let digits = String(repeating: "0", count: max(0, 12 - number.count)) + number
        return "\(namespace)/\(name.dropLast(number.count))\(digits) \(port)"
    }

    init(_ attachment: Attachment, reasons: [String], note: String?, gone: String?) {
        name = attachment.pod.name ?? String(attachment.containerID.prefix(12))
        namespace = attachment.pod.namespace ?? ""
        addresses = attachment.leases.map { $0.address.address.description }
        interface = attachment.ifname
        port = attachment.hostIfname
        self.reasons = [gone].compactMap(\.self) + reasons
        self.note = gone ?? note ?? (attachment.state == .adding ? "being added" : "")
        condition =
            if gone != nil { .gone } else if !reasons.isEmpty { .drift } else {
                attachment.state == .ready ? .ok : .pending
            }
    }
}
