import Addressing
import Store
import Testing

/// An admin may have written anything where the schema cannot check it.
@Suite struct InvalidRowTests {
    /// Host routes that an admin wrote, and the text that is wrong in each.
    private static let routes: [(String, String)] = [
        ("INSERT INTO routes (dst, gateway) VALUES ('10.0.0.0/33', '192.0.2.1')", "10.0.0.0/33"),
        ("INSERT INTO routes (dst, gateway) VALUES ('10.0.0.1/8', '192.0.2.1')", "10.0.0.1/8"),
        ("INSERT INTO routes (dst, gateway) VALUES ('default', '192.0.2.1')", "default"),
        ("INSERT INTO routes (dst, gateway) VALUES ('10.0.0.0/8', 'router')", "router"),
        ("INSERT INTO routes (dst, dev, src) VALUES ('10.0.0.0/8', 'eth0', '10.0.0')", "10.0.0"),
        ("INSERT INTO routes (dst, gateway) VALUES ('10.0.0.0/8', 'fd00::1')", "fd00::1"),
        ("INSERT INTO routes (dst, gateway, src) VALUES ('fd00::/8', 'fd00::1', '10.0.0.1')", "10.0.0.1"),
        ("INSERT INTO routes (dst, gateway, mtu) VALUES ('10.0.0.0/8', '192.0.2.1', 4294967297)", "4294967297"),
    ]

    /// What the plugin wrote and somebody spoilt.
    private static let pods: [(String, String)] = [
        ("UPDATE attachments SET mac = 'none' WHERE container_id = 'bad'", "none"),
        ("UPDATE attachments SET host_mac = '02:00' WHERE container_id = 'bad'", "02:00"),
        ("UPDATE attachments SET mtu = -1 WHERE container_id = 'bad'", "-1"),
        ("UPDATE attachments SET mtu = 5000000000 WHERE container_id = 'bad'", "5000000000"),
        ("UPDATE attachments SET state = 'Deleting' WHERE container_id = 'bad'", "Deleting"),
        ("UPDATE attachments SET host_ifname = 'sixteen-letters-' WHERE container_id = 'bad'", "sixteen-letters-"),
        ("UPDATE attachments SET host_ifname = '' WHERE container_id = 'bad'", #"" in the database"#),
        ("UPDATE attachments SET bridge = hex(zeroblob(40000)) WHERE container_id = 'bad'", "000"),
        (
            "UPDATE addresses SET address = '10.0.0.300' WHERE attachment_id = "
                + "(SELECT id FROM attachments WHERE container_id = 'bad')", "10.0.0.300"
        ),
    ]

    @Test(arguments: pods)
    func theTextIsNamed(_ sql: String, _ text: String) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            for name in ["good", "bad"] { _ = try store.add(AttachmentRequest(network, name)) }
            try sqlite(directory, sql)
            let bad = try sqliteReadOnly(directory, "SELECT id FROM attachments WHERE container_id = 'bad'")
            let error = try failure { try store.intent(attachment: try #require(Int64(bad))) }
            close(store)
            #expect(error.code == .invalid)
            #expect(error.message.contains("\"\(text)"), "\(error)")
        }
    }

    /// The row is told, by its number and text; the routes beside it count.
    @Test(arguments: routes)
    func aBadRouteIsTold(_ sql: String, _ text: String) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            try sqlite(directory, sql + "; INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/16', '192.0.2.1')")
            let intent = try store.intent()
            close(store)
            #expect(intent.hostRoutes.map(\.destination.description) == ["10.9.0.0/16"])
            let problem = try #require(intent.problems.first)
            #expect(intent.problems.count == 1)
            #expect(problem.contains("routes row 1") && problem.contains("\"\(text)"), "\(problem)")
        }
    }

    /// One failure stays one failure: other pods come and go as if nothing were wrong.
    @Test(arguments: routes + pods)
    func otherPodsDoNotCare(_ sql: String, _ text: String) throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            let good = try store.add(AttachmentRequest(network, "good"))
            _ = try store.add(AttachmentRequest(network, "bad"))
            try sqlite(directory, sql)
            let own = try store.intent(attachment: good.id)
            let whole = try store.intent()
            let next = try store.add(AttachmentRequest(network, "next"))
            try store.release(good, reason: "DEL")
            close(store)
            #expect(own.attachments == [good])
            // Whose route it was the row does not say.
            let isRoute = sql.contains("routes")
            var kept = good
            kept.lacksRoutes = isRoute
            #expect(whole.attachments.contains(kept))
            #expect(whole.problems.count == 1)
            #expect(whole.problems.contains { $0.contains("\"\(text)") }, "\(whole.problems)")
            #expect(texts(next.addresses) == ["10.0.0.4"])
        }
    }

    /// A range that makes no sense stops its own network, with the text that is wrong.
    @Test(arguments: ["subnet", "first", "last", "gateway", "next"])
    func aBadRangeStopsItsNetworkOnly(_ column: String) throws {
        try withScratch { directory in
            let bad = try NetworkSpec("bad", bridge: "bad0", sets: [["10.0.0.0/29"]])
            let good = try NetworkSpec("good", bridge: "good0", sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            for network in [bad, good] { _ = try store.add(AttachmentRequest(network, "a")) }
            try sqlite(
                directory,
                "UPDATE ranges SET \(column) = 'x' WHERE network_id = (SELECT id FROM networks WHERE name = 'bad')")
            let error = try failure { try store.record(AttachmentRequest(bad, "b")) }
            let fine = try store.add(AttachmentRequest(good, "b"))
            close(store)
            #expect(error.code == .invalid)
            #expect(error.message.contains("\"x\""), "\(error)")
            #expect(texts(fine.addresses) == ["10.0.0.3"])
        }
    }

    /// A network's row stops whoever needs it, with the network and the text that is wrong; other networks' pods come.
    @Test(arguments: [
        ("mtu", "-1"), ("mtu", "67"), ("mtu", "5000000000"), ("bridge", "sixteen-letters-"), ("repair_pod", "None"),
        ("bridge_mac", "x"),
    ])
    func aBadNetworkIsNamed(_ column: String, _ text: String) throws {
        try withScratch { directory in
            let bad = try NetworkSpec("bad", bridge: "bad0", sets: [["10.0.0.0/29"]])
            let good = try NetworkSpec("good", bridge: "good0", sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            for network in [bad, good] { _ = try store.add(AttachmentRequest(network, "a")) }
            try sqlite(directory, "UPDATE networks SET \(column) = '\(text)' WHERE name = 'bad'")
            let error = try failure { try store.record(AttachmentRequest(bad, "b")) }
            let intent = try store.intent()
            let fine = try store.add(AttachmentRequest(good, "b"))
            close(store)
            #expect(error.code == .invalid)
            for words in intent.problems + [error.message] {
                #expect(words.contains("network bad: ") && words.contains("\"\(text)\""), "\(words)")
            }
            #expect(intent.problems.count == 1 && intent.lacksNetworks)
            #expect(intent.networks.map(\.spec.name) == ["good"] && intent.attachments.count == 2)
            #expect(texts(fine.addresses) == ["10.0.0.3"])
        }
    }

    /// Networks on one bridge share its MAC: a new one takes it from whichever says it, and is told which does not.
    @Test func aBridgeMACThatIsNoneIsNotPassedOn() throws {
        try withScratch { directory in
            let bad = try NetworkSpec("bad", bridge: "br0", sets: [["10.0.0.0/29"]])
            let good = try NetworkSpec("good", bridge: "br0", sets: [["10.0.1.0/29"]])
            let new = try NetworkSpec("new", bridge: "br0", sets: [["10.0.2.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(bad, "a"))
            try sqlite(directory, "UPDATE networks SET bridge_mac = 'x'")
            let error = try failure { try store.record(AttachmentRequest(new, "b")) }
            #expect(error.code == .invalid)
            for words in ["network bad: ", "\"x\"", "br0", "plumbctl sql"] {
                #expect(error.message.contains(words), "\(error)")
            }
            try sqlite(directory, "UPDATE networks SET bridge_mac = '02:00:00:00:00:01'")
            _ = try store.add(AttachmentRequest(good, "c"))
            try sqlite(directory, "UPDATE networks SET bridge_mac = 'x' WHERE name = 'bad'")
            _ = try store.add(AttachmentRequest(new, "b"))
            let network = try store.intent().networks.first { $0.spec.name == "new" }
            close(store)
            #expect(network?.bridgeMAC.description == "02:00:00:00:00:01")
        }
    }

    /// Host interfaces are named by it.
    @Test func aBadTagIsNamed() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let store = try Store.open(directory: directory, access: .create)
            try sqlite(directory, "UPDATE store SET tag = 'too long'")
            let error = try failure { try store.record(AttachmentRequest(network, "a")) }
            close(store)
            #expect(error.code == .invalid)
            #expect(error.message.contains("tag \"too long\""), "\(error)")
        }
    }
}
