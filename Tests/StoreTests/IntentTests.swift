import Addressing
import Store
import Testing

@Suite struct IntentTests {
    private static let shapes: [[[String]]] = [
        [], [["10.0.0.0/29"]], [["10.0.0.0/29"], ["fd00::/64"]], [["fd00::/64"], ["10.0.0.0/29"]],
        [["10.1.0.0/29"], ["10.0.0.0/29"]], [["10.0.0.0/29", "10.0.1.0/29"]],
    ]

    @Test(arguments: shapes, [true, false])
    func whatWasRecordedComesBack(_ sets: [[String]], _ isGateway: Bool) throws {
        try withScratch { directory in
            let network = try NetworkSpec(isGateway: isGateway, sets: sets)
            let store = try Store.open(directory: directory, access: .create)
            guard case .new(let first) = try store.record(AttachmentRequest(network, "a")),
                case .new(let second) = try store.record(AttachmentRequest(network, "b"))
            else {
                Issue.record("the attachments were there already")
                return
            }
            let all = try store.intent()
            let one = try store.intent(attachment: try #require(first.attachments.first).id)
            let byName = try store.attachments(containerID: "b", ifname: "eth0")
            close(store)
            #expect(all.networks == second.networks)
            #expect(all.attachments == first.attachments + second.attachments)
            #expect(all.hostRoutes == [])
            #expect(first.networks.map(\.isNew) == [true] && second.networks.map(\.isNew) == [false])
            #expect(one.networks == second.networks && one.attachments == first.attachments)
            #expect(byName == second.attachments)
            #expect(all.networks.map(\.spec) == [network])
        }
    }

    /// Every column of a route, and what the pod's gateway adds.
    @Test func routesComeBackWhole() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"], ["fd00::/64"]])
            let routes = [
                RouteSpec(
                    destination: try #require(CIDR("10.96.0.0/12")), gateway: IPAddress("10.0.0.5"), device: "eth0",
                    source: IPAddress("10.0.0.2"), metric: .max, table: .max, mtu: 1280, advertisedMSS: 1240,
                    scope: 253),
                RouteSpec(destination: try #require(CIDR("fd99::/64"))),
                RouteSpec(destination: .defaultRoute(.v4), gateway: IPAddress("10.0.0.6")),
            ]
            let store = try Store.open(directory: directory, access: .create)
            let attachment = try store.add(AttachmentRequest(network, "a", routes: routes))
            let back = try store.intent().attachments
            close(store)
            #expect(back == [attachment])
            // The configured default replaces that of its family only; a route without gateway takes the pod's.
            var expected = [RouteSpec(destination: .defaultRoute(.v6), gateway: IPAddress("fd00::1"))] + routes
            expected[2].gateway = IPAddress("fd00::1")
            #expect(back.first?.routes == expected)
        }
    }

    @Test func whatIsNotThereIsEmpty() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let all = try store.intent()
            let one = try store.intent(attachment: 1)
            let named = try store.attachments(containerID: "a", ifname: "eth0")
            close(store)
            #expect(all == Intent())
            #expect(one == Intent())
            #expect(named == [])
        }
    }

    /// The same container and interface in two networks are two attachments.
    @Test func anInterfaceNameMayBeInSeveralNetworks() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            for name in ["one", "two"] {
                _ = try store.add(AttachmentRequest(try NetworkSpec(name, sets: [["10.0.0.0/29"]]), "a"))
            }
            let found = try store.attachments(containerID: "a", ifname: "eth0")
            let other = try store.attachments(containerID: "a", ifname: "net1")
            close(store)
            #expect(found.map(\.network) == ["one", "two"])
            #expect(other == [])
        }
    }

    /// A runtime that calls ADD twice gets what it got before, and the database does not notice.
    @Test func anExistingAttachmentChangesNothing() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"], ["fd00::/64"]])
            let store = try Store.open(directory: directory, access: .create)
            let first = try store.add(AttachmentRequest(network, "a"))
            try store.markReady(first.id, events: [])
            let before = try sqliteReadOnly(directory, ".dump")
            guard case .existing(let again) = try store.record(AttachmentRequest(network, "a")) else {
                Issue.record("recorded twice")
                return
            }
            close(store)
            #expect(try sqliteReadOnly(directory, ".dump") == before)
            var expected = first
            expected.state = .ready
            #expect(again == expected)
        }
    }

    /// What an admin writes for one pod wins over its network.
    @Test func theAdminsRepairPodOverridesTheNetworks() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            for name in ["a", "b"] { _ = try store.add(AttachmentRequest(network, name)) }
            try sqlite(directory, "UPDATE attachments SET repair_pod = 'missing-link' WHERE container_id = 'b'")
            let attachments = try store.intent().attachments
            close(store)
            #expect(attachments.map(\.repairPod) == [.all, .missingLink])
        }
    }
}
