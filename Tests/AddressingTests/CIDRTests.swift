import Addressing
import Testing

@Suite struct CIDRTests {
    struct Block: Sendable {
        var text: String
        var network: String
        var first: String
        var last: String
        var span: UInt128
        var hasHostBits: Bool
    }

    static let blocks = [
        Block(
            text: "10.244.1.7/24", network: "10.244.1.0/24", first: "10.244.1.0", last: "10.244.1.255", span: 255,
            hasHostBits: true),
        Block(
            text: "10.244.0.0/16", network: "10.244.0.0/16", first: "10.244.0.0", last: "10.244.255.255",
            span: 65535, hasHostBits: false),
        Block(
            text: "192.0.2.130/25", network: "192.0.2.128/25", first: "192.0.2.128", last: "192.0.2.255", span: 127,
            hasHostBits: true),
        Block(
            text: "0.0.0.0/0", network: "0.0.0.0/0", first: "0.0.0.0", last: "255.255.255.255", span: 0xffff_ffff,
            hasHostBits: false),
        Block(
            text: "255.255.255.255/1", network: "128.0.0.0/1", first: "128.0.0.0", last: "255.255.255.255",
            span: 0x7fff_ffff, hasHostBits: true),
        Block(
            text: "10.0.0.3/31", network: "10.0.0.2/31", first: "10.0.0.2", last: "10.0.0.3", span: 1,
            hasHostBits: true),
        Block(
            text: "10.0.0.3/32", network: "10.0.0.3/32", first: "10.0.0.3", last: "10.0.0.3", span: 0,
            hasHostBits: false),
        Block(
            text: "2001:db8::1:2/64", network: "2001:db8::/64", first: "2001:db8::",
            last: "2001:db8::ffff:ffff:ffff:ffff", span: UInt128(UInt64.max), hasHostBits: true),
        Block(
            text: "::/0", network: "::/0", first: "::", last: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", span: .max,
            hasHostBits: false),
        Block(
            text: "2001:db8::1/127", network: "2001:db8::/127", first: "2001:db8::", last: "2001:db8::1", span: 1,
            hasHostBits: true),
        Block(
            text: "2001:db8::1/128", network: "2001:db8::1/128", first: "2001:db8::1", last: "2001:db8::1", span: 0,
            hasHostBits: false),
    ]

    @Test(arguments: blocks)
    func block(_ expected: Block) throws {
        let cidr = try #require(CIDR(expected.text))
        #expect(cidr.description == expected.text)
        #expect(cidr.network.description == expected.network)
        #expect(cidr.first.description == expected.first)
        #expect(cidr.last.description == expected.last)
        #expect(cidr.span == expected.span)
        #expect(cidr.hasHostBits == expected.hasHostBits)
        #expect(!cidr.network.hasHostBits)
        #expect(cidr.contains(cidr.address) && cidr.contains(cidr.first) && cidr.contains(cidr.last))
        #expect(cidr.first.advanced(by: cidr.span) == cidr.last)
        if let before = cidr.first.retreated(by: 1) { #expect(!cidr.contains(before)) }
        if let after = cidr.last.advanced(by: 1) { #expect(!cidr.contains(after)) }
    }

    @Test(
        "text that is no CIDR",
        arguments: [
            "", "/", "10.0.0.0", "10.0.0.0/", "/24", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+8",
            "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0//8", "10.0.0.0/255.0.0.0", "10.0.0.0/a",
            "10.0.0.0/99999999999999999999", "10.0.0.256/8", "10.0.0/8", "fe80::1%eth0/64", "10.0.0.0/٨", "::/0x8",
        ])
    func refuses(text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test(arguments: [(IPFamily.v4, 32), (.v6, 128)])
    func prefixLengthInRange(family: IPFamily, width: Int) throws {
        let address = try #require(IPAddress(family: family, bits: 1))
        #expect(CIDR(address, prefixLength: 0) != nil)
        #expect(CIDR(address, prefixLength: width) == CIDR(host: address))
        for outside in [-1, width + 1, Int.max, Int.min] { #expect(CIDR(address, prefixLength: outside) == nil) }
    }

    @Test func defaultRoutes() {
        #expect(CIDR.defaultRoute(.v4) == CIDR("0.0.0.0/0"))
        #expect(CIDR.defaultRoute(.v6) == CIDR("::/0"))
    }

    @Test(
        arguments: [
            ("10.0.0.0/8", "10.244.0.0/16", true), ("10.244.0.0/16", "10.244.1.7/24", true),
            ("10.0.0.0/24", "10.0.1.0/24", false), ("10.0.0.255/24", "10.0.0.1/24", true),
            ("0.0.0.0/0", "255.255.255.255/32", true), ("10.0.0.1/32", "10.0.0.2/32", false),
            ("10.0.0.1/32", "10.0.0.1/32", true), ("10.0.0.2/31", "10.0.0.4/31", false),
            ("::/0", "ffff::/128", true), ("2001:db8::/127", "2001:db8::1/128", true),
            ("2001:db8::/127", "2001:db8::2/127", false), ("0.0.0.0/0", "::/0", false),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8", false),
        ])
    func overlaps(left: String, right: String, expected: Bool) throws {
        let (left, right) = (try #require(CIDR(left)), try #require(CIDR(right)))
        #expect(left.overlaps(right) == expected)
        #expect(right.overlaps(left) == expected)
    }

    @Test(
        arguments: [
            ("10.0.0.0/24", "10.0.0.255", true), ("10.0.0.0/24", "10.0.1.0", false), ("10.0.0.9/24", "10.0.0.1", true),
            ("0.0.0.0/0", "255.255.255.255", true), ("10.0.0.1/32", "10.0.0.0", false), ("::/0", "::", true),
            ("2001:db8::/127", "2001:db8::2", false), ("::/0", "10.0.0.1", false), ("0.0.0.0/0", "::1", false),
            ("::ffff:0:0/96", "10.0.0.1", false), ("::ffff:0:0/96", "::ffff:10.0.0.1", true),
        ])
    func contains(block: String, address: String, expected: Bool) throws {
        #expect(try #require(CIDR(block)).contains(#require(IPAddress(address))) == expected)
    }

    @Test func orderIsByFamilyThenAddressThenLength() throws {
        let sorted = ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/8", "::/0", "::/128", "::1/64"]
        let blocks = try sorted.map { try #require(CIDR($0)) }
        #expect(blocks.reversed().sorted() == blocks)
    }

    @Test(
        "steps up to the edge, and none over it",
        arguments: [
            ("10.0.0.255", 1, "10.0.1.0"), ("255.255.255.254", 1, "255.255.255.255"),
            ("255.255.255.255", 0, "255.255.255.255"),
            ("0.0.0.0", 0xffff_ffff, "255.255.255.255"), ("::ffff:ffff", 1, "::1:0:0"),
            ("::", .max, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] as [(String, UInt128, String)])
    func steps(from text: String, by offset: UInt128, to end: String) throws {
        let start = try #require(IPAddress(text))
        let end = try #require(IPAddress(end))
        #expect(start.advanced(by: offset) == end)
        #expect(end.retreated(by: offset) == start)
        let highest = CIDR.defaultRoute(start.family).last
        let room = highest.bits - end.bits
        #expect(end.advanced(by: room) == highest)
        #expect(room == .max || end.advanced(by: room + 1) == nil)
        #expect(start.retreated(by: start.bits)?.isUnspecified == true)
        #expect(start.bits == .max || start.retreated(by: start.bits + 1) == nil)
        #expect(end.isUnspecified || end.advanced(by: .max) == nil)
    }
}
