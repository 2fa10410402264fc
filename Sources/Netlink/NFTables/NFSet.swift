internal import CKernel

/// A type of keys or values as nft(8) numbers them (include/datatype.h of nftables); the kernel only keeps the number.
package struct NFDataType: Hashable, Sendable {
    package var number: UInt32
    /// Bytes.
    package var length: UInt32
    package static let ipv4Address = Self(number: 7, length: 4)
    package static let ipv6Address = Self(number: 8, length: 16)
    package static let etherAddress = Self(number: 9, length: 6)
    package static let interfaceName = Self(number: 41, length: 16)

    private init(number: UInt32, length: UInt32) {
        self.number = number
        self.length = length
    }

    init?(number: UInt32) {
        let known: [NFDataType] = [.ipv4Address, .ipv6Address, .etherAddress, .interfaceName]
        guard let type = known.first(where: { $0.number == number }) else { return nil }
        self = type
    }

    /// enum byteorder of nftables: 1 is the machine's, 2 the network's, 0 neither.
    fileprivate static func byteOrder(_ number: UInt32) -> UInt32 {
        switch number {
        case ipv4Address.number, ipv6Address.number, etherAddress.number: 2
        case interfaceName.number: 1
        default: 0
        }
    }

    package var name: String {
        switch self {
        case .ipv4Address: "ipv4_addr"
        case .ipv6Address: "ipv6_addr"
        case .etherAddress: "ether_addr"
        case .interfaceName: "ifname"
        default: "type \(number)"
        }
    }
}

/// A set or a map of a table (`nft add set`, `nft add map`), without its elements.
package struct NFSet: Hashable, Sendable {
    package var family: NFFamily
    package var table: String
    package var name: String
    /// NFT_SET_ flags.
    package var flags: UInt32
    /// nft(8)'s number: of a concatenation six bits for each of its types.
    package var keyType: UInt32
    /// Bytes.
    package var keyLength: UInt32
    /// Of a concatenation of intervals the length of each field, not padded.
    package var fieldLengths: [UInt32]
    /// Of a map: nft(8)'s number of the values' type, and their length; 0xffffff00 is a verdict.
    package var dataType: UInt32?
    package var dataLength: UInt32?
    package var comment: String?
    /// Given by the kernel.
    package var handle: UInt64?

    /// - Parameters:
    ///   - keys: one type, or those of a concatenation.
    ///   - hasIntervals: elements may be ranges.
    ///   - values: what a map gives.
    package init(
        family: NFFamily, table: String, name: String, keys: [NFDataType], hasIntervals: Bool = false,
        values: NFDataType? = nil, comment: String? = nil
    ) {
        self.family = family
        self.table = table
        self.name = name
        let isConcatenation = keys.count > 1
        flags = 0
        if hasIntervals { flags |= NFT_SET_INTERVAL.rawValue }
        if hasIntervals && isConcatenation { flags |= NFT_SET_CONCAT.rawValue }
        if values != nil { flags |= NFT_SET_MAP.rawValue }
        keyType = keys.reduce(0) { $0 << 6 | $1.number }
        keyLength = keys.reduce(0) { $0 + ($1.length + 3) / 4 * 4 }
        if !isConcatenation { keyLength = keys.first?.length ?? 0 }
        fieldLengths = hasIntervals && isConcatenation ? keys.map(\.length) : []
        dataType = values?.number
        dataLength = values?.length
        self.comment = comment
    }

    /// Reads the body of NFT_MSG_NEWSET.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        let (family, attributes) = try NFMessage.parse(body)
        self.init(family: family, table: "", name: "", keys: [])
        for attribute in attributes {
            switch attribute.type {
            case NFTA_SET_TABLE.number: table = attribute.string()
            case NFTA_SET_NAME.number: name = attribute.string()
            case NFTA_SET_FLAGS.number: flags = try attribute.bigUInt32()
            case NFTA_SET_KEY_TYPE.number: keyType = try attribute.bigUInt32()
            case NFTA_SET_KEY_LEN.number: keyLength = try attribute.bigUInt32()
            case NFTA_SET_DATA_TYPE.number: dataType = try attribute.bigUInt32()
            case NFTA_SET_DATA_LEN.number: dataLength = try attribute.bigUInt32()
            case NFTA_SET_DESC.number: fieldLengths = try NFSet.fieldLengths(attribute)
            case NFTA_SET_HANDLE.number: handle = try attribute.bigUInt64()
            case NFTA_SET_USERDATA.number:
                comment = NFUserData(attribute.payload).text(NFUserData.commentOfSet)
            default: break
            }
        }
        // The kernel says 0 where a verdict has no length of its own.
        if dataType == NFSet.verdictType { dataLength = nil }
    }

    /// The types of the key in order; `nil` if one of them is not known here.
    package var keys: [NFDataType]? {
        var types: [NFDataType] = []
        var rest = keyType
        while rest > 0 {
            guard let type = NFDataType(number: rest & 63) else { return nil }
            types.insert(type, at: 0)
            rest >>= 6
        }
        return types
    }

    package var hasIntervals: Bool { flags & NFT_SET_INTERVAL.rawValue != 0 }
    package var isMap: Bool { flags & NFT_SET_MAP.rawValue != 0 }
    /// A part of a rule (`ip saddr { 10.0.0.1, 10.0.0.2 }`), with which it comes and goes.
    package var isAnonymous: Bool { flags & NFT_SET_ANONYMOUS.rawValue != 0 }

    private static let verdictType: UInt32 = 0xffff_ff00

    private static func fieldLengths(_ description: Attribute) throws(NetlinkError) -> [UInt32] {
        var lengths: [UInt32] = []
        for attribute in try description.nested() where attribute.type == NFTA_SET_DESC_CONCAT.number {
            for field in try attribute.nested() {
                for length in try field.nested() where length.type == NFTA_SET_FIELD_LEN.number {
                    lengths.append(try length.bigUInt32())
                }
            }
        }
        return lengths
    }

    package var encoded: [UInt8] {
        NFMessage.body(family) {
            $0.put(NFTA_SET_TABLE, string: table)
            $0.put(NFTA_SET_NAME, string: name)
            $0.putBig(NFTA_SET_FLAGS, flags)
            $0.putBig(NFTA_SET_KEY_TYPE, keyType)
            $0.putBig(NFTA_SET_KEY_LEN, keyLength)
            if let dataType { $0.putBig(NFTA_SET_DATA_TYPE, dataType) }
            if let dataLength { $0.putBig(NFTA_SET_DATA_LEN, dataLength) }
            // Names it in this transaction; we name sets by their names, but the kernel insists.
            $0.putBig(NFTA_SET_ID, UInt32(1))
            if !fieldLengths.isEmpty {
                $0.nest(NFTA_SET_DESC) {
                    $0.nest(NFTA_SET_DESC_CONCAT) {
                        for length in fieldLengths {
                            $0.nest(NFTA_LIST_ELEM) { $0.putBig(NFTA_SET_FIELD_LEN, length) }
                        }
                    }
                }
            }
            $0.put(NFTA_SET_USERDATA, bytes: userData)
        }
    }

    /// How nft(8) is to print keys and values; of a concatenation it knows by the types.
    private var userData: [UInt8] {
        var data = NFUserData()
        data.append(NFUserData.keyByteOrder, NFDataType.byteOrder(keyType))
        if let dataType { data.append(NFUserData.dataByteOrder, NFDataType.byteOrder(dataType)) }
        data.append(NFUserData.commentOfSet, comment)
        return data.bytes
    }
}

extension Request {
    /// NFT_MSG_NEWSET with NLM_F_CREATE. One that is there stays as it is. EEXIST: it is of another kind.
    package static func addSet(_ set: NFSet, context: String) -> Request {
        .nfTables(NFT_MSG_NEWSET, NLM_F_CREATE, body: set.encoded, context: context)
    }

    /// NFT_MSG_DELSET with its elements. EBUSY: a rule uses it.
    package static func deleteSet(_ family: NFFamily, _ table: String, _ name: String, context: String) -> Request {
        .nfTables(
            NFT_MSG_DELSET,
            body: NFMessage.body(family) {
                $0.put(NFTA_SET_TABLE, string: table)
                $0.put(NFTA_SET_NAME, string: name)
            }, context: context)
    }

    /// NFT_MSG_GETSET for ``NetlinkSocket/dump(_:)``: the sets of one table.
    package static func dumpSets(_ family: NFFamily, table: String, context: String) -> Request {
        .nfTables(
            NFT_MSG_GETSET, body: NFMessage.body(family) { $0.put(NFTA_SET_TABLE, string: table) }, context: context)
    }
}
