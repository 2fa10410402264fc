import Addressing
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

/// What a row says of a port's VLANs.
@Suite struct LinkOptionsTests {
    static let vlans: [(text: String, vlans: PortVLANs)] = [
        ("untagged 100", PortVLANs(access: 100)),
        ("untagged 4094 only", PortVLANs(access: 4094, keepsDefault: false)),
        ("tagged 10 100-199", PortVLANs(trunk: [VLANRange(10, 10), VLANRange(100, 199)])),
        ("tagged 1-4094 only", PortVLANs(trunk: [VLANRange(1, 4094)], keepsDefault: false)),
    ]

    @Test(arguments: vlans) func thereAndBack(text: String, vlans: PortVLANs) {
        #expect(vlans.text == text)
        #expect(PortVLANs(text) == vlans)
    }

    @Test(arguments: [
        "", "only", "100", "untagged", "untagged 1-2", "untagged 0", "untagged 4095", "untagged 5 6", "tagged",
        "tagged only",
        "tagged 9-5", "tagged 5-", "tagged -5", "tagged 1-2-3", "tagged x", "tagged 70000", "Tagged 5",
    ])
    func nonsense(text: String) {
        #expect(PortVLANs(text) == nil)
    }
}

/// A network's options are what its next attachments get; an attachment keeps its own.
@Suite struct KeptOptionsTests {
    @Test func anAttachmentKeepsItsOwn() throws {
        try withScratch { directory in
            var network = try NetworkSpec(sets: [["10.0.0.0/28"]])
            let store = try Store.open(directory: directory, access: .create)
            let plain = try store.add(AttachmentRequest(network, "a"))
            network.promiscuous = true
            network.bridgeNetfilter = true
            network.link = LinkOptions(
                isIsolated: true, vlans: PortVLANs(trunk: [VLANRange(5, 9)], keepsDefault: false),
                detectsDuplicates: true)
            let tagged = try store.add(AttachmentRequest(network, "b"))
            let options = network.link
            network.link = LinkOptions(vlans: PortVLANs(access: 7))
            let last = try store.add(AttachmentRequest(network, "c"))
            let intent = try store.intent()
            #expect(intent.networks.map(\.spec) == [network])
            #expect(intent.attachments.map(\.link) == [LinkOptions(), options, network.link])
            #expect([plain.link, tagged.link, last.link] == [LinkOptions(), options, network.link])
            network.link = LinkOptions()
            network.promiscuous = false
            _ = try store.add(AttachmentRequest(network, "d"))
            #expect(try store.intent().networks.map(\.spec) == [network])
            close(store)
        }
    }

    /// What nobody had needs no announcement.
    @Test func onlyAReusedAddressMayBeKnown() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29 10.0.0.2-10.0.0.3"], ["fd00::/64"]])
            let store = try Store.open(directory: directory, access: .create)
            let first = try store.fresh(AttachmentRequest(network, "a"))
            #expect(!first.isReuse)
            #expect(!(try store.fresh(AttachmentRequest(network, "b")).isReuse))
            try store.release(try #require(first.attachments.first), reason: "test")
            let again = try store.fresh(AttachmentRequest(network, "c"))
            #expect(
                again.isReuse && again.attachments.first?.addresses.first == first.attachments.first?.addresses.first)
            var asked = AttachmentRequest(try NetworkSpec("more", bridge: "br1", sets: [["10.1.0.0/24"]]), "d")
            asked.addresses = [try #require(IPAddress("10.1.0.77"))]
            #expect(try store.fresh(asked).isReuse)
            close(store)
        }
    }
}

extension Store {
    fileprivate func fresh(_ request: AttachmentRequest) throws -> Intent {
        guard case .new(let intent) = try record(request) else {
            throw CommandFailed(description: "\(request.containerID) is there already")
        }
        return intent
    }
}
