package import Addressing
package import Netlink
package import Store

/// The pod's end of a veth pair. It is made with the host's end; here it is named, brought up and kept so.
package struct PodLink: Resource {
    package var ifname: String
    /// Desired only where somebody asked for this very address.
    package var mac: MACAddress?
    /// Bytes; desired only where the network has one.
    package var mtu: Int?
    /// Desired `false`: it is left as it is made, down, and not compared.
    package var isUp: Bool
    /// Observed.
    package var index: UInt32?
    /// Observed: the index of its other end, wherever that is (IFLA_LINK).
    package var peerIndex: UInt32?
    /// Observed: its name, where the one that it should have is a further one of it (an altname).
    package var otherName: String?
    /// Desired: the name that its other end should have on the host; `nil`: nobody looks for that one.
    package var hostIfname: String?
    /// Observed: it carries our mark.
    package var isMarked: Bool

    package init(
        ifname: String, mac: MACAddress? = nil, mtu: Int? = nil, isUp: Bool = true, index: UInt32? = nil,
        isMarked: Bool = true, peerIndex: UInt32? = nil, hostIfname: String? = nil
    ) {
        self.ifname = ifname
        self.mac = mac
        self.mtu = mtu
        self.isUp = isUp
        self.index = index
        self.isMarked = isMarked
        self.peerIndex = peerIndex
        self.hostIfname = hostIfname
    }

    package static let kindName = "pod_link"
    package var name: String { PodLink.name(ifname) }
    package static func name(_ ifname: String) -> String { "pod link \(ifname)" }
    package var wrapped: Object { .podLink(self) }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        for attachment in intent.attachments {
            desired.insert(
                PodLink(
                    ifname: attachment.ifname, mac: attachment.macRequested ? attachment.mac : nil,
                    mtu: attachment.mtu, isUp: attachment.linkUp, hostIfname: attachment.hostIfname),
                in: attachment.pod)
        }
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        for case .podLink(let wanted) in desired.all(in: reader.namespace) {
            guard var link = try reader.link(named: wanted.ifname) else { continue }
            if link.name != wanted.ifname { link = reader.take(link, as: wanted.ifname) }
            var found = PodLink(
                ifname: wanted.ifname, mac: link.hardwareAddress.flatMap { MACAddress(bytes: $0) },
                mtu: link.mtu.map(Int.init), isUp: link.isUp, index: UInt32(link.index),
                isMarked: link.isMarked, peerIndex: link.link)
            found.otherName = reader.otherName(of: link)
            observed.insert(found, in: reader.namespace)
        }
    }

    package func drift(from observed: Self) -> [String] {
        var drift: [String] = []
        if let mac, observed.mac != mac { drift.append("its MAC is \(observed.mac?.description ?? "unknown")") }
        if let mtu, observed.mtu != mtu { drift.append("its MTU is \(observed.mtu ?? 0)") }
        if isUp, !observed.isUp { drift.append("it is down") }
        return drift
    }

    /// IPv6 address generation goes off in a message before the one that brings the link up: in one message, up takes
    /// effect first, and the link-local address is there already.
    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        var quiet = LinkMessage()
        quiet.index = try links.index(of: ifname)
        if action == .delete {
            return .netlink([try .deleteLink(index: quiet.index, context: "delete \(ifname) in the pod")])
        }
        var up = quiet
        quiet.addressGeneration = AddressGeneration.none
        if isUp { up.setUp() }
        if action == .change {
            up.hardwareAddress = mac?.bytes
            up.mtu = mtu.map { UInt32($0) }
        }
        return .netlink([
            try .setLink(quiet, context: "set address generation of \(ifname)"),
            try .setLink(up, context: isUp ? "bring \(ifname) up" : "change \(ifname)"),
        ])
    }

    package func phase(_ action: Action) -> Phase { action == .delete ? .deleteLinks : .podLinks }

    package func command(_ action: Action) -> String {
        if action == .delete { return "ip link del \(ifname)" }
        let address = mac.map { " address \($0)" } ?? ""
        let up = isUp ? " up" : ""
        guard let mtu else { return "ip link set \(ifname)\(address) addrgenmode none\(up)" }
        // Address generation can be set only where the MTU is enough for IPv6 (net/core/rtnetlink.c, validate_linkmsg).
        return mtu < 1280
            ? "ip link set \(ifname)\(address) mtu \(mtu)\(up)"
            : "ip link set \(ifname) mtu \(mtu) && ip link set \(ifname)\(address) addrgenmode none\(up)"
    }
}

extension Attachment {
    /// Its sandbox.
    package var pod: NamespaceID { .pod(attachment: id, path: namespace.path) }
}
