internal import CKernel

/// A place for 4 bytes in the 64 that a rule calculates with; a longer value takes the places after it too.
///
/// The kernel also has names for every fourth of them, which it uses in what it sends, whatever it was sent
/// (nft_dump_register in net/netfilter/nf_tables_api.c): this is the one form of both.
package struct NFRegister: RawRepresentable, Hashable, Sendable {
    /// 0 to 15.
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let first = Self(rawValue: 0)
    /// Behind 16 bytes, as an interface's name has.
    package static let fifth = Self(rawValue: 4)

    init(_ attribute: Attribute) throws(NetlinkError) {
        let number = try attribute.bigUInt32()
        switch number {
        case NFT_REG_1.rawValue...NFT_REG_4.rawValue: rawValue = (number - NFT_REG_1.rawValue) * 4
        case NFT_REG32_00.rawValue...NFT_REG32_15.rawValue: rawValue = number - NFT_REG32_00.rawValue
        default: throw NetlinkError(.malformed, context: "register \(number)")
        }
    }

    var number: UInt32 {
        rawValue.isMultiple(of: 4) ? NFT_REG_1.rawValue + rawValue / 4 : NFT_REG32_00.rawValue + rawValue
    }
}

/// One step of a rule; a step that does not hold ends the rule.
package enum NFExpression: Hashable, Sendable {
    /// What is known of the packet beside its bytes.
    case meta(NFMetaKey, into: NFRegister)
    case payload(NFHeader, offset: UInt32, length: UInt32, into: NFRegister)
    case compare(NFRegister, NFComparison, [UInt8])
    /// `register & mask ^ flip`, of which the length is theirs.
    case mask(NFRegister, mask: [UInt8], flip: [UInt8], into: NFRegister)
    /// Whether a set has what is in the register; of a map also its value, or its verdict.
    case lookup(set: String, NFRegister, isInverted: Bool = false, into: NFDestination? = nil)
    case immediate([UInt8], into: NFRegister)
    case verdict(NFVerdict)
    /// `masquerade`; flags are NF_NAT_RANGE_ of include/uapi/linux/netfilter/nf_nat.h.
    case masquerade(flags: UInt32 = 0)
    /// A look into the routes: NFT_FIB_RESULT_ and NFTA_FIB_F_ numbers.
    case fib(result: UInt32, flags: UInt32, into: NFRegister)
    /// Counts; how many is not ours to know.
    case counter
    /// One that is only recognised, by its name and what it holds.
    case other(String, [Attribute])
}

/// NFT_META_ keys.
package struct NFMetaKey: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let inputName = Self(rawValue: NFT_META_IIFNAME.rawValue)
    package static let outputName = Self(rawValue: NFT_META_OIFNAME.rawValue)
    /// Of the bridge whose port it is.
    package static let inputBridgeName = Self(rawValue: NFT_META_BRI_IIFNAME.rawValue)
    package static let outputBridgeName = Self(rawValue: NFT_META_BRI_OIFNAME.rawValue)
    /// NFPROTO_ of the packet: 2 or 10.
    package static let networkProtocol = Self(rawValue: NFT_META_NFPROTO.rawValue)
}

/// NFT_PAYLOAD_ headers that offsets count from.
package struct NFHeader: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let link = Self(rawValue: NFT_PAYLOAD_LL_HEADER.rawValue)
    package static let network = Self(rawValue: NFT_PAYLOAD_NETWORK_HEADER.rawValue)
}

/// NFT_CMP_ operators.
package struct NFComparison: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let equal = Self(rawValue: NFT_CMP_EQ.rawValue)
    package static let notEqual = Self(rawValue: NFT_CMP_NEQ.rawValue)
}

/// Where a map's value goes.
package enum NFDestination: Hashable, Sendable {
    case verdict
    case register(NFRegister)
}
