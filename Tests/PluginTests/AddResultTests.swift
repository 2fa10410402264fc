import Addressing
import Store
import Testing

@testable import Plugin

@Suite struct AddResultTests {
    private static let old =
        #"{"mac":"02:00:00:00:00:01","name":"cni0"},{"mac":"02:00:00:00:00:02","name":"plumbtest1"},"#
        + #"{"mac":"02:00:00:00:00:03","name":"eth0","sandbox":"/run/netns/1"}"#
    private static let new =
        #"{"mac":"02:00:00:00:00:01","name":"cni0"},{"mac":"02:00:00:00:00:02","mtu":1400,"name":"plumbtest1"},"#
        + #"{"mac":"02:00:00:00:00:03","mtu":1400,"name":"eth0","sandbox":"/run/netns/1"}"#
    private static let versioned = #""interface":2,"version":"4"}"#
    private static let plain = #""interface":2}"#
    private static let oldRoute = #"{"dst":"0.0.0.0/0","gw":"10.1.0.1"}"#
    private static let newRoute = #"{"dst":"0.0.0.0/0","gw":"10.1.0.1","mtu":1300,"priority":5,"table":99}"#

    static let cases: [(version: ProtocolVersion, interfaces: String, tail: String, route: String)] = [
        (.v0_3_0, old, versioned, oldRoute), (.v0_3_1, old, versioned, oldRoute), (.v0_4_0, old, versioned, oldRoute),
        (.v1_0_0, old, plain, oldRoute),
        (.v1_1_0, new, plain, newRoute),
    ]

    @Test(arguments: cases)
    func `a result has its version's shape`(
        version: ProtocolVersion, interfaces: String, tail: String, route: String
    ) throws {
        let gateway = try #require(IPAddress("10.1.0.1"))
        let macs = try (1...3).map { try #require(MACAddress("02:00:00:00:00:0\($0)")) }
        let attachment = StoredAttachment(
            id: 1, networkID: 1, network: "pods", containerID: "c1", ifname: "eth0", state: .ready,
            namespace: NamespaceIdentity(path: "/run/netns/1", cookie: 1, device: 4, inode: 9, bootID: "boot"),
            bridge: "cni0", hairpin: true, hostIfname: "plumbtest1", hostMAC: macs[1], mac: macs[2], mtu: 1400,
            leases: [Lease(address: try #require(CIDR("10.1.0.2/24")), gateway: gateway)],
            routes: [
                RouteSpec(destination: .defaultRoute(.v4), gateway: gateway, metric: 5, table: 99, mtu: 1300)
            ])
        let text = try AddResult.json(attachment, bridgeMAC: macs[0], version: version)
        #expect(
            text == #"{"cniVersion":"\#(version.rawValue)","interfaces":[\#(interfaces)],"#
                + #""ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1",\#(tail)],"routes":[\#(route)]}"#)
    }
}
