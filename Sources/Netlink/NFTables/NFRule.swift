internal import CKernel

/// A rule of a chain (`nft add rule`).
package struct NFRule: Hashable, Sendable {
    package var family: NFFamily
    package var table: String
    package var chain: String
    package var expressions: [NFExpression]
    package var comment: String?
    /// Given by the kernel.
    package var handle: UInt64?

    package init(
        family: NFFamily, table: String, chain: String, expressions: [NFExpression], comment: String? = nil
    ) {
        self.family = family
        self.table = table
        self.chain = chain
        self.expressions = expressions
        self.comment = comment
    }

    /// Reads the body of NFT_MSG_NEWRULE.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        let (family, attributes) = try NFMessage.parse(body)
        self.init(family: family, table: "", chain: "", expressions: [])
        for attribute in attributes {
            switch attribute.type {
            case NFTA_RULE_TABLE.number: table = attribute.string()
            case NFTA_RULE_CHAIN.number: chain = attribute.string()
            case NFTA_RULE_HANDLE.number: handle = try attribute.bigUInt64()
            case NFTA_RULE_EXPRESSIONS.number:
                for element in try attribute.nested() where element.type == NFTA_LIST_ELEM.number {
                    expressions.append(try NFExpression(element))
                }
            case NFTA_RULE_USERDATA.number: comment = attribute.comment()
            default: break
            }
        }
    }

    package var encoded: [UInt8] {
        NFMessage.body(family) {
            $0.put(NFTA_RULE_TABLE, string: table)
            $0.put(NFTA_RULE_CHAIN, string: chain)
            if !expressions.isEmpty {
                $0.nest(NFTA_RULE_EXPRESSIONS) { for expression in expressions { expression.encode(into: &$0) } }
            }
            $0.put(NFTA_RULE_USERDATA, comment: comment)
        }
    }
}

extension Request {
    /// NFT_MSG_NEWRULE at the chain's end.
    package static func appendRule(_ rule: NFRule, context: String) -> Request {
        .nfTables(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, body: rule.encoded, context: context)
    }

    /// NFT_MSG_DELRULE of every rule of a chain (`nft flush chain`).
    package static func flushChain(_ family: NFFamily, _ table: String, _ chain: String, context: String) -> Request {
        .nfTables(
            NFT_MSG_DELRULE, body: NFRule(family: family, table: table, chain: chain, expressions: []).encoded,
            context: context)
    }

    /// NFT_MSG_GETRULE for ``NetlinkSocket/dump(_:)``: those of one table, in order; none if there is no such table.
    package static func dumpRules(_ family: NFFamily, table: String, context: String) -> Request {
        .nfTables(
            NFT_MSG_GETRULE, body: NFMessage.body(family) { $0.put(NFTA_RULE_TABLE, string: table) }, context: context)
    }
}
