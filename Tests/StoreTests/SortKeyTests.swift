import Addressing
import Store
import Testing

/// Addresses in SQL: sorted and counted by their keys.
@Suite struct SortKeyTests {
    @Test func keysSortAsAddressesDo() throws {
        let sorted = try [
            "0.0.0.0", "9.255.255.255", "10.0.0.9", "10.0.0.10", "255.255.255.255", "::", "1::", "fd00::9", "fd00::10",
        ]
        .map { try #require(IPAddress($0)) }
        #expect(sorted == sorted.sorted())
        #expect(sorted.map(\.sortKey) == sorted.map(\.sortKey).sorted())
        #expect(Set(sorted.map(\.sortKey)).count == sorted.count)
        #expect(IPAddress("10.1.2.255")?.sortKey == "40a0102ff")
    }

    /// Whatever shares the bridge is counted, and nothing else is.
    @Test func poolsCountWhoIsInThem() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            let wide = try NetworkSpec("wide", sets: [["10.0.0.0/24"], ["fd00::/64"]])
            let narrow = try NetworkSpec("narrow", sets: [["10.0.0.0/24 10.0.0.2-10.0.0.3"]])
            let elsewhere = try NetworkSpec("elsewhere", bridge: "plumb1", sets: [["10.0.0.0/24"]])
            for container in ["a", "b", "c"] { _ = try store.add(AttachmentRequest(wide, container)) }
            _ = try store.add(AttachmentRequest(elsewhere, "d"))
            #expect(throws: StoreError.self) { try store.add(AttachmentRequest(narrow, "e")) }
            _ = try store.ensure(narrow, hostLocal: nil, bootID: "boot-1")
            let pools = try store.pools()
            close(store)
            #expect(
                pools.map { "\($0.network) \($0.subnet) \($0.used)/\($0.size) \($0.state.rawValue)" }.sorted() == [
                    "elsewhere 10.0.0.0/24 1/253 ok", "narrow 10.0.0.0/24 2/2 full", "wide 10.0.0.0/24 3/253 ok",
                    "wide fd00::/64 3/18446744073709551614 ok",
                ])
        }
    }

    /// Rows of a shell or an older binary.
    @Test func missingKeysAreFilledIn() throws {
        try withScratch { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try store.add(AttachmentRequest(try NetworkSpec(sets: [["10.0.0.0/24"]]), "a"))
            let before = try store.pools()
            try sqlite(
                directory, "UPDATE addresses SET sort_key = NULL; UPDATE ranges SET size = NULL, first_key = NULL")
            try store.tidy()
            let after = try store.pools()
            close(store)
            #expect(after == before)
            #expect(after.first?.used == 1)
        }
    }
}
