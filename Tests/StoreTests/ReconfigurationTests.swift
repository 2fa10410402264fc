import Addressing
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

/// A network's configuration changes under live pods, as a rollout of a new conflist does it.
@Suite struct ReconfigurationTests {
    private static let shapes: [[[String]]] = [
        [["10.0.0.0/29"]],
        [["10.0.0.0/29", "10.0.1.0/30"]],
        [["10.0.1.0/30", "10.0.0.0/29"]],
        [["10.0.0.0/29 via 10.0.0.4"]],
        [["10.0.0.0/29 10.0.0.3-10.0.0.5"]],
        [["10.0.0.0/28"]],
    ]

    private func usable(_ network: NetworkSpec) throws -> [IPAddress] {
        try network.rangeSets.joined().flatMap { try $0.usable }.sorted()
    }

    @Test(arguments: [UInt64(21), 22, 23, 24, 25, 26])
    func nothingIsLostAndNothingIsGivenTwice(_ seed: UInt64) throws {
        try withScratch { directory in
            let networks = try Self.shapes.map { try NetworkSpec(sets: $0) }
            var random = SplitMix64(seed: seed)
            var current = networks[0]
            let store = try Store.open(directory: directory, access: .create)
            var live: [Attachment] = []
            for step in 0..<100 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0: current = networks[Int.random(in: 0..<networks.count, using: &random)]
                case 1, 2:
                    if !live.isEmpty {
                        try store.release(
                            live.remove(at: Int.random(in: 0..<live.count, using: &random)), reason: "test")
                    }
                default:
                    do {
                        let attachment = try store.add(AttachmentRequest(current, "c\(step)"))
                        #expect(try usable(current).contains(attachment.addresses[0]))
                        live.append(attachment)
                    } catch let error as StoreError where error.code == .contradiction {
                        // Its gateway is a living pod's address: the network stays as it was.
                        #expect(live.flatMap(\.addresses).contains(current.rangeSets[0][0].gateway))
                    } catch let error as StoreError where error.code == .exhausted {
                        // What a living pod routes by is no pod's address, whatever the configuration says by now.
                        let gateways = live.flatMap(\.leases).compactMap(\.gateway)
                        #expect(Set(live.flatMap(\.addresses) + gateways).isSuperset(of: try usable(current)))
                    }
                }
                #expect(Set(live.flatMap(\.addresses)).count == live.count, "step \(step)")
                #expect(
                    Set(live.flatMap(\.addresses)).isDisjoint(with: live.flatMap(\.leases).compactMap(\.gateway)))
            }
            let recorded = try store.intent().attachments
            #expect(recorded == live)
            for network in networks {
                try store.releaseAll()
                let all = try store.drain(network, "d").flatMap(\.addresses)
                #expect(texts(all.sorted()) == texts(try usable(network)))
            }
            close(store)
        }
    }

    /// What ADD promised is frozen; the next pod gets what is configured now.
    @Test func livePodsKeepWhatTheyWerePromised() throws {
        try withScratch { directory in
            let before = try NetworkSpec(sets: [["10.0.0.0/29"]])
            var after = try NetworkSpec(sets: [["10.1.0.0/24 via 10.1.0.254"]])
            after.mtu = 9000
            after.hairpin = false
            let store = try Store.open(directory: directory, access: .create)
            let old = try store.add(AttachmentRequest(before, "old"))
            let new = try store.add(AttachmentRequest(after, "new"))
            let intent = try store.intent()
            close(store)
            #expect(intent.attachments == [old, new])
            #expect(old.leases.map { $0.gateway?.description } == ["10.0.0.1"])
            #expect(old.mtu == 1400 && old.hairpin)
            #expect(new.leases.map { $0.gateway?.description } == ["10.1.0.254"])
            #expect(new.mtu == 9000 && !new.hairpin)
            #expect(intent.networks.map(\.spec) == [after])
        }
    }

    /// A range that stays keeps its place, whatever happens to those beside it.
    @Test func aRangeThatStaysGoesOnWhereItWas() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            var given: [String] = []
            for (number, ranges) in [["10.0.0.0/29"], ["10.0.0.0/29", "10.0.1.0/29"], ["10.0.0.0/29"]].enumerated() {
                let attachment = try store.add(AttachmentRequest(try NetworkSpec(sets: [ranges]), "c\(number)"))
                given += texts(attachment.addresses)
                try store.release(attachment, reason: "test")
            }
            close(store)
            #expect(given == ["10.0.0.2", "10.0.0.3", "10.0.0.4"])
        }
    }

    /// The new range's first address was handed out by the old one a moment ago, and neighbours remember by whom.
    @Test(arguments: [
        "10.0.0.0/28", "10.0.0.0/29 10.0.0.2-10.0.0.4", "10.0.0.0/29 without 10.0.0.3/32",
    ])
    func whatTheOldRangeHandedOutIsNotNew(range: String) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            var reused: [Bool] = []
            for (number, range) in ["10.0.0.0/29", range, range].enumerated() {
                let request = AttachmentRequest(try NetworkSpec(sets: [[range]]), "c\(number)")
                guard case .new(let intent) = try store.record(request) else { continue }
                reused.append(intent.isReuse)
                try store.release(try #require(intent.attachments.first), reason: "test")
            }
            close(store)
            #expect(reused == [false, true, false])
        }
    }

    /// Two bridges of one host cannot both have a subnet, nor two pods an address.
    @Test func aSubnetDoesNotFollowToAnotherBridgeWhilePodsAreLeft() throws {
        try withScratch { directory in
            let before = try NetworkSpec(bridge: "old0", sets: [["10.0.0.0/29"]])
            let after = try NetworkSpec(bridge: "new0", sets: [["10.0.0.0/28"]])
            let store = try Store.open(directory: directory, access: .create)
            let left = try store.add(AttachmentRequest(before, "a"))
            let error = #expect(throws: StoreError.self) { try store.add(AttachmentRequest(after, "b")) }
            try store.release(left, reason: "test")
            let moved = try store.add(AttachmentRequest(after, "b"))
            close(store)
            #expect(error?.code == .contradiction && error?.message.contains("on bridge old0") == true)
            #expect(moved.bridge == "new0")
        }
    }

    /// The pods on the old bridge hold nothing on the new one.
    @Test func anotherBridgeStartsAfresh() throws {
        try withScratch { directory in
            let before = try NetworkSpec(bridge: "old0", isGateway: false, sets: [["10.0.0.0/29"]])
            let after = try NetworkSpec(bridge: "new0", isGateway: false, sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            let live = [
                try store.add(AttachmentRequest(before, "a")), try store.add(AttachmentRequest(before, "b")),
            ]
            let moved = try store.drain(after, "moved").flatMap(\.addresses)
            for attachment in live { try store.release(attachment, reason: "test") }
            close(store)
            #expect(texts(moved) == texts(try usable(after)))
        }
    }

    /// Two rows that ask for different MACs of one bridge would never agree with the kernel.
    @Test func aBridgeHasOneMAC() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            for (number, (name, bridge)) in [("a", "one0"), ("b", "two0"), ("c", "one0"), ("b", "one0")].enumerated() {
                let network = try NetworkSpec(name, bridge: bridge, sets: [])
                _ = try store.add(AttachmentRequest(network, "c\(number)"))
            }
            let networks = try store.intent().networks
            close(store)
            #expect(networks.map(\.spec.name) == ["a", "b", "c"])
            #expect(Set(networks.map(\.spec.bridge)) == ["one0"])
            #expect(Set(networks.map(\.bridgeMAC)).count == 1)
        }
    }

    /// The address that another network on the bridge took for its gateway is a pod's again when that one moves, and no
    /// pod routes by it any more.
    @Test(arguments: [true, false])
    func anotherNetworksGatewayComesBack(_ stopsBeingGateway: Bool) throws {
        try withScratch { directory in
            let pods = try NetworkSpec("pods", sets: [["10.0.0.0/29"]])
            let beside = try NetworkSpec("beside", sets: [["10.0.0.0/28 10.0.0.9-10.0.0.14 via 10.0.0.3"]])
            let later = try NetworkSpec(
                "beside", isGateway: !stopsBeingGateway,
                sets: [["10.0.0.0/28 10.0.0.9-10.0.0.14 via \(stopsBeingGateway ? "10.0.0.3" : "10.0.0.8")"]])
            let store = try Store.open(directory: directory, access: .create)
            let old = try store.add(AttachmentRequest(beside, "x"))
            let without = try store.drain(pods, "a").flatMap(\.addresses)
            _ = try store.add(AttachmentRequest(later, "y"))
            let still = try store.drain(pods, "s").flatMap(\.addresses)
            try store.release(old, reason: "test")
            let with = try store.drain(pods, "b").flatMap(\.addresses)
            close(store)
            #expect(texts(without) == [2, 4, 5, 6].map { "10.0.0.\($0)" })
            #expect(still.isEmpty)
            #expect(texts(with) == ["10.0.0.3"])
        }
    }
}
