package import Addressing
package import Netlink
package import Store

/// A bridge on the host. One that carries our mark is ours; any other is adopted: its ports and addresses that are ours
/// come and go, and it is never changed, and never deleted.
package struct Bridge: Resource {
    package var ifname: String
    /// Desired: pinned when it is made, so that it does not follow the ports (the kernel takes the lowest of theirs).
    package var mac: MACAddress?
    /// Observed: its name, where somebody took the one away that it should have.
    package var otherName: String?
    /// Observed: the name that it should have is a further one of it (an altname), and must go before it can be its own.
    package var isAlternative = false
    /// Observed, of something else that has its name as a further one: its own.
    package var bearer: String?
    /// Observed: another of ours that has its name and gets its own back after this one, and the name that it has meanwhile.
    package var holder: Holder?
    /// Observed: the name by which it finds itself when its turn comes, as the ``holder`` of another's.
    package var asideName: String?
    /// Observed, of another bridge of ours under its name, by its MAC: the name that it should have. See
    /// ``KernelState/tellOwners(by:_:)``.
    package var rightName: String?
    /// Bytes; desired `nil` is not compared.
    package var mtu: Int?
    package var isUp: Bool
    package var isMarked: Bool
    /// Observed: ours by the MAC that was made up for it, though somebody took our mark away.
    package var isStripped = false
    /// IFLA_INFO_KIND: something else may have the name.
    package var kind: String
    /// Desired `true` or `nil`, which is not compared: others may want it.
    package var isPromiscuous: Bool?
    /// Its ports are in VLANs; desired `true` or `nil`, as before.
    package var filtersVLANs: Bool?
    /// Observed, of one that nobody asks for: ports, other links on it, and addresses, by their names as objects.
    package var holds: [String]
    /// The VLAN in which the gateways on the bridge itself are; desired `nil` is not compared.
    package var vlan: UInt16?

    package init(
        ifname: String, mac: MACAddress? = nil, mtu: Int? = nil, isUp: Bool = true, isMarked: Bool = true,
        kind: String = "bridge", isPromiscuous: Bool? = nil, filtersVLANs: Bool? = nil, vlan: UInt16? = nil,
        holds: [String] = []
    ) {
        self.ifname = ifname
        self.mac = mac
        self.mtu = mtu
        self.isUp = isUp
        self.isMarked = isMarked
        self.kind = kind
        self.isPromiscuous = isPromiscuous
        self.filtersVLANs = filtersVLANs
        self.vlan = vlan
        self.holds = holds
    }

    package struct Holder: Hashable, Sendable {
        /// That it should have.
        package var ifname: String
        package var asideName: String
    }

    package static let kindName = "bridge"
    package var name: String { Bridge.name(ifname) }
    package static func name(_ ifname: String) -> String { "bridge \(ifname)" }
    package var mark: Bool? { isMarked }
    package var wrapped: Object { .bridge(self) }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        for network in intent.networks {
            let spec = network.spec
            var bridge = Bridge(
                ifname: spec.bridge, mac: network.bridgeMAC, mtu: spec.mtu,
                isPromiscuous: spec.promiscuous ? true : nil)
            bridge.takeVLANs(of: spec.link, isGateway: spec.isGateway)
            if case .bridge(let other)? = desired[.host, bridge.name] { bridge.join(other) }
            desired.insert(bridge, in: .host)
        }
        // Pods stay on the bridge that they were promised, though their network moved to another since.
        for attachment in intent.attachments
        where !intent.networks.contains(where: { $0.spec.bridge == attachment.bridge }) {
            // It may be that of a network that cannot be read, and have an MTU of that one's choice by now.
            var bridge = Bridge(ifname: attachment.bridge, mtu: intent.lacksNetworks ? nil : attachment.mtu)
            if case .bridge(let other)? = desired[.host, bridge.name] { bridge.join(other) }
            desired.insert(bridge, in: .host)
        }
        for attachment in intent.attachments where attachment.link.vlans != nil {
            guard case .bridge(var bridge)? = desired[.host, name(attachment.bridge)] else { continue }
            bridge.takeVLANs(of: attachment.link, isGateway: attachment.isGateway)
            desired.insert(bridge, in: .host)
        }
    }

    private mutating func takeVLANs(of link: LinkOptions, isGateway: Bool) {
        guard let vlans = link.vlans else { return }
        filtersVLANs = true
        if isGateway { vlan = vlan ?? vlans.access }
    }

    /// What networks ask of the bridge that they share: a greater MTU does for both; else, where both say something, ours is
    /// the later word.
    private mutating func join(_ other: Self) {
        mtu = [mtu, other.mtu].compactMap(\.self).max()
        isPromiscuous = isPromiscuous ?? other.isPromiscuous
        filtersVLANs = filtersVLANs ?? other.filtersVLANs
        vlan = vlan ?? other.vlan
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        var names = desired.all(in: reader.namespace).compactMap(\.bridgeName)
        var renamed: [RenamedBridge] = []
        if reader.namespace == .host, reader.isWholeNode {
            let links = try reader.markedLinks([]).filter { $0.kind == "bridge" }
            renamed = try RenamedBridge.all(among: links, reader, desired)
            for bridge in renamed { _ = reader.take(bridge.link, as: bridge.ownName) }
            for link in links where reader.otherName(of: link) == nil {
                // Those of networks that were removed.
                if let name = link.name, !names.contains(name) { names.append(name) }
            }
        }
        for name in names {
            guard var link = try reader.link(named: name) else { continue }
            let wanted: Bridge? =
                if case .bridge(let bridge)? = desired[.host, Bridge.name(name)] { bridge } else { nil }
            var bearer: String?
            if let other = link.name, other != name {
                if link.kind == "bridge", let mac = wanted?.mac, mac.bytes == link.hardwareAddress {
                    link = reader.take(link, as: name)
                } else {
                    bearer = other
                }
            }
            let vlans = wanted?.vlan == nil ? [] : try reader.vlans(index: link.index)
            var bridge = Bridge(
                ifname: name, mac: link.hardwareAddress.flatMap { MACAddress(bytes: $0) },
                mtu: link.mtu.map(Int.init), isUp: link.isUp, isMarked: link.group == Mark.group,
                kind: link.kind ?? "physical link", isPromiscuous: link.isPromiscuous,
                filtersVLANs: wanted?.filtersVLANs == nil ? nil : link.filtersVLANs,
                vlan: vlans.first { $0.isPVID && $0.isUntagged }?.first,
                holds: wanted == nil ? try contents(of: link, reader) : [])
            bridge.otherName = reader.otherName(of: link)
            bridge.isAlternative = bridge.otherName != nil && link.alternativeNames.contains(name)
            bridge.bearer = bearer
            bridge.minds(renamed)
            if bearer != nil {
                bridge.isMarked = false
            } else if !bridge.isMarked, let mac = wanted?.mac, bridge.mac == mac {
                bridge.isStripped = true
                bridge.isMarked = true
            }
            observed.insert(bridge, in: reader.namespace)
        }
    }

    /// One that was renamed, and in whose place another was made meanwhile: two with one MAC and one gateway.
    package static func surplus(in leftovers: Leftovers) -> [String] {
        var names: [String] = []
        let renamed = leftovers.observed.all(in: .host).compactMap(\.otherVethName)
        for case .bridge(let bridge) in leftovers.objects where bridge.isMarked && bridge.mac != nil {
            let network = leftovers.intent.networks.first { $0.bridgeMAC == bridge.mac }
            guard let own = network?.spec.bridge, case .bridge(let other)? = leftovers.observed[.host, name(own)],
                other.isMarked, other.mac == bridge.mac
            else { continue }
            let isAllOurs = bridge.holds.allSatisfy { held in
                if LinkAddress.link(inName: held) == nil {
                    return Veth.isHostEnd(held, of: leftovers.tag) || renamed.contains(held)
                }
                return leftovers.observed[.host, held.dropLast(bridge.ifname.count) + own] != nil
            }
            if isAllOurs { names.append(bridge.name) }
        }
        return names
    }

    private static func contents(
        of link: LinkMessage, _ reader: NamespaceReader
    ) throws(NetlinkError) -> [String] {
        guard let name = link.name else { return [] }
        var names = try reader.links(on: link.index).compactMap(\.name).map { "link \($0)" }
        for message in try reader.addresses(index: link.index)
        where message.family == IPFamily.v4.netlinkFamily || !message.isLinkLocal {
            if let address = LinkAddress(message, on: name) { names.append(address.name) }
        }
        return names
    }

    package func conflict(with observed: Self) -> String? {
        if let bearer = observed.bearer { return AlternativeName.conflict(ifname, of: bearer) }
        if let right = observed.rightName {
            return
                "\(ifname) is Plumb's bridge \(right) by its MAC, and has another's name: `plumbctl apply` puts that right, "
                + "unless something else is named \(right)"
        }
        if observed.kind != "bridge" {
            return "\(ifname) is there but is no bridge (it is a \(observed.kind)): name another bridge in the config, "
                + "or take that link away"
        }
        if !observed.isMarked, !observed.isUp {
            return "\(ifname) is down, and not ours to bring up: `ip link set \(ifname) up`"
        }
        if !observed.isMarked, filtersVLANs == true, observed.filtersVLANs != true {
            return "\(ifname) takes no notice of VLANs, which keys vlan and vlanTrunk need, and is not ours to change: "
                + "`ip link set \(ifname) type bridge vlan_filtering 1`"
        }
        if !observed.isMarked, let vlan, observed.vlan != vlan {
            return
                "\(ifname) itself is not in VLAN \(vlan) of key vlan, where its gateways are to be, and is not ours to "
                + "change: `bridge vlan add vid \(vlan) dev \(ifname) pvid untagged self`"
        }
        return nil
    }

    package func remarks(on observed: Self) -> [String] {
        guard !observed.isMarked else { return [] }
        var remarks: [String] = []
        if isPromiscuous == true, observed.isPromiscuous != true {
            remarks.append(
                "\(ifname) is not promiscuous, as key promiscMode asks, and is not ours to change: "
                    + "`ip link set \(ifname) promisc on`")
        }
        if let mtu, let found = observed.mtu, found < mtu {
            remarks.append(
                "\(ifname) has MTU \(found), less than its pods' \(mtu) (key mtu), and is not ours to change: "
                    + "`ip link set \(ifname) mtu \(mtu)`")
        }
        return remarks
    }

    package func drift(from observed: Self) -> [String] {
        guard observed.isMarked else { return [] }
        var drift: [String] = []
        if let other = observed.otherName { drift.append("it is named \(other)") }
        if isPromiscuous == true, observed.isPromiscuous != true { drift.append("it is not promiscuous") }
        if let mac, observed.mac != mac { drift.append("its MAC is \(observed.mac?.description ?? "unknown")") }
        if let mtu, observed.mtu != mtu {
            drift.append("its MTU is \(observed.mtu ?? 0)")
        }
        if !observed.isUp { drift.append("it is down") }
        if observed.isStripped { drift.append("it is no longer in Plumb's group") }
        if filtersVLANs == true, observed.filtersVLANs != true { drift.append("it takes no notice of VLANs") }
        if let vlan, observed.vlan != vlan {
            drift.append(observed.vlan.map { "itself is in VLAN \($0)" } ?? "itself is in no VLAN")
        }
        return drift
    }

    /// What needs the bridge's index comes after its creation.
    package func steps(_ action: Action, from observed: Self?) -> Int {
        switch action {
        case .add: mtu == nil && vlan == nil ? 1 : 2
        case .change: vlan == nil ? 1 : 2
        case .delete: 1
        }
    }

    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        switch (action, step) {
        case (.add, 0):
            var link = wanted
            link.name = ifname
            link.kind = "bridge"
            link.group = Mark.group
            // Without a querier, and it is none, a bridge that listens floods all multicast all the same, yet starts two
            // timers of every port anew when one comes up (br_port_state_selection, net/bridge/br_stp.c).
            link.snoopsMulticast = false
            // An MTU that it is made with follows the ports, down and up again; one that is set stays (br_change_mtu).
            link.mtu = nil
            return .netlink([try .createLink(link, context: "create bridge \(ifname)")])
        case (.add, _): return .netlink(try size(links) + place(links))
        case (.change, 0):
            var link = wanted
            link.index = try links.index(of: ifname)
            link.group = Mark.group
            if observed?.otherName != nil { link.name = ifname }
            return .netlink(
                try makeWay(observed, links) + [try .setLink(link, context: "change bridge \(ifname)")])
        case (.change, _): return .netlink(try place(links))
        case (.delete, _):
            let index = try links.index(of: ifname)
            return .netlink([try .deleteLink(index: index, context: "delete bridge \(ifname)")])
        }
    }

    private var wanted: LinkMessage {
        var link = LinkMessage()
        link.setUp()
        if isPromiscuous == true { link.setPromiscuous() }
        link.hardwareAddress = mac?.bytes
        link.mtu = mtu.map { UInt32($0) }
        if filtersVLANs == true { link.filtersVLANs = true }
        return link
    }

    private func size(_ links: LinkTable) throws(NetlinkError) -> [Request] {
        guard let mtu else { return [] }
        var link = LinkMessage()
        link.index = try links.index(of: ifname)
        link.mtu = UInt32(mtu)
        return [try .setLink(link, context: "set the MTU of bridge \(ifname)")]
    }

    /// The bridge's own place among the VLANs.
    private func place(_ links: LinkTable) throws(NetlinkError) -> [Request] {
        guard let vlan else { return [] }
        let own = BridgeVLAN(vlan, isPVID: true, isUntagged: true)
        let index = try links.index(of: ifname)
        return [.addVLANs([own], index: index, isBridge: true, context: "put bridge \(ifname) into VLAN \(vlan)")]
    }

    package func phase(_ action: Action) -> Phase { action == .delete ? .deleteLinks : .bridges }

    package func command(_ action: Action, from observed: Self?) -> String {
        guard let observed, let other = observed.asideName ?? observed.otherName?.shellWord else {
            return command(action)
        }
        let removal = observed.isAlternative ? "\(AlternativeName.command(ifname, of: other)) && " : ""
        let way = observed.holder.map { "ip link set \(ifname) name \($0.asideName) && " } ?? ""
        return "\(removal)\(way)ip link set \(other) name \(ifname) && \(command(action))"
    }

    package func command(_ action: Action) -> String {
        let address = mac.map { " address \($0)" } ?? ""
        let promisc = isPromiscuous == true ? " promisc on" : ""
        let filtering = filtersVLANs == true ? " vlan_filtering 1" : ""
        let own = vlan.map { " && bridge vlan add vid \($0) dev \(ifname) pvid untagged self" } ?? ""
        return switch action {
        case .add:
            "ip link add \(ifname)\(address) group \(Mark.group)\(promisc) up type bridge\(filtering) mcast_snooping 0"
                + (mtu.map { " && ip link set \(ifname) mtu \($0)" } ?? "") + own
        case .change:
            "ip link set \(ifname) group \(Mark.group)\(address)\(mtu.map { " mtu \($0)" } ?? "")\(promisc) up\(filtering.isEmpty ? "" : " type bridge\(filtering)")\(own)"
        case .delete: "ip link del \(ifname.shellWord)"
        }
    }
}

extension KernelState {
    /// Of what one network or one attachment desires, or such as can be read: others that share a bridge may ask for a greater
    /// MTU. Asked only where the bridge has another than is wanted.
    mutating func mindSharers(of observed: Self, _ store: borrowing Store) throws(ReconcilerError) {
        for case .bridge(var bridge) in all(in: .host) {
            guard bridge.mtu != nil, case .bridge(let found)? = observed[.host, bridge.name], found.mtu != bridge.mtu
            else {
                continue
            }
            bridge.mtu = try mapped { () throws(StoreError) in try store.mtu(ofBridge: bridge.ifname) } ?? bridge.mtu
            self[.host, bridge.name] = .bridge(bridge)
        }
    }
}

extension Object {
    /// Of a host end that somebody renamed, as an object's name.
    fileprivate var otherVethName: String? {
        if case .veth(let veth) = self { veth.otherName.map(Veth.name) } else { nil }
    }
    fileprivate var bridgeName: String? { if case .bridge(let bridge) = self { bridge.ifname } else { nil } }
}
