internal import Addressing
package import Netlink

/// How host ends are found: by name, by a further name, or by the pod's end.
extension Veth {
    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        guard reader.namespace == .host else { return }
        for link in try reader.markedLinks(desired.all(in: .host).compactMap(\.vethName)) {
            guard let ifname = link.name else { continue }
            let wanted: Veth? = if case .veth(let veth) = desired[.host, name(ifname)] { veth } else { nil }
            if wanted == nil, try observe(bearer: link, reader, desired: desired, into: &observed) { continue }
            // A link of whatever kind keeps the name to itself.
            guard link.kind == "veth" || wanted != nil else { continue }
            observed.insert(try read(link, ifname, wanted, reader), in: .host)
        }
    }

    /// A link that has the name of a host end as a further one: that end itself, renamed, if its MAC is the one that was made
    /// up for it. Whether it has any such name.
    private static func observe(
        bearer link: LinkMessage, _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) -> Bool {
        var isBearer = false
        for other in link.alternativeNames {
            guard case .veth(let wanted)? = desired[.host, name(other)] else { continue }
            isBearer = true
            let isIt = link.kind == "veth" && wanted.peer?.hostMAC.bytes == link.hardwareAddress
            var veth = try read(isIt ? reader.take(link, as: other) : link, other, wanted, reader)
            if !isIt {
                veth.isMarked = false
                veth.isStripped = false
                veth.bearer = link.name
            }
            observed.insert(veth, in: .host)
        }
        return isBearer
    }

    /// The host's end of the pair of a pod that was just looked at, where it is not there by its name: the pod's end says its
    /// index, and it is that pair's if its other end has that one's and its MAC is the one that was made up for it. An alias
    /// proves less: two sandboxes of one pod have the same. Where something else has its name, it cannot have it back, and
    /// is no orphan all the same.
    static func observeRenamed(
        _ host: NamespaceReader, _ pod: NamespaceID, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        for case .podLink(let inner) in desired.all(in: pod) {
            guard let ifname = inner.hostIfname, case .veth(let wanted)? = desired[.host, name(ifname)] else {
                continue
            }
            var inPlace: Veth?
            if case .veth(let veth)? = observed[.host, name(ifname)] {
                if wanted.conflict(with: veth) == nil, veth.mac == wanted.peer?.hostMAC { continue }
                inPlace = veth
            }
            guard case .podLink(let found)? = observed[pod, inner.name], let index = found.peerIndex,
                let link = try host.link(index: Int32(bitPattern: index)), link.kind == "veth",
                link.link == found.index, let mac = wanted.peer?.hostMAC, link.hardwareAddress == mac.bytes,
                let other = link.name
            else { continue }
            if var veth = inPlace {
                veth.ownName = other
                observed.insert(veth, in: .host)
            } else {
                observed.insert(try read(host.take(link, as: ifname), ifname, wanted, host), in: .host)
            }
            // In the place of another's, it is in that one's way until it has its own name again.
            if desired[.host, name(other)] == nil { observed[.host, name(other)] = nil }
        }
    }

    private static func read(
        _ link: LinkMessage, _ ifname: String, _ wanted: Veth?, _ reader: NamespaceReader
    ) throws(NetlinkError) -> Veth {
        // A link that is no port has none.
        let vlans: VLANMembership? =
            if wanted?.vlans != nil, link.master != nil {
                VLANMembership(try reader.vlans(index: link.index))
            } else {
                nil
            }
        let bridge: String? =
            if let index = link.master, wanted == nil || wanted?.bridge != nil {
                try reader.linkName(index: Int32(index))
            } else {
                nil
            }
        var veth = Veth(
            ifname: ifname, attachment: wanted?.attachment ?? 0, bridge: bridge, hairpin: link.port?.hairpin,
            isUp: link.isUp, isMarked: link.kind == "veth" && (link.isMarked || link.isDoomed),
            isDoomed: link.isDoomed,
            peerIndex: link.link, alias: link.alias,
            mac: link.hardwareAddress.flatMap { MACAddress(bytes: $0) },
            isolated: link.port?.isolated, vlans: vlans, mtu: link.mtu.map(Int.init))
        if let wanted, link.kind == "veth" { veth.recognise(wanted) }
        veth.otherName = reader.otherName(of: link)
        veth.isAlternative = veth.otherName != nil && link.alternativeNames.contains(ifname)
        return veth
    }
}

extension Object {
    fileprivate var vethName: String? { if case .veth(let veth) = self { veth.ifname } else { nil } }
}
