import Netlink
import Testing

@Suite struct MessageTests {
    private static func message(_ sequence: UInt32, body: [UInt8]) -> Message {
        Message(type: 20, flags: 2, sequence: sequence, port: 4711, body: body[...])
    }

    @Test("messages come back from one datagram in order", arguments: [[0], [1, 2, 3, 4], [4, 0, 7], [300, 1]])
    func several(sizes: [Int]) throws {
        let messages = sizes.enumerated().map { Self.message(UInt32($0), body: [UInt8](repeating: 5, count: $1)) }
        let datagram = messages.flatMap(\.bytes)
        #expect(datagram.count.isMultiple(of: 4))
        #expect(try Message.split(datagram[...]) == messages)
    }

    @Test func nothingIsNoMessage() throws {
        #expect(try Message.split([]).isEmpty)
    }

    @Test func theLastMessageMayLackItsPadding() throws {
        let message = Self.message(1, body: [1, 2, 3, 4, 5])
        #expect(try Message.split(message.bytes.dropLast(3)) == [message])
    }

    @Test("a datagram cut off anywhere else is an error, not fewer messages")
    func truncated() throws {
        let whole = Self.message(1, body: [1, 2, 3, 4]).bytes + Self.message(2, body: [5, 6, 7, 8]).bytes
        for count in 1..<whole.count where count != whole.count / 2 {
            #expect(throws: NetlinkError.self, "\(count) of \(whole.count) bytes") {
                try Message.split(whole.prefix(count))
            }
        }
    }

    @Test("a length below the header's is an error, never a loop", arguments: [0, 1, 15] as [UInt32])
    func impossibleLengths(length: UInt32) {
        var builder = Builder()
        builder.append(length)
        builder.append(contentsOf: repeatElement(0, count: 28))
        #expect(throws: NetlinkError(.malformed, context: "message of \(length) bytes")) {
            try Message.split(builder.bytes[...])
        }
    }

    @Test func aLengthOverTheEndIsAnError() {
        var builder = Builder()
        builder.append(UInt32.max)
        builder.append(contentsOf: repeatElement(0, count: 28))
        #expect(throws: NetlinkError.self) { try Message.split(builder.bytes[...]) }
    }

    @Test("the kernel's own datagram of several messages")
    func capturedDatagram() throws {
        let messages = try Message.split(Captured.addressDatagram.bytes[...])
        let addresses = try messages.map { try AddressMessage(parsing: $0.body) }
        #expect(addresses.map(\.family) == [2, 2, 10, 10, 10])
        #expect(addresses.map(\.index) == [1, 2, 1, 2, 2])
        #expect(messages.flatMap(\.bytes) == Captured.addressDatagram.bytes)
    }
}
