internal import CKernel

/// What an event is about, as far as we read it.
package enum EventContent: Hashable, Sendable {
    case link(LinkMessage, isGone: Bool)
    case address(AddressMessage)
    case route(RouteMessage)
    /// A namespace's or a link's setting: RTM_NEWNETCONF.
    case forwarding(ForwardingMessage)
    /// Of a socket that hears nf_tables.
    case ruleset(NFEvent)
    case other

    package init(_ message: Message) throws(NetlinkError) {
        switch Int(message.type) {
        case Int(RTM_NEWLINK): self = .link(try LinkMessage(parsing: message.body), isGone: false)
        case Int(RTM_DELLINK): self = .link(try LinkMessage(parsing: message.body), isGone: true)
        case Int(RTM_NEWADDR), Int(RTM_DELADDR): self = .address(try AddressMessage(parsing: message.body))
        case Int(RTM_NEWROUTE), Int(RTM_DELROUTE): self = .route(try RouteMessage(parsing: message.body))
        case Int(RTM_NEWNETCONF): self = .forwarding(try ForwardingMessage(parsing: message.body))
        default: self = try NFEvent(message).map { .ruleset($0) } ?? .other
        }
    }
}

/// Whether something forwards: `struct netconfmsg` and two of its attributes (include/uapi/linux/netconf.h).
package struct ForwardingMessage: Hashable, Sendable {
    /// AF_INET (2) or AF_INET6 (10).
    package var family: UInt8
    /// The link's index, or ``everything``.
    package var index: Int32?
    /// NETCONFA_FORWARDING; `nil`: it speaks of another setting.
    package var isOn: Bool?

    /// NETCONFA_IFINDEX_ALL.
    package static var everything: Int32 { NETCONFA_IFINDEX_ALL }

    init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        var cursor = Cursor(body)
        family = try cursor.read(UInt8.self)
        // struct netconfmsg is one byte, padded.
        _ = try cursor.readBytes(min(cursor.remaining, 3))
        for attribute in try cursor.readAttributes() {
            switch attribute.type {
            case Int(NETCONFA_IFINDEX): index = try attribute.int32()
            case Int(NETCONFA_FORWARDING): isOn = try attribute.int32() != 0
            default: break
            }
        }
    }
}
