internal import CKernel

/// A chain of a table (`nft add chain`).
package struct NFChain: Hashable, Sendable {
    package var family: NFFamily
    package var table: String
    package var name: String
    /// Where packets enter it; `nil`: only by jumps.
    package var base: Base?
    package var comment: String?
    /// Given by the kernel.
    package var handle: UInt64?

    package struct Base: Hashable, Sendable {
        /// `filter`, `nat`, `route`.
        package var type: String
        package var hook: Hook
        /// Lower comes first; 100 is `srcnat`.
        package var priority: Int32
        /// What becomes of a packet that comes to the end: accepted, or dropped.
        package var accepts: Bool

        package init(type: String, hook: Hook, priority: Int32, accepts: Bool = true) {
            self.type = type
            self.hook = hook
            self.priority = priority
            self.accepts = accepts
        }
    }

    /// NF_INET_ numbers of include/uapi/linux/netfilter.h; the bridge's are the same.
    package struct Hook: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let prerouting = Self(rawValue: 0)
        package static let input = Self(rawValue: 1)
        package static let forward = Self(rawValue: 2)
        package static let output = Self(rawValue: 3)
        package static let postrouting = Self(rawValue: 4)

        package var name: String {
            let names = ["prerouting", "input", "forward", "output", "postrouting"]
            return rawValue < UInt32(names.count) ? names[Int(rawValue)] : "hook \(rawValue)"
        }
    }

    package init(family: NFFamily, table: String, name: String, base: Base? = nil, comment: String? = nil) {
        self.family = family
        self.table = table
        self.name = name
        self.base = base
        self.comment = comment
    }

    /// Reads the body of NFT_MSG_NEWCHAIN.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        let (family, attributes) = try NFMessage.parse(body)
        self.init(family: family, table: "", name: "")
        var hook: (Hook, Int32)?
        var type = ""
        var accepts = true
        for attribute in attributes {
            switch attribute.type {
            case NFTA_CHAIN_TABLE.number: table = attribute.string()
            case NFTA_CHAIN_NAME.number: name = attribute.string()
            case NFTA_CHAIN_HANDLE.number: handle = try attribute.bigUInt64()
            case NFTA_CHAIN_HOOK.number: hook = try NFChain.hook(attribute)
            case NFTA_CHAIN_TYPE.number: type = attribute.string()
            case NFTA_CHAIN_POLICY.number: accepts = try attribute.bigUInt32() != NFVerdict.drop.code
            case NFTA_CHAIN_USERDATA.number: comment = attribute.comment()
            default: break
            }
        }
        base = hook.map { Base(type: type, hook: $0.0, priority: $0.1, accepts: accepts) }
    }

    private static func hook(_ nest: Attribute) throws(NetlinkError) -> (Hook, Int32) {
        var hook: UInt32 = 0
        var priority: UInt32 = 0
        for attribute in try nest.nested() {
            switch attribute.type {
            case NFTA_HOOK_HOOKNUM.number: hook = try attribute.bigUInt32()
            case NFTA_HOOK_PRIORITY.number: priority = try attribute.bigUInt32()
            default: break
            }
        }
        return (Hook(rawValue: hook), Int32(bitPattern: priority))
    }

    package var encoded: [UInt8] {
        NFMessage.body(family) {
            $0.put(NFTA_CHAIN_TABLE, string: table)
            $0.put(NFTA_CHAIN_NAME, string: name)
            if let base {
                $0.nest(NFTA_CHAIN_HOOK) {
                    $0.putBig(NFTA_HOOK_HOOKNUM, base.hook.rawValue)
                    $0.putBig(NFTA_HOOK_PRIORITY, base.priority)
                }
                $0.putBig(NFTA_CHAIN_POLICY, base.accepts ? NFVerdict.accept.code : NFVerdict.drop.code)
                $0.put(NFTA_CHAIN_TYPE, string: base.type)
            }
            $0.put(NFTA_CHAIN_USERDATA, comment: comment)
        }
    }
}

extension Request {
    /// NFT_MSG_NEWCHAIN with NLM_F_CREATE: makes the chain, or changes the policy of the one there is. EEXIST: that one
    /// has another hook, type or priority.
    package static func addChain(_ chain: NFChain, context: String) -> Request {
        .nfTables(NFT_MSG_NEWCHAIN, NLM_F_CREATE, body: chain.encoded, context: context)
    }

    /// NFT_MSG_DELCHAIN. EBUSY: it has rules, or some jump to it.
    package static func deleteChain(_ family: NFFamily, _ table: String, _ name: String, context: String) -> Request {
        .nfTables(
            NFT_MSG_DELCHAIN, body: NFChain(family: family, table: table, name: name).encoded, context: context)
    }

    package static func getChain(_ family: NFFamily, _ table: String, _ name: String, context: String) -> Request {
        .nfTables(
            NFT_MSG_GETCHAIN, body: NFChain(family: family, table: table, name: name).encoded, context: context)
    }

    /// NFT_MSG_GETCHAIN for ``NetlinkSocket/dump(_:)``: those of every table of a family.
    package static func dumpChains(_ family: NFFamily, context: String) -> Request {
        .nfTables(NFT_MSG_GETCHAIN, body: NFMessage.body(family), context: context)
    }
}
