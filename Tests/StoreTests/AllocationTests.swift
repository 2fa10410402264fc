import Addressing
import Store
import Testing

@Suite struct AllocationTests {
    @Test func upwardFirstThenTheLongestReleased() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            var given: [String] = []
            let two = try store.add(AttachmentRequest(network, "a"))
            let three = try store.add(AttachmentRequest(network, "b"))
            given += texts(two.addresses + three.addresses)
            try store.release(three, reason: "test")
            try store.release(two, reason: "test")
            for name in ["c", "d", "e", "f", "g"] {
                given += texts(try store.add(AttachmentRequest(network, name)).addresses)
            }
            close(store)
            #expect(given == [2, 3, 4, 5, 6, 3, 2].map { "10.0.0.\($0)" })
        }
    }

    /// The message says which pool, and how full it is.
    @Test(arguments: [
        (["10.0.0.0/30"], ["10.0.0.1–10.0.0.2 in 10.0.0.0/30", "(1 of 1 addresses in use)"]),
        (["10.0.0.0/29"], ["10.0.0.1–10.0.0.6 in 10.0.0.0/29", "(5 of 5 addresses in use)"]),
        (
            ["10.0.0.0/28 10.0.0.8-10.0.0.9", "fd00::/126"],
            ["10.0.0.8–10.0.0.9 in 10.0.0.0/28 (2 of 2 ", "fd00::1–fd00::3 in fd00::/126 (2 of 2 "]
        ),
    ])
    func exhaustionNamesThePool(_ ranges: [String], _ words: [String]) throws {
        try withScratch { directory in
            let network = try NetworkSpec("blue", sets: [ranges])
            let store = try Store.open(directory: directory, access: .create)
            let all = try store.drain(network, "c")
            let error = try failure { try store.record(AttachmentRequest(network, "late")) }
            #expect(error.code == .exhausted)
            #expect(error.message.contains("network blue"))
            for word in words { #expect(error.message.contains(word), "\(error.message)") }
            let back = try #require(all.first)
            try store.release(back, reason: "test")
            let next = try store.add(AttachmentRequest(network, "late"))
            close(store)
            #expect(next.addresses == back.addresses)
        }
    }

    /// Nothing of a failed request stays: not the address of the set that still had one, nor the attachment.
    @Test func whatOneSetGaveGoesBackWhenAnotherHasNone() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"], ["fd00::/127 fd00::-fd00::1"]])
            let store = try Store.open(directory: directory, access: .create)
            let only = try store.add(AttachmentRequest(network, "a"))
            #expect(texts(only.addresses) == ["10.0.0.2", "fd00::"])
            for _ in 0..<3 {
                #expect(try failure { try store.record(AttachmentRequest(network, "b")) }.code == .exhausted)
            }
            try store.release(only, reason: "test")
            let next = try store.add(AttachmentRequest(network, "b"))
            let count = try store.intent().attachments.count
            close(store)
            #expect(texts(next.addresses) == ["10.0.0.3", "fd00::"])
            #expect(count == 1)
        }
    }

    /// Leases carry the prefix length of their subnet, and the gateway: the bridge, or a router elsewhere.
    @Test(arguments: [true, false])
    func leasesSayHowToUseThem(_ isGateway: Bool) throws {
        try withScratch { directory in
            let network = try NetworkSpec(
                isGateway: isGateway, sets: [["10.0.0.0/20 10.0.1.0-10.0.1.9"], ["fd00::/64 via fd00::ff"]])
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(network, "a"))
            close(store)
            #expect(attachment.leases.map(\.address.description) == ["10.0.1.0/20", "fd00::1/64"])
            #expect(attachment.leases.map { $0.gateway?.description } == ["10.0.0.1", "fd00::ff"])
            #expect(attachment.isGateway == isGateway)
        }
    }

    /// Without ranges there is nothing to hand out: a layer 2 network.
    @Test func aNetworkWithoutRanges() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(try NetworkSpec(sets: []), "a"))
            close(store)
            #expect(attachment.leases == [])
            #expect(attachment.routes == [])
        }
    }
}
