import CKernel
import Testing

@testable import Netlink

/// What the kernel sent of nf_tables is understood, and survives being written and read again.
@Suite struct NFTablesMessageTests {
    @Test func table() throws {
        let table = try NFTable(parsing: Captured.nfTable.message.body)
        #expect(table.family == .inet && table.name == "plumb-ab3f" && table.comment == "Plumb's: see plumbctl plan")
        #expect(!table.isDormant && !table.isOwned && table.handle == 1)
    }

    @Test func chains() throws {
        let inner = try NFChain(parsing: Captured.nfChain.message.body)
        #expect(inner.table == "plumb-ab3f" && inner.name == "other" && inner.base == nil)
        let nat = try NFChain(parsing: Captured.nfBaseChain.message.body)
        #expect(nat.base == NFChain.Base(type: "nat", hook: .postrouting, priority: 100))
        let bridge = try NFChain(parsing: Captured.nfBridgeChain.message.body)
        #expect(bridge.family == .bridge)
        #expect(bridge.base == NFChain.Base(type: "filter", hook: .prerouting, priority: -300))
    }

    @Test func sets() throws {
        func normal(_ captured: Captured) throws -> NFSet {
            var set = try NFSet(parsing: captured.message.body)
            #expect(set.handle != nil)
            set.handle = nil
            return set
        }
        func set(
            _ name: String, _ keys: [NFDataType], ranges: Bool = false, values: NFDataType? = nil,
            comment: String? = nil, family: NFFamily = .inet
        ) -> NFSet {
            NFSet(
                family: family, table: "plumb-ab3f", name: name, keys: keys, hasIntervals: ranges, values: values,
                comment: comment)
        }
        #expect(
            try normal(.nfSet) == set("masquerade4", [.interfaceName, .ipv4Address], comment: "pods"))
        #expect(
            try normal(.nfIntervals) == set("direct4", [.interfaceName, .ipv4Address, .ipv4Address], ranges: true))
        #expect(try normal(.nfPlainSet) == set("plain", [.ipv4Address], ranges: true))
        #expect(
            try normal(.nfMap) == set("macs", [.interfaceName], values: .etherAddress, family: .bridge))
        let verdicts = try normal(.nfVerdictMap)
        #expect(verdicts.dataType == 0xffff_ff00 && verdicts.dataLength == nil)
    }

    private static let isIPv4: [NFExpression] = [
        .meta(.networkProtocol, into: .first), .compare(.first, .equal, [2]),
    ]
    private static let name: NFExpression = .meta(.inputName, into: .first)
    private static let source: NFExpression = .payload(.network, offset: 12, length: 4, into: .fifth)

    static let rules: [(Captured, [NFExpression], String?)] = [
        (
            .nfMaskRule,
            isIPv4 + [
                .payload(.network, offset: 16, length: 4, into: .first),
                .mask(.first, mask: [240, 0, 0, 0], flip: [0, 0, 0, 0], into: .first),
                .compare(.first, .equal, [224, 0, 0, 0]), .verdict(.return),
            ], "multicast stays"
        ),
        (
            .nfFibRule,
            [
                .fib(result: 3, flags: 2, into: .first), .compare(.first, .equal, [5, 0, 0, 0]), .verdict(.return),
            ], nil
        ),
        (
            .nfLookupRule,
            isIPv4 + [
                name, source, .payload(.network, offset: 16, length: 4, into: NFRegister(rawValue: 5)),
                .lookup(set: "direct4", .first), .verdict(.return),
            ], nil
        ),
        (
            .nfVerdictMapRule,
            isIPv4 + [
                .payload(.network, offset: 12, length: 4, into: .first),
                .lookup(set: "ver", .first, into: .verdict),
            ], nil
        ),
        (.nfCounterRule, [.counter], nil),
        (
            .nfMasqueradeRule,
            isIPv4 + [name, source, .lookup(set: "masquerade4", .first), .masquerade(flags: 16)], "y"
        ),
        (
            .nfJumpRule,
            [
                name, .compare(.first, .equal, Array("cni".utf8)), .meta(.outputName, into: .first),
                .compare(.first, .notEqual, Array("lo".utf8) + [UInt8](repeating: 0, count: 14)),
                .verdict(.jump("other")),
            ], nil
        ),
        (
            .nfBridgeRule,
            [
                name, .lookup(set: "ports", .first), name, .payload(.link, offset: 6, length: 6, into: .fifth),
                .lookup(set: "spoof", .first, isInverted: true), .verdict(.drop),
            ], nil
        ),
    ]

    @Test(arguments: rules.indices) func rule(_ place: Int) throws {
        let (captured, expressions, comment) = Self.rules[place]
        let rule = try NFRule(parsing: captured.message.body)
        #expect(rule.expressions == expressions)
        #expect(rule.comment == comment && rule.table == "plumb-ab3f" && rule.handle != nil)
    }

    @Test func elements() throws {
        let port = Array("cni0".utf8) + [UInt8](repeating: 0, count: 12)
        let single = try NFElements(parsing: Captured.nfElement.message.body)
        #expect(single.set == "masquerade4")
        #expect(single.elements == [NFElement(key: port + [10, 1, 0, 2], comment: "default/web-0")])
        let range = try NFElements(parsing: Captured.nfRange.message.body)
        #expect(
            range.elements == [
                NFElement(
                    key: port + [10, 1, 0, 0, 10, 0, 0, 0], keyEnd: port + [10, 1, 0, 255, 10, 255, 255, 255],
                    comment: "pods")
            ])
        let verdicts = try NFElements(parsing: Captured.nfVerdicts.message.body)
        #expect(
            Set(verdicts.elements) == [
                NFElement(key: [10, 1, 0, 2], data: .verdict(.accept)),
                NFElement(key: [10, 1, 0, 3], data: .verdict(.jump("other"))),
            ])
        let mapping = try NFElements(parsing: Captured.nfMapping.message.body)
        #expect(mapping.elements.first?.data == .value([2, 0, 0, 0, 0, 1]))
    }

    @Test func endsOfRangesFindTheirBeginnings() throws {
        let plain = try NFElements(parsing: Captured.nfPlainRanges.message.body).elements
        #expect(plain.count == 5)
        func texts(_ elements: [NFElement]) -> [String] {
            NFElements.ranges(elements).map { "\($0.first)-\($0.end ?? [])" }
        }
        let expected = ["[10, 0, 0, 0]-[11, 0, 0, 0]", "[192, 168, 1, 1]-[192, 168, 1, 10]"]
        #expect(texts(plain) == expected)
        #expect(texts(plain.reversed()) == expected)
        var end = NFElement(key: [4])
        end.isEnd = true
        #expect(
            texts([NFElement(key: [9]), NFElement(key: [4]), end, NFElement(key: [2])]) == [
                "[2]-[4]", "[4]-[9]", "[9]-[]",
            ])
    }

    @Test(arguments: Captured.nfTables) func survivesBeingWritten(_ captured: Captured) throws {
        let message = try captured.message
        switch Int(message.type) {
        case NFMessage.type(NFT_MSG_NEWTABLE):
            var table = try NFTable(parsing: message.body)
            table.handle = nil
            table.use = nil
            #expect(try NFTable(parsing: table.encoded[...]) == table)
        case NFMessage.type(NFT_MSG_NEWCHAIN):
            var chain = try NFChain(parsing: message.body)
            chain.handle = nil
            #expect(try NFChain(parsing: chain.encoded[...]) == chain)
        case NFMessage.type(NFT_MSG_NEWSET):
            var set = try NFSet(parsing: message.body)
            set.handle = nil
            #expect(try NFSet(parsing: set.encoded[...]) == set)
        case NFMessage.type(NFT_MSG_NEWRULE):
            var rule = try NFRule(parsing: message.body)
            rule.handle = nil
            #expect(try NFRule(parsing: rule.encoded[...]) == rule)
        default:
            let elements = try NFElements(parsing: message.body)
            #expect(!elements.elements.isEmpty)
            #expect(try NFElements(parsing: elements.encoded[...]) == elements)
        }
    }

    /// The kernel has two names for every fourth register.
    @Test func registersHaveOneForm() throws {
        for slot in UInt32(0)...15 {
            let register = NFRegister(rawValue: slot)
            for number in Set([register.number, NFT_REG32_00.rawValue + slot]) {
                var builder = Builder()
                builder.put(1, number.bigEndian)
                var cursor = Cursor(builder.bytes[...])
                #expect(try NFRegister(try #require(try cursor.readAttributes().first)) == register)
            }
        }
    }

    @Test func whatIsNotUnderstoodIsKept() throws {
        var rule = try NFRule(parsing: Captured.nfCounterRule.message.body)
        rule.expressions = [.other("xt", [Attribute(type: 1, isFlaggedNested: false, payload: [1, 2, 3, 4])])]
        rule.handle = nil
        #expect(try NFRule(parsing: rule.encoded[...]) == rule)
    }

    @Test func deletionsAreKnown() {
        #expect(Request.deleteTable(.inet, "t", context: "").isDeletion)
        #expect(Request.flushChain(.inet, "t", "c", context: "").isDeletion)
        #expect(!Request.addTable(NFTable(family: .inet, name: "t"), context: "").isDeletion)
        #expect(!Request.dumpElements(.inet, table: "t", set: "s", context: "").isDeletion)
    }
}
