import Addressing
import Store
import Testing

/// Only what we made on the host for several pods is taken from it.
@Suite struct MadeTests {
    private static let gateway = "address 10.0.0.1/29 on plumb0"
    private static let route = "route 10.9.0.0/16 metric 0 table 254"

    /// A router's address, an adopted bridge's own, a route that was there before: rows asked for them once.
    @Test func whatWasAskedForAndNotMadeIsNotOurs() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "a"))
            try sqlite(
                directory, "INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/16', '192.0.2.1'); DELETE FROM routes")
            _ = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.1.0.0/29"]]), "b"))
            let before = try store.withdrawn(among: [Self.gateway, Self.route])
            try store.remember(made: [Self.gateway, Self.route])
            try store.remember(made: [Self.route])
            let after = try store.withdrawn(among: [Self.gateway, Self.route, "route 10.9.0.0/16 metric 5 table 254"])
            let links = try store.linksOfGateways()
            close(store)
            #expect(before == [])
            #expect(after == [Self.gateway, Self.route])
            #expect(links == ["plumb0"])
        }
    }

    @Test func deletingTheObjectEndsTheMemory() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "a"))
            try store.remember(made: [Self.gateway, Self.route])
            // History is not memory: what it tells of may have been made anew since.
            try store.record([
                Event(kind: .change, object: Self.gateway), Event(kind: .failed, object: Self.gateway),
                Event(kind: .delete, object: Self.gateway, attachment: attachment),
                Event(kind: .delete, object: Self.gateway, reason: "no longer wanted", detail: "ip addr del"),
            ])
            try store.holdingWriter { () throws(StoreError) in try store.forgetHoldingWriter(deleted: [Self.route]) }
            let left = try store.withdrawn(among: [Self.gateway, Self.route])
            close(store)
            #expect(left == [Self.gateway])
        }
    }

    /// Nor is what the kernel does not have and nobody wants; by today's rows, not by those of before the look.
    @Test func whatIsGoneIsForgotten() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            _ = try store.add(AttachmentRequest(network, "a"))
            let made = [
                Self.gateway, Self.route, "address 10.7.0.1/29 on plumb0", "route 10.8.0.0/16 metric 0 table 254",
            ]
            try store.remember(made: made)
            try store.forgetMade(
                where: { $0 != Self.route },
                unless: { intent in
                    Set(intent.networks.map { "address \($0.spec.rangeSets[0][0].gateway)/29 on \($0.spec.bridge)" })
                        .contains
                })
            let left = try store.withdrawn(among: made)
            close(store)
            #expect(left == [Self.gateway, Self.route])
        }
    }

    /// As long as the bridge has it, whatever the configuration says by now, and only on that bridge.
    @Test(arguments: ["plumb0", "plumb00", "xplumb0"])
    func aGatewayThatWeMadeIsHandedToNobody(_ bridge: String) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.1.0.0/29"]]), "z"))
            try store.remember(made: ["address 10.0.0.2/16 on \(bridge)", "address 10.0.0.20/16 on plumb0", Self.route])
            let first = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/24"]]), "a"))
            try store.record([Event(kind: .delete, object: "address 10.0.0.2/16 on \(bridge)")])
            close(store)
            #expect(first.leases.map(\.address.description) == [bridge == "plumb0" ? "10.0.0.3/24" : "10.0.0.2/24"])
        }
    }

    /// With and without the foreign keys that the admin's shell leaves off.
    @Test(arguments: ["ON", "OFF"])
    func aDeletedNetworkLeavesNoRanges(_ foreignKeys: String) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            try store.release(try store.add(AttachmentRequest(network, "a")), reason: "test")
            try sqlite(directory, "PRAGMA foreign_keys=\(foreignKeys); DELETE FROM networks")
            try store.tidy()
            close(store)
            #expect(try sqliteReadOnly(directory, "PRAGMA foreign_key_check; SELECT count(*) FROM ranges") == "0")
        }
    }
}
