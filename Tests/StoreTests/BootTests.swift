import Store
import Testing

@Suite struct BootTests {
    private static let network: @Sendable () throws -> NetworkSpec = { try NetworkSpec(sets: [["10.0.0.0/29"]]) }

    /// Whose attachments are left after a first ADD of `current`, when `earlier` was recorded before.
    @Test(arguments: [
        (["one", "one"], "two", ["new"]),
        (["one", "one"], "one", ["c0", "c1", "new"]),
        // An unreadable boot id is doubt, never death, on either side.
        (["", "one"], "two", ["c0", "new"]),
        (["one", ""], "two", ["c1", "new"]),
        (["one", "one"], "", ["c0", "c1", "new"]),
        (["", ""], "", ["c0", "c1", "new"]),
    ])
    func theDeadAreThoseOfAnotherBoot(_ earlier: [String], _ current: String, _ left: [String]) throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try Self.network()
            for (number, boot) in earlier.enumerated() {
                _ = try store.add(AttachmentRequest(network, "c\(number)", bootID: boot))
            }
            _ = try store.add(AttachmentRequest(network, "new", bootID: current))
            let attachments = try store.intent().attachments
            close(store)
            #expect(attachments.map(\.containerID) == left)
        }
    }

    /// An unreadable boot id in between does not hide that the machine booted.
    @Test func doubtIsOnlyPutOff() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            for (name, boot) in [("a", "one"), ("b", ""), ("c", "two")] {
                _ = try store.add(AttachmentRequest(try Self.network(), name, bootID: boot))
            }
            let attachments = try store.intent().attachments
            close(store)
            #expect(attachments.map(\.containerID) == ["b", "c"])
        }
    }

    /// A node that died with a full pool can add pods at once.
    @Test func theirAddressesAreFreeAtOnce() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let network = try Self.network()
            let all = try store.drain(network, "c")
            let new = try store.add(AttachmentRequest(network, "c0", bootID: "boot-2"))
            let attachments = try store.intent().attachments
            let links = try store.withdrawn(among: all.map { "link \($0.hostIfname)" })
            close(store)
            #expect(attachments == [new])
            #expect(new.addresses == all.first?.addresses)
            #expect(links.count == all.count)
            #expect(
                try sqliteReadOnly(
                    directory, "SELECT count(*), group_concat(DISTINCT reason) FROM events WHERE kind = 'released'")
                    == "5|the machine booted since")
        }
    }

    /// A failed ADD undoes the collection too; the next one does it again.
    @Test func aFailedFirstAddDoesNotForgetTheBoot() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(try Self.network(), "a", bootID: "one"))
            let none = try NetworkSpec("none", sets: [["10.5.0.0/30 10.5.0.1-10.5.0.1"]])
            let error = try failure { try store.record(AttachmentRequest(none, "b", bootID: "two")) }
            #expect(error.code == .exhausted)
            let between = try store.intent().attachments.map(\.containerID)
            _ = try store.add(AttachmentRequest(try Self.network(), "c", bootID: "two"))
            let after = try store.intent().attachments.map(\.containerID)
            close(store)
            #expect(between == ["a"])
            #expect(after == ["c"])
        }
    }
}
