import CKernel
import Testing

@testable import Netlink

/// VLANs of bridges, and the other options of bridges and ports. The requests are those of bridge(8) and ip(8) of iproute2
/// 6.1.0, byte for byte. Answers are put together by hand from include/uapi/linux/if_bridge.h, for want of a kernel with
/// CONFIG_BRIDGE_VLAN_FILTERING. `plumb0` has index 2, `veth7` 3.
@Suite struct BridgeVLANTests {
    static let requests: [(captured: Captured, request: Request)] = [
        (
            Captured(
                "bridge vlan add vid 100 dev veth7 pvid untagged master",
                """
                3400000013000500b94f066b000000000700000003000000000000000000000014001a00060000000100000008000200
                06006400
                """), .addVLANs([BridgeVLAN(100, isPVID: true, isUntagged: true)], index: 3, context: "")
        ),
        (
            Captured(
                "bridge vlan add vid 200-210 dev veth7 master",
                """
                3c00000013000500b94f066b00000000070000000300000000000000000000001c001a00060000000100000008000200
                0800c800080002001000d200
                """), .addVLANs([BridgeVLAN(200, 210)], index: 3, context: "")
        ),
        (
            Captured(
                "bridge vlan del vid 1 dev veth7 master",
                """
                3400000011000500b94f066b000000000700000003000000000000000000000014001a00060000000100000008000200
                00000100
                """), .deleteVLANs([BridgeVLAN(1)], index: 3, context: "")
        ),
        (
            Captured(
                "bridge vlan add vid 100 dev plumb0 pvid untagged self",
                """
                3400000013000500b94f066b000000000700000002000000000000000000000014001a00060000000200000008000200
                06006400
                """),
            .addVLANs([BridgeVLAN(100, isPVID: true, isUntagged: true)], index: 2, isBridge: true, context: "")
        ),
    ]

    @Test(arguments: requests) func sameAsBridge(captured: Captured, request: Request) throws {
        let theirs = try captured.message
        let ours = Message(
            type: request.type, flags: request.flags | UInt16(NLM_F_REQUEST | NLM_F_ACK), sequence: theirs.sequence,
            port: theirs.port, body: request.body[...])
        #expect(ours.bytes == captured.bytes)
    }

    /// Several VLANs in one message, as bridge(8) never sends them.
    @Test func manyInOneMessage() throws {
        let request = Request.addVLANs([BridgeVLAN(5), BridgeVLAN(20, 29), BridgeVLAN(31)], index: 3, context: "")
        let specification = try #require(attributes(request).first)
        let words = try specification.nested().dropFirst().map { try vlanInfo($0) }
        #expect(words == ["0 5", "8 20", "16 29", "0 31"])
    }

    private func attributes(_ request: Request) throws -> [Attribute] {
        var cursor = Cursor(request.body[...])
        _ = try cursor.readBytes(16)
        return try cursor.readAttributes()
    }

    private func vlanInfo(_ attribute: Attribute) throws -> String {
        var cursor = Cursor(attribute.payload)
        return "\(try cursor.read(UInt16.self)) \(try cursor.read(UInt16.self))"
    }

    @Test func answerIsRead() throws {
        var builder = Builder()
        builder.append(contentsOf: [7, 0, 0, 0])
        builder.append(UInt32(3))
        for (flags, vid, last) in [(UInt16(6), UInt16(100), UInt16?.none), (0, 200, 210), (4, 1, nil)] {
            builder.nest(Int(BRIDGE_VLANDB_ENTRY)) {
                $0.attribute(Int(BRIDGE_VLANDB_ENTRY_INFO)) {
                    $0.append(flags)
                    $0.append(vid)
                }
                if let last { $0.put(Int(BRIDGE_VLANDB_ENTRY_RANGE), last) }
                $0.put(Int(BRIDGE_VLANDB_ENTRY_STATE), UInt8(3))
            }
        }
        let wanted = [
            BridgeVLAN(100, isPVID: true, isUntagged: true), BridgeVLAN(200, 210), BridgeVLAN(1, isUntagged: true),
        ]
        #expect(try BridgeVLAN.parse(builder.bytes[...]) == wanted)
        for length in 0..<8 { #expect(throws: NetlinkError.self) { try BridgeVLAN.parse(builder.bytes[..<length]) } }
    }

    @Test func questionNamesTheLink() {
        let request = Request.dumpVLANs(index: 3, context: "")
        #expect(request.type == 114 && request.body == [7, 0, 0, 0, 3, 0, 0, 0])
    }
}
