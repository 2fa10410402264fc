internal import Glibc
internal import SystemPackage

/// Whether the file itself is in order.
package struct Health: Hashable, Sendable {
    /// What `PRAGMA integrity_check` complains of; at most twenty lines.
    package var damage: [String]
    /// Rows that point to none, in words.
    package var dangling: [String]
    /// Attachments whose network's row is gone.
    package var withoutNetwork: Int64
    /// The log's size. Above ``logLimit`` somebody keeps it from being emptied.
    package var logBytes: Int64
    package var databaseBytes: Int64
    package var events: Int64

    /// Bytes: many times what a writer of ours leaves behind.
    package static let logLimit: Int64 = 16 << 20
}

extension Store {
    package func health() throws(StoreError) -> Health {
        let damage = try database.query("PRAGMA integrity_check(20)") { $0.text(0) }.filter { $0 != "ok" }
        var dangling: [String] = []
        // Rows of a table WITHOUT ROWID have no number.
        var unnumbered: [String: Int] = [:]
        try database.each("PRAGMA foreign_key_check", values: []) { (row) throws(StoreError) in
            if row.text(0) == "attachments" { return }
            if let number = row.optionalInteger(1) {
                dangling.append("row \(number) of \(row.text(0)) points to no row of \(row.text(2))")
            } else {
                unnumbered["of \(row.text(0)) that point to no row of \(row.text(2))", default: 0] += 1
            }
        }
        dangling += unnumbered.sorted { $0.key < $1.key }.map { "rows \($0.key): \($0.value)" }
        let withoutNetwork = try database.integer(
            "SELECT count(*) FROM attachments WHERE network_id NOT IN (SELECT id FROM networks)")
        return Health(
            damage: damage, dangling: dangling, withoutNetwork: withoutNetwork ?? 0, logBytes: logBytes,
            databaseBytes: Store.size("\(directory)/state.db"),
            events: try database.integer("SELECT count(*) FROM events") ?? 0)
    }

    /// Of state.db-wal.
    package var logBytes: Int64 { Store.size("\(directory)/state.db-wal") }

    private static func size(_ path: String) -> Int64 {
        var info = Glibc.stat()
        return stat(path, &info) == 0 ? Int64(info.st_size) : 0
    }

    /// Writes a consistent copy to a new file, for root and the file's group.
    ///
    /// - Throws: `.exists` if there is a file of that name; `.corrupt` if what was copied is damaged; `.io` if the copy cannot be
    ///   created, or not be brought onto its disk; `.full`, `.locked`, `.sqlite`.
    package func snapshot(to path: String) throws(StoreError) {
        var info = Glibc.stat()
        guard lstat(path, &info) != 0 else { throw Store.isThere(path) }
        // Nobody finds half a copy under that name, however this ends.
        let draft = "\(path).\(getpid()).new"
        unlink(draft)
        let descriptor = Glibc.open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw StoreError(.io, "cannot create \(path)", errno: Errno(rawValue: Glibc.errno))
        }
        defer { Glibc.close(descriptor) }
        do throws(StoreError) {
            try copyAll(to: draft)
            guard fsync(descriptor) == 0 else {
                throw StoreError(.io, "cannot write it to its disk", errno: Errno(rawValue: Glibc.errno))
            }
            try Store.rename(draft, toNew: path)
        } catch {
            for name in [draft, draft + "-wal", draft + "-shm", draft + "-journal"] { unlink(name) }
            throw error.code == .exists ? error : told(error, copyingTo: path)
        }
    }

    /// Its connection ends here, and takes its log along.
    private func copyAll(to draft: String) throws(StoreError) {
        let copy = try Connection(path: draft, readOnly: false)
        try database.copyAll(to: copy)
        // Page by page: a copy of what is damaged is damaged, and better known today.
        let damage = try copy.query("PRAGMA quick_check(1)") { $0.text(0) }.filter { $0 != "ok" }
        guard damage.isEmpty else { throw StoreError(.corrupt, damage[0]) }
    }

    private static func rename(_ draft: String, toNew path: String) throws(StoreError) {
        // Unlike rename(2), link(2) replaces nothing; not every file system has it (vfat).
        if link(draft, path) == 0 {
            unlink(draft)
            return
        }
        guard Glibc.errno != EEXIST else { throw isThere(path) }
        guard Glibc.rename(draft, path) == 0 else {
            throw StoreError(.io, "cannot rename it", errno: Errno(rawValue: Glibc.errno))
        }
    }

    private static func isThere(_ path: String) -> StoreError {
        StoreError(.exists, "\(path) exists, and is not overwritten: name another file, or remove it")
    }

    /// A copy's failure, with the file that it is about. What is damaged was so before it was copied, and it is the copy that
    /// takes room.
    private func told(_ error: StoreError, copyingTo path: String) -> StoreError {
        switch error.code {
        case .corrupt:
            StoreError(
                .corrupt,
                "\(directory)/state.db is damaged (`plumbctl check` says how); no copy was made. "
                    + Connection.wayOutOfDamage)
        case .full: StoreError(.full, "no space left for \(path): free space on its file system; no copy was made")
        default: StoreError(error.code, "no copy was made to \(path): \(error.message)", errno: error.errno)
        }
    }
}
