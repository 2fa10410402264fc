import Addressing
import Store
import Testing

@testable import Plugin

/// What CHECK makes of a row and of what the chain answered.
@Suite struct PreviousResultTests {
    private func attachment() throws -> StoredAttachment {
        let gateways = [try #require(IPAddress("10.1.0.1")), try #require(IPAddress("fd00::1"))]
        return StoredAttachment(
            id: 1, networkID: 1, network: "pods", containerID: "c", ifname: "eth0", state: .ready,
            namespace: NamespaceIdentity(path: "/run/netns/1", cookie: 1, device: 4, inode: 9, bootID: "boot"),
            bridge: "cni0", hairpin: true, hostIfname: "plumbtest1",
            hostMAC: try #require(MACAddress("02:00:00:00:00:02")), mac: try #require(MACAddress("02:00:00:00:00:03")),
            mtu: 1400,
            leases: [
                Lease(address: try #require(CIDR("10.1.0.2/24")), gateway: gateways[0]),
                Lease(address: try #require(CIDR("fd00::2/64")), gateway: gateways[1]),
            ],
            routes: [
                RouteSpec(destination: .defaultRoute(.v4), gateway: gateways[0]),
                RouteSpec(
                    destination: try #require(CIDR("10.2.0.0/16")), gateway: gateways[0], metric: 7, table: 100,
                    mtu: 1300, advertisedMSS: 1200, scope: 0),
                RouteSpec(destination: try #require(CIDR("10.3.0.0/16"))),
                RouteSpec(destination: .defaultRoute(.v6), gateway: gateways[1], metric: 1024),
            ])
    }

    private func expected(
        _ previous: String, _ attachment: StoredAttachment, _ version: ProtocolVersion = .v1_1_0
    ) throws -> StoredAttachment {
        try PreviousResult(try ConfigObject(Array(previous.utf8)), ifname: "eth0", version: version)
            .expected(of: attachment)
    }

    @Test(arguments: ProtocolVersion.allCases.filter { $0 >= .v0_4_0 })
    func `ADD's own answer changes nothing`(version: ProtocolVersion) throws {
        let attachment = try attachment()
        let answer = try AddResult.json(attachment, bridgeMAC: attachment.hostMAC, version: version)
        #expect(try expected(answer, attachment, version) == attachment)
    }

    @Test func `a later plugin's word rules`() throws {
        let attachment = try attachment()
        let row = try expected(
            """
            {"interfaces": [{"name": "eth0"}, {"name": "eth0", "sandbox": "/x", "mac": "02:00:00:00:00:99", "mtu": 1300}],
             "ips": [{"address": "10.1.0.9/24", "interface": 1}, {"address": "fd00::2/64"},
                     {"address": "10.1.0.2/24", "interface": 0}, {"address": "192.0.2.1/32"}],
             "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.7"}, {"dst": "10.3.0.0/16"},
                        {"dst": "10.2.0.0/16", "gw": "10.1.0.1", "priority": 7, "table": 100, "mtu": 1250}]}
            """, attachment)
        #expect(row.mac.description == "02:00:00:00:00:99" && row.macRequested && row.mtu == 1300)
        #expect(row.leases.map(\.address.description) == ["fd00::2/64", "10.1.0.9/24"])
        #expect(row.routes.map(\.destination.description) == ["10.2.0.0/16", "10.3.0.0/16"])
        #expect(row.routes.first?.mtu == 1250 && row.routes.first?.advertisedMSS == nil)
    }

    @Test func `a route of another metric or table is another route, where the version can say so`() throws {
        let attachment = try attachment()
        let previous = """
            {"interfaces": [{"name": "eth0", "sandbox": "/x"}],
             "routes": [{"dst": "10.2.0.0/16", "gw": "10.1.0.1", "priority": 8, "table": 100}]}
            """
        #expect(try expected(previous, attachment).routes.isEmpty)
        #expect(try expected(previous, attachment, .v1_0_0).routes == [attachment.routes[1]])
    }

    @Test func `without the interface the row stands, and the pod is not looked at`() throws {
        let attachment = try attachment()
        for previous in ["{}", #"{"interfaces": [{"name": "eth0"}, {"name": "net1", "sandbox": "/x"}]}"#] {
            #expect(try expected(previous, attachment) == attachment)
            let result = try PreviousResult(
                try ConfigObject(Array(previous.utf8)), ifname: "eth0", version: .v1_1_0)
            #expect(!result.listsInterface)
        }
    }
}
