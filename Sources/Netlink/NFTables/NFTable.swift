internal import CKernel

/// A table of nf_tables: NFT_MSG_NEWTABLE and its like (`nft add table`).
package struct NFTable: Hashable, Sendable {
    package var family: NFFamily
    package var name: String
    /// NFT_TABLE_F_DORMANT: its rules are not in force.
    package var isDormant = false
    /// NFT_TABLE_F_OWNER: it goes with the socket that made it, and only that may change it.
    package var isOwned = false
    /// What `nft list` prints as its comment.
    package var comment: String?
    /// Given by the kernel.
    package var handle: UInt64?
    /// Given by the kernel: how many chains, sets and other objects it has.
    package var use: UInt32?

    package init(family: NFFamily, name: String, comment: String? = nil) {
        self.family = family
        self.name = name
        self.comment = comment
    }

    /// Reads the body of NFT_MSG_NEWTABLE.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        let (family, attributes) = try NFMessage.parse(body)
        self.init(family: family, name: "")
        for attribute in attributes {
            switch attribute.type {
            case NFTA_TABLE_NAME.number: name = attribute.string()
            case NFTA_TABLE_FLAGS.number:
                let flags = try attribute.bigUInt32()
                isDormant = flags & NFT_TABLE_F_DORMANT.rawValue != 0
                isOwned = flags & NFT_TABLE_F_OWNER.rawValue != 0
            case NFTA_TABLE_USE.number: use = try attribute.bigUInt32()
            case NFTA_TABLE_HANDLE.number: handle = try attribute.bigUInt64()
            case NFTA_TABLE_USERDATA.number: comment = attribute.comment()
            default: break
            }
        }
    }

    package var encoded: [UInt8] {
        NFMessage.body(family) {
            $0.put(NFTA_TABLE_NAME, string: name)
            $0.putBig(
                NFTA_TABLE_FLAGS,
                (isDormant ? NFT_TABLE_F_DORMANT.rawValue : 0) | (isOwned ? NFT_TABLE_F_OWNER.rawValue : 0))
            $0.put(NFTA_TABLE_USERDATA, comment: comment)
        }
    }
}

extension Request {
    /// NFT_MSG_NEWTABLE with NLM_F_CREATE: makes the table, or changes the flags of the one there is; its comment stays.
    package static func addTable(_ table: NFTable, context: String) -> Request {
        .nfTables(NFT_MSG_NEWTABLE, NLM_F_CREATE, body: table.encoded, context: context)
    }

    /// NFT_MSG_DELTABLE with all that is in it. ENOENT: there is none.
    package static func deleteTable(_ family: NFFamily, _ name: String, context: String) -> Request {
        .nfTables(NFT_MSG_DELTABLE, body: NFTable.reference(family, name), context: context)
    }

    /// NFT_MSG_GETTABLE. ENOENT: there is none.
    package static func getTable(_ family: NFFamily, _ name: String, context: String) -> Request {
        .nfTables(NFT_MSG_GETTABLE, body: NFTable.reference(family, name), context: context)
    }

    /// NFT_MSG_GETTABLE for ``NetlinkSocket/dump(_:)``; family 0 is every one.
    package static func dumpTables(_ family: NFFamily = NFFamily(rawValue: 0), context: String) -> Request {
        .nfTables(NFT_MSG_GETTABLE, body: NFMessage.body(family), context: context)
    }
}

extension NFTable {
    fileprivate static func reference(_ family: NFFamily, _ name: String) -> [UInt8] {
        NFMessage.body(family) { $0.put(NFTA_TABLE_NAME, string: name) }
    }
}
