import Netlink
import Store
import Testing

@testable import Reconciler

/// The VLANs of a port: what is drift, and what is sent about it.
@Suite struct VLANTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var wanted: PortVLANs
        var actual: [BridgeVLAN]
        var drift: [String] = []
    }

    private static let pvid100 = BridgeVLAN(100, isPVID: true, isUntagged: true)
    private static let default1 = BridgeVLAN(1, isUntagged: true)

    static let cases = [
        Case(testDescription: "as it should be", wanted: PortVLANs(access: 100), actual: [pvid100, default1]),
        Case(
            testDescription: "a new port", wanted: PortVLANs(access: 100),
            actual: [BridgeVLAN(1, isPVID: true, isUntagged: true)], drift: ["it is not in VLAN 100"]),
        Case(
            testDescription: "with a tag", wanted: PortVLANs(access: 100), actual: [BridgeVLAN(100)],
            drift: ["it is not in VLAN 100"]),
        Case(
            testDescription: "the default too", wanted: PortVLANs(access: 100, keepsDefault: false),
            actual: [default1, pvid100], drift: ["it is in VLAN 1"]),
        Case(
            testDescription: "alone", wanted: PortVLANs(access: 100, keepsDefault: false), actual: [pvid100]),
        Case(
            testDescription: "a trunk in pieces", wanted: PortVLANs(trunk: [VLANRange(10, 19), VLANRange(40, 40)]),
            actual: [BridgeVLAN(40), BridgeVLAN(15, 25), BridgeVLAN(5, 14)]),
        Case(
            testDescription: "a trunk with a gap", wanted: PortVLANs(trunk: [VLANRange(10, 19)]),
            actual: [BridgeVLAN(10, 14), BridgeVLAN(16, 19)], drift: ["it is not in VLAN 10-19"]),
        Case(
            testDescription: "what lies around a trunk",
            wanted: PortVLANs(trunk: [VLANRange(10, 19)], keepsDefault: false),
            actual: [BridgeVLAN(5, 25)], drift: ["it is in VLAN 5-9", "it is in VLAN 20-25"]),
        Case(
            testDescription: "none", wanted: PortVLANs(access: 100, keepsDefault: false), actual: [],
            drift: ["it is not in VLAN 100"]),
    ]

    @Test(arguments: cases) func isFound(_ test: Case) throws {
        let wanted = VLANMembership(test.wanted)
        #expect(wanted.drift(from: VLANMembership(test.actual)) == test.drift)
    }

    @Test func aNewPortLeavesTheDefaultFirst() throws {
        let wanted = VLANMembership(PortVLANs(access: 100, keepsDefault: false))
        let requests = wanted.requests(for: "veth7", index: 3, from: nil)
        let sent: [Request] = [
            .deleteVLANs([BridgeVLAN(1)], index: 3, context: "take veth7 out of VLANs"),
            .addVLANs([VLANTests.pvid100], index: 3, context: "put veth7 into VLANs"),
        ]
        #expect(requests == sent)
        #expect(wanted.command(for: "veth7").contains("bridge vlan del vid 1 dev veth7 && bridge vlan add vid 100"))
    }

    /// The bridge itself follows a gateway; a network without one leaves it alone.
    @Test(arguments: [true, false]) func theBridgeItself(isGateway: Bool) throws {
        var network = try network(isGateway: isGateway)
        network.spec.link.vlans = PortVLANs(access: 100)
        let desired = render(Intent(networks: [network]))
        guard case .bridge(let bridge)? = desired[.host, "bridge cni0"] else { throw Missing() }
        #expect(bridge.filtersVLANs == true && bridge.vlan == (isGateway ? 100 : nil))
        var found = bridge
        found.filtersVLANs = false
        found.vlan = nil
        #expect(bridge.drift(from: found).first == "it takes no notice of VLANs")
        found.isMarked = false
        #expect(bridge.drift(from: found) == [])
        #expect(bridge.conflict(with: found)?.contains("`ip link set cni0 type bridge vlan_filtering 1`") == true)
        found.filtersVLANs = true
        #expect(
            bridge.conflict(with: found)?.contains("`bridge vlan add vid 100 dev cni0 pvid untagged self`")
                == (isGateway ? true : nil))
    }

    /// Two networks on one bridge: what one asks for is not taken back by the other's silence.
    @Test func networksAddUp() throws {
        var blue = try network(mtu: 1400)
        blue.spec.promiscuous = true
        var green = try network(isGateway: false)
        green.spec.link.vlans = PortVLANs(trunk: [VLANRange(5, 9)])
        for networks in [[blue, green], [green, blue]] {
            guard case .bridge(let bridge)? = render(Intent(networks: networks))[.host, "bridge cni0"] else {
                throw Missing()
            }
            #expect(bridge.mtu == 1400 && bridge.isPromiscuous == true && bridge.filtersVLANs == true)
        }
    }

    private struct Missing: Error {}
}
