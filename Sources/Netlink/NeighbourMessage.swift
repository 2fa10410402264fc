internal import CKernel

/// A neighbour table entry: `struct ndmsg` and its attributes (include/uapi/linux/neighbour.h).
package struct NeighbourMessage: Hashable, Sendable {
    /// AF_INET (2), AF_INET6 (10) or AF_BRIDGE (7) for a bridge's forwarding database.
    package var family: UInt8 = 0
    /// Index of the link.
    package var index: Int32 = 0
    /// NUD_ state.
    package var state: UInt16 = 0
    /// NTF_ flags.
    package var flags: UInt8 = 0
    /// RTN_ type.
    package var type: UInt8 = 0
    /// NDA_DST in network order.
    package var destination: [UInt8]?
    /// NDA_LLADDR in wire order.
    package var hardwareAddress: [UInt8]?

    package init() {}

    /// NUD_PERMANENT: entered by hand, never verified.
    package static var permanent: UInt16 { UInt16(NUD_PERMANENT) }
    /// NTF_USE: the kernel looks for the neighbour at once, whoever needs it.
    package static var use: UInt8 { UInt8(NTF_USE) }
}

extension NeighbourMessage {
    /// Reads the body of RTM_NEWNEIGH or RTM_DELNEIGH.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        var cursor = Cursor(body)
        family = try cursor.read(UInt8.self)
        _ = try cursor.readBytes(3)
        index = try cursor.read(Int32.self)
        state = try cursor.read(UInt16.self)
        flags = try cursor.read(UInt8.self)
        type = try cursor.read(UInt8.self)
        while let attribute = try cursor.nextAttribute() {
            switch attribute.type {
            case Int(NDA_DST): destination = Array(attribute.payload)
            case Int(NDA_LLADDR): hardwareAddress = Array(attribute.payload)
            default: break
            }
        }
    }

    package var encoded: [UInt8] {
        var builder = Builder()
        builder.append(family)
        builder.append(contentsOf: [0, 0, 0])
        builder.append(index)
        builder.append(state)
        builder.append(flags)
        builder.append(type)
        if let destination { builder.put(Int(NDA_DST), bytes: destination) }
        if let hardwareAddress { builder.put(Int(NDA_LLADDR), bytes: hardwareAddress) }
        return builder.bytes
    }
}

extension Request {
    /// Sends RTM_NEWNEIGH with NLM_F_CREATE and NLM_F_REPLACE (`ip neigh replace`).
    package static func replaceNeighbour(_ neighbour: NeighbourMessage, context: String) -> Request {
        Request(
            type: Int(RTM_NEWNEIGH), flags: NLM_F_CREATE | NLM_F_REPLACE, body: neighbour.encoded, context: context)
    }

    /// Tells all on a link who has an IPv4 address of ours: the kernel is made to look for it (`ip neigh replace use`), and
    /// its question, who has the address, tell it the address's owner, is a gratuitous ARP, which also replaces what was
    /// confirmed this second (arp_is_garp in net/ipv4/arp.c). Then what it looks for is forgotten, so that it does not ask
    /// again.
    package static func announce(_ address: [UInt8], index: Int32, context: String) -> [Request] {
        var neighbour = NeighbourMessage()
        neighbour.family = 2
        neighbour.index = index
        neighbour.flags = NeighbourMessage.use
        neighbour.destination = address
        let question = replaceNeighbour(neighbour, context: context)
        neighbour.flags = 0
        return [question, deleteNeighbour(neighbour, context: context)]
    }

    /// Sends RTM_DELNEIGH (`ip neigh del`). ENOENT: there is no such entry.
    package static func deleteNeighbour(_ neighbour: NeighbourMessage, context: String) -> Request {
        Request(type: Int(RTM_DELNEIGH), body: neighbour.encoded, context: context)
    }

    /// RTM_GETNEIGH for ``NetlinkSocket/dump(_:)``.
    package static func dumpNeighbours(family: UInt8, context: String) -> Request {
        var filter = NeighbourMessage()
        filter.family = family
        return Request(type: Int(RTM_GETNEIGH), body: filter.encoded, context: context)
    }
}
