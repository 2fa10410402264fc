internal import CKernel

extension Request {
    /// Sends RTM_NEWLINK with NLM_F_CREATE and NLM_F_EXCL (`ip link add`). EEXIST: the name is taken, here or, for a
    /// veth, the peer's in its namespace. With NLM_F_ECHO the kernel sends the new link back before its ACK, since 6.2.
    package static func createLink(_ link: LinkMessage, context: String) throws(NetlinkError) -> Request {
        try checked(link, context: context)
        return Request(
            type: Int(RTM_NEWLINK), flags: NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, body: link.encoded, context: context)
    }

    /// The name of the link that this creates; `nil`: it creates none.
    package var createdLink: String? {
        get throws(NetlinkError) {
            guard type == UInt16(RTM_NEWLINK), flags & UInt16(NLM_F_CREATE) != 0 else { return nil }
            return try LinkMessage(parsing: body[...]).name
        }
    }

    /// Sends RTM_NEWLINK without NLM_F_CREATE (`ip link set`). ENODEV: no such link.
    package static func setLink(_ link: LinkMessage, context: String) throws(NetlinkError) -> Request {
        try checked(link, context: context)
        return Request(type: Int(RTM_NEWLINK), body: link.encoded, context: context)
    }

    /// Sends RTM_DELLINK (`ip link del`) for one link. Deleting one end of a veth pair deletes both.
    package static func deleteLink(index: Int32, context: String) throws(NetlinkError) -> Request {
        var link = LinkMessage()
        link.index = index
        try checked(link, context: context)
        return Request(type: Int(RTM_DELLINK), body: link.encoded, context: context)
    }

    /// Sends RTM_DELLINK for every link of a group, in the socket's namespace (`ip link del group`).
    package static func deleteLinks(group: UInt32, context: String) throws(NetlinkError) -> Request {
        guard group != 0 else {
            throw NetlinkError(.unsafeRequest, context: "\(context): group 0 holds every unmarked link")
        }
        var link = LinkMessage()
        link.group = group
        return Request(type: Int(RTM_DELLINK), body: link.encoded, context: context)
    }

    /// Sends RTM_DELLINKPROP (`ip link property del … altname`). ENOENT: it has no such further name.
    package static func deleteAlternativeName(
        _ name: String, index: Int32, context: String
    ) throws(NetlinkError) -> Request {
        var link = LinkMessage()
        link.index = index
        link.alternativeNames = [name]
        try checked(link, context: context)
        return Request(type: Int(RTM_DELLINKPROP), body: link.encoded, context: context)
    }

    /// Sends RTM_GETLINK for one link by name (`ip link show dev`), or by a further one. ENODEV: there is none.
    package static func getLink(name: String, context: String) -> Request {
        var link = LinkMessage()
        link.name = name
        return Request(type: Int(RTM_GETLINK), body: link.encoded + skipStatistics, context: context)
    }

    /// Sends RTM_GETLINK for one link by index.
    package static func getLink(index: Int32, context: String) -> Request {
        var link = LinkMessage()
        link.index = index
        return Request(type: Int(RTM_GETLINK), body: link.encoded + skipStatistics, context: context)
    }

    /// RTM_GETLINK, all links of the namespace: for ``NetlinkSocket/dump(_:)``.
    package static func dumpLinks(context: String) -> Request {
        Request(type: Int(RTM_GETLINK), body: LinkMessage().encoded + skipStatistics, context: context)
    }

    /// IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS: counters are half of a link's message, and nobody here reads them.
    private static var skipStatistics: [UInt8] {
        var builder = Builder()
        builder.put(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
        return builder.bytes
    }

    /// RTM_NEWLINK with a group and neither index nor name changes the whole group; never by accident.
    private static func checked(_ link: LinkMessage, context: String) throws(NetlinkError) {
        guard link.index > 0 || !(link.name ?? "").isEmpty else {
            throw NetlinkError(.unsafeRequest, context: "\(context): a link message without index or name")
        }
    }
}
