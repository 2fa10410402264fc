import Addressing
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

/// What STATUS asks of the database, every few seconds, whatever lives on the node.
@Suite struct UsageTests {
    private static let network: @Sendable () throws -> NetworkSpec = {
        try NetworkSpec(sets: [["10.0.0.0/16"], ["fd00::/64"]])
    }

    private func effort(with count: Int) throws -> Effort {
        try withScratch { directory in
            let network = try Self.network()
            let store = try Store.open(directory: directory, access: .create)
            for number in 0..<count { _ = try store.add(AttachmentRequest(network, "c\(number)")) }
            try sqlite(directory, "UPDATE attachments SET state = 'ready'")
            close(store)
            return try measureEffort(directory) {
                let store = try Store.open(directory: directory, access: .write)
                let usage = try store.usage(network, bootID: "boot-1")
                #expect(usage.isInUse && usage.exhausted.isEmpty && usage.elsewhere.isEmpty)
                close(store)
            }
        }
    }

    @Test func isNotLinearInThePods() throws {
        let few = try effort(with: 10)
        let many = try effort(with: 1000)
        #expect(few.instructions > 100, "the counter counts")
        #expect(Double(many.instructions) < 1.2 * Double(few.instructions))
        for (sql, rows) in many.walked { #expect(rows < 20, "\(rows) rows walked by \(sql)") }
    }

    /// Nor in a pool that was all handed out once and lives on what comes back.
    @Test(arguments: ["10.0.0.0/22", "10.0.0.0/28"]) func aUsedUpPoolIsNotSearchedThrough(subnet: String) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [[subnet]])
            let store = try Store.open(directory: directory, access: .create)
            let first = try #require(try store.drain(network, "c").first)
            try store.release(first, reason: "test")
            try sqlite(directory, "UPDATE attachments SET state = 'ready'")
            close(store)
            let effort = try measureEffort(directory) {
                let store = try Store.open(directory: directory, access: .write)
                #expect(try store.usage(network, bootID: "boot-1").exhausted.isEmpty)
                close(store)
            }
            #expect(effort.instructions > 100 && effort.instructions < 1500, "\(effort.instructions)")
        }
    }

    /// A set has room as long as an ADD gets an address of it: the two agree at every step of filling and emptying, also
    /// where another network has pods and a gateway in the same addresses.
    @Test(arguments: [
        [["10.0.0.0/28"]], [["10.0.0.0/28 without 10.0.0.4/30 10.0.0.9/32"]],
        [["10.0.0.0/28 10.0.0.2-10.0.0.3", "10.0.0.0/28 10.0.0.9-10.0.0.10"], ["fd00::/124"]], [["10.0.0.0/30"]],
        // Other pods have more of them in a row than anybody looks through.
        [["10.0.0.0/26"]],
    ])
    func agreesWithADD(sets: [[String]]) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: sets)
            let beside = try NetworkSpec(
                "beside", isGateway: true, sets: [["10.0.0.0/24 10.0.0.5-10.0.0.44 via 10.0.0.12"]])
            let store = try Store.open(directory: directory, access: .create)
            var random = SplitMix64(seed: 7)
            var living: [Attachment] = []
            var count = 0
            for step in 0..<400 {
                // A long way up, down, and up again.
                let grows = Int.random(in: 0..<10, using: &random) < (step / 100 % 2 == 0 ? 8 : 2)
                if grows || living.isEmpty {
                    let one = step % 3 == 0 ? beside : network
                    count += 1
                    let isFull = try !store.usage(one, bootID: "boot-1").exhausted.isEmpty
                    do {
                        living.append(try store.add(AttachmentRequest(one, "c\(count)")))
                        #expect(!isFull, "step \(step): said to be full, and gave \(living.last?.addresses ?? [])")
                    } catch let error as StoreError where error.code == .exhausted {
                        #expect(isFull, "step \(step): said to have room, and \(error)")
                    }
                } else {
                    let index = Int.random(in: living.indices, using: &random)
                    try store.release(living.remove(at: index), reason: "test")
                }
            }
            close(store)
        }
    }

    /// A range that no ADD wrote down yet, on a bridge that another network has.
    @Test func beforeTheFirstADD() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.drain(try NetworkSpec(sets: [["10.0.0.0/29"]]), "c")
            let other = try NetworkSpec("other", sets: [["10.0.0.0/29"]])
            #expect(
                try store.usage(other, bootID: "boot-1").exhausted == [
                    "10.0.0.1–10.0.0.6 in 10.0.0.0/29 (5 of 5 addresses in use)"
                ])
            let grown = try NetworkSpec("other", sets: [["10.0.0.0/29", "10.0.1.0/29"]])
            #expect(try store.usage(grown, bootID: "boot-1").exhausted == [])
            let moved = try NetworkSpec(bridge: "plumb1", sets: [["10.0.0.0/29"]])
            #expect(try store.usage(moved, bootID: "boot-1").exhausted == [])
            close(store)
        }
    }

    /// What keeps a network from its bridge is told in the words of the ADD that it would be refused by; a boot ends it.
    @Test func contradictsAsADDDoes() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(try Self.network(), "c1"))
            var other = try NetworkSpec("other", sets: [["10.1.0.0/16"]])
            #expect(try store.usage(other, bootID: "boot-1").contradiction == nil)
            other.mtu = 1300
            let moved = try NetworkSpec(bridge: "plumb1", sets: [["10.0.0.0/16"]])
            for spec in [other, moved] {
                let told = try #require(try store.usage(spec, bootID: "boot-1").contradiction)
                let error = #expect(throws: StoreError.self) { try store.add(AttachmentRequest(spec, "c2")) }
                #expect(error?.code == .contradiction && error?.message == told)
                #expect(try store.usage(spec, bootID: "boot-2").contradiction == nil)
            }
            _ = try store.add(AttachmentRequest(other, "c2", bootID: "boot-2"))
            close(store)
        }
    }

    /// Pods stay where they were made, even if that was in the same millisecond.
    @Test func podsThatTheNetworkLeft() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let first = try store.add(AttachmentRequest(try Self.network(), "c1"))
            try store.markReady(first.id, events: [])
            #expect(try store.usage(try Self.network(), bootID: "boot-1").elsewhere == [])
            try sqlite(directory, "UPDATE networks SET created_ms = 9007199254740991")
            let moved = try NetworkSpec(bridge: "plumb1", sets: [["10.1.0.0/16"]])
            let second = try store.add(AttachmentRequest(moved, "c2"))
            try store.markReady(second.id, events: [])
            let usage = try store.usage(moved, bootID: "boot-1")
            #expect(usage.elsewhere == [first.id])
            #expect(try store.living(network: first.networkID, bootID: "boot-1") == 2)
            close(store)
        }
    }
}
