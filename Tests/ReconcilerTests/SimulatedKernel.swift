import Addressing
import Netlink
import Reconciler
import Store

/// Testing has an `Attachment` too, so files that import both say this.
typealias StoredAttachment = Attachment

/// A kernel in memory that behaves as Linux does where the engine depends on it: what takes what along, what answers
/// EEXIST, what a route needs. It can be told to refuse a step.
struct SimulatedKernel: Kernel {
    var namespaces: [NamespaceID: SimulatedNamespace] = [.host: SimulatedNamespace()]
    /// What `open` says of a sandbox; alive if nothing is said.
    var liveness: [NamespaceID: Liveness] = [:]
    /// Namespaces whose reading fails.
    var unreadable: Set<NamespaceID> = []
    /// As in the live kernel, a pod is read and changed only while it is the one in hand.
    var holdsOnePod = true
    /// Steps that are refused, counted from 0 over the life of this kernel.
    var refusedSteps: Set<Int> = []
    /// Changes to objects of these names are refused.
    var refusedNames: Set<String> = []
    /// Bridges that another process makes just before we do.
    var rivals: Set<String> = []
    private(set) var steps = 0
    private(set) var performed: [Change] = []
    private var inHand: NamespaceID?
    private var nextIndex: Int32 = 2

    mutating func open(_ attachment: Attachment) -> Liveness {
        let liveness = liveness[attachment.pod] ?? .alive
        if liveness == .alive { inHand = attachment.pod }
        return liveness
    }

    mutating func observe(
        _ namespace: NamespaceID, _ extent: Extent, desired: KernelState, into observed: inout KernelState
    ) throws(ReconcilerError) {
        if unreadable.contains(namespace) {
            throw ReconcilerError(.kernel, "the dump was interrupted again and again")
        }
        if namespace != .host, holdsOnePod, inHand != namespace {
            observed[unreadable: namespace] = "not open"
        } else if namespace == .host || extent != .newAttachment {
            self[namespace].observe(namespace, extent, desired: desired, into: &observed)
        }
        observed.markObserved(namespace)
    }

    func marked(among objects: [Object]) throws(ReconcilerError) -> [Object] {
        var wanted = KernelState()
        for object in objects { wanted[.host, object.resource.name] = object }
        var found = KernelState()
        self[.host].observe(.host, .attachment, desired: wanted, into: &found)
        return objects.filter { found[.host, $0.resource.name]?.resource.mark == true }
    }

    mutating func perform(_ changes: [Change]) -> [Outcome] {
        var outcomes: [Outcome] = []
        var rest = changes[...]
        while let first = rest.first {
            guard first.phase.isTransaction else {
                outcomes.append(perform(first))
                rest.removeFirst()
                continue
            }
            // All of it, or nothing.
            let before = self[.host]
            let together = rest.prefix { $0.phase.isTransaction }
            rest = rest.dropFirst(together.count)
            var made = together.map { perform($0) }
            if let failure = made.first(where: { $0.status != .done }) {
                self[.host] = before
                for place in made.indices { made[place].status = failure.status }
            }
            outcomes += made
        }
        return outcomes
    }

    private mutating func perform(_ change: Change) -> Outcome {
        performed.append(change)
        for step in 0..<change.steps {
            defer { steps += 1 }
            if refusedSteps.contains(steps) || refusedNames.contains(change.name) {
                return Outcome(change: change, status: .failed("\(change.name): refused on schedule"))
            }
            switch make(change, step) {
            case .done: continue
            case let status: return Outcome(change: change, status: status)
            }
        }
        return Outcome(change: change, status: .done)
    }

    subscript(namespace: NamespaceID) -> SimulatedNamespace {
        get { namespaces[namespace, default: SimulatedNamespace()] }
        set { namespaces[namespace] = newValue }
    }
}

extension SimulatedKernel {
    /// Makes a link by other hands than the engine's.
    mutating func insertLink(_ name: String, in namespace: NamespaceID = .host, _ link: SimulatedLink) {
        var link = link
        link.index = takeIndex()
        self[namespace].links[name] = link
    }

    private mutating func takeIndex() -> Int32 {
        defer { nextIndex += 1 }
        return nextIndex
    }

    private mutating func make(_ change: Change, _ step: Int) -> Outcome.Status {
        let namespace = change.namespace
        if namespace != .host, holdsOnePod, inHand != namespace { return .failed("\(change.name): not open") }
        switch change.object {
        case .sysctl(let sysctl):
            self[namespace].sysctls[sysctl.path] = sysctl.value
            return .done
        case .firewallTable(let table): return self[.host].firewall.make(table, change.action)
        case .firewallElement(let element):
            let found: FirewallElement? =
                if case .firewallElement(let found)? = change.observed { found } else { nil }
            return self[.host].firewall.make(element, change.action, from: found)
        case .bridge(let bridge): return make(bridge, change)
        case .veth(let veth): return make(veth, change, step)
        case .podLink(let link) where change.action == .delete:
            deleteLink(link.ifname, in: namespace)
            return .done
        case .podLink(let link): return self[namespace].configure(link, setsOptions: change.action == .change)
        case .address(let address): return self[namespace].make(address, change.action, step)
        case .route(let route): return self[namespace].make(route, change.action, step)
        }
    }

    private mutating func make(_ bridge: Bridge, _ change: Change) -> Outcome.Status {
        switch change.action {
        case .add:
            guard self[.host].links[bridge.ifname] == nil else { return .lookAgain("\(change.name): EEXIST") }
            insertLink(
                bridge.ifname, SimulatedLink(kind: "bridge", isMarked: true, mac: bridge.mac, mtu: bridge.mtu ?? 1500))
            configure(bridge)
            if rivals.remove(bridge.ifname) != nil {
                self[.host].links[bridge.ifname]?.isUp = true
                return .lookAgain("\(change.name): EEXIST")
            }
        case .change:
            guard var link = self[.host].links[bridge.ifname] else { return .failed("\(change.name): ENODEV") }
            guard link.isMarked else { return .failed("\(change.name) is not ours") }
            link.mac = bridge.mac ?? link.mac
            link.mtu = bridge.mtu ?? link.mtu
            link.isUp = true
            self[.host].links[bridge.ifname] = link
            configure(bridge)
        case .delete: deleteLink(bridge.ifname, in: .host)
        }
        return .done
    }

    private mutating func configure(_ bridge: Bridge) {
        guard var link = self[.host].links[bridge.ifname] else { return }
        link.isPromiscuous = link.isPromiscuous || bridge.isPromiscuous == true
        link.filtersVLANs = link.filtersVLANs || bridge.filtersVLANs == true
        if let vlan = bridge.vlan {
            link.enter(VLANMembership([BridgeVLAN(vlan, isPVID: true, isUntagged: true)]))
        }
        self[.host].links[bridge.ifname] = link
    }

    private mutating func make(_ veth: Veth, _ change: Change, _ step: Int) -> Outcome.Status {
        switch (change.action, step) {
        case (.delete, _):
            deleteLink(veth.ifname, in: .host)
            return .done
        case (.add, 0): return create(veth)
        default:
            guard var link = self[.host].links[veth.ifname] else { return .failed("\(change.name): ENODEV") }
            if change.action == .change, step == 0, change.steps == 2 {
                guard let bridge = veth.bridge, self[.host].links[bridge] != nil else {
                    return .failed("\(change.name): there is no bridge")
                }
                link.join(bridge)
            } else {
                link.isUp = true
                link.isMarked = true
                link.mtu = veth.mtu ?? link.mtu
                link.hairpin = veth.hairpin ?? link.hairpin
                link.isolated = veth.isolated ?? link.isolated
                if let vlans = veth.vlans { link.enter(vlans) }
            }
            self[.host].links[veth.ifname] = link
            return .done
        }
    }

    /// Both ends at once, and both down.
    private mutating func create(_ veth: Veth) -> Outcome.Status {
        guard let peer = veth.peer else { return .failed("\(veth.name): no peer is asked for") }
        if holdsOnePod, inHand != veth.pod { return .failed("\(veth.name): the pod's namespace is not open") }
        guard self[.host].links[veth.ifname] == nil, self[veth.pod].links[peer.ifname] == nil else {
            return .lookAgain("\(veth.name): EEXIST")
        }
        if let bridge = veth.bridge, self[.host].links[bridge]?.kind != "bridge" {
            return .failed("\(veth.name): there is no link \(bridge)")
        }
        insertLink(
            peer.ifname, in: veth.pod,
            SimulatedLink(
                kind: "veth", isUp: false, isMarked: true, mac: peer.mac, mtu: peer.mtu ?? 1500,
                other: SimulatedLink.End(namespace: .host, name: veth.ifname)))
        insertLink(
            veth.ifname,
            SimulatedLink(
                kind: "veth", isUp: false, isMarked: true, mac: peer.hostMAC, mtu: peer.mtu ?? 1500,
                master: veth.bridge, other: SimulatedLink.End(namespace: veth.pod, name: peer.ifname),
                peerIndex: self[veth.pod].links[peer.ifname]?.index))
        return .done
    }

    /// Takes along what lies on it, its ports' membership, and the other end of a pair.
    mutating func deleteLink(_ name: String, in namespace: NamespaceID) {
        guard let link = self[namespace].links[name] else { return }
        self[namespace].dropLink(name)
        if let other = link.other { self[other.namespace].dropLink(other.name) }
    }

    /// `ip link set … name`: the pair stays a pair, and what lies on it goes with it.
    mutating func renameLink(_ name: String, to new: String, in namespace: NamespaceID) {
        guard let link = self[namespace].links.removeValue(forKey: name) else { return }
        self[namespace].links[new] = link
        if let other = link.other { self[other.namespace].links[other.name]?.other?.name = new }
        self[namespace].moveEverything(from: name, to: new)
    }

    /// What is not the engine's, as text, to be compared before and after.
    var foreign: [String] {
        namespaces.flatMap { namespace, content in content.foreign.map { "\(namespace) \($0)" } }.sorted()
    }
}
