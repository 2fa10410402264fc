import Addressing
import Testing

@Suite struct MACAddressTests {
    @Test(
        arguments: [
            ("02:00:00:00:00:07", [2, 0, 0, 0, 0, 7]), ("AA-BB-CC-DD-EE-FF", [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]),
            ("aA:bB:cC:dD:eE:fF", [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]), ("00:00:00:00:00:00", [0, 0, 0, 0, 0, 0]),
            ("ff-ff-ff-ff-ff-ff", [255, 255, 255, 255, 255, 255]), ("0a58.0aF4.0105", [0x0a, 0x58, 0x0a, 0xf4, 1, 5]),
        ] as [(String, [UInt8])])
    func parses(text: String, bytes: [UInt8]) throws {
        let address = try #require(MACAddress(text))
        #expect(address.bytes == bytes)
        #expect(address == MACAddress(bytes: bytes))
        #expect(address.description.filter(\.isHexDigit) == text.lowercased().filter(\.isHexDigit))
        #expect(address.description.filter { $0 == ":" }.count == 5)
    }

    @Test(
        arguments: [
            "", ":", "02", "02:00:00:00:00", "02:00:00:00:00:07:08", "02:00:00:00:00:", ":02:00:00:00:00:07",
            "02::00:00:00:07", "2:0:0:0:0:7", "002:00:00:00:00:07", "02-00:00-00:00-07", "02:00:00:00:00-07",
            "0g:00:00:00:00:07", "+2:00:00:00:00:07", "020000000007", "0200.0000.007", "0200:0000:0007",
            "02.00.00.00.00.07", " 02:00:00:00:00:07",
            "02:00:00:00:00:07 ", "02:00:00:00:00:07\n", "٠2:00:00:00:00:07",
            // EUI-64 and InfiniBand addresses, which Go's net.ParseMAC also takes.
            "02:00:00:00:00:00:00:07",
        ])
    func refuses(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test(arguments: [0, 5, 7, 8, 20])
    func bytesOfAnotherLengthAreNoAddress(count: Int) {
        #expect(MACAddress(bytes: [UInt8](repeating: 2, count: count)) == nil)
    }

    @Test(
        arguments: [
            ("02:00:00:00:00:07", true), ("00:00:00:00:00:01", true), ("00:00:00:00:00:00", false),
            ("01:00:5e:00:00:01", false), ("33:33:00:00:00:01", false), ("ff:ff:ff:ff:ff:ff", false),
        ])
    func unicast(text: String, expected: Bool) throws {
        #expect(try #require(MACAddress(text)).isUnicast == expected)
    }

    @Test func randomOnesAreLocalUnicastAndDiffer() {
        var generator = SplitMix64(seed: 0x3ac)
        var seen: Set<MACAddress> = []
        for _ in 0..<1000 {
            let address = MACAddress.random(using: &generator)
            #expect(address.isUnicast)
            #expect(address.bytes[0] & 0b11 == 0b10)
            #expect(MACAddress(address.description) == address)
            seen.insert(address)
        }
        #expect(seen.count == 1000)
    }
}
