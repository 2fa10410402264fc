import Addressing
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

/// Networks on one bridge: an address is unique there, whichever of them gave it.
@Suite struct SharedBridgeTests {
    private static let pairs: [[String]] = [
        ["10.0.0.0/28", "10.0.0.0/28"],
        ["10.0.0.0/28", "10.0.0.0/28 10.0.0.6-10.0.0.9"],
        ["10.0.0.0/28 10.0.0.2-10.0.0.8", "10.0.0.0/28 10.0.0.5-10.0.0.12"],
        // Each one's gateway is in the other's range.
        ["10.0.0.0/28 via 10.0.0.3", "10.0.0.0/28 via 10.0.0.5"],
    ]

    @Test(arguments: pairs, [UInt64(11), 12, 13])
    func overlappingRangesNeitherCollideNorLose(_ pair: [String], _ seed: UInt64) throws {
        try withScratch { directory in
            let networks = [try NetworkSpec("a", sets: [[pair[0]]]), try NetworkSpec("b", sets: [[pair[1]]])]
            let gateways = Set(networks.map { $0.rangeSets[0][0].gateway })
            var random = SplitMix64(seed: seed)
            let store = try Store.open(directory: directory, access: .create)
            // Both are known from the beginning: a gateway that comes later finds its address taken.
            for network in networks { try store.release(try store.add(AttachmentRequest(network, "x")), reason: "x") }
            var live: [Attachment] = []
            for step in 0..<120 {
                if Int.random(in: 0..<5, using: &random) > 1 {
                    let network = networks[Int.random(in: 0..<2, using: &random)]
                    do {
                        live.append(try store.add(AttachmentRequest(network, "c\(step)")))
                    } catch let error as StoreError where error.code == .exhausted {
                        let held = Set(live.flatMap(\.addresses))
                        #expect(held.isSuperset(of: Set(try network.rangeSets[0][0].usable).subtracting(gateways)))
                    }
                } else if !live.isEmpty {
                    try store.release(
                        live.remove(at: Int.random(in: 0..<live.count, using: &random)), reason: "test")
                }
                #expect(Set(live.flatMap(\.addresses)).count == live.count, "step \(step)")
                #expect(gateways.isDisjoint(with: live.flatMap(\.addresses)))
            }
            for network in networks {
                try store.releaseAll()
                let all = try store.drain(network, "drain-\(network.name)").flatMap(\.addresses)
                let expected = try network.rangeSets[0][0].usable.filter { !gateways.contains($0) }
                #expect(texts(all.sorted()) == texts(expected))
            }
            close(store)
        }
    }

    /// What the other network gives back again and again is remembered once, and as lately used.
    @Test func anAddressIsRememberedOnce() throws {
        try withScratch { directory in
            let wide = try NetworkSpec("wide", sets: [["10.0.0.0/29"]])
            let narrow = try NetworkSpec("narrow", sets: [["10.0.0.0/29 10.0.0.2-10.0.0.2"]])
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.drain(wide, "w")
            try store.releaseAll()
            for number in 0..<20 {
                try store.release(try store.add(AttachmentRequest(narrow, "n\(number)")), reason: "test")
            }
            let order = try store.drain(wide, "again").flatMap(\.addresses)
            try store.releaseAll()
            close(store)
            #expect(texts(order) == [3, 4, 5, 6, 2].map { "10.0.0.\($0)" })
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM released") == "6")
        }
    }

    @Test func otherBridgesAreOtherWorlds() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            for name in ["one", "two"] {
                let network = try NetworkSpec(name, bridge: "br-\(name)", sets: [["10.0.0.0/30"]])
                let attachment = try store.add(AttachmentRequest(network, name))
                #expect(texts(attachment.addresses) == ["10.0.0.2"])
            }
            close(store)
        }
    }

    /// "Never handed out", says the schema of a range's gateway, also where it is a router outside.
    @Test func aGatewayElsewhereIsNotHandedOutEither() throws {
        try withScratch { directory in
            let routed = try NetworkSpec("routed", isGateway: false, sets: [["10.0.0.0/29 via 10.0.0.3"]])
            let other = try NetworkSpec("other", isGateway: false, sets: [["10.0.0.0/29 10.0.0.3-10.0.0.3"]])
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.drain(routed, "r")
            // The other network does not know that router; what it gives back is still no address for a pod of ours.
            try store.release(try store.add(AttachmentRequest(other, "o")), reason: "test")
            try store.releaseAll()
            let all = try store.drain(routed, "again").flatMap(\.addresses)
            close(store)
            #expect(texts(all.sorted()) == [1, 2, 4, 5, 6].map { "10.0.0.\($0)" })
        }
    }
}
