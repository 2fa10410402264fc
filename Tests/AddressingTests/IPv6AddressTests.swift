import Addressing
import Testing

@Suite struct IPv6AddressTests {
    @Test(
        "forms of RFC 4291 section 2.2",
        arguments: [
            ("::", 0),
            ("::1", 1),
            ("1::", 0x0001_0000_0000_0000_0000_0000_0000_0000),
            ("2001:db8:0:0:8:800:200c:417a", 0x2001_0db8_0000_0000_0008_0800_200c_417a),
            ("2001:DB8::8:800:200C:417A", 0x2001_0db8_0000_0000_0008_0800_200c_417a),
            ("2001:0db8:0000:0000:0008:0800:200c:417a", 0x2001_0db8_0000_0000_0008_0800_200c_417a),
            ("0:0:0:0:0:0:0:0", 0),
            ("ff01::101", 0xff01_0000_0000_0000_0000_0000_0000_0101),
            ("::13.1.68.3", 0x0d01_4403),
            ("::ffff:129.144.52.38", 0xffff_8190_3426),
            ("::FFFF:129.144.52.38", 0xffff_8190_3426),
            ("0:0:0:0:0:ffff:129.144.52.38", 0xffff_8190_3426),
            ("64:ff9b::192.0.2.33", 0x0064_ff9b_0000_0000_0000_0000_c000_0221),
            ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004_0005_0006_0007_0000),
            ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004_0005_0006_0007_0008),
            ("1::3:4:5:6:7:8", 0x0001_0000_0003_0004_0005_0006_0007_0008),
            ("::2:3:4:5:6:1.2.3.4", 0x0000_0002_0003_0004_0005_0006_0102_0304),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .max),
        ] as [(String, UInt128)])
    func parses(text: String, bits: UInt128) throws {
        let address = try #require(IPAddress(text))
        #expect(address == .v6(bits))
        #expect(address.family == .v6)
    }

    @Test(
        "text that is no address",
        arguments: [
            // Colons in excess.
            ":", ":::", "::::", "1:::2", ":::1", "1:::", "1::2::3", "::1::", "1::::2", ":1", "1:", ":1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:", ":1::2", "1::2:", "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8",
            // Too few and too many groups; "::" stands for one group at least (RFC 4291 section 2.2).
            "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
            "1:2:3:4::5:6:7:8",
            // Groups of more than four digits, also when the excess is zeros, and what is no hexadecimal digit.
            "00001::", "::12345", "1:2:3:4:5:6:7:00008", "g::", "::0x1", "::-1", "::+1", ":: 1", "1 ::", "::1\n",
            // IPv4 where it may not stand, or wrong in itself.
            "1.2.3.4::", "1:2:1.2.3.4:5:6:7", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4", "::1.2.3", "::1.2.3.4.5",
            "::1.2.3.256", "::01.2.3.4", "::1.2.3.4:5", "::1.2.3.4:", "::1..3.4", "::ffff:1.2.3.",
            "::1:2:3:4:5:6:1.2.3.4",
            // Not part of the address.
            "fe80::1%eth0", "[::1]", "::1/128", "٠::1", "::1\0",
        ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "canonical text as RFC 5952 asks",
        arguments: [
            // Section 4.1: leading zeros suppressed. 4.3: lower case.
            ("2001:0DB8:0001:0001:0001:0001:0001:0001", "2001:db8:1:1:1:1:1:1"),
            ("ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"),
            // 4.2.1: shortened as much as possible.
            ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
            ("2001:db8::0:1", "2001:db8::1"),
            ("0:0:0:0:0:0:0:0", "::"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("1:0:0:0:0:0:0:0", "1::"),
            // 4.2.2: one zero group stays.
            ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("1:0:3:0:5:0:7:0", "1:0:3:0:5:0:7:0"),
            // 4.2.3: the longest run, and of equals the first.
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("0:0:1:1:1:1:0:0", "::1:1:1:1:0:0"),
            ("0:0:1:0:0:0:1:1", "0:0:1::1:1"),
            ("0:0:1:1:1:0:0:0", "0:0:1:1:1::"),
            // 5: the dotted form for IPv4-mapped addresses.
            ("::ffff:c0a8:1", "::ffff:192.168.0.1"),
            ("::ffff:0:0", "::ffff:0.0.0.0"),
            ("::ffff:255.255.255.255", "::ffff:255.255.255.255"),
            ("::fffe:c0a8:1", "::fffe:c0a8:1"),
            ("::1:ffff:c0a8:1", "::1:ffff:c0a8:1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ])
    func canonical(text: String, expected: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == expected)
        #expect(IPAddress(expected) == address)
    }

    @Test func anIPv4MappedAddressStaysIPv6() throws {
        let mapped = try #require(IPAddress("::ffff:10.0.0.1"))
        #expect(mapped.family == .v6)
        #expect(mapped != .v4(0x0a00_0001))
    }

    @Test func networkBytesAreBigEndian() throws {
        let address = try #require(IPAddress("102:304:506:708:90a:b0c:d0e:f10"))
        #expect(address.networkBytes == Array(1...16))
        #expect(IPAddress(networkBytes: Array(1...16)) == address)
    }

    @Test("a slice of a longer text is read from where it begins")
    func substring() {
        #expect(IPAddress("x fd00::1.2.3.4 y".dropFirst(2).dropLast(2)) == IPAddress("fd00::102:304"))
        #expect(IPAddress("x 10.0.0.1 y".dropFirst(2).dropLast(2)) == .v4(0x0a00_0001))
    }
}
