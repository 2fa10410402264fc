import CKernel
import Testing

@testable import Netlink

/// Damaged messages end in a value or a ``NetlinkError``; a trap would end the test process.
@Suite struct FuzzTests {
    static let rounds = 400

    private static func parseEverything(_ bytes: [UInt8]) throws(NetlinkError) {
        for message in try Message.split(bytes[...]) {
            // A damaged message may reach any parser: the type is damaged too.
            _ = try? LinkMessage(parsing: message.body)
            _ = try? AddressMessage(parsing: message.body)
            _ = try? RouteMessage(parsing: message.body)
            _ = try? NeighbourMessage(parsing: message.body)
            _ = try? NFTable(parsing: message.body)
            _ = try? NFChain(parsing: message.body)
            _ = try? NFSet(parsing: message.body)
            _ = try? NFRule(parsing: message.body).encoded
            if let elements = try? NFElements(parsing: message.body) { _ = NFElements.ranges(elements.elements) }
            _ = try? NFGeneration(parsing: message.body)
            _ = try? Acknowledgement(message).error(context: "")?.description
        }
    }

    private static func damage(_ bytes: [UInt8], using generator: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            switch generator.next() % 5 {
            case 0: bytes[position] ^= 1 << UInt8(generator.next() % 8)
            case 1: bytes[position] = [0, 1, 3, 4, 0x7f, 0x80, 0xff][Int(generator.next() % 7)]
            case 2: bytes.removeLast(bytes.count - position)
            case 3: bytes.removeSubrange(position..<min(bytes.count, position + 4))
            default: bytes.insert(contentsOf: bytes[position...].prefix(8), at: position)
            }
        }
        return bytes
    }

    @Test(
        arguments: Captured.links + Captured.addresses + Captured.routes + Captured.neighbours + Captured.answers
            + Captured.nfTables + [.addressDatagram, .createVethRequest])
    func damagedMessages(_ captured: Captured) throws {
        var generator = SplitMix64(seed: UInt64(captured.bytes.count))
        for _ in 0..<Self.rounds {
            let damaged = Self.damage(captured.bytes, using: &generator)
            do { try Self.parseEverything(damaged) } catch { #expect(error.code == .malformed) }
            // With the frame kept whole, the damage reaches the attributes.
            var message = try #require(try Message.split(captured.bytes[...]).first)
            message.body = Self.damage(Array(message.body), using: &generator)[...]
            try Self.parseEverything(message.bytes)
        }
    }

    @Test func everyTruncationOfEveryMessage() throws {
        for captured in Captured.links + Captured.addresses + Captured.routes + Captured.answers + Captured.nfTables {
            let message = try #require(try Message.split(captured.bytes[...]).first)
            for count in 0..<message.body.count {
                var cut = message
                cut.body = message.body.prefix(count)
                try Self.parseEverything(cut.bytes)
            }
        }
    }

    @Test func noise() throws {
        var generator = SplitMix64(seed: 99)
        for _ in 0..<5000 {
            let body = (0..<Int(generator.next() % 128)).map { _ in UInt8(truncatingIfNeeded: generator.next() & 0x1f) }
            let type = UInt16([NLMSG_ERROR, NLMSG_DONE, 16][Int(generator.next() % 3)])
            let message = Message(
                type: type, flags: UInt16(truncatingIfNeeded: generator.next()), sequence: 0, port: 0, body: body[...])
            try Self.parseEverything(message.bytes)
        }
    }

    @Test("peers inside peers, as deep as 16-bit lengths allow, are refused before they exhaust the stack")
    func nestedPeers() throws {
        var body = [UInt8](repeating: 0, count: 16)
        while body.count < 65_000 {
            var builder = Builder()
            builder.append(contentsOf: repeatElement(0, count: 16))
            builder.nest(Int(IFLA_LINKINFO)) {
                $0.put(Int(IFLA_INFO_KIND), string: "veth")
                $0.nest(Int(IFLA_INFO_DATA)) { $0.put(Int(VETH_INFO_PEER), bytes: body) }
            }
            body = builder.bytes
        }
        #expect(throws: NetlinkError(.malformed, context: "a veth peer with a peer of its own")) {
            try LinkMessage(parsing: body[...])
        }
    }
}
