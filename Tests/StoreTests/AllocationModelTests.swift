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

        mutating func take() -> IPAddress? {
            if !never.isEmpty { return never.removeFirst() }
            return released.isEmpty ? nil : released.removeFirst()
        }
    }

    private let ranges: [[RangeSpec]]
    private var pools: [[Pool]]

    init(_ network: NetworkSpec) throws {
        ranges = network.rangeSets
        pools = try ranges.map { try $0.map { Pool(never: try $0.usable) } }
    }

    /// An address from every set, or nothing from any.
    mutating func allocate() -> [IPAddress]? {
        var after = pools
        var taken: [IPAddress] = []
        for set in after.indices {
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
                pools[set][position].released.append(address)
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
                    let expected = model.allocate()
                    do {
                        let attachment = try store.add(AttachmentRequest(network, "c\(step)"))
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
            close(store)
            #expect(recorded == live)
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
