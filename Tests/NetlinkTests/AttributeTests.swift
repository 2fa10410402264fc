import Netlink
import Testing

@Suite struct AttributeTests {
    @Test func integersAreReadInHostOrderUpToTheEnd() throws {
        var builder = Builder()
        builder.append(UInt8(0x12))
        builder.append(UInt16(0x3456))
        builder.append(Int32(-2))
        var cursor = Cursor(builder.bytes[...])
        #expect(try cursor.read(UInt8.self) == 0x12)
        #expect(try cursor.read(UInt16.self) == 0x3456)
        #expect(try cursor.read(Int32.self) == -2)
        #expect(cursor.remaining == 0)
        #expect(throws: NetlinkError(.malformed, context: "1 bytes needed, 0 left")) { try cursor.read(UInt8.self) }
    }

    @Test("a read over the end throws, and takes nothing", arguments: [0, 1, 2, 3])
    func shortReads(count: Int) throws {
        var cursor = Cursor([UInt8](repeating: 7, count: count)[...])
        #expect(throws: NetlinkError.self) { try cursor.read(UInt32.self) }
        #expect(throws: NetlinkError.self) { try cursor.readBytes(count + 1) }
        #expect(throws: NetlinkError.self) { try cursor.readBytes(-1) }
        #expect(throws: NetlinkError.self) { try cursor.readBytes(.max) }
        #expect(cursor.remaining == count)
        #expect(try cursor.readBytes(count).count == count)
    }

    @Test("a slice is read by its own bounds, not its array's")
    func slices() throws {
        let bytes: [UInt8] = [9, 9, 9, 1, 0, 0, 0, 9, 9]
        var cursor = Cursor(bytes[3..<7])
        #expect(try cursor.read(UInt32.self) == UInt32(1).littleEndian)
        #expect(cursor.remaining == 0)
    }

    @Test(
        "payloads are padded to four bytes, and come back without the padding",
        arguments: [(0, 4), (1, 8), (2, 8), (3, 8), (4, 8), (5, 12), (255, 260)])
    func padding(count: Int, size: Int) throws {
        let payload = [UInt8](repeating: 0xab, count: count)
        var builder = Builder()
        builder.put(5, bytes: payload)
        #expect(builder.bytes.count == size)
        #expect(builder.bytes.suffix(size - 4 - count).allSatisfy { $0 == 0 })
        builder.put(6, UInt32(1))
        var cursor = Cursor(builder.bytes[...])
        let attributes = try cursor.readAttributes()
        #expect(attributes.map(\.type) == [5, 6])
        #expect(attributes.first?.payload.elementsEqual(payload) == true)
        // The kernel leaves out the padding of the last attribute of some messages.
        var unpadded = Cursor(builder.bytes.prefix(4 + count))
        #expect(try unpadded.readAttributes().first == attributes.first)
    }

    @Test(
        "a length that cannot be is an error, never a loop",
        arguments: [
            ([0, 0, 1, 0], "attribute 1 with length 0"), ([3, 0, 1, 0], "attribute 1 with length 3"),
            ([0, 0, 0, 0, 0, 0, 0, 0], "attribute 0 with length 0"), ([5, 0, 1, 0], "1 bytes needed, 0 left"),
            ([255, 255, 1, 0, 1, 2, 3, 4], "65531 bytes needed, 4 left"), ([8], "1 stray bytes after attributes"),
            ([4, 0, 1, 0, 4, 0, 2], "3 stray bytes after attributes"),
            ([8, 0, 1, 0, 1, 2, 3, 4, 0, 0, 2, 0], "attribute 2 with length 0"),
        ] as [([UInt8], String)])
    func impossibleLengths(bytes: [UInt8], context: String) {
        var cursor = Cursor(bytes[...])
        #expect(throws: NetlinkError(.malformed, context: context)) { try cursor.readAttributes() }
    }

    @Test func nestsAreFlaggedAndHoldWhatWasPut() throws {
        var builder = Builder()
        builder.nest(18) {
            $0.put(1, string: "veth")
            $0.nest(2) { $0.nest(1) { $0.put(3, string: "eth0") } }
            $0.nest(5) { _ in }
        }
        var cursor = Cursor(builder.bytes[...])
        let outer = try #require(cursor.readAttributes().first)
        #expect(outer.type == 18 && outer.isFlaggedNested)
        let inner = try outer.nested()
        #expect(inner.map(\.type) == [1, 2, 5])
        #expect(inner.map(\.isFlaggedNested) == [false, true, true])
        #expect(inner[0].string() == "veth")
        #expect(try inner[1].nested().first?.nested().first?.string() == "eth0")
        #expect(try inner[2].nested().isEmpty)
        var again = Builder()
        again.put(outer)
        #expect(again.bytes == builder.bytes)
    }

    @Test(
        "text ends at the first NUL, or with the payload",
        arguments: [
            (Array("eth0\0".utf8), "eth0"), (Array("eth0".utf8), "eth0"), (Array("eth0\0junk\0".utf8), "eth0"),
            ([], ""), ([0], ""), ([0x61, 0xff, 0x62, 0], "a\u{fffd}b"),
        ] as [([UInt8], String)])
    func text(bytes: [UInt8], expected: String) throws {
        var builder = Builder()
        builder.put(1, bytes: bytes)
        var cursor = Cursor(builder.bytes[...])
        #expect(try cursor.readAttributes().first?.string() == expected)
    }

    @Test("an integer from too small a payload is an error")
    func smallPayloads() throws {
        var builder = Builder()
        builder.put(1, bytes: [1])
        var cursor = Cursor(builder.bytes[...])
        let attribute = try #require(cursor.readAttributes().first)
        #expect(try attribute.uint8() == 1)
        #expect(throws: NetlinkError.self) { try attribute.uint16() }
        #expect(throws: NetlinkError.self) { try attribute.uint32() }
        #expect(throws: NetlinkError.self) { try attribute.int32() }
    }
}
