import Addressing
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

/// One network's pools as the schema describes them, without a database.
struct AllocationModel {
    private struct Pool {
        var never: [IPAddress]
        var released: [IPAddress] = []
        /// The highest that was taken in turn: what is above was never passed by.
        var reached: IPAddress?
        var isThrough = false

        mutating func take() -> IPAddress? {
            if !never.isEmpty {
                reached = never.removeFirst()
                return reached
            }
            isThrough = true
            return released.isEmpty ? nil : released.removeFirst()
        }

        mutating func claim(_ address: IPAddress) {
            never.removeAll { $0 == address }
            released.removeAll { $0 == address }
        }

        mutating func release(_ address: IPAddress) {
            if isThrough || address <= reached ?? address, reached != nil || isThrough {
                released.append(address)
            } else {
                never.append(address)
                never.sort()
            }
        }
    }

    private let ranges: [[RangeSpec]]
    private var pools: [[Pool]]

    init(_ network: NetworkSpec) throws {
        ranges = network.rangeSets
        pools = try ranges.map { try $0.map { Pool(never: try $0.usable) } }
    }

    /// An address from every set, or nothing from any. What is wanted must be free.
    mutating func allocate(wanted: [IPAddress] = []) -> [IPAddress]? {
        var after = pools
        var taken: [IPAddress] = []
        for set in after.indices {
            if let position = ranges[set].firstIndex(where: { wanted.contains(where: $0.contains) }),
                let address = wanted.first(where: ranges[set][position].contains)
            {
                after[set][position].claim(address)
                taken.append(address)
                continue
            }
            var address: IPAddress?
            for position in after[set].indices where address == nil { address = after[set][position].take() }
            guard let address else { return nil }
            taken.append(address)
        }
        pools = after
        return taken
    }

    mutating func release(_ addresses: [IPAddress]) {
        for (set, address) in addresses.enumerated() {
            for (position, range) in ranges[set].enumerated() where range.contains(address) {
                pools[set][position].release(address)
            }
        }
    }
}

struct Pools: Sendable, CustomTestStringConvertible {
    let sets: [[String]]

    var testDescription: String { sets.map { $0.joined(separator: ", ") }.joined(separator: " + ") }

    static let all: [Pools] = [
        Pools(sets: [["10.0.0.0/29"]]),
        Pools(sets: [["10.0.0.0/30"]]),
        Pools(sets: [["10.0.0.0/29 via 10.0.0.4"]]),
        Pools(sets: [["10.0.0.0/29 via 10.0.0.6"]]),
        Pools(sets: [["10.0.0.0/28 10.0.0.4-10.0.0.7"]]),
        Pools(sets: [["10.0.0.0/28 10.0.0.4-10.0.0.4"]]),
        Pools(sets: [["10.0.0.0/28 10.0.0.4-10.0.0.7 via 10.0.0.5"]]),
        Pools(sets: [["10.0.0.0/30", "10.0.1.0/29", "10.0.2.0/30"]]),
        Pools(sets: [["10.0.0.0/29"], ["fd00::/125"]]),
        Pools(sets: [["10.0.0.0/29"], ["fd00::/126", "fd00:1::/126 via fd00:1::3"]]),
        Pools(sets: [["255.255.255.248/29 255.255.255.250-255.255.255.255"]]),
        Pools(sets: [["10.0.0.0/28 without 10.0.0.1/32 10.0.0.4/30 10.0.0.14/32"]]),
        Pools(sets: [
            ["10.0.0.0/28 10.0.0.6-10.0.0.14 without 10.0.0.4/30 via 10.0.0.7", "10.0.1.0/30"], ["fd00::/125"],
        ]),
        Pools(sets: [["255.255.255.240/28 255.255.255.248-255.255.255.255 without 255.255.255.252/30"]]),
        Pools(sets: [["ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff8/125"]]),
    ]
}

@Suite struct AllocationModelTests {
    @Test(arguments: Pools.all, [UInt64(1), 2, 3])
    func theStoreHandsOutWhatTheModelDoes(_ pools: Pools, _ seed: UInt64) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: pools.sets)
            var model = try AllocationModel(network)
            var random = SplitMix64(seed: seed)
            let store = try Store.open(directory: directory, access: .create)
            var live: [Attachment] = []
            for step in 0..<80 {
                // Two of three try to add: the pool is often full, and often not.
                if Int.random(in: 0..<3, using: &random) > 0 {
                    // Every third asks for an address, or for one of each set.
                    var request = AttachmentRequest(network, "c\(step)")
                    if Int.random(in: 0..<3, using: &random) == 0 {
                        let first = Int.random(in: 0..<network.rangeSets.count, using: &random)
                        request.addresses = try network.rangeSets[first...].map {
                            try #require($0.randomElement(using: &random)?.usable.randomElement(using: &random))
                        }
                    }
                    if let taken = request.addresses.first(where: { live.flatMap(\.addresses).contains($0) }) {
                        let error = #expect(throws: StoreError.self) { try store.add(request) }
                        // A set before it may be used up.
                        let isFull = request.addresses.count < network.rangeSets.count && error?.code == .exhausted
                        let isTold = error?.code == .taken && error?.message.contains("\(taken) ") == true
                        #expect(isFull || isTold, "\(error as Any)")
                        continue
                    }
                    let expected = model.allocate(wanted: request.addresses)
                    do {
                        let attachment = try store.add(request)
                        #expect(texts(attachment.addresses) == expected.map(texts), "step \(step)")
                        live.append(attachment)
                    } catch let error as StoreError where error.code == .exhausted {
                        #expect(expected == nil, "step \(step): \(error)")
                    }
                } else if !live.isEmpty {
                    let gone = live.remove(at: Int.random(in: 0..<live.count, using: &random))
                    try store.release(gone, reason: "test")
                    model.release(gone.addresses)
                }
            }
            let recorded = try store.intent().attachments
            // Every address below `next` is somebody's or released, so that a missing one tells of a shell.
            let strays = try store.strayLeases()
            close(store)
            #expect(recorded == live)
            #expect(strays == [])
        }
    }

    @Test func theLastAddressOfAllFamiliesIsTheEnd() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try NetworkSpec(sets: [["255.255.255.248/29 255.255.255.254-255.255.255.255"]])
            let drained = try store.drain(network, "c")
            close(store)
            #expect(drained.map { texts($0.addresses) } == [["255.255.255.254"], ["255.255.255.255"]])
        }
    }
}
