internal import CKernel

extension NFExpression {
    /// Reads one NFTA_LIST_ELEM of NFTA_RULE_EXPRESSIONS.
    init(_ element: Attribute) throws(NetlinkError) {
        var name = ""
        var content: [Attribute] = []
        for attribute in try element.nested() {
            switch attribute.type {
            case NFTA_EXPR_NAME.number: name = attribute.string()
            case NFTA_EXPR_DATA.number: content = try attribute.nested()
            default: break
            }
        }
        self = try NFExpression(name, NFFields(content)) ?? .other(name, content)
    }

    /// `nil`: one that is not understood, or in a variant that is not (a lookup that jumps, a payload that is written).
    private init?(_ name: String, _ fields: NFFields) throws(NetlinkError) {
        switch name {
        case "meta":
            guard fields.has(NFTA_META_DREG) else { return nil }
            self = .meta(
                NFMetaKey(rawValue: try fields.number(NFTA_META_KEY)), into: try fields.register(NFTA_META_DREG))
        case "payload":
            guard fields.has(NFTA_PAYLOAD_DREG) else { return nil }
            self = .payload(
                NFHeader(rawValue: try fields.number(NFTA_PAYLOAD_BASE)),
                offset: try fields.number(NFTA_PAYLOAD_OFFSET), length: try fields.number(NFTA_PAYLOAD_LEN),
                into: try fields.register(NFTA_PAYLOAD_DREG))
        case "cmp":
            self = .compare(
                try fields.register(NFTA_CMP_SREG), NFComparison(rawValue: try fields.number(NFTA_CMP_OP)),
                try fields.bytes(NFTA_CMP_DATA))
        case "bitwise":
            guard try fields.number(NFTA_BITWISE_OP, orElse: 0) == NFT_BITWISE_MASK_XOR.rawValue,
                fields.has(NFTA_BITWISE_MASK), fields.has(NFTA_BITWISE_XOR)
            else { return nil }
            self = .mask(
                try fields.register(NFTA_BITWISE_SREG), mask: try fields.bytes(NFTA_BITWISE_MASK),
                flip: try fields.bytes(NFTA_BITWISE_XOR), into: try fields.register(NFTA_BITWISE_DREG))
        case "lookup":
            let flags = try fields.number(NFTA_LOOKUP_FLAGS, orElse: 0)
            var destination: NFDestination?
            if fields.has(NFTA_LOOKUP_DREG) {
                destination =
                    try fields.number(NFTA_LOOKUP_DREG) == NFT_REG_VERDICT.rawValue
                    ? .verdict : .register(try fields.register(NFTA_LOOKUP_DREG))
            }
            self = .lookup(
                set: try fields.attribute(NFTA_LOOKUP_SET).string(), try fields.register(NFTA_LOOKUP_SREG),
                isInverted: flags & NFT_LOOKUP_F_INV.rawValue != 0, into: destination)
        case "immediate":
            switch try NFData(try fields.attribute(NFTA_IMMEDIATE_DATA)) {
            case .verdict(let verdict): self = .verdict(verdict)
            case .value(let bytes): self = .immediate(bytes, into: try fields.register(NFTA_IMMEDIATE_DREG))
            }
        case "masq":
            guard !fields.has(NFTA_MASQ_REG_PROTO_MIN) else { return nil }
            self = .masquerade(flags: try fields.number(NFTA_MASQ_FLAGS, orElse: 0))
        case "fib":
            self = .fib(
                result: try fields.number(NFTA_FIB_RESULT), flags: try fields.number(NFTA_FIB_FLAGS),
                into: try fields.register(NFTA_FIB_DREG))
        case "counter": self = .counter
        default: return nil
        }
    }

    private var name: String {
        switch self {
        case .meta: "meta"
        case .payload: "payload"
        case .compare: "cmp"
        case .mask: "bitwise"
        case .lookup: "lookup"
        case .immediate, .verdict: "immediate"
        case .masquerade: "masq"
        case .fib: "fib"
        case .counter: "counter"
        case .other(let name, _): name
        }
    }

    func encode(into builder: inout Builder) {
        builder.nest(NFTA_LIST_ELEM) {
            $0.put(NFTA_EXPR_NAME, string: name)
            $0.nest(NFTA_EXPR_DATA, encodeContent(into:))
        }
    }

    private func encodeContent(into builder: inout Builder) {
        switch self {
        case .meta(let key, let register):
            builder.putBig(NFTA_META_KEY, key.rawValue)
            builder.putBig(NFTA_META_DREG, register.number)
        case .payload(let header, let offset, let length, let register):
            builder.putBig(NFTA_PAYLOAD_DREG, register.number)
            builder.putBig(NFTA_PAYLOAD_BASE, header.rawValue)
            builder.putBig(NFTA_PAYLOAD_OFFSET, offset)
            builder.putBig(NFTA_PAYLOAD_LEN, length)
        case .compare(let register, let comparison, let bytes):
            builder.putBig(NFTA_CMP_SREG, register.number)
            builder.putBig(NFTA_CMP_OP, comparison.rawValue)
            builder.nest(NFTA_CMP_DATA, NFData.value(bytes).encode(into:))
        case .mask(let source, let mask, let flip, let register):
            builder.putBig(NFTA_BITWISE_SREG, source.number)
            builder.putBig(NFTA_BITWISE_DREG, register.number)
            builder.putBig(NFTA_BITWISE_LEN, UInt32(mask.count))
            builder.nest(NFTA_BITWISE_MASK, NFData.value(mask).encode(into:))
            builder.nest(NFTA_BITWISE_XOR, NFData.value(flip).encode(into:))
        case .lookup(let set, let register, let isInverted, let destination):
            builder.put(NFTA_LOOKUP_SET, string: set)
            builder.putBig(NFTA_LOOKUP_SREG, register.number)
            switch destination {
            case .verdict: builder.putBig(NFTA_LOOKUP_DREG, NFT_REG_VERDICT.rawValue)
            case .register(let register): builder.putBig(NFTA_LOOKUP_DREG, register.number)
            case nil: break
            }
            if isInverted { builder.putBig(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV.rawValue) }
        case .immediate(let bytes, let register):
            builder.putBig(NFTA_IMMEDIATE_DREG, register.number)
            builder.nest(NFTA_IMMEDIATE_DATA, NFData.value(bytes).encode(into:))
        case .verdict(let verdict):
            builder.putBig(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT.rawValue)
            builder.nest(NFTA_IMMEDIATE_DATA, verdict.encode(into:))
        case .masquerade(let flags):
            if flags != 0 { builder.putBig(NFTA_MASQ_FLAGS, flags) }
        case .fib(let result, let flags, let register):
            builder.putBig(NFTA_FIB_DREG, register.number)
            builder.putBig(NFTA_FIB_RESULT, result)
            builder.putBig(NFTA_FIB_FLAGS, flags)
        case .counter: break
        case .other(_, let attributes): for attribute in attributes { builder.put(attribute) }
        }
    }
}

/// What an expression holds, by type.
private struct NFFields {
    private let attributes: [Attribute]

    init(_ attributes: [Attribute]) { self.attributes = attributes }

    func has(_ type: some RawRepresentable<UInt32>) -> Bool { attributes.contains { $0.type == type.number } }

    func attribute(_ type: some RawRepresentable<UInt32>) throws(NetlinkError) -> Attribute {
        guard let attribute = attributes.first(where: { $0.type == type.number }) else {
            throw NetlinkError(.malformed, context: "an expression without its attribute \(type.number)")
        }
        return attribute
    }

    func number(_ type: some RawRepresentable<UInt32>) throws(NetlinkError) -> UInt32 {
        try attribute(type).bigUInt32()
    }

    func number(_ type: some RawRepresentable<UInt32>, orElse value: UInt32) throws(NetlinkError) -> UInt32 {
        has(type) ? try number(type) : value
    }

    func register(_ type: some RawRepresentable<UInt32>) throws(NetlinkError) -> NFRegister {
        try NFRegister(try attribute(type))
    }

    func bytes(_ type: some RawRepresentable<UInt32>) throws(NetlinkError) -> [UInt8] {
        try NFData.bytes(try attribute(type))
    }
}
