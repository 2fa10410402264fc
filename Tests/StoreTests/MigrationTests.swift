import Foundation
import Schema
import Store
import Testing

/// A database as the first version made it, with one attachment and its lease; `version_1.sql` never changes.
private func makeFirstVersion(_ directory: String) throws {
    let script = """
        PRAGMA application_id=\(Schema.applicationID); PRAGMA user_version=1000;
        \(Schema.creation)
        INSERT INTO store (id, tag, boot_id, created_ms) VALUES (1, 'abcd', 'boot-1', 1);
        \(addition(of: "old", address: "10.0.0.2"))
        PRAGMA journal_mode=WAL;
        """
    let file = directory + "/first.sql"
    try Data(script.utf8).write(to: URL(fileURLWithPath: file))
    try sqlite(directory, ".read \(file)")
}

/// What a binary of version 1000 writes, column by column.
private func addition(of container: String, address: String) -> String {
    """
    INSERT OR IGNORE INTO networks (name, bridge, bridge_mac, mtu, is_gateway, is_default_gateway, hairpin, repair_pod,
    created_ms, updated_ms) VALUES ('pods', 'plumb0', '02:00:00:00:00:01', 1400, 1, 1, 1, 'all', 1, 1);
    INSERT OR IGNORE INTO ranges (id, network_id, range_set, position, subnet, first, last, gateway, next)
    VALUES (1, 1, 0, 0, '10.0.0.0/24', '10.0.0.1', '10.0.0.254', '10.0.0.1', '10.0.0.9');
    INSERT INTO attachments (network_id, container_id, ifname, state, netns_path, netns_cookie, netns_device,
    netns_inode, boot_id, bridge, is_gateway, hairpin, host_ifname, host_mac, mac, mac_requested, mtu, cni_version,
    created_ms)
    VALUES (1, '\(container)', 'eth0', 'ready', '/run/netns/x', 7, 4, 5, 'boot-1', 'plumb0', 1, 1, 'plumbabcd1',
            '02:00:00:00:00:02', '02:00:00:00:00:03', 0, 1400, '1.0.0', 1);
    INSERT INTO addresses (bridge, address, prefix_length, gateway, attachment_id, position, created_ms)
    VALUES ('plumb0', '\(address)', 24, '10.0.0.1', last_insert_rowid(), 0, 1);
    """
}

@Suite struct MigrationTests {
    private let network = NetworkSpec(name: "other", bridge: "plumb1")

    @Test func everyMinorIsMadeByTheOneBefore() throws {
        var version = Schema.created
        while Schema.addition(to: version) != nil { version += 1 }
        #expect(version == Schema.version)
    }

    /// However it came about, a database of one version has one schema.
    @Test func aMigratedFileIsAsANewOne() throws {
        try withScratch { scratch in
            let (old, new) = (scratch + "/old", scratch + "/new")
            try FileManager.default.createDirectory(atPath: old, withIntermediateDirectories: false)
            try makeFirstVersion(old)
            close(try Store.open(directory: old, access: .write))
            close(try Store.open(directory: new, access: .create))
            let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name; PRAGMA user_version"
            #expect(try sqliteReadOnly(old, schema) == sqliteReadOnly(new, schema))
            #expect(try sqliteReadOnly(old, "PRAGMA integrity_check; PRAGMA foreign_key_check") == "ok")
        }
    }

    @Test(arguments: [Store.Access.write, .create])
    func aWriterMigratesAndKeepsWhatWasThere(_ access: Store.Access) throws {
        try withScratch { directory in
            try makeFirstVersion(directory)
            let store = try Store.open(directory: directory, access: access)
            let old = try #require(try store.intent().attachments.first)
            #expect(old.containerID == "old" && texts(old.addresses) == ["10.0.0.2"])
            _ = try store.add(AttachmentRequest(network, "new"))
            #expect(try store.intent().attachments.map(\.containerID) == ["old", "new"])
            close(store)
            #expect(try sqliteReadOnly(directory, "PRAGMA user_version") == String(Schema.version))
        }
    }

    /// `plan` and `status` after an upgrade and before the next write: they answer, and leave every byte as it is.
    @Test func aReaderWorksWithoutWriting() throws {
        try withScratch { directory in
            try makeFirstVersion(directory)
            let before = try bytes(directory + "/state.db")
            let store = try Store.open(directory: directory, access: .read)
            #expect(try store.intent().attachments.map(\.containerID) == ["old"])
            #expect(try store.lastRun() == nil)
            close(store)
            #expect(try bytes(directory + "/state.db") == before)
            #expect(try sqliteReadOnly(directory, "PRAGMA user_version") == "1000")
        }
    }

    /// STATUS too, which takes a writer's locks for a moment.
    @Test func whoOnlyProbesDoesNotWrite() throws {
        try withScratch { directory in
            try makeFirstVersion(directory)
            try sqlite(directory, "UPDATE ranges SET next = NULL, last = '10.0.0.2'")
            let before = try bytes(directory + "/state.db")
            let store = try Store.open(directory: directory, access: .probe)
            let usage = try store.usage(
                try NetworkSpec(sets: [["10.0.0.0/24 10.0.0.1-10.0.0.2"]]), bootID: "boot-1")
            #expect(usage.isInUse && usage.exhausted == ["10.0.0.1–10.0.0.2 in 10.0.0.0/24 (1 of 1 addresses in use)"])
            close(store)
            #expect(try bytes(directory + "/state.db") == before)
            #expect(try sqliteReadOnly(directory, "PRAGMA user_version") == "1000")
        }
    }

    /// The binary of before is still in its directory, or a process of it still runs.
    @Test func anOlderBinaryStillWrites() throws {
        try withScratch { directory in
            try makeFirstVersion(directory)
            close(try Store.open(directory: directory, access: .write))
            try sqlite(directory, "PRAGMA foreign_keys=ON; \(addition(of: "later", address: "10.0.0.3"))")
            let store = try Store.open(directory: directory, access: .read)
            #expect(try store.intent().attachments.map(\.containerID) == ["old", "later"])
            #expect(try store.intent().problems.isEmpty)
            close(store)
        }
    }

    @Test func manyMayMigrateAtOnce() throws {
        try withScratch { directory in
            try makeFirstVersion(directory)
            let network = network
            let workers = (0..<8).map { number in
                Background {
                    let store = try Store.open(directory: directory, access: .create)
                    _ = try store.add(AttachmentRequest(network, "c\(number)"))
                    close(store)
                }
            }
            for worker in workers { try worker.join() }
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM attachments") == "9")
        }
    }
}
