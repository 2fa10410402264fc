package import Addressing
package import Netlink
package import Store

/// A bridge on the host. One that carries our mark is ours; any other is adopted: its ports and addresses that are ours
/// come and go, itself is never changed or deleted.
package struct Bridge: Resource {
    package var ifname: String
    /// Desired: pinned when it is made, so that it does not follow the ports (the kernel takes the lowest of theirs).
    package var mac: MACAddress?
    /// Bytes; desired `nil` is not compared.
    package var mtu: Int?
    package var isUp: Bool
    package var isMarked: Bool
    /// IFLA_INFO_KIND: something else may have the name.
    package var kind: String

    package init(
        ifname: String, mac: MACAddress? = nil, mtu: Int? = nil, isUp: Bool = true, isMarked: Bool = true,
        kind: String = "bridge"
    ) {
        self.ifname = ifname
        self.mac = mac
        self.mtu = mtu
        self.isUp = isUp
        self.isMarked = isMarked
        self.kind = kind
    }

    package var name: String { Bridge.name(ifname) }
    package static func name(_ ifname: String) -> String { "bridge \(ifname)" }
    package var mark: Bool? { isMarked }
    package var wrapped: Object { .bridge(self) }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        for network in intent.networks {
            desired.insert(
                Bridge(ifname: network.spec.bridge, mac: network.bridgeMAC, mtu: network.spec.mtu), in: .host)
        }
        // Pods stay on the bridge that they were promised, though their network moved to another since.
        for attachment in intent.attachments where desired[.host, name(attachment.bridge)] == nil {
            desired.insert(Bridge(ifname: attachment.bridge, mtu: attachment.mtu), in: .host)
        }
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        for case .bridge(let wanted) in desired.all(in: reader.namespace) {
            guard let link = try reader.link(named: wanted.ifname) else { continue }
            observed.insert(
                Bridge(
                    ifname: wanted.ifname, mac: link.hardwareAddress.flatMap { MACAddress(bytes: $0) },
                    mtu: link.mtu.map(Int.init), isUp: link.isUp, isMarked: link.group == Mark.group,
                    kind: link.kind ?? "physical link"),
                in: reader.namespace)
        }
    }

    package func conflict(with observed: Self) -> String? {
        if observed.kind != "bridge" {
            return "\(ifname) is there but is no bridge (it is a \(observed.kind)): name another bridge in the config, "
                + "or take that link away"
        }
        if !observed.isMarked, !observed.isUp {
            return "\(ifname) is down, and not ours to bring up: `ip link set \(ifname) up`"
        }
        return nil
    }

    package func drift(from observed: Self) -> [String] {
        guard observed.isMarked else { return [] }
        var drift: [String] = []
        if let mac, observed.mac != mac { drift.append("its MAC is \(observed.mac?.description ?? "unknown")") }
        if let mtu, observed.mtu != mtu { drift.append("its MTU is \(observed.mtu ?? 0)") }
        if !observed.isUp { drift.append("it is down") }
        return drift
    }

    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        var link = LinkMessage()
        link.setUp()
        link.hardwareAddress = mac?.bytes
        link.mtu = mtu.map { UInt32($0) }
        switch action {
        case .add:
            link.name = ifname
            link.kind = "bridge"
            link.group = Mark.group
            return .netlink([try .createLink(link, context: "create bridge \(ifname)")])
        case .change:
            link.index = try links.index(of: ifname)
            return .netlink([try .setLink(link, context: "change bridge \(ifname)")])
        case .delete:
            let index = try links.index(of: ifname)
            return .netlink([try .deleteLink(index: index, context: "delete bridge \(ifname)")])
        }
    }

    package func phase(_ action: Action) -> Phase { action == .delete ? .deleteLinks : .bridges }

    package func command(_ action: Action) -> String {
        let options = (mac.map { " address \($0)" } ?? "") + (mtu.map { " mtu \($0)" } ?? "")
        return switch action {
        case .add: "ip link add \(ifname)\(options) group \(Mark.group) up type bridge"
        case .change: "ip link set \(ifname)\(options) up"
        case .delete: "ip link del \(ifname)"
        }
    }
}
