internal import Glibc
internal import SystemPackage

extension Store {
    /// What an ADD may add to the log, its index and the file before anything is moved or freed.
    private static let neededBytes: UInt64 = 128 << 10

    /// How long a STATUS waits for those who write: a healthy queue moves on in less.
    private static let probePatienceMilliseconds: Int32 = 1_000

    /// Whether an ADD could write there, by permissions and free space. Nothing is made, opened or written: opening and
    /// closing would drop SQLite's own locks in this process.
    package static func checkRoom(directory: String) throws(StoreError) {
        var path = directory
        // Made by the first ADD, with those above it.
        while Glibc.access(path, F_OK) != 0, Glibc.errno == ENOENT, let slash = path.lastIndex(of: "/"), path != "/" {
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        try checkAccess(path, W_OK | X_OK)
        var missing: UInt64 = 0
        for name in ["state.db", "state.db-wal", "state.db-shm", "lock"] {
            let file = "\(directory)/\(name)"
            if Glibc.access(file, F_OK) == 0 { try checkAccess(file, R_OK | W_OK) } else { missing += 1 }
        }
        var info = Glibc.statvfs()
        // Some file systems count nothing.
        guard statvfs(path, &info) == 0, info.f_blocks > 0 else { return }
        let (free, isMore) = UInt64(info.f_bfree).multipliedReportingOverflow(by: UInt64(info.f_frsize))
        guard info.f_files == 0 || info.f_ffree >= missing else {
            throw StoreError(
                .full,
                "no space left for \(directory)/state.db: its file system has room for \(info.f_ffree) more files, and an ADD "
                    + "needs \(missing)")
        }
        guard isMore || free >= neededBytes else {
            throw StoreError(
                .full,
                "no space left for \(directory)/state.db: free space on its file system (\(free >> 10) KiB are left, an "
                    + "ADD may need \(neededBytes >> 10))")
        }
    }

    private static func checkAccess(_ path: String, _ mode: Int32) throws(StoreError) {
        guard Glibc.access(path, mode) != 0 else { return }
        let errno = Errno(rawValue: Glibc.errno)
        throw StoreError(
            errno == .readOnlyFileSystem ? .readOnly : .io,
            "\(path) cannot be written: remount its file system or mend its permissions", errno: errno)
    }

    /// Whether a write could begin now: takes the locks that it needs, and lets go of them. Changes nothing.
    func probe() throws(StoreError) {
        try lockWriter(patience: Store.probePatienceMilliseconds)
        defer { unlockWriter() }
        database.setBusyTimeout(milliseconds: Store.probePatienceMilliseconds)
        try database.execute("BEGIN IMMEDIATE; ROLLBACK")
    }
}
