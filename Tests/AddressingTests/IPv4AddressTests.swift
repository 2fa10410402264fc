import Addressing
import Testing

@Suite struct IPv4AddressTests {
    @Test(
        "text that is an address, and comes back as it was",
        arguments: [
            ("0.0.0.0", 0x0000_0000),
            ("0.0.0.1", 0x0000_0001),
            ("10.244.1.7", 0x0af4_0107),
            ("127.0.0.1", 0x7f00_0001),
            ("192.0.2.255", 0xc000_02ff),
            ("255.255.255.255", 0xffff_ffff),
        ] as [(String, UInt32)])
    func parses(text: String, bits: UInt32) throws {
        let address = try #require(IPAddress(text))
        #expect(address == .v4(bits))
        #expect(address.family == .v4)
        #expect(address.description == text)
    }

    @Test(
        "text that is none",
        arguments: [
            // Leading zeros: octal to some readers, decimal to others (CVE-2021-29923), so neither here.
            "010.0.0.1", "10.00.0.1", "10.0.0.01", "000.0.0.0", "10.0.0.007",
            // Too few and too many parts; inet_aton(3) would take the short ones.
            "", "10", "10.0", "10.0.0", "10.0.0.1.2", "1.2.3.4.", "2130706433",
            // Empty parts.
            ".", "...", ".10.0.0.1", "10..0.1", "10.0.0.",
            // Out of range.
            "256.0.0.1", "10.0.0.256", "10.0.0.1000", "10.0.0.4294967296", "99999999999999999999.0.0.1",
            // What is not a digit, some of which Swift's Int(_:) would take.
            "+1.2.3.4", "-1.2.3.4", "1.2.3.+4", "0x7f.0.0.1", "a.b.c.d", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n",
            "1.2.3.4%eth0", "1.2.3.4/24", "1,2,3,4", "١.2.3.4", "1.2.3.4\0",
        ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func networkBytesAreBigEndian() {
        let address = IPAddress.v4(0x0af4_0107)
        #expect(address.networkBytes == [10, 244, 1, 7])
        #expect(IPAddress(networkBytes: [10, 244, 1, 7]) == address)
    }

    @Test(arguments: [0, 1, 3, 5, 8, 15, 17, 32])
    func networkBytesOfAnotherLengthAreNoAddress(count: Int) {
        #expect(IPAddress(networkBytes: [UInt8](repeating: 1, count: count)) == nil)
    }

    @Test func bitsBeyondTheFamilyAreRefused() {
        #expect(IPAddress(family: .v4, bits: 0xffff_ffff) == .v4(.max))
        #expect(IPAddress(family: .v4, bits: 0x1_0000_0000) == nil)
        #expect(IPAddress(family: .v6, bits: .max) == .v6(.max))
    }

    @Test(
        arguments: [
            ("223.255.255.255", false), ("224.0.0.0", true), ("239.255.255.255", true), ("240.0.0.0", false),
            ("feff::", false), ("ff00::", true), ("ff02::1", true), ("::ffff:224.0.0.1", false),
        ])
    func multicast(text: String, expected: Bool) throws {
        #expect(try #require(IPAddress(text)).isMulticast == expected)
    }

    @Test(arguments: [("0.0.0.0", true), ("::", true), ("0.0.0.1", false), ("::1", false)])
    func unspecified(text: String, expected: Bool) throws {
        #expect(try #require(IPAddress(text)).isUnspecified == expected)
    }

    @Test("families are ordered v4, v6; addresses of one family by number")
    func order() throws {
        let sorted = ["0.0.0.0", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::", "::1", "::1:0", "ff00::"]
        let addresses = try sorted.map { try #require(IPAddress($0)) }
        #expect(addresses.reversed().sorted() == addresses)
        #expect(IPFamily.v4 < .v6)
        #expect(IPFamily.allCases.map(\.version) == [4, 6])
    }
}
