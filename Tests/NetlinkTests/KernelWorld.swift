import CKernel
import Glibc
import Testing

@testable import Netlink

/// A bridge, and a veth whose peer is in a second namespace: what the tests of the real kernel begin with.
struct KernelWorld: ~Copyable {
    var socket: NetlinkSocket
    let pod: OwnedDescriptor
    let bridge: Int32
    let veth: Int32

    /// Makes it in the calling thread's namespace.
    init() throws {
        let pod = try Namespace.makeOther()
        var socket = try NetlinkSocket()
        var bridge = LinkMessage()
        bridge.name = "plumb0"
        bridge.kind = "bridge"
        var peer = LinkMessage()
        peer.name = "eth0"
        peer.namespaceDescriptor = UInt32(pod.rawValue)
        var veth = LinkMessage()
        veth.name = "veth7"
        veth.mtu = 1450
        veth.kind = "veth"
        veth.kindData = .veth(peer: peer)
        let bridgeIndex = try Self.create(bridge, by: &socket)
        let vethIndex = try Self.create(veth, by: &socket)
        self.bridge = bridgeIndex
        self.veth = vethIndex
        self.pod = pod
        self.socket = socket
    }

    /// Creates a link; its index is in the kernel's echo.
    static func create(_ link: LinkMessage, by socket: inout NetlinkSocket) throws -> Int32 {
        let replies = try socket.perform(.createLink(link, context: "create \(link.name ?? "")"))
        let echo = try #require(replies.first { $0.type == UInt16(RTM_NEWLINK) })
        return try LinkMessage(parsing: echo.body).index
    }

    static func set(_ index: Int32, _ change: (inout LinkMessage) -> Void) throws -> Request {
        var link = LinkMessage()
        link.index = index
        change(&link)
        return try .setLink(link, context: "set \(index)")
    }

    static func up(_ index: Int32) throws -> Request {
        try set(index) {
            $0.flags = IFF_UP.rawValue
            $0.changeMask = IFF_UP.rawValue
        }
    }

    static func address(_ bytes: [UInt8], _ prefixLength: UInt8, on index: Int32) -> AddressMessage {
        var address = AddressMessage()
        address.family = bytes.count == 4 ? 2 : 10
        address.prefixLength = prefixLength
        address.index = UInt32(index)
        address.address = bytes
        address.local = bytes
        if bytes.count == 16 { address.flags = AddressMessage.noDuplicateDetection }
        return address
    }

    static func route(
        _ destination: [UInt8]?, _ length: UInt8, via gateway: [UInt8]?, on index: Int32
    ) -> RouteMessage {
        var route = RouteMessage()
        route.family = (destination ?? gateway)?.count == 16 ? 10 : 2
        route.destination = destination
        route.destinationLength = length
        route.gateway = gateway
        route.outputIndex = UInt32(index)
        route.routeProtocol = 99
        route.scope = gateway == nil && route.family == 2 ? RouteMessage.scopeLink : RouteMessage.scopeUniverse
        return route
    }

    static func neighbour(_ destination: [UInt8], on index: Int32) -> NeighbourMessage {
        var neighbour = NeighbourMessage()
        neighbour.family = destination.count == 4 ? 2 : 10
        neighbour.index = index
        neighbour.state = NeighbourMessage.permanent
        neighbour.destination = destination
        neighbour.hardwareAddress = [2, 0, 0, 0, 0, 7]
        return neighbour
    }
}
