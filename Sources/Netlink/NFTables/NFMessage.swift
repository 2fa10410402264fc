internal import CKernel

/// The family of a table (NFPROTO_ in include/uapi/linux/netfilter.h).
package struct NFFamily: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// IPv4 and IPv6 in one.
    package static let inet = Self(rawValue: 1)
    package static let ipv4 = Self(rawValue: 2)
    package static let bridge = Self(rawValue: 7)
    package static let ipv6 = Self(rawValue: 10)

    /// As nft(8) calls it.
    package var name: String {
        switch self {
        case .inet: "inet"
        case .ipv4: "ip"
        case .bridge: "bridge"
        case .ipv6: "ip6"
        default: "family \(rawValue)"
        }
    }
}

/// What nf_tables messages have in common: `struct nfgenmsg` (include/uapi/linux/netfilter/nfnetlink.h), then attributes
/// whose integers are in network order, unlike rtnetlink's.
enum NFMessage {
    static func type(_ operation: nf_tables_msg_types) -> Int { Int(NFNL_SUBSYS_NFTABLES) << 8 | operation.number }

    static func body(_ family: NFFamily, _ content: (inout Builder) -> Void = { _ in }) -> [UInt8] {
        var builder = Builder()
        builder.append(family.rawValue)
        builder.append(UInt8(NFNETLINK_V0))
        builder.append(UInt16(0))
        content(&builder)
        return builder.bytes
    }

    static func parse(_ body: ArraySlice<UInt8>) throws(NetlinkError) -> (family: NFFamily, [Attribute]) {
        var cursor = Cursor(body)
        return (try family(&cursor), try cursor.readAttributes())
    }

    /// The rest of the header says nothing that we need.
    private static func family(_ cursor: inout Cursor) throws(NetlinkError) -> NFFamily {
        let family = NFFamily(rawValue: try cursor.read(UInt8.self))
        _ = try cursor.readBytes(3)
        return family
    }

    /// The table that a message is about. Its name has the same number in all of them, and comes first (NFTA_TABLE_NAME,
    /// NFTA_CHAIN_TABLE and their like); what follows is not read.
    static func parseTable(_ body: ArraySlice<UInt8>) throws(NetlinkError) -> (family: NFFamily, name: String?) {
        var cursor = Cursor(body)
        let family = try family(&cursor)
        while cursor.remaining > 0 {
            let attribute = try cursor.readAttribute()
            if attribute.type == NFTA_TABLE_NAME.number { return (family, attribute.string()) }
        }
        return (family, nil)
    }
}

extension Request {
    /// A request about an object of nf_tables.
    static func nfTables(
        _ operation: nf_tables_msg_types, _ flags: Int32 = 0, body: [UInt8], context: String
    ) -> Request {
        Request(type: NFMessage.type(operation), flags: flags, body: body, context: context)
    }

    /// NFT_MSG_GETGEN: the number of the last transaction. For ``NFGeneration/init(parsing:)``.
    package static func getGeneration(context: String) -> Request {
        .nfTables(NFT_MSG_GETGEN, body: NFMessage.body(NFFamily(rawValue: 0)), context: context)
    }

    /// Whether it is one of nf_tables' NFT_MSG_DEL messages.
    var isNFTablesDeletion: Bool {
        [NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_DELRULE, NFT_MSG_DELSET, NFT_MSG_DELSETELEM]
            .contains { NFMessage.type($0) == Int(type) }
    }
}

/// Which transaction made the rules that are in force, of all in this namespace.
package struct NFGeneration: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Reads the body of NFT_MSG_NEWGEN.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        for attribute in try NFMessage.parse(body).1 where attribute.type == NFTA_GEN_ID.number {
            self.init(rawValue: try attribute.bigUInt32())
            return
        }
        throw NetlinkError(.malformed, context: "a generation without its number")
    }
}

extension RawRepresentable where RawValue == UInt32 {
    /// An enumerator of the kernel's headers as an attribute or message type.
    var number: Int { Int(rawValue) }
}

extension Attribute {
    func bigUInt32() throws(NetlinkError) -> UInt32 { UInt32(bigEndian: try uint32()) }
    func bigUInt64() throws(NetlinkError) -> UInt64 {
        var cursor = Cursor(payload)
        return UInt64(bigEndian: try cursor.read(UInt64.self))
    }
}

extension Builder {
    mutating func putBig<T: FixedWidthInteger>(_ type: some RawRepresentable<UInt32>, _ value: T) {
        put(type.number, value.bigEndian)
    }

    mutating func put(_ type: some RawRepresentable<UInt32>, string: String) { put(type.number, string: string) }
    mutating func put(_ type: some RawRepresentable<UInt32>, bytes: some Sequence<UInt8>) {
        put(type.number, bytes: bytes)
    }
    mutating func nest(_ type: some RawRepresentable<UInt32>, _ content: (inout Builder) -> Void) {
        nest(type.number, content)
    }
}
