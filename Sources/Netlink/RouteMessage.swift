internal import CKernel

/// A route: `struct rtmsg` and its attributes (include/uapi/linux/rtnetlink.h).
package struct RouteMessage: Hashable, Sendable {
    /// AF_INET (2) or AF_INET6 (10).
    package var family: UInt8 = 0
    package var destinationLength: UInt8 = 0
    package var sourceLength: UInt8 = 0
    package var typeOfService: UInt8 = 0
    /// RTA_TABLE, or rtm_table where it is left out; 254 is main.
    package var table: UInt32 = UInt32(RT_TABLE_MAIN.rawValue)
    /// RTPROT_: who put it there.
    package var routeProtocol: UInt8 = 0
    /// RT_SCOPE_: 0 universe, 253 link, 254 host.
    package var scope: UInt8 = 0
    /// RTN_: 1 is unicast.
    package var type: UInt8 = UInt8(RTN_UNICAST)
    /// RTM_F_ and RTNH_F_ flags.
    package var flags: UInt32 = 0
    /// RTA_DST in network order; absent for a default route.
    package var destination: [UInt8]?
    /// RTA_GATEWAY in network order.
    package var gateway: [UInt8]?
    /// RTA_OIF: index of the link.
    package var outputIndex: UInt32?
    /// RTA_PREFSRC in network order.
    package var preferredSource: [UInt8]?
    /// RTA_PRIORITY, the metric.
    package var priority: UInt32?
    /// RTAX_MTU in bytes, RTAX_ADVMSS in bytes, inside RTA_METRICS.
    package var mtu: UInt32?
    package var advertisedMSS: UInt32?
    /// RTA_MULTIPATH: of a route that has several, instead of one gateway and link.
    package var nextHops: [NextHop] = []

    package init() {}

    /// One way of several: `struct rtnexthop` and its attributes.
    package struct NextHop: Hashable, Sendable {
        /// RTNH_F_ flags.
        package var flags: UInt8 = 0
        /// Its weight, less one.
        package var hops: UInt8 = 0
        package var outputIndex: Int32 = 0
        package var gateway: [UInt8]?
    }

    /// RTNH_F_ONLINK: the gateway is reachable on the link though no address of ours covers it.
    package static var onLink: UInt32 { UInt32(RTNH_F_ONLINK) }
    package static var scopeLink: UInt8 { UInt8(RT_SCOPE_LINK.rawValue) }
    /// RT_SCOPE_NOWHERE: in a deletion, any scope.
    package static var scopeNowhere: UInt8 { UInt8(RT_SCOPE_NOWHERE.rawValue) }
    package static var scopeUniverse: UInt8 { UInt8(RT_SCOPE_UNIVERSE.rawValue) }
    /// RTN_UNICAST, the only type that we make.
    package var isUnicast: Bool { type == UInt8(RTN_UNICAST) }
    /// RTPROT_KERNEL: made with an address.
    package static var byKernel: UInt8 { UInt8(RTPROT_KERNEL) }
    /// RTM_F_CLONED: an exception from the kernel's cache, not a route.
    package var isCloned: Bool { flags & UInt32(RTM_F_CLONED) != 0 }
}

extension RouteMessage {
    /// Reads the body of RTM_NEWROUTE or RTM_DELROUTE.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        var cursor = Cursor(body)
        family = try cursor.read(UInt8.self)
        destinationLength = try cursor.read(UInt8.self)
        sourceLength = try cursor.read(UInt8.self)
        typeOfService = try cursor.read(UInt8.self)
        table = UInt32(try cursor.read(UInt8.self))
        routeProtocol = try cursor.read(UInt8.self)
        scope = try cursor.read(UInt8.self)
        type = try cursor.read(UInt8.self)
        flags = try cursor.read(UInt32.self)
        while let attribute = try cursor.nextAttribute() {
            switch attribute.type {
            case Int(RTA_DST.rawValue): destination = Array(attribute.payload)
            case Int(RTA_GATEWAY.rawValue): gateway = Array(attribute.payload)
            case Int(RTA_OIF.rawValue): outputIndex = try attribute.uint32()
            case Int(RTA_PREFSRC.rawValue): preferredSource = Array(attribute.payload)
            case Int(RTA_PRIORITY.rawValue): priority = try attribute.uint32()
            case Int(RTA_TABLE.rawValue): table = try attribute.uint32()
            case Int(RTA_METRICS.rawValue): try readMetrics(attribute)
            case Int(RTA_MULTIPATH.rawValue): try readNextHops(attribute)
            default: break
            }
        }
    }

    private mutating func readMetrics(_ metrics: Attribute) throws(NetlinkError) {
        for metric in try metrics.nested() {
            switch metric.type {
            case Int(RTAX_MTU): mtu = try metric.uint32()
            case Int(RTAX_ADVMSS): advertisedMSS = try metric.uint32()
            default: break
            }
        }
    }

    private mutating func readNextHops(_ attribute: Attribute) throws(NetlinkError) {
        var cursor = Cursor(attribute.payload)
        while cursor.remaining > 0 {
            let length = Int(try cursor.read(UInt16.self))
            var hop = NextHop()
            hop.flags = try cursor.read(UInt8.self)
            hop.hops = try cursor.read(UInt8.self)
            hop.outputIndex = try cursor.read(Int32.self)
            guard length >= 8 else { throw NetlinkError(.malformed, context: "next hop with length \(length)") }
            var inner = Cursor(try cursor.readBytes(length - 8))
            for attribute in try inner.readAttributes() where attribute.type == Int(RTA_GATEWAY.rawValue) {
                hop.gateway = Array(attribute.payload)
            }
            _ = try cursor.readBytes(min(cursor.remaining, align4(length) - length))
            nextHops.append(hop)
        }
    }

    package var encoded: [UInt8] {
        var builder = Builder()
        builder.append(family)
        builder.append(destinationLength)
        builder.append(sourceLength)
        builder.append(typeOfService)
        builder.append(UInt8(table < 256 ? table : UInt32(RT_TABLE_COMPAT.rawValue)))
        builder.append(routeProtocol)
        builder.append(scope)
        builder.append(type)
        builder.append(flags)
        if let destination { builder.put(Int(RTA_DST.rawValue), bytes: destination) }
        if let gateway { builder.put(Int(RTA_GATEWAY.rawValue), bytes: gateway) }
        if let outputIndex { builder.put(Int(RTA_OIF.rawValue), outputIndex) }
        if let preferredSource { builder.put(Int(RTA_PREFSRC.rawValue), bytes: preferredSource) }
        if let priority { builder.put(Int(RTA_PRIORITY.rawValue), priority) }
        if table > 0 { builder.put(Int(RTA_TABLE.rawValue), table) }
        if mtu != nil || advertisedMSS != nil {
            builder.nest(Int(RTA_METRICS.rawValue)) {
                if let mtu { $0.put(Int(RTAX_MTU), mtu) }
                if let advertisedMSS { $0.put(Int(RTAX_ADVMSS), advertisedMSS) }
            }
        }
        if !nextHops.isEmpty {
            builder.attribute(Int(RTA_MULTIPATH.rawValue)) {
                for hop in nextHops { $0.append(contentsOf: hop.encoded) }
            }
        }
        return builder.bytes
    }
}

extension RouteMessage.NextHop {
    fileprivate var encoded: [UInt8] {
        var attributes = Builder()
        if let gateway { attributes.put(Int(RTA_GATEWAY.rawValue), bytes: gateway) }
        var builder = Builder()
        builder.append(UInt16(8 + attributes.bytes.count))
        builder.append(flags)
        builder.append(hops)
        builder.append(outputIndex)
        builder.append(contentsOf: attributes.bytes)
        return builder.bytes
    }
}

extension Request {
    /// Sends RTM_NEWROUTE with NLM_F_CREATE and NLM_F_EXCL (`ip route add`). EEXIST: there is a route to that
    /// destination with that metric in that table, perhaps somebody else's.
    package static func addRoute(_ route: RouteMessage, context: String) -> Request {
        Request(type: Int(RTM_NEWROUTE), flags: NLM_F_CREATE | NLM_F_EXCL, body: route.encoded, context: context)
    }

    /// The same beside what has its destination already, as the kernel adds those that it makes with addresses.
    package static func appendRoute(_ route: RouteMessage, context: String) -> Request {
        Request(type: Int(RTM_NEWROUTE), flags: NLM_F_CREATE | NLM_F_APPEND, body: route.encoded, context: context)
    }

    /// Sends RTM_DELROUTE (`ip route del`). The kernel deletes the first route that agrees with every attribute given;
    /// the protocol is one of them, so a foreign route never matches ours. ESRCH: there is none. Of several IPv6 routes to
    /// one destination without a gateway, all go (ip6_route_del, net/ipv6/route.c).
    package static func deleteRoute(_ route: RouteMessage, context: String) -> Request {
        Request(type: Int(RTM_DELROUTE), body: route.encoded, context: context)
    }

    /// RTM_GETROUTE for ``NetlinkSocket/dump(_:)``, filtered by the kernel.
    ///
    /// - Parameters:
    ///   - routeProtocol: 0 for any.
    ///   - outputIndex: of the link by which they leave; `nil` for any.
    ///   - isUnicast: no local, broadcast and other routes.
    package static func dumpRoutes(
        family: UInt8, routeProtocol: UInt8 = 0, outputIndex: Int32? = nil, isUnicast: Bool = false, context: String
    ) -> Request {
        var filter = RouteMessage()
        filter.family = family
        filter.table = 0
        filter.routeProtocol = routeProtocol
        filter.outputIndex = outputIndex.map { UInt32($0) }
        if !isUnicast { filter.type = 0 }
        return Request(type: Int(RTM_GETROUTE), body: filter.encoded, context: context)
    }

    /// The same of one table. ENOENT: there is none of that number.
    package static func dumpRoutes(family: UInt8, table: UInt32, context: String) -> Request {
        var filter = RouteMessage()
        filter.family = family
        filter.table = table
        filter.type = 0
        return Request(type: Int(RTM_GETROUTE), body: filter.encoded, context: context)
    }
}
