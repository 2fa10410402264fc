package import Addressing

/// Which network namespace, and where the runtime keeps it.
package struct NamespaceIdentity: Hashable, Sendable {
    package var path: String
    /// SO_NETNS_COOKIE: never used again within one boot, unlike paths and inode numbers.
    package var cookie: UInt64
    /// For people.
    package var device: UInt64
    package var inode: UInt64
    /// /proc/sys/kernel/random/boot_id when it was seen.
    package var bootID: String

    package init(path: String, cookie: UInt64, device: UInt64, inode: UInt64, bootID: String) {
        self.path = path
        self.cookie = cookie
        self.device = device
        self.inode = inode
        self.bootID = bootID
    }
}

/// Whose pod it is, as far as the runtime said.
package struct PodIdentity: Hashable, Sendable {
    package var namespace: String?
    package var name: String?
    package var uid: String?

    package init(namespace: String? = nil, name: String? = nil, uid: String? = nil) {
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }

    func label(containerID: String) -> String {
        guard let name else { return "container \(containerID.prefix(12))" }
        return namespace.map { "pod \($0)/\(name)" } ?? "pod \(name)"
    }
}

/// An address that an attachment holds.
package struct Lease: Hashable, Sendable {
    package var address: CIDR
    package var gateway: IPAddress?

    package init(address: CIDR, gateway: IPAddress?) {
        self.address = address
        self.gateway = gateway
    }
}

/// A route that should exist, in a pod or on the host.
package struct RouteSpec: Hashable, Sendable {
    package var destination: CIDR
    package var gateway: IPAddress?
    package var device: String?
    package var source: IPAddress?
    package var metric: UInt32
    package var table: UInt32
    /// Bytes.
    package var mtu: UInt32?
    /// Bytes.
    package var advertisedMSS: UInt32?
    /// RT_SCOPE_ number.
    package var scope: UInt8?

    package init(
        destination: CIDR, gateway: IPAddress? = nil, device: String? = nil, source: IPAddress? = nil,
        metric: UInt32 = 0, table: UInt32 = 254, mtu: UInt32? = nil, advertisedMSS: UInt32? = nil, scope: UInt8? = nil
    ) {
        self.destination = destination
        self.gateway = gateway
        self.device = device
        self.source = source
        self.metric = metric
        self.table = table
        self.mtu = mtu
        self.advertisedMSS = advertisedMSS
        self.scope = scope
    }

    // As the kernel keeps them: of 0 none was asked for, and it cuts what is too large for a packet (ip_metrics_convert,
    // net/ipv4/metrics.c).
    package static func keptMTU(_ mtu: UInt32) -> UInt32? { mtu == 0 ? nil : min(mtu, 65_535 - 15) }
    package static func keptAdvertisedMSS(_ size: UInt32) -> UInt32? { size == 0 ? nil : min(size, 65_535 - 40) }
    /// Of an IPv6 route 0 is 1024 (IP6_RT_PRIO_USER).
    private var keptMetric: UInt32 { metric == 0 && destination.family == .v6 ? 1024 : metric }

    /// The kernel keeps one of both.
    package func hasPlace(of other: Self) -> Bool {
        destination == other.destination && keptMetric == other.keptMetric && table == other.table
    }
}

/// Another IPAM plugin that gave an attachment's addresses and must take them back.
package struct DelegatedIPAM: Hashable, Sendable {
    /// The plugin's name, `ipam.type`.
    package var type: String
    /// The whole configuration with which it was called.
    package var configuration: String
    /// CNI_PATH: directories, separated by colons.
    package var path: String

    package init(type: String, configuration: String, path: String) {
        self.type = type
        self.configuration = configuration
        self.path = path
    }
}

package enum AttachmentState: String, Hashable, Sendable {
    case adding, ready, deleting
}

/// An interface of a container: what ADD promised.
package struct Attachment: Hashable, Sendable, Identifiable {
    package let id: Int64
    package var networkID: Int64
    package var network: String
    package var containerID: String
    package var ifname: String
    package var state: AttachmentState
    package var namespace: NamespaceIdentity
    package var bridge: String
    /// The bridge holds the gateways of its leases.
    package var isGateway: Bool
    package var hairpin: Bool
    package var hostIfname: String
    package var hostMAC: MACAddress
    package var mac: MACAddress
    package var macRequested: Bool
    /// Bytes.
    package var mtu: Int?
    /// Of the host's end, which no later plugin of the chain changes.
    package var hostMTU: Int?
    package var pod: PodIdentity
    package var repairPod: RepairPod
    package var leases: [Lease]
    package var routes: [RouteSpec]
    /// A row of them, or of another's, says nothing sensible: what is in the pod and not in ``routes`` may be that.
    package var lacksRoutes = false
    /// The `dns` object of ADD's answer, as JSON.
    package var dns: String?
    /// Who gave the leases, if not we did.
    package var delegate: DelegatedIPAM?
    /// The pod's interface is brought up.
    package var linkUp: Bool
    /// Its traffic takes the node's address, unless it goes to one of these blocks; `nil`: it never does.
    package var unmasqueraded: [CIDR]?
    /// It may send with its own MAC only.
    package var checksMAC: Bool
    package var link: LinkOptions

    package init(
        id: Int64, networkID: Int64, network: String, containerID: String, ifname: String, state: AttachmentState,
        namespace: NamespaceIdentity, bridge: String, isGateway: Bool = true, hairpin: Bool, hostIfname: String,
        hostMAC: MACAddress,
        mac: MACAddress, macRequested: Bool = false, mtu: Int? = nil, pod: PodIdentity = PodIdentity(),
        repairPod: RepairPod = .all, leases: [Lease] = [], routes: [RouteSpec] = [], dns: String? = nil,
        delegate: DelegatedIPAM? = nil, linkUp: Bool = true, link: LinkOptions = LinkOptions(),
        unmasqueraded: [CIDR]? = nil, checksMAC: Bool = false
    ) {
        self.id = id
        self.networkID = networkID
        self.network = network
        self.containerID = containerID
        self.ifname = ifname
        self.state = state
        self.namespace = namespace
        self.bridge = bridge
        self.isGateway = isGateway
        self.hairpin = hairpin
        self.hostIfname = hostIfname
        self.hostMAC = hostMAC
        self.mac = mac
        self.macRequested = macRequested
        self.mtu = mtu
        hostMTU = mtu
        self.pod = pod
        self.repairPod = repairPod
        self.leases = leases
        self.routes = routes
        self.dns = dns
        self.delegate = delegate
        self.linkUp = linkUp
        self.unmasqueraded = unmasqueraded
        self.checksMAC = checksMAC
        self.link = link
    }

    /// Nothing can come of it but its end: it was given up, or ADD died before it wrote down what another IPAM plugin gave.
    /// While its lock is held, it is the holder's business.
    package var isDoomed: Bool { state == .deleting || state == .adding && delegate != nil && leases.isEmpty }

    /// Why it ``isDoomed``.
    package var doom: String {
        state == .deleting
            ? "it was given up (DEL, GC or a failed ADD), and that was not finished"
            : "ADD died while IPAM plugin \(delegate?.type ?? "") was called"
    }

    /// `default/web-0`, or the container's id where no runtime said whose pod it is.
    package var label: String { pod.label(containerID: containerID) }

    /// What its link says of itself, to people: network, pod and interface.
    package var alias: String { Attachment.alias("\(network): \(label) \(ifname)") }

    /// Of a text that is too long for an alias the end: a pod's name may have 253 bytes, a network's any number.
    static func alias(_ text: String) -> String {
        // IFALIASZ (include/uapi/linux/if.h), less the NULs of the kernel's copy and of ours.
        let limit = 254
        guard text.utf8.count > limit else { return text }
        var rest = text.unicodeScalars[...]
        var length = text.utf8.count
        while length > limit, let first = rest.popFirst() { length -= UTF8.width(first) }
        return String(rest)
    }

    /// The host's end of the pair: the database's tag keeps it apart from another database's, the id from every other
    /// attachment that ever was. At most 15 characters, for ids below 36⁶.
    package static func hostIfname(tag: String, id: Int64) -> String { "\(namePrefix)\(tag)\(digits(id, radix: 36))" }

    /// The tag of the database that named a link so; `nil` if it is no such name.
    package static func tag(ofHostIfname name: String) -> Substring? {
        let text = name.utf8
        guard text.starts(with: namePrefix.utf8), text.count > namePrefix.utf8.count + 4 else { return nil }
        let tag = text.dropFirst(namePrefix.utf8.count).prefix(4)
        return tag.allSatisfy { $0 < 0x80 } ? Substring(tag) : nil
    }

    /// The id in a link's name, if the database with this tag gave it.
    package static func id(ofHostIfname name: String, tag: String) -> Int64? {
        guard self.tag(ofHostIfname: name) == tag[...] else { return nil }
        return Int64(name.dropFirst(namePrefix.utf8.count + 4), radix: 36)
    }

    /// Of every host end's name, whichever database it is of.
    package static let namePrefix = "plumb"
}
