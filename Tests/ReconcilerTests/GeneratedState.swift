import Addressing
import Netlink
import Reconciler
import Store
import Testing

/// A node made up from a seed: what should be, and a kernel in which some of it is.
struct GeneratedState {
    var intent: Intent
    var kernel = SimulatedKernel()
    private var generator: SplitMix64

    /// A route with our protocol number that no row asks for.
    static let stray = "10.99.0.0/16"

    var desired: KernelState { render(intent) }

    init(seed: UInt64) throws {
        generator = SplitMix64(seed: seed)
        intent = try GeneratedState.makeIntent(&generator)
        try addForeigners()
        // Empty, perfect, or sabotaged.
        let start = Int.random(in: 0..<4, using: &generator)
        guard start > 0 else { return }
        _ = kernel.carryOut(try kernel.plan(desired))
        guard start > 1 else { return }
        for _ in 0..<Int.random(in: 1...6, using: &generator) { sabotage() }
    }

    private static func makeIntent(_ generator: inout SplitMix64) throws -> Intent {
        var intent = Intent()
        for id in 1...Int64.random(in: 1...3, using: &generator) {
            var subnets: [[RangeSpec]] = []
            let families = Int.random(in: 0..<3, using: &generator)
            if families != 1 { subnets.append([try range("10.\(id).0.0/24")]) }
            if families != 0 { subnets.append([try range("fd00:\(id)::/64")]) }
            let bridge = ["cni0", "cni0", "br-a"].randomElement(using: &generator) ?? "cni0"
            intent.networks.append(
                Network(
                    id: id,
                    spec: NetworkSpec(
                        name: "net\(id)", bridge: bridge,
                        mtu: [nil, 1400, 9000].randomElement(using: &generator) ?? nil,
                        isGateway: !generator.once(in: 3), isDefaultGateway: !generator.once(in: 4),
                        hairpin: generator.once(in: 2), promiscuous: generator.once(in: 4),
                        link: options(bridge: bridge, &generator), bridgeNetfilter: generator.once(in: 6),
                        rangeSets: subnets,
                        masquerade: [
                            nil, Masquerade(), Masquerade(exceptions: [try cidr("10.0.0.0/8"), try cidr("fd00::/8")]),
                        ].randomElement(using: &generator) ?? nil, checksMAC: generator.once(in: 3)),
                    bridgeMAC: try mac(bridge == "cni0" ? "02:00:00:00:00:01" : "02:00:00:00:00:02"), tag: "test"))
        }
        for id in 1...8 where generator.once(in: 2) {
            intent.attachments.append(try makeAttachment(Int64(id), intent.networks, &generator))
        }
        for id in 0..<Int.random(in: 0...3, using: &generator) {
            intent.hostRoutes.append(
                RouteSpec(
                    destination: try cidr(id == 2 ? "fd77::/64" : "10.20\(id).0.0/16"),
                    gateway: try ip(id == 2 ? "fd99::9" : "192.168.0.9"),
                    metric: [0, 50, 1024].randomElement(using: &generator) ?? 0,
                    mtu: generator.once(in: 3) ? 1300 : nil))
        }
        return intent
    }

    /// Gateways on one bridge are in one VLAN.
    private static func options(bridge: String, _ generator: inout SplitMix64) -> LinkOptions {
        var options = LinkOptions(isIsolated: generator.once(in: 4), detectsDuplicates: generator.once(in: 4))
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: options.vlans = PortVLANs(access: bridge == "cni0" ? 100 : 7, keepsDefault: generator.once(in: 2))
        case 1:
            options.vlans = PortVLANs(trunk: [VLANRange(5, 9), VLANRange(20, 20)], keepsDefault: generator.once(in: 2))
        default: break
        }
        return options
    }

    private static func makeAttachment(
        _ id: Int64, _ networks: [Network], _ generator: inout SplitMix64
    ) throws -> StoredAttachment {
        let network = try #require(networks.randomElement(using: &generator))
        let leases = try network.spec.rangeSets.joined().map { range in
            let address = try #require(range.gateway.advanced(by: UInt128(id)))
            return Lease(
                address: try #require(CIDR(address, prefixLength: range.subnet.prefixLength)), gateway: range.gateway)
        }
        var routes: [RouteSpec] = []
        if network.spec.isDefaultGateway {
            routes = leases.map { RouteSpec(destination: .defaultRoute($0.address.family), gateway: $0.gateway) }
        }
        if generator.once(in: 3) {
            routes.append(RouteSpec(destination: try cidr("169.254.1.0/24"), mtu: 1200, scope: 253))
        }
        var made = try attachment(
            id, bridge: generator.once(in: 6) ? "br-old" : network.spec.bridge,
            state: generator.once(in: 5) ? .adding : .ready, mtu: network.spec.mtu,
            macRequested: generator.once(in: 4),
            repairPod: [.all, .all, .missingLink, .none].randomElement(using: &generator) ?? .all,
            leases: [], isGateway: network.spec.isGateway, routes: routes)
        made.leases = leases
        made.unmasqueraded = generator.once(in: 5) ? [try cidr("10.0.0.0/12")] : network.spec.unmasqueraded(leases)
        made.checksMAC = network.spec.checksMAC
        made.link = network.spec.link
        return made
    }

    /// A machine is never Plumb's alone.
    private mutating func addForeigners() throws {
        let uplink = "enp1s0"
        kernel.insertLink(uplink, SimulatedLink(kind: "physical link"))
        for address in ["192.168.0.2/24", "fd99::2/64"] {
            kernel[.host].addresses.append(
                SimulatedAddress(cidr: try cidr(address), link: uplink, isForeign: true))
        }
        kernel[.host].routes.append(
            SimulatedRoute(
                route: Route(destination: .defaultRoute(.v4), gateway: try ip("192.168.0.1"), link: uplink),
                isForeign: true))
        kernel.insertLink("veth1234", SimulatedLink(kind: "veth", isUp: false, mtu: 1280, master: "docker0"))
        // An adopted bridge with an MTU, a MAC and an address of its own.
        for bridge in ["cni0", "br-a"] where generator.once(in: 3) {
            var adopted = SimulatedLink(kind: "bridge", mtu: 1234)
            // Who asks for VLANs on a bridge of others has to see to these.
            adopted.filtersVLANs = true
            adopted.enter(VLANMembership([BridgeVLAN(bridge == "cni0" ? 100 : 7, isPVID: true, isUntagged: true)]))
            kernel.insertLink(bridge, adopted)
            kernel[.host].addresses.append(
                SimulatedAddress(cidr: try cidr("172.17.0.1/16"), link: bridge, isForeign: true))
        }
        // Ours by their mark, yet of no row: never deleted unless withdrawn.
        kernel.insertLink("plumbother1", SimulatedLink(kind: "veth", isMarked: true))
        kernel[.host].routes.append(
            SimulatedRoute(
                route: Route(destination: try cidr(GeneratedState.stray), gateway: try ip("192.168.0.7"), link: uplink))
        )
    }

    private mutating func sabotage() {
        let names = kernel.namespaces.keys.sorted { ($0.attachment ?? 0) < ($1.attachment ?? 0) }
        guard let namespace = names.randomElement(using: &generator) else { return }
        let ours = kernel[namespace].links.filter { $0.value.isMarked && $0.key != "plumbother1" }.keys.sorted()
        guard let link = ours.randomElement(using: &generator) else { return }
        let bridges = kernel[.host].links.filter { $0.value.kind == "bridge" }.keys.sorted()
        switch Int.random(in: 0..<18, using: &generator) {
        case 14: kernel[.host].firewall = SimulatedFirewall()
        case 15:
            guard let name = kernel[.host].firewall.elements.keys.sorted().randomElement(using: &generator) else {
                return
            }
            if generator.once(in: 2) {
                kernel[.host].firewall.elements[name] = nil
            } else {
                kernel[.host].firewall.elements[name]?.comment = "another's"
            }
        case 16:
            for name in kernel[.host].firewall.tables.keys.sorted() {
                kernel[.host].firewall.tables[name]?.rules.shuffle(using: &generator)
                if generator.once(in: 2) { _ = kernel[.host].firewall.tables[name]?.rules.popLast() }
            }
        case 17:
            for name in kernel[.host].firewall.tables.keys.sorted() {
                guard let set = kernel[.host].firewall.tables[name]?.sets.popLast() else { continue }
                kernel[.host].firewall.elements = kernel[.host].firewall.elements.filter { $0.value.set != set.name }
                kernel[.host].firewall.tables[name]?.table.isDormant = generator.once(in: 2)
            }
        case 0: kernel.deleteLink(link, in: namespace)
        case 1: kernel[namespace].bringDown(link)
        case 2: kernel[namespace].links[link]?.mtu = 1111
        case 3: kernel[namespace].links[link]?.mac = MACAddress.random(using: &generator)
        case 4:
            // Where only a link that vanished is made anew, one with another name is somebody's wish.
            guard namespace != .host, desired[repair: namespace] != .missingLink else { return }
            kernel.renameLink(link, to: "lost0", in: namespace)
        case 5:
            guard namespace == .host, kernel[.host].links[link]?.kind == "veth" else { return }
            kernel[.host].links[link]?.master = generator.once(in: 3) ? nil : bridges.randomElement(using: &generator)
        case 6: kernel[namespace].links[link]?.hairpin.toggle()
        case 10: kernel[namespace].links[link]?.isolated.toggle()
        case 11: kernel[namespace].links[link]?.isPromiscuous.toggle()
        case 12: kernel[namespace].links[link]?.filtersVLANs.toggle()
        case 13:
            let stray = BridgeVLAN(UInt16.random(in: 1...30, using: &generator), isPVID: generator.once(in: 2))
            kernel[namespace].links[link]?.vlans = generator.once(in: 2) ? [] : [stray]
        case 7:
            kernel[namespace].addresses.removeAll { !$0.isForeign && generator.once(in: 2) }
        case 8:
            for place in kernel[namespace].routes.indices where !kernel[namespace].routes[place].isForeign {
                kernel[namespace].routes[place].route.mtu = 777
                kernel[namespace].routes[place].route.gateway = nil
            }
            kernel[namespace].addresses.indices.last.map {
                kernel[namespace].addresses[$0].isUnusable = !kernel[namespace].addresses[$0].isForeign
            }
        default:
            let stray = GeneratedState.stray
            kernel[namespace].routes.removeAll {
                !$0.isForeign && $0.route.destination.description != stray && generator.once(in: 2)
            }
            kernel[.host].sysctls["net/ipv4/ip_forward"] = "0"
        }
    }
}
