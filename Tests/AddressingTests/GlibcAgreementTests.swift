import Addressing
import Glibc
import Testing

/// What glibc's inet_pton(3) and inet_ntop(3) say is the second opinion on ours, over many generated cases.
@Suite struct GlibcAgreementTests {
    static let cases = 20_000

    @Test("format as inet_ntop does, and parse what it wrote", arguments: [0xadd2_0001, 0xadd2_0002] as [UInt64])
    func formatting(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<Self.cases {
            let address = Self.randomAddress(using: &generator)
            let theirs = try #require(Self.networkToText(address))
            // glibc also writes the deprecated IPv4-compatible addresses (RFC 4291 section 2.5.5.1) with dots.
            let isCompatible = address.family == .v6 && address.bits >> 32 == 0 && address.bits >> 16 != 0
            if !isCompatible, address.description != theirs {
                Issue.record("glibc writes \(theirs), we \(address)")
            }
            if IPAddress(theirs) != address || IPAddress(address.description) != address {
                Issue.record("\(theirs) or \(address) did not come back")
            }
        }
    }

    @Test("accept and refuse mutated text as inet_pton does", arguments: [0xadd2_0003, 0xadd2_0004] as [UInt64])
    func parsing(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        var accepted = 0
        for _ in 0..<Self.cases {
            let address = Self.randomAddress(using: &generator)
            let text = Self.mutated(Self.randomSpelling(of: address, using: &generator), using: &generator)
            let ours = IPAddress(text)
            let theirs = Self.textToNetwork(text, .v4) ?? Self.textToNetwork(text, .v6)
            accepted += ours == nil ? 0 : 1
            if ours != theirs {
                Issue.record("'\(text)': glibc says \(String(describing: theirs)), we \(String(describing: ours))")
            }
        }
        // Or else the mutations were so coarse, or so fine, that one answer was hardly ever asked for.
        #expect((Self.cases / 10...Self.cases * 9 / 10).contains(accepted))
    }

    /// Random bits with groups of zeros in them, since those are what the text form of IPv6 is about.
    private static func randomAddress(using generator: inout SplitMix64) -> IPAddress {
        if generator.next() % 4 == 0 { return .v4(UInt32(truncatingIfNeeded: generator.next())) }
        var bits: UInt128 = 0
        let zeros = UInt8.random(in: 0...255, using: &generator)
        for group in 0..<8 {
            let digits = UInt128(generator.next() >> (48 + generator.next() % 4 * 4))
            bits = bits << 16 | (zeros >> UInt8(group) & 1 == 0 ? 0 : digits)
        }
        // IPv4-mapped ones would else be too rare to meet.
        if generator.next() % 16 == 0 { bits = bits & 0xffff_ffff | 0xffff_0000_0000 }
        return .v6(bits)
    }

    /// One of the texts for an address: canonical, all groups in full, or the last two dotted.
    private static func randomSpelling(of address: IPAddress, using generator: inout SplitMix64) -> [UInt8] {
        guard address.family == .v6, generator.next() % 2 == 0 else { return Array(address.description.utf8) }
        var groups = stride(from: 112, through: 0, by: -16).map {
            String(UInt16(truncatingIfNeeded: address.bits >> UInt128($0)), radix: 16, uppercase: true)
        }
        if generator.next() % 2 == 0 {
            groups.replaceSubrange(6..., with: ["\(IPAddress.v4(UInt32(truncatingIfNeeded: address.bits)))"])
        }
        return Array(groups.joined(separator: ":").utf8)
    }

    /// None to three characters inserted, removed, replaced or doubled; most of them such as addresses are made of.
    private static func mutated(_ text: [UInt8], using generator: inout SplitMix64) -> String {
        var text = text
        let alphabet = Array("0123456789abcdefABCDEF::::....00g %/-+".utf8)
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !text.isEmpty {
            let position = Int.random(in: 0..<text.count, using: &generator)
            let character = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            switch generator.next() % 4 {
            case 0: text.insert(character, at: position)
            case 1: text.remove(at: position)
            case 2: text[position] = character
            default: text.insert(text[position], at: position)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func number(_ family: IPFamily) -> Int32 { family == .v4 ? AF_INET : AF_INET6 }

    private static func textToNetwork(_ text: String, _ family: IPFamily) -> IPAddress? {
        var bytes = [UInt8](repeating: 0, count: family.bitWidth / 8)
        guard inet_pton(number(family), text, &bytes) == 1 else { return nil }
        return IPAddress(networkBytes: bytes)
    }

    private static func networkToText(_ address: IPAddress) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(number(address.family), address.networkBytes, &text, socklen_t(text.count)) != nil else {
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
