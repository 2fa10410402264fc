import Addressing
import Store
import Testing

/// Routes that an admin writes by hand.
@Suite struct HostRouteTests {
    @Test func theyComeBack() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            try sqlite(
                directory,
                """
                INSERT INTO routes (dst, gateway) VALUES ('10.244.2.0/24', '192.168.0.12');
                INSERT INTO routes (dst, dev, src, metric, table_id, mtu, advmss, scope, comment)
                VALUES ('fd00:2::/64', 'eth1', 'fd00::1', 1024, 100, 1400, 1360, 253, 'the lab');
                """)
            let intent = try store.intent()
            close(store)
            let expected = [
                RouteSpec(destination: try #require(CIDR("10.244.2.0/24")), gateway: IPAddress("192.168.0.12")),
                RouteSpec(
                    destination: try #require(CIDR("fd00:2::/64")), device: "eth1", source: IPAddress("fd00::1"),
                    metric: 1024, table: 100, mtu: 1400, advertisedMSS: 1360, scope: 253),
            ]
            #expect(intent == Intent(hostRoutes: expected))
        }
    }

    /// The routes of a pod go with it, and are no host routes that anybody gave up. Nor is its link: it was gone before.
    @Test func aPodsRoutesAreNotRemembered() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "a"))
            #expect(attachment.routes.map(\.destination.description) == ["0.0.0.0/0"])
            try store.release(attachment, reason: "test")
            let objects = try store.withdrawn(among: [
                "route 0.0.0.0/0 metric 0 table 254", "link \(attachment.hostIfname)",
            ])
            close(store)
            #expect(objects == [])
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM routes") == "0")
        }
    }

    /// The schema refuses what no route could be; the database says so to whoever wrote it.
    @Test(arguments: [
        "INSERT INTO routes (dst) VALUES ('10.9.0.0/16')",
        "INSERT INTO routes (gateway) VALUES ('192.0.2.1')",
        "INSERT INTO routes (dst, dev, metric) VALUES ('10.9.0.0/16', 'eth0', -1)",
        "INSERT INTO routes (dst, dev, metric) VALUES ('10.9.0.0/16', 'eth0', 4294967296)",
        "INSERT INTO routes (dst, dev, table_id) VALUES ('10.9.0.0/16', 'eth0', 0)",
        "INSERT INTO routes (dst, dev, scope) VALUES ('10.9.0.0/16', 'eth0', 256)",
        "INSERT INTO routes (dst, dev, mtu) VALUES ('10.9.0.0/16', 'eth0', 'big')",
    ])
    func theSchemaRefuses(_ sql: String) throws {
        try withScratch { directory in
            close(try Store.open(directory: directory, access: .create))
            #expect(throws: CommandFailed.self) { try sqlite(directory, sql) }
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM routes") == "0")
        }
    }
}
