internal import CKernel

/// What becomes of a packet (NF_ACCEPT, NFT_JUMP and their like).
package enum NFVerdict: Hashable, Sendable {
    case accept, drop, `return`, `continue`
    case jump(String)
    case goto(String)
    /// One that we do not use, by its number.
    case other(Int32)

    var code: UInt32 {
        switch self {
        case .drop: 0  // NF_DROP, include/uapi/linux/netfilter.h
        case .accept: 1  // NF_ACCEPT
        case .return: UInt32(bitPattern: Int32(NFT_RETURN.rawValue))
        case .continue: UInt32(bitPattern: Int32(NFT_CONTINUE.rawValue))
        case .jump: UInt32(bitPattern: Int32(NFT_JUMP.rawValue))
        case .goto: UInt32(bitPattern: Int32(NFT_GOTO.rawValue))
        case .other(let code): UInt32(bitPattern: code)
        }
    }

    /// Reads NFTA_DATA_VERDICT.
    init(_ nest: Attribute) throws(NetlinkError) {
        var code: UInt32 = 0
        var chain = ""
        for attribute in try nest.nested() {
            switch attribute.type {
            case NFTA_VERDICT_CODE.number: code = try attribute.bigUInt32()
            case NFTA_VERDICT_CHAIN.number: chain = attribute.string()
            default: break
            }
        }
        switch code {
        case NFVerdict.drop.code: self = .drop
        case NFVerdict.accept.code: self = .accept
        case NFVerdict.return.code: self = .return
        case NFVerdict.continue.code: self = .continue
        case NFVerdict.jump("").code: self = .jump(chain)
        case NFVerdict.goto("").code: self = .goto(chain)
        default: self = .other(Int32(bitPattern: code))
        }
    }

    func encode(into builder: inout Builder) {
        builder.nest(NFTA_DATA_VERDICT) {
            $0.putBig(NFTA_VERDICT_CODE, code)
            switch self {
            case .jump(let chain), .goto(let chain): $0.put(NFTA_VERDICT_CHAIN, string: chain)
            default: break
            }
        }
    }
}

/// Bytes or a verdict: `enum nft_data_attributes`.
package enum NFData: Hashable, Sendable {
    case value([UInt8])
    case verdict(NFVerdict)

    init(_ nest: Attribute) throws(NetlinkError) {
        for attribute in try nest.nested() {
            switch attribute.type {
            case NFTA_DATA_VALUE.number:
                self = .value(Array(attribute.payload))
                return
            case NFTA_DATA_VERDICT.number:
                self = .verdict(try NFVerdict(attribute))
                return
            default: break
            }
        }
        throw NetlinkError(.malformed, context: "data without value or verdict")
    }

    func encode(into builder: inout Builder) {
        switch self {
        case .value(let bytes): builder.put(NFTA_DATA_VALUE, bytes: bytes)
        case .verdict(let verdict): verdict.encode(into: &builder)
        }
    }

    /// The value's bytes.
    static func bytes(_ nest: Attribute) throws(NetlinkError) -> [UInt8] {
        guard case .value(let bytes) = try NFData(nest) else {
            throw NetlinkError(.malformed, context: "a verdict in a value's place")
        }
        return bytes
    }
}
