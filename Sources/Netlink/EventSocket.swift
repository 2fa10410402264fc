internal import CKernel
internal import Glibc
internal import SystemPackage

/// Something that changed, as the kernel tells everybody who listens.
package struct KernelEvent: Hashable, Sendable {
    /// The number under which the listener's namespace knows the one where it happened; `nil`: it is the listener's own.
    package var namespaceID: Int32?
    package var message: Message

    package init(namespaceID: Int32?, message: Message) {
        self.namespaceID = namespaceID
        self.message = message
    }
}

/// A socket that hears of every link, address and route that comes, changes or goes (`ip monitor`), and of forwarding. Of
/// its own namespace, and of all those that this one has a number for (`ip monitor all-nsid`): the kernel gives one to each
/// namespace that holds the other end of a veth. So one socket hears a thousand pods.
///
/// Or one that hears of nf_tables, in its own namespace only.
package struct EventSocket: ~Copyable {
    private let socket: OwnedDescriptor
    private let buffer = ReceiveBuffer()
    /// Whether it hears other namespaces too: that needs CAP_NET_BROADCAST.
    package let hearsOthers: Bool

    /// Readable when there is something to ``receive()``.
    package var descriptor: Int32 { socket.rawValue }

    /// For a storm, as when a bridge with a thousand ports goes: some thousand messages.
    private static let bufferSize: Int32 = 8 << 20

    private static let limit = 4096

    private static let routeGroups = [
        RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
        RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF,
    ]

    /// - Parameter subsystem: `.netfilter` loads the kernel's module of nf_tables, if it is not there yet, and needs
    ///   CAP_NET_ADMIN.
    package init(_ subsystem: NetlinkSocket.Subsystem = .route) throws(NetlinkError) {
        let socket = try EventSocket.open(subsystem)
        hearsOthers =
            subsystem == .route && EventSocket.set(socket.rawValue, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
        self.socket = socket
    }

    private static func open(_ subsystem: NetlinkSocket.Subsystem) throws(NetlinkError) -> OwnedDescriptor {
        let descriptor = Glibc.socket(
            AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), subsystem.number)
        guard descriptor >= 0 else { throw failure("open a netlink socket") }
        let socket = OwnedDescriptor(owning: descriptor)
        // Without a port of its own it would pass for the kernel, which is not told of its own doing
        // (net/netlink/af_netlink.c, do_one_broadcast).
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        let isBound = withUnsafePointer(to: &address) { place in
            place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_nl>.size)) == 0
            }
        }
        guard isBound else { throw failure("bind a netlink socket") }
        // A smaller buffer overruns sooner, and what is lost then is looked for.
        _ = set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, bufferSize)
        let groups: [UInt32] = subsystem == .route ? routeGroups.map(\.rawValue) : [NFNLGRP_NFTABLES.rawValue]
        for group in groups {
            guard set(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, Int32(group)) else {
                throw failure("join multicast group \(group)")
            }
        }
        return socket
    }

    /// What has come since, and not more at once than can be kept in mind; never waits.
    ///
    /// - Throws: `.overrun` when something was lost: anything may have changed.
    package mutating func receive() throws(NetlinkError) -> [KernelEvent] {
        var events: [KernelEvent] = []
        var overrun: NetlinkError?
        while events.count < EventSocket.limit {
            var namespaceID: Int32 = -1
            var sender: UInt32 = 0
            let length = plumb_receive_event(
                descriptor, buffer.bytes.baseAddress, buffer.bytes.count, &namespaceID, &sender)
            if length < 0 {
                switch Glibc.errno {
                case EINTR: continue
                case EAGAIN:
                    if let overrun { throw overrun }
                    return events
                case ENOBUFS:
                    overrun = NetlinkError(.overrun, errno: .noBufferSpace, context: "receive events")
                    continue
                default: throw EventSocket.failure("receive events")
                }
            }
            guard sender == 0 else { continue }
            guard length <= buffer.bytes.count else {
                overrun = NetlinkError(.overrun, context: "an event of \(length) bytes was cut off")
                continue
            }
            for message in try Message.split(Array(buffer.bytes[..<length])[...]) {
                events.append(KernelEvent(namespaceID: namespaceID < 0 ? nil : namespaceID, message: message))
            }
        }
        if let overrun { throw overrun }
        return events
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
        var value = value
        return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    private static func failure(_ context: String) -> NetlinkError {
        NetlinkError(.socket, errno: Errno(rawValue: Glibc.errno), context: context)
    }
}
