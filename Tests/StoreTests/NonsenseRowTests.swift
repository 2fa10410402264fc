import Testing

@testable import Store

/// What a shell may write into columns that have no CHECK, because every ADD would compile it.
@Suite struct NonsenseRowTests {
    private static let ranges = [
        "first = '10.0.0.6', last = '10.0.0.2'", "first = '10.0.0.6', last = '10.0.0.2', next = NULL",
        "last = '10.0.1.6'", "first = 'fd00::2'", "gateway = 'fd00::1'", "subnet = '0.0.0.0/0'",
    ]

    /// Refused with the network's name; nobody traps.
    @Test(arguments: ranges) func aRangeThatIsNone(columns: String) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            let first = try store.add(AttachmentRequest(network, "a"))
            _ = try sqlite(directory, "UPDATE ranges SET \(columns)")
            let intent = try store.intent()
            #expect(intent.networks.isEmpty && intent.lacksNetworks && intent.attachments.count == 1)
            #expect(intent.problems.count == 1 && intent.problems[0].contains("network pods, range 1"))
            let promise = try store.promise(attachment: first.id)
            #expect(promise.networks.isEmpty && promise.attachments == intent.attachments)
            for error in [
                #expect(throws: StoreError.self) { try store.intent(attachment: first.id) },
                #expect(throws: StoreError.self) { try store.usage(network, bootID: "") },
                #expect(throws: StoreError.self) { try store.add(AttachmentRequest(network, "b")) },
            ] {
                #expect(error?.code == .invalid && error?.message.contains("network pods, range 1") == true)
            }
            #expect(try store.poolUsage().isEmpty)
            _ = try store.strayLeases()
            try store.release(first, reason: "test")
            close(store)
        }
    }

    /// Of another network on the bridge: it costs that one alone.
    @Test(arguments: ["first = 'x'", "last = 'x'", "exclude = 'x'"]) func aNeighboursRange(columns: String) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let first = try store.add(AttachmentRequest(try NetworkSpec("a", sets: [["10.0.0.0/29"]]), "a"))
            _ = try store.add(AttachmentRequest(try NetworkSpec("b", sets: [["10.0.1.0/29"]]), "b"))
            _ = try sqlite(directory, "UPDATE ranges SET \(columns) WHERE subnet = '10.0.1.0/29'")
            try store.release(first, reason: "test")
            let third = try store.add(AttachmentRequest(try NetworkSpec("c", sets: [["10.0.2.0/29"]]), "c"))
            close(store)
            #expect(third.id == 3)
            #expect(try sqliteReadOnly(directory, "SELECT address FROM released") == "10.0.0.2")
        }
    }

    @Test(arguments: ["10.0.0.0", "9.0.0.1", "10.0.1.0", "fd00::1"]) func aNextAddressOutside(text: String) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(network, "a"))
            _ = try sqlite(directory, "UPDATE ranges SET next = '\(text)'")
            let error = #expect(throws: StoreError.self) { try store.add(AttachmentRequest(network, "b")) }
            close(store)
            #expect(error?.code == .invalid && error?.message.contains("\"\(text)\"") == true)
        }
    }

    @Test func aBlockExcludedTwice() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29 without 10.0.0.4/31"]])
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(network, "a"))
            _ = try sqlite(directory, "UPDATE ranges SET exclude = '10.0.0.4/31 10.0.0.4/31 10.0.0.5/32'")
            let pools = try store.pools()
            _ = try store.strayLeases()
            close(store)
            #expect(pools.map(\.size) == [3])
        }
    }

    @Test(arguments: [
        "UPDATE store SET ended = -9223372036854775808", "UPDATE store SET ended = 9223372036854775807",
        "UPDATE store SET ended = -9223372036854775807",
    ]) func countsOfAttachments(change: String) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(network, "a"))
            _ = try sqlite(directory, change)
            let usage = try store.usage(network, bootID: "")
            let second = try store.add(AttachmentRequest(network, "b"))
            try PortCount.recount(in: store)
            close(store)
            #expect(usage.isInUse == false && usage.exhausted.isEmpty && second.id == 2)
        }
    }

    @Test func noIDIsLeft() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(network, "a"))
            _ = try sqlite(directory, "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'attachments'")
            let error = #expect(throws: StoreError.self) { try store.add(AttachmentRequest(network, "b")) }
            #expect(throws: StoreError.self) { try store.lock(attachment: .max) }
            close(store)
            #expect(error?.code == .invalid && error?.message.contains("sqlite_sequence") == true)
        }
    }
}
