internal import CKernel

/// A link: `struct ifinfomsg` and its attributes (include/uapi/linux/if_link.h). One type for requests and replies: what
/// is `nil` is not sent, or was not in what the kernel said.
package struct LinkMessage: Hashable, Sendable {
    /// Interface index, 0 if not known.
    package var index: Int32 = 0
    /// AF_UNSPEC, or AF_BRIDGE in messages about a bridge's ports.
    package var family: UInt8 = 0
    /// ARPHRD_ type.
    package var hardwareType: UInt16 = 0
    /// IFF_ flags.
    package var flags: UInt32 = 0
    /// In requests: which flags to change.
    package var changeMask: UInt32 = 0
    /// IFLA_IFNAME.
    package var name: String?
    /// IFLA_ALT_IFNAME in IFLA_PROP_LIST: further names (`ip link property`), by which the kernel finds it too.
    package var alternativeNames: [String] = []
    /// IFLA_ADDRESS, in wire order.
    package var hardwareAddress: [UInt8]?
    /// IFLA_MTU in bytes.
    package var mtu: UInt32?
    /// IFLA_GROUP.
    package var group: UInt32?
    /// IFLA_MASTER: index of the bridge; 0 releases.
    package var master: UInt32?
    /// IFLA_LINK: for a veth, the peer's index in its own namespace.
    package var link: UInt32?
    /// IFLA_LINK_NETNSID: the peer's namespace as numbered in this one; absent when it is the same.
    package var linkNamespaceID: Int32?
    /// IFLA_NUM_TX_QUEUES: how many there may ever be.
    package var transmitQueues: UInt32?
    /// IFLA_NUM_RX_QUEUES, likewise.
    package var receiveQueues: UInt32?
    /// IFLA_IFALIAS: text for people.
    package var alias: String?
    /// IFLA_NET_NS_FD: an open descriptor of the namespace in which to create.
    package var namespaceDescriptor: UInt32?
    /// IFLA_INFO_KIND: `bridge`, `veth` …
    package var kind: String?
    package var kindData: LinkKindData?
    /// IFLA_INFO_SLAVE_KIND and _DATA: what it is a port of.
    package var portKind: String?
    package var port: BridgePort?
    /// IFLA_INET6_ADDR_GEN_MODE, see ``AddressGeneration``.
    package var addressGeneration: AddressGeneration?

    package init() {}

    package var isUp: Bool { flags & IFF_UP.rawValue != 0 }
    /// Somebody asked for it by this flag; listening programs do it otherwise.
    package var isPromiscuous: Bool { flags & IFF_PROMISC.rawValue != 0 }

    /// Asks for IFF_UP, and leaves the other flags alone.
    package mutating func setUp() {
        flags |= IFF_UP.rawValue
        changeMask |= IFF_UP.rawValue
    }

    /// Asks that the link be down (`down`).
    package mutating func setDown() {
        flags &= ~IFF_UP.rawValue
        changeMask |= IFF_UP.rawValue
    }
}

extension LinkMessage {
    /// Asks for IFF_PROMISC (`ip link set promisc on`), and leaves the other flags alone.
    package mutating func setPromiscuous() {
        flags |= IFF_PROMISC.rawValue
        changeMask |= IFF_PROMISC.rawValue
    }

    /// IFLA_BR_VLAN_FILTERING of a bridge: ports are in VLANs. `nil` in a reply: none was told.
    package var filtersVLANs: Bool? {
        get { bridgeOption(Int(IFLA_BR_VLAN_FILTERING)) }
        set { setBridgeOption(Int(IFLA_BR_VLAN_FILTERING), newValue) }
    }

    /// IFLA_BR_MCAST_SNOOPING of a bridge: it listens who wants which multicast.
    package var snoopsMulticast: Bool? {
        get { bridgeOption(Int(IFLA_BR_MCAST_SNOOPING)) }
        set { setBridgeOption(Int(IFLA_BR_MCAST_SNOOPING), newValue) }
    }

    private var bridgeOptions: [Attribute] {
        if case .other(let options) = kindData { options } else { [] }
    }

    private func bridgeOption(_ type: Int) -> Bool? {
        bridgeOptions.first { $0.type == type }.map { $0.payload.first != 0 }
    }

    private mutating func setBridgeOption(_ type: Int, _ value: Bool?) {
        kind = "bridge"
        var options = bridgeOptions.filter { $0.type != type }
        if let value { options.append(Attribute(type: type, isFlaggedNested: false, payload: [value ? 1 : 0])) }
        kindData = options.isEmpty ? nil : .other(options)
    }
}

/// IFLA_INFO_DATA by kind.
package indirect enum LinkKindData: Hashable, Sendable {
    /// VETH_INFO_PEER (include/uapi/linux/veth.h); only in requests.
    case veth(peer: LinkMessage)
    case other([Attribute])
}

/// Options of a bridge port: IFLA_BRPORT_ attributes; one not in the message is `nil`.
package struct BridgePort: Hashable, Sendable {
    /// IFLA_BRPORT_MODE: frames may leave by the port that they came in by.
    package var hairpin: Bool?
    /// IFLA_BRPORT_ISOLATED: frames pass between it and ports that are not isolated only.
    package var isolated: Bool?

    package init(hairpin: Bool? = nil, isolated: Bool? = nil) {
        self.hairpin = hairpin
        self.isolated = isolated
    }
}

/// How the kernel makes a link's IPv6 link-local address (IN6_ADDR_GEN_MODE_ in if_link.h).
package struct AddressGeneration: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let eui64 = Self(rawValue: UInt8(IN6_ADDR_GEN_MODE_EUI64.rawValue))
    package static let none = Self(rawValue: UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue))
}

extension LinkMessage {
    /// Reads the body of RTM_NEWLINK or RTM_DELLINK.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        try self.init(parsing: body, isPeer: false)
    }

    private init(parsing body: ArraySlice<UInt8>, isPeer: Bool) throws(NetlinkError) {
        var cursor = Cursor(body)
        family = try cursor.read(UInt8.self)
        _ = try cursor.read(UInt8.self)
        hardwareType = try cursor.read(UInt16.self)
        index = try cursor.read(Int32.self)
        flags = try cursor.read(UInt32.self)
        changeMask = try cursor.read(UInt32.self)
        while let attribute = try cursor.nextAttribute() {
            switch attribute.type {
            case Int(IFLA_IFNAME): name = attribute.string()
            case Int(IFLA_ADDRESS): hardwareAddress = Array(attribute.payload)
            case Int(IFLA_MTU): mtu = try attribute.uint32()
            case Int(IFLA_GROUP): group = try attribute.uint32()
            case Int(IFLA_MASTER): master = try attribute.uint32()
            case Int(IFLA_LINK): link = try attribute.uint32()
            case Int(IFLA_LINK_NETNSID): linkNamespaceID = try attribute.int32()
            case Int(IFLA_NUM_TX_QUEUES): transmitQueues = try attribute.uint32()
            case Int(IFLA_NUM_RX_QUEUES): receiveQueues = try attribute.uint32()
            case Int(IFLA_IFALIAS): alias = attribute.string()
            case Int(IFLA_NET_NS_FD): namespaceDescriptor = try attribute.uint32()
            case Int(IFLA_LINKINFO): try readLinkInfo(attribute, isPeer: isPeer)
            case Int(IFLA_PROP_LIST):
                for name in try attribute.nested() where name.type == Int(IFLA_ALT_IFNAME) {
                    alternativeNames.append(name.string())
                }
            case Int(IFLA_AF_SPEC) where family == 0: try readFamilies(attribute)
            default: break
            }
        }
    }

    private mutating func readLinkInfo(_ info: Attribute, isPeer: Bool) throws(NetlinkError) {
        let attributes = try info.nested()
        kind = attributes.first { $0.type == Int(IFLA_INFO_KIND) }?.string()
        portKind = attributes.first { $0.type == Int(IFLA_INFO_SLAVE_KIND) }?.string()
        for attribute in attributes {
            switch attribute.type {
            case Int(IFLA_INFO_DATA) where kind == "veth":
                // 16-bit lengths leave room for peers 1600 deep: more than the stack has.
                guard !isPeer else { throw NetlinkError(.malformed, context: "a veth peer with a peer of its own") }
                for peer in try attribute.nested() where peer.type == Int(VETH_INFO_PEER) {
                    kindData = .veth(peer: try LinkMessage(parsing: peer.payload, isPeer: true))
                }
            case Int(IFLA_INFO_DATA): kindData = .other(try attribute.nested())
            case Int(IFLA_INFO_SLAVE_DATA) where portKind == "bridge":
                port = try BridgePort(parsing: attribute.payload)
            default: break
            }
        }
    }

    private mutating func readFamilies(_ families: Attribute) throws(NetlinkError) {
        var cursor = Cursor(families.payload)
        while let family = try cursor.nextAttribute() {
            guard family.type == Int(AF_INET6_FAMILY) else { continue }
            var inner = Cursor(family.payload)
            while let attribute = try inner.nextAttribute() {
                guard attribute.type == Int(IFLA_INET6_ADDR_GEN_MODE) else { continue }
                addressGeneration = AddressGeneration(rawValue: try attribute.uint8())
            }
        }
    }

    /// The body of a request.
    package var encoded: [UInt8] {
        var builder = Builder()
        encode(into: &builder)
        return builder.bytes
    }

    private func encode(into builder: inout Builder) {
        builder.append(family)
        builder.append(UInt8(0))
        builder.append(hardwareType)
        builder.append(index)
        builder.append(flags)
        builder.append(changeMask)
        if let name { builder.put(Int(IFLA_IFNAME), string: name) }
        if !alternativeNames.isEmpty {
            builder.nest(Int(IFLA_PROP_LIST)) {
                for name in alternativeNames { $0.put(Int(IFLA_ALT_IFNAME), string: name) }
            }
        }
        if let hardwareAddress { builder.put(Int(IFLA_ADDRESS), bytes: hardwareAddress) }
        if let mtu { builder.put(Int(IFLA_MTU), mtu) }
        if let group { builder.put(Int(IFLA_GROUP), group) }
        if let master { builder.put(Int(IFLA_MASTER), master) }
        if let link { builder.put(Int(IFLA_LINK), link) }
        if let transmitQueues { builder.put(Int(IFLA_NUM_TX_QUEUES), transmitQueues) }
        if let receiveQueues { builder.put(Int(IFLA_NUM_RX_QUEUES), receiveQueues) }
        if let linkNamespaceID { builder.put(Int(IFLA_LINK_NETNSID), linkNamespaceID) }
        if let alias { builder.put(Int(IFLA_IFALIAS), string: alias) }
        if let namespaceDescriptor { builder.put(Int(IFLA_NET_NS_FD), namespaceDescriptor) }
        if kind != nil || portKind != nil { builder.nest(Int(IFLA_LINKINFO), encodeLinkInfo) }
        if let addressGeneration {
            builder.nest(Int(IFLA_AF_SPEC)) {
                $0.nest(Int(AF_INET6_FAMILY)) { $0.put(Int(IFLA_INET6_ADDR_GEN_MODE), addressGeneration.rawValue) }
            }
        }
    }

    private func encodeLinkInfo(into builder: inout Builder) {
        if let kind { builder.put(Int(IFLA_INFO_KIND), string: kind) }
        switch kindData {
        case .veth(let peer):
            builder.nest(Int(IFLA_INFO_DATA)) { $0.nest(Int(VETH_INFO_PEER), peer.encode(into:)) }
        case .other(let attributes):
            builder.nest(Int(IFLA_INFO_DATA)) { for attribute in attributes { $0.put(attribute) } }
        case nil: break
        }
        if let portKind { builder.put(Int(IFLA_INFO_SLAVE_KIND), string: portKind) }
        if let port { builder.nest(Int(IFLA_INFO_SLAVE_DATA), port.encode(into:)) }
    }
}

extension BridgePort {
    init(parsing attributes: ArraySlice<UInt8>) throws(NetlinkError) {
        var cursor = Cursor(attributes)
        while let attribute = try cursor.nextAttribute() {
            switch attribute.type {
            case Int(IFLA_BRPORT_MODE): hairpin = try attribute.uint8() != 0
            case Int(IFLA_BRPORT_ISOLATED): isolated = try attribute.uint8() != 0
            default: break
            }
        }
    }

    func encode(into builder: inout Builder) {
        if let hairpin { builder.put(Int(IFLA_BRPORT_MODE), UInt8(hairpin ? 1 : 0)) }
        if let isolated { builder.put(Int(IFLA_BRPORT_ISOLATED), UInt8(isolated ? 1 : 0)) }
    }
}

/// AF_INET6 as an attribute type inside IFLA_AF_SPEC.
private let AF_INET6_FAMILY = 10
