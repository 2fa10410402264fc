import Store
import Testing

/// A gateway may be taken from a bridge only when we put it there and gave it up.
@Suite struct WithdrawnGatewayTests {
    private static let gateway = "address 10.0.0.1/29 on plumb0"

    @Test(arguments: [
        ("another subnet", true, [["10.1.0.0/29"]]),
        ("another gateway", true, [["10.0.0.0/29 via 10.0.0.6"]]),
        ("no ranges", true, []),
        ("no longer a gateway", false, [["10.0.0.0/29"]]),
    ])
    func itIsRememberedWhenTheConfigurationDropsIt(
        _ name: String, _ isGateway: Bool, _ sets: [[String]]
    ) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/29"]]), "a"))
            let before = try store.withdrawn(among: [Self.gateway])
            _ = try store.add(AttachmentRequest(try NetworkSpec(isGateway: isGateway, sets: sets), "b"))
            let after = try store.withdrawn(among: [Self.gateway])
            close(store)
            #expect(before == [])
            #expect(after == [Self.gateway], "\(name)")
        }
    }

    /// A router's address, perhaps that of an adopted bridge, was never ours to take away.
    @Test func whatWasNeverOursIsNotGivenUp() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(try NetworkSpec(isGateway: false, sets: [["10.0.0.0/29"]]), "a"))
            _ = try store.add(AttachmentRequest(try NetworkSpec(isGateway: false, sets: [["10.1.0.0/29"]]), "b"))
            let after = try store.withdrawn(among: [Self.gateway])
            close(store)
            #expect(after == [])
        }
    }

    /// The whole network goes, with and without the foreign keys that the admin's shell leaves off.
    @Test(arguments: ["ON", "OFF"])
    func aDeletedNetworkGivesUpItsGateways(_ foreignKeys: String) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            try store.release(try store.add(AttachmentRequest(network, "a")), reason: "test")
            try sqlite(directory, "PRAGMA foreign_keys=\(foreignKeys); DELETE FROM networks")
            let after = try store.withdrawn(among: [Self.gateway])
            close(store)
            #expect(after == [Self.gateway])
            #expect(try sqliteReadOnly(directory, "PRAGMA foreign_key_check; SELECT count(*) FROM ranges") == "0")
        }
    }
}
