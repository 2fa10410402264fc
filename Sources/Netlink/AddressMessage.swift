internal import CKernel

/// An address on a link: `struct ifaddrmsg` and its attributes (include/uapi/linux/if_addr.h).
package struct AddressMessage: Hashable, Sendable {
    /// AF_INET (2) or AF_INET6 (10).
    package var family: UInt8 = 0
    package var prefixLength: UInt8 = 0
    /// RT_SCOPE_: 0 is universe, 253 link.
    package var scope: UInt8 = 0
    /// Index of the link.
    package var index: UInt32 = 0
    /// IFA_ADDRESS in network order: the address itself, or the far end on a point-to-point link.
    package var address: [UInt8]?
    /// IFA_LOCAL in network order: the address itself. IPv6 leaves it out when it equals IFA_ADDRESS.
    package var local: [UInt8]?
    /// IFA_BROADCAST in network order.
    package var broadcast: [UInt8]?
    /// IFA_FLAGS: all 32 bits of them.
    package var flags: UInt32?

    package init() {}

    /// IFA_F_NODAD: usable at once, without duplicate address detection.
    package static var noDuplicateDetection: UInt32 { UInt32(IFA_F_NODAD) }
    /// IFA_F_NOPREFIXROUTE: whoever added it did not want a route to its subnet.
    package var wantsNoRoute: Bool { (flags ?? 0) & UInt32(IFA_F_NOPREFIXROUTE) != 0 }
    /// RT_SCOPE_LINK: IPv6 has one on each link by itself.
    package var isLinkLocal: Bool { scope == UInt8(RT_SCOPE_LINK.rawValue) }
    /// IFA_F_DADFAILED: another host on the link has it.
    package var isDuplicate: Bool { (flags ?? 0) & UInt32(IFA_F_DADFAILED) != 0 }
    /// IFA_F_TENTATIVE or IFA_F_DADFAILED: not usable.
    package var isUnusable: Bool { (flags ?? 0) & UInt32(IFA_F_TENTATIVE | IFA_F_DADFAILED) != 0 }
}

extension AddressMessage {
    /// Reads the body of RTM_NEWADDR or RTM_DELADDR.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        var cursor = Cursor(body)
        family = try cursor.read(UInt8.self)
        prefixLength = try cursor.read(UInt8.self)
        let lowFlags = try cursor.read(UInt8.self)
        scope = try cursor.read(UInt8.self)
        index = try cursor.read(UInt32.self)
        while let attribute = try cursor.nextAttribute() {
            switch attribute.type {
            case Int(IFA_ADDRESS): address = Array(attribute.payload)
            case Int(IFA_LOCAL): local = Array(attribute.payload)
            case Int(IFA_BROADCAST): broadcast = Array(attribute.payload)
            case Int(IFA_FLAGS): flags = try attribute.uint32()
            default: break
            }
        }
        flags = flags ?? UInt32(lowFlags)
    }

    package var encoded: [UInt8] {
        var builder = Builder()
        builder.append(family)
        builder.append(prefixLength)
        builder.append(UInt8(truncatingIfNeeded: flags ?? 0))
        builder.append(scope)
        builder.append(index)
        if let address { builder.put(Int(IFA_ADDRESS), bytes: address) }
        if let local { builder.put(Int(IFA_LOCAL), bytes: local) }
        if let broadcast { builder.put(Int(IFA_BROADCAST), bytes: broadcast) }
        if let flags { builder.put(Int(IFA_FLAGS), flags) }
        return builder.bytes
    }
}

extension Request {
    /// Sends RTM_NEWADDR with NLM_F_CREATE and NLM_F_EXCL (`ip addr add`). EEXIST: the link has that address.
    package static func addAddress(_ address: AddressMessage, context: String) -> Request {
        Request(
            type: Int(RTM_NEWADDR), flags: NLM_F_CREATE | NLM_F_EXCL, body: address.encoded, context: context)
    }

    /// Sends RTM_DELADDR (`ip addr del`). EADDRNOTAVAIL: the link does not have it.
    package static func deleteAddress(_ address: AddressMessage, context: String) -> Request {
        Request(type: Int(RTM_DELADDR), body: address.encoded, context: context)
    }

    /// RTM_GETADDR for ``NetlinkSocket/dump(_:)``; an index above 0 makes the kernel send that link's only.
    package static func dumpAddresses(index: Int32 = 0, context: String) -> Request {
        var filter = AddressMessage()
        filter.index = UInt32(index)
        return Request(type: Int(RTM_GETADDR), body: filter.encoded, context: context)
    }
}
