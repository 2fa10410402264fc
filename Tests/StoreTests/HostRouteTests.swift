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

    /// What a change of the row gives up. A new gateway is a change of the same route, not another one.
    @Test(arguments: [
        ("DELETE FROM routes", ["route 10.9.0.0/16 metric 0 table 254"]),
        ("UPDATE routes SET dst = '10.8.0.0/16'", ["route 10.9.0.0/16 metric 0 table 254"]),
        ("UPDATE routes SET metric = 5", ["route 10.9.0.0/16 metric 0 table 254"]),
        ("UPDATE routes SET table_id = 7", ["route 10.9.0.0/16 metric 0 table 254"]),
        ("UPDATE routes SET gateway = '192.0.2.2'", []),
        ("UPDATE routes SET comment = 'x'", []),
    ])
    func aRowThatGoesIsRemembered(_ sql: String, _ objects: [String]) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            try sqlite(directory, "INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/16', '192.0.2.1')")
            let candidates = [
                "route 10.9.0.0/16 metric 0 table 254", "route 10.8.0.0/16 metric 0 table 254",
                "route 10.9.0.0/16 metric 5 table 254", "route 10.9.0.0/16 metric 0 table 7",
            ]
            let before = try store.withdrawn(among: candidates)
            try sqlite(directory, sql)
            let after = try store.withdrawn(among: candidates)
            close(store)
            #expect(before == [])
            #expect(after == Set(objects))
        }
    }

    @Test func deletingTheObjectEndsTheMemory() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let objects = ["10.8.0.0/16", "10.9.0.0/16"].map { "route \($0) metric 0 table 254" }
            try sqlite(
                directory,
                """
                INSERT INTO routes (dst, gateway) VALUES ('10.8.0.0/16', '192.0.2.1'), ('10.9.0.0/16', '192.0.2.1');
                DELETE FROM routes;
                """)
            let both = try store.withdrawn(among: objects)
            try store.record([
                Event(kind: .change, object: objects[0]), Event(kind: .failed, object: objects[0]),
                Event(kind: .delete, object: objects[1], reason: "its row was deleted", detail: "ip route del"),
            ])
            let left = try store.withdrawn(among: objects)
            close(store)
            #expect(both == Set(objects))
            #expect(left == [objects[0]])
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
