package import Addressing
package import Netlink
package import Store

/// The host's end of an attachment's veth pair, a port of its bridge. Making it makes both ends, the other in the pod.
package struct Veth: Resource {
    package var ifname: String
    package var attachment: Int64
    /// The bridge by name; `nil` observed: it is no port, or of something else.
    package var bridge: String?
    package var hairpin: Bool?
    /// Desired `true`, or `nil`, which is not compared.
    package var isolated: Bool?
    /// Desired `nil` is not compared.
    package var vlans: VLANMembership?
    package var isUp: Bool
    /// Observed `true` too without the mark, where its MAC or its alias is that of the pair that was made under its name.
    package var isMarked: Bool
    /// Observed: it is ours, and somebody took the mark off it.
    package var isStripped: Bool
    /// Observed: its name, where somebody took the one away that it should have.
    package var otherName: String?
    /// Observed: the name that it should have is a further one of it (an altname), and must go before it can be its own.
    package var isAlternative = false
    /// Observed, of something else under its name: what ours is named meanwhile.
    package var ownName: String?
    /// Observed, of another pod's end under its name, by its MAC: the name that it should have. See
    /// ``KernelState/tellOwners(by:_:)``.
    package var rightName: String?
    /// Observed, of something else that has its name as a further one: its own. It is nobody's here, whatever it carries.
    package var bearer: String?
    /// Observed: somebody was about to delete it together with others, and died.
    package var isDoomed: Bool
    /// Desired: the pod's end, made with this one.
    package var peer: Peer?
    /// Observed: the pod end's index in its namespace (IFLA_LINK).
    package var peerIndex: UInt32?
    /// Whose pair it is, for people, and for ``isFor(theSameAs:)``.
    package var alias: String?
    /// Observed: of the host's end.
    package var mac: MACAddress?
    /// Of the host's end, in bytes; desired `nil` is not compared.
    package var mtu: Int?

    /// What is settled for the pod's end when the pair is made.
    package struct Peer: Hashable, Sendable {
        package var ifname: String
        package var hostMAC: MACAddress
        package var mac: MACAddress
        /// Bytes, of both ends; `nil` is the kernel's 1500.
        package var mtu: Int?
        package var path: String

        package init(ifname: String, hostMAC: MACAddress, mac: MACAddress, mtu: Int?, path: String) {
            self.ifname = ifname
            self.hostMAC = hostMAC
            self.mac = mac
            self.mtu = mtu
            self.path = path
        }
    }

    package init(
        ifname: String, attachment: Int64, bridge: String?, hairpin: Bool?, isUp: Bool = true, isMarked: Bool = true,
        isDoomed: Bool = false, peer: Peer? = nil, peerIndex: UInt32? = nil, alias: String? = nil,
        mac: MACAddress? = nil, isolated: Bool? = nil, vlans: VLANMembership? = nil, isStripped: Bool = false,
        mtu: Int? = nil
    ) {
        self.ifname = ifname
        self.attachment = attachment
        self.bridge = bridge
        self.hairpin = hairpin
        self.isUp = isUp
        self.isMarked = isMarked
        self.isStripped = isStripped
        self.isDoomed = isDoomed
        self.peer = peer
        self.peerIndex = peerIndex
        self.alias = alias
        self.mac = mac
        self.mtu = mtu
        self.isolated = isolated
        self.vlans = vlans
    }

    package static let kindName = "link"
    package var name: String { Veth.name(ifname) }
    package static func name(_ ifname: String) -> String { "link \(ifname)" }
    /// Whether a link's name, as an object, is that of a host end that the database with this tag made.
    static func isHostEnd(_ name: String, of tag: String) -> Bool {
        Attachment.tag(ofHostIfname: String(name.dropFirst(Veth.name("").count))).map { $0 == tag } ?? false
    }
    package var mark: Bool? { isMarked }
    package var wrapped: Object { .veth(self) }
    package var pod: NamespaceID { .pod(attachment: attachment, path: peer?.path ?? "") }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        for attachment in intent.attachments { desired.insert(Veth(attachment), in: .host) }
    }

    /// What an attachment asks for.
    init(_ attachment: Attachment) {
        self.init(
            ifname: attachment.hostIfname, attachment: attachment.id, bridge: attachment.bridge,
            hairpin: attachment.hairpin,
            peer: Peer(
                ifname: attachment.ifname, hostMAC: attachment.hostMAC, mac: attachment.mac, mtu: attachment.mtu,
                path: attachment.namespace.path),
            alias: attachment.alias,
            isolated: attachment.link.isIsolated ? true : nil,
            vlans: attachment.link.vlans.map { VLANMembership($0) }, mtu: attachment.hostMTU)
    }

    package var owner: Int64? { attachment }

    package static func onHost(of attachments: [Attachment]) -> [Object] {
        attachments.map { attachment in
            var veth = Veth(attachment)
            // To know it by and to delete it, these need not be read.
            veth.vlans = nil
            veth.bridge = nil
            return veth.wrapped
        }
    }

    /// Somebody may have changed the MAC or the alias, hardly both.
    package func isFor(theSameAs observed: Self) -> Bool {
        if observed.rightName != nil || observed.ownName != nil || observed.bearer != nil { return false }
        guard let peer, let mac = observed.mac, let owner = observed.alias else { return true }
        return mac == peer.hostMAC || owner == alias
    }

    /// Of an observed one without our mark: whether it is the one that was made under its name all the same. Nobody else's
    /// link has that MAC, or says that it is for that pod.
    package mutating func recognise(_ wanted: Self) {
        guard !isMarked, let peer = wanted.peer else { return }
        isStripped = mac == peer.hostMAC || alias != nil && alias == wanted.alias
        isMarked = isStripped
    }

    package func conflict(with observed: Self) -> String? {
        if let bearer = observed.bearer { return AlternativeName.conflict(ifname, of: bearer) }
        if let own = observed.ownName {
            return "another link has the name \(ifname), and the pod's own is named \(own): give both their names back"
        }
        if let right = observed.rightName {
            return
                "link \(ifname) is another pod's by its MAC, and should be named \(right): `ip link set \(ifname) down && "
                + "ip link set \(ifname) name \(right)`"
        }
        guard observed.isMarked else {
            return "a link named \(ifname) is there, and does not carry Plumb's mark (group \(Mark.group))"
        }
        if isFor(theSameAs: observed) { return nil }
        return
            "link \(ifname) belongs to \(observed.alias ?? ""), which the database has forgotten: it lost its log, or is "
            + "an older copy. Restore the newest one, or drain the node"
    }

    package func drift(from observed: Self) -> [String] {
        var drift: [String] = []
        if observed.bridge != bridge {
            drift.append(observed.bridge.map { "it is a port of \($0)" } ?? "it is no port of \(bridge ?? "a bridge")")
        } else {
            if observed.hairpin != hairpin { drift.append("hairpin is \(observed.hairpin == true ? "on" : "off")") }
            if isolated == true, observed.isolated != true { drift.append("it is not isolated") }
            if let vlans { drift += vlans.drift(from: observed.vlans) }
        }
        if let mtu, let found = observed.mtu, found != mtu { drift.append("its MTU is \(found)") }
        if !observed.isUp { drift.append("it is down") }
        if let other = observed.otherName { drift.append("it is named \(other)") }
        if observed.isDoomed { drift.append("it is in the group of links that are to be deleted") }
        if observed.isStripped { drift.append("it is no longer in Plumb's group") }
        return drift
    }

    /// How the pod's end of the pair is, of which `outer` was found in the host's namespace, if anything.
    func innerEnd(_ observed: KernelState, outer: Self?) -> InnerEnd {
        guard let peer, observed.isObserved(pod), observed[unreadable: pod] == nil else { return .asItShouldBe }
        guard case .podLink(let inner) = observed[pod, PodLink.name(peer.ifname)] else {
            return outer == nil ? .asItShouldBe : .missing("its other end is not \(peer.ifname) in the pod")
        }
        if let outer {
            if inner.index == nil || outer.peerIndex == nil || inner.index == outer.peerIndex {
                guard let other = inner.otherName else { return .asItShouldBe }
                return .alone(inner, "it is named \(other), with \(inner.ifname) as a further name")
            }
        } else if inner.isMarked, inner.mac == peer.mac {
            return .alone(inner, "its other end is not \(ifname) on the host")
        }
        return .foreign(
            "an interface \(peer.ifname) is in \(peer.path) in the place of the pod's own, and is not Plumb's: it stays as "
                + "it is; delete it there, or leave it to those who made it (key repairPod)")
    }

    /// The pod's end of a pair.
    enum InnerEnd {
        /// It is there, or is made with the outer one.
        case asItShouldBe
        /// The pair is no good though its outer end is there, and why.
        case missing(String)
        /// Ours, of a pair whose outer end is not there under its name, or itself not under its own, and why that is no good.
        case alone(PodLink, String)
        /// Something else has its name, in words.
        case foreign(String)
    }

    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        switch (action, step) {
        case (.add, 0): try create(links)
        case (.delete, _): try delete(links)
        case (.change, 0) where steps(action, from: observed) == 2: try join(links)
        default: try configure(links, from: observed)
        }
    }

    /// Options of a port in the message that makes it one are refused (EOPNOTSUPP): they come after.
    package func steps(_ action: Action, from observed: Self?) -> Int {
        switch action {
        case .add: 2
        case .change: observed?.bridge == bridge ? 1 : 2
        case .delete: 1
        }
    }

    /// Of each end. Asked for none, the kernel makes one a processor, each with its place in sysfs, and then puts all but the
    /// first away, which waits for RCU (veth_init_queues, drivers/net/veth.c).
    private static let queues: UInt32 = 1

    private func create(_ links: LinkTable) throws(NetlinkError) -> Effect {
        guard let peer, let descriptor = links.podDescriptor else {
            throw NetlinkError(.unresolved, context: "the pod's namespace is not open")
        }
        var inner = LinkMessage()
        inner.name = peer.ifname
        inner.hardwareAddress = peer.mac.bytes
        inner.mtu = peer.mtu.map { UInt32($0) }
        inner.group = Mark.group
        inner.namespaceDescriptor = UInt32(descriptor)
        (inner.transmitQueues, inner.receiveQueues) = (Veth.queues, Veth.queues)
        var outer = LinkMessage()
        (outer.transmitQueues, outer.receiveQueues) = (Veth.queues, Veth.queues)
        outer.name = ifname
        outer.hardwareAddress = peer.hostMAC.bytes
        outer.mtu = inner.mtu
        outer.group = Mark.group
        if let bridge { outer.master = UInt32(try links.index(of: bridge)) }
        outer.kind = "veth"
        outer.kindData = .veth(peer: inner)
        return .netlink([try .createLink(outer, context: "create veth \(ifname) with \(peer.ifname) in \(peer.path)")])
    }

    private func join(_ links: LinkTable) throws(NetlinkError) -> Effect {
        var link = LinkMessage()
        link.index = try links.index(of: ifname)
        if let bridge { link.master = UInt32(try links.index(of: bridge)) }
        return .netlink([try .setLink(link, context: "make \(ifname) a port of \(bridge ?? "no bridge")")])
    }

    /// No IPv6 address of its own, for a port needs none: a message apart, which fails where there is no IPv6 to be switched
    /// off (``ErrnoPolicy/isForWantOfIPv6(_:_:)``). Up comes last and alone: of what changes on a link that is up and has
    /// no carrier yet the kernel tells its IPv6, which then looks at every route of the node (rt6_sync_down_dev).
    private func configure(_ links: LinkTable, from observed: Self?) throws(NetlinkError) -> Effect {
        var quiet = LinkMessage()
        quiet.index = try links.index(of: ifname)
        var link = quiet
        var up = quiet
        quiet.addressGeneration = AddressGeneration.none
        up.setUp()
        if observed?.isDoomed == true || observed?.isStripped == true { link.group = Mark.group }
        link.alias = alias
        if let observed, observed.mtu != mtu { link.mtu = mtu.map { UInt32($0) } }
        if let hairpin {
            link.portKind = "bridge"
            link.port = BridgePort(hairpin: hairpin, isolated: isolated)
        }
        var requests: [Request] = []
        if observed?.otherName != nil {
            // Kernels before 6.2 rename no link that is up.
            var down = quiet
            down.addressGeneration = nil
            down.setDown()
            requests.append(try .setLink(down, context: "bring \(ifname) down"))
            if observed?.isAlternative == true {
                requests.append(try AlternativeName.request(ifname, index: link.index))
            }
            link.name = ifname
        }
        requests.append(try .setLink(quiet, context: "set address generation of \(ifname)"))
        if let vlans {
            // No frame of another VLAN shall pass.
            requests += vlans.requests(
                for: ifname, index: link.index, from: observed?.bridge == bridge ? observed?.vlans : nil)
        }
        requests.append(try .setLink(link, context: "set options of port \(ifname)"))
        requests.append(try .setLink(up, context: "bring \(ifname) up"))
        return .netlink(requests)
    }

    private func delete(_ links: LinkTable) throws(NetlinkError) -> Effect {
        let index = try links.index(of: ifname)
        return .netlink([try .deleteLink(index: index, context: "delete \(ifname)")])
    }

    package func phase(_ action: Action) -> Phase { action == .delete ? .deleteLinks : .veths }

    package func command(_ action: Action, from observed: Self?) -> String {
        guard let other = observed?.otherName?.shellWord else { return command(action) }
        let removal = observed?.isAlternative == true ? "\(AlternativeName.command(ifname, of: other)) && " : ""
        return "ip link set \(other) down && \(removal)ip link set \(other) name \(ifname) && \(command(action))"
    }

    package func command(_ action: Action) -> String {
        var port: String {
            "master \(bridge ?? "") up && bridge link set dev \(ifname) hairpin \(hairpin == true ? "on" : "off")"
                + (isolated == true ? " isolated on" : "") + (vlans?.command(for: ifname) ?? "")
        }
        let size = mtu.map { " mtu \($0)" } ?? ""
        switch action {
        case .add:
            guard let peer else { return "ip link add \(ifname) type veth" }
            return
                "ip link add \(ifname) address \(peer.hostMAC)\(size) group \(Mark.group) type veth peer name \(peer.ifname) "
                + "address \(peer.mac)\(size) group \(Mark.group) netns \(peer.path) && ip link set \(ifname) \(port)"
        case .change: return "ip link set \(ifname) group \(Mark.group)\(size) \(port)"
        case .delete: return "ip link del \(ifname.shellWord)"
        }
    }
}
