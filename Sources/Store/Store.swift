internal import CKernel
internal import CSQLite
internal import Glibc
internal import Schema
internal import SystemPackage

/// The database of a node, opened as it must be: one short-lived connection, one writer at a time.
package struct Store: ~Copyable {
    package enum Access: Sendable {
        /// `plan`, `status`: no lock is taken, nothing is written.
        case read
        /// STATUS: a writer's locks are taken for a moment, nothing is written.
        case probe
        /// `apply`, DEL: the database must be there.
        case write
        /// ADD: made if there is none.
        case create
    }

    package let directory: String
    package let database: Connection
    private let lockFile: LockFile?
    private let logBound: Int
    private let experience = Experience()

    /// What this process has met with.
    private final class Experience {
        /// It waited for a lock in vain. Who has many writes to make would wait as long for each.
        var isImpatient = false
    }

    package static let defaultDirectory = "/var/lib/plumb"
    private static let fileName = "state.db"
    /// Pages. A longer log is emptied by whoever just committed, for every first opener after a quiet moment reads all of it.
    /// Emptying waits for the disk, twice: whoever is no pod's start keeps the log short, that none has to.
    private static let logBound = 128
    private static let shortLogBound = 64
    /// Milliseconds, of a process that waited in vain before.
    private static let littlePatience: Int32 = 100
    /// Bytes. SQLite takes less for an empty file.
    private static let smallestPage = 512

    /// Suits SQLite to a process with one thread that lives for milliseconds, before its first connection.
    package static func prepareShortLife() {
        var heap = sqlite3_mem_methods()
        heap.xMalloc = plumb_pool_take
        heap.xFree = plumb_pool_give
        heap.xRealloc = plumb_pool_resize
        heap.xSize = plumb_pool_size
        heap.xRoundup = plumb_pool_round
        heap.xInit = { _ in SQLITE_OK }
        heap.xShutdown = { _ in }
        plumb_sqlite_for_one_thread(&heap)
    }

    /// Opens `<directory>/state.db`.
    ///
    /// - Parameters:
    ///   - endsWithProcess: what follows is the process's end; nothing is closed.
    ///   - forDeletion: nobody waits for a pod's start, and rows are deleted one by one (`cascades` of ``Connection``).
    /// - Throws: `.missing`, `.corrupt`, `.foreign`, `.newer`, `.locked`, `.readOnly`, `.io`; in each case the file is
    ///   as it was.
    package static func open(
        directory: String, access: Access, endsWithProcess: Bool = false, forDeletion: Bool = false
    ) throws(StoreError) -> Store {
        var version = Schema.version
        if access == .read {
            let database = try connectReader(directory, &version)
            return Store(
                directory: directory, database: version < Schema.version ? try migratedCopy(of: database) : database,
                lockFile: nil)
        }
        if access == .create { try createDirectory(directory) }
        guard access == .create || exists(directory) else { throw missing(directory) }
        let lock = try LockFile(directory: directory)
        // Only making the database needs the writer before it is open; `write` takes it for each transaction.
        if access == .create, !exists(directory) {
            try lock.lockWriter()
            defer { lock.unlockWriter() }
            if !exists(directory) { try Creation.create(directory: directory, fileName: fileName) }
        }
        let store = Store(
            directory: directory,
            database: try connect(
                directory, readOnly: false, endsWithProcess: endsWithProcess, cascades: !forDeletion, &version),
            lockFile: lock, logBound: forDeletion ? shortLogBound : logBound)
        if access == .probe { try store.probe() }
        guard version < Schema.version else { return store }
        if access == .probe {
            return Store(directory: directory, database: try migratedCopy(of: store.database), lockFile: nil)
        }
        try store.write { (database) throws(StoreError) in try Migration.run(database) }
        return store
    }

    /// Until ADD, DEL or apply migrates the file, those who only look do so with a copy.
    private static func migratedCopy(of database: borrowing Connection) throws(StoreError) -> Connection {
        let copy = try database.copyInMemory()
        try Migration.run(copy)
        return copy
    }

    private init(
        directory: String, database: consuming Connection, lockFile: consuming LockFile?, logBound: Int = Store.logBound
    ) {
        self.directory = directory
        self.database = database
        self.lockFile = lockFile
        self.logBound = logBound
    }

    /// A reader who may not write there needs the log's index (-shm), which a root's shell takes away when it is the last
    /// to close. The log is then gone too, and the file is all there is: read at once, as long as no log came up meanwhile.
    private static func connectReader(_ directory: String, _ version: inout Int64) throws(StoreError) -> Connection {
        do throws(StoreError) {
            return try connect(directory, readOnly: true, &version)
        } catch  where [.io, .readOnly].contains(error.code) && !hasLog(directory) {
            let copy = try connect(directory, readOnly: true, isUnchanging: true, &version).copyInMemory()
            return hasLog(directory) ? try connect(directory, readOnly: true, &version) : copy
        }
    }

    private static func hasLog(_ directory: String) -> Bool {
        Glibc.access("\(directory)/\(fileName)-wal", F_OK) == 0 || errno != ENOENT
    }

    /// - Parameter version: what the file says of itself.
    private static func connect(
        _ directory: String, readOnly: Bool, endsWithProcess: Bool = false, isUnchanging: Bool = false,
        cascades: Bool = true, _ version: inout Int64
    ) throws(StoreError) -> Connection {
        let path = directory + "/" + fileName
        try checkFile(directory, path)
        let database = try Connection(
            path: path, readOnly: readOnly, endsWithProcess: endsWithProcess, isUnchanging: isUnchanging,
            cascades: cascades)
        database.setBusyTimeout(milliseconds: 5_000)
        database.disableCheckpointOnClose()
        let application = try database.integer("PRAGMA application_id") ?? 0
        version = try Migration.version(database)
        guard application == Schema.applicationID else {
            throw StoreError(
                .foreign,
                "\(path) is not Plumb's (application_id \(application)); nothing was changed. Name another dataDir, "
                    + "or move the file away")
        }
        guard version >= Schema.created else {
            throw StoreError(
                .corrupt,
                "\(path) is damaged: its user_version \(version) is none that a Plumb ever wrote; nothing was changed. "
                    + Connection.wayOutOfDamage)
        }
        guard Schema.major(version) <= Schema.major(Schema.version) else {
            throw StoreError(
                .newer,
                "\(path) has schema \(version), made by a newer Plumb; this one knows up to "
                    + "\(Schema.major(Schema.version))999. Install the newer plumb and plumbctl again")
        }
        if !readOnly {
            try database.execute("PRAGMA synchronous=NORMAL" + (cascades ? "; PRAGMA foreign_keys=ON" : ""))
        }
        return database
    }

    /// Runs `body` in one immediate transaction, under the writer's lock. Rolled back if it throws.
    ///
    /// - Parameter durable: the commit is on the disk before this returns.
    package func write<T>(
        durable: Bool = false, _ body: (borrowing Connection) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        try write(durable: durable, patience: LockFile.writerPatienceMilliseconds, body)
    }

    /// - Parameter patience: milliseconds, for processes of ours and then for a shell's transaction together.
    func write<T>(
        durable: Bool = false, patience: Int32, _ body: (borrowing Connection) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        let patience = experience.isImpatient ? min(patience, Store.littlePatience) : patience
        let deadline = Clock.monotonicMilliseconds() + Int64(patience)
        try noticing { () throws(StoreError) in try lockFile?.lockWriter(patience: patience) }
        defer { lockFile?.unlockWriter() }
        return try transaction(durable: durable, until: deadline, body)
    }

    /// As ``write(durable:_:)``, for whoever is inside ``holdingWriter(_:)``.
    func writeHoldingWriter<T>(_ body: (borrowing Connection) throws(StoreError) -> T) throws(StoreError) -> T {
        let patience = experience.isImpatient ? Store.littlePatience : LockFile.writerPatienceMilliseconds
        return try transaction(durable: false, until: Clock.monotonicMilliseconds() + Int64(patience), body)
    }

    /// The writer's lock is ours.
    private func transaction<T>(
        durable: Bool, until deadline: Int64, _ body: (borrowing Connection) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        database.setBusyTimeout(milliseconds: Int32(max(0, deadline - Clock.monotonicMilliseconds())))
        if durable { try database.execute("PRAGMA synchronous=FULL") }
        try noticing { () throws(StoreError) in try database.execute("BEGIN IMMEDIATE") }
        let result: T
        do throws(StoreError) {
            result = try body(database)
            try database.execute("COMMIT")
        } catch {
            rollBack()
            throw error
        }
        if durable { try database.execute("PRAGMA synchronous=NORMAL") }
        if database.writeAheadLogPages > logBound { moveLog() }
        return result
    }

    /// Remembers that `body` waited in vain.
    private func noticing(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        do throws(StoreError) {
            try body()
        } catch {
            if error.code == .locked { experience.isImpatient = true }
            throw error
        }
    }

    private func rollBack() {
        do throws(StoreError) {
            try database.execute("ROLLBACK")
        } catch {
            // Some errors (a full disk) have already rolled back. The first error is the one that counts.
        }
    }

    /// Moves the log into the database. The writer's lock is ours.
    private func moveLog() {
        do throws(StoreError) {
            _ = try database.checkpoint()
        } catch {
            // What is in it is committed: a log that could not be emptied now is emptied by the next.
        }
    }

    /// At the end of something long that has committed: the next process finds no log to read.
    package func emptyLog() {
        guard database.writeAheadLogPages > 0 else { return }
        do throws(StoreError) {
            try lockFile?.lockWriter(patience: 0)
        } catch {
            // Whoever writes now empties it in time.
            return
        }
        defer { lockFile?.unlockWriter() }
        moveLog()
    }

    /// Runs `body` while no other process of ours records anything. No transaction is open meanwhile.
    package func holdingWriter<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
        let patience = experience.isImpatient ? Store.littlePatience : LockFile.writerPatienceMilliseconds
        try noticing { () throws(StoreError) in try lockFile?.lockWriter(patience: patience) }
        defer { lockFile?.unlockWriter() }
        return try body()
    }

    /// Reads in one snapshot, so that what several statements say belongs together.
    package func read<T>(_ body: (borrowing Connection) throws(StoreError) -> T) throws(StoreError) -> T {
        try database.execute("BEGIN")
        do throws(StoreError) {
            let result = try body(database)
            try database.execute("COMMIT")
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// Takes an attachment's lock until this process ends, or ``unlock(attachment:)``. `false`: another works on it.
    package func tryLock(attachment id: Int64) throws(StoreError) -> Bool {
        try lockFile?.tryLock(attachment: id) ?? true
    }

    /// As ``tryLock(attachment:)``, but waits for whoever works on it. Never inside ``write(durable:_:)``.
    ///
    /// - Throws: `.locked` when that took 45 s, `.io`.
    package func lock(attachment id: Int64) throws(StoreError) {
        guard try lockFile?.lock(attachment: id) ?? true else {
            throw StoreError(
                .locked, "another process has been working on attachment \(id) for too long: `lsof \(directory)/lock`")
        }
    }

    /// Whether another process works on it. Unlike an attempt to lock, this is in nobody's way.
    package func isLocked(attachment id: Int64) throws(StoreError) -> Bool {
        try lockFile?.isLocked(attachment: id) ?? false
    }

    func lockWriter(patience: Int32) throws(StoreError) { try lockFile?.lockWriter(patience: patience) }
    func unlockWriter() { lockFile?.unlockWriter() }

    package func unlock(attachment id: Int64) { lockFile?.unlock(attachment: id) }

    /// Looks without opening: opening and closing would drop SQLite's own locks in this process.
    package static func exists(_ directory: String) -> Bool {
        var info = Glibc.stat()
        // On doubt: what cannot be looked at must not be taken for what was never there.
        return stat(directory + "/" + fileName, &info) == 0 || (errno != ENOENT && errno != ENOTDIR)
    }

    /// Whether a transaction that writes is open. What it wrote is heard (inotify) before it is seen: SQLite waits for the disk,
    /// and tells readers last. Only for a process that has not opened the database, see ``exists(_:)``.
    package static func isBeingWritten(_ directory: String) -> Bool {
        let descriptor = Glibc.open(directory + "/\(fileName)-shm", O_RDONLY | O_CLOEXEC)
        // Whoever writes has made it.
        guard descriptor >= 0 else { return false }
        defer { _ = Glibc.close(descriptor) }
        // WAL_WRITE_LOCK, at UNIX_SHM_BASE (SQLite, "WAL-index file format").
        return plumb_byte_is_locked(descriptor, 120) == 1
    }

    /// What SQLite would take for a new database, and throw its log away, or for a disk that fails.
    private static func checkFile(_ directory: String, _ path: String) throws(StoreError) {
        var info = Glibc.stat()
        guard stat(path, &info) == 0 else {
            let errno = Errno(rawValue: Glibc.errno)
            if errno == .noSuchFileOrDirectory || errno == .notDirectory { throw missing(directory) }
            guard errno != .permissionDenied else { throw forbidden(path) }
            throw StoreError(.io, "cannot look at \(path)", errno: errno)
        }
        guard Glibc.access(path, R_OK) == 0 else { throw forbidden(path) }
        guard info.st_mode & S_IFMT != S_IFDIR else {
            throw StoreError(.io, "\(path) is a directory: move it away, and restore the database if there was one")
        }
        guard info.st_size >= smallestPage else {
            throw StoreError(
                .corrupt,
                "\(path) is damaged (it has \(info.st_size) bytes); nothing was changed. \(Connection.wayOutOfDamage)")
        }
    }

    private static func forbidden(_ path: String) -> StoreError {
        StoreError(
            .io, "\(path) may be read by root and by members of group \(ReaderGroup.name): be one of them",
            errno: .permissionDenied)
    }

    private static func missing(_ directory: String) -> StoreError {
        StoreError(
            .missing,
            "there is no \(directory)/\(fileName): no pod was ever added here, its file system is not mounted, or it "
                + "was moved away. Restore it, name the right dataDir, or begin with `plumbctl network add`; nothing was changed"
        )
    }

    /// Whatever umask the runtime was started with.
    private static func admitReaders(to directory: String) {
        _ = chmod(directory, 0o750)
        ReaderGroup.admit(to: directory)
    }

    /// Makes the directory, and those above it, for root and the group only.
    private static func createDirectory(_ directory: String) throws(StoreError) {
        if mkdir(directory, 0o750) == 0 { return admitReaders(to: directory) }
        if Glibc.errno == EEXIST { return }
        if Glibc.errno == ENOENT, let slash = directory.lastIndex(of: "/"), slash != directory.startIndex {
            try createDirectory(String(directory[..<slash]))
            if mkdir(directory, 0o750) == 0 { return admitReaders(to: directory) }
            if Glibc.errno == EEXIST { return }
        }
        let errno = Errno(rawValue: Glibc.errno)
        let code: StoreError.Code =
            switch errno {
            case .readOnlyFileSystem: .readOnly
            case .noSpace: .full
            default: .io
            }
        throw StoreError(code, "cannot create \(directory)", errno: errno)
    }
}
