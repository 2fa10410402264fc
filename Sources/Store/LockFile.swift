internal import CKernel
internal import Glibc
internal import SystemPackage

/// `<dataDir>/lock`: byte 0 is the writer, byte 1 + id an attachment (ids are never reused).
///
/// Open file description locks: the kernel frees them when the process dies, and hands the writer's on in order.
///
/// The writer's lock is held around every write transaction *and* every checkpoint, because SQLite 3.7.0–3.51.2 may
/// corrupt a database in which two checkpoints and a commit meet at the same instant (the WAL-reset race,
/// sqlite.org/wal.html). The writer waits for no attachment's byte, so the two kinds never lock each other up.
struct LockFile: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// Longer than any queue of ours takes, and well below the runtime's own patience of minutes.
    static let writerPatienceMilliseconds: Int32 = 45_000

    init(directory: String) throws(StoreError) {
        path = directory + "/lock"
        var descriptor = open(path, O_RDWR | O_CLOEXEC)
        if descriptor < 0, Glibc.errno == ENOENT {
            descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
            if descriptor >= 0 { _ = fchmod(descriptor, 0o640) }
        }
        self.descriptor = descriptor
        guard descriptor >= 0 else {
            let errno = Errno(rawValue: Glibc.errno)
            switch errno {
            case .readOnlyFileSystem:
                throw StoreError(.readOnly, "cannot lock \(path): remount its file system for writing", errno: errno)
            case .noSpace:
                throw StoreError(.full, "cannot create \(path): free space on its file system", errno: errno)
            case .permissionDenied:
                throw StoreError(.io, "\(path) may be written by root only: be root", errno: errno)
            default:
                throw StoreError(.io, "cannot open \(path)", errno: errno)
            }
        }
    }

    deinit { _ = Glibc.close(descriptor) }

    func lockWriter(patience: Int32 = LockFile.writerPatienceMilliseconds) throws(StoreError) {
        guard plumb_lock_byte(descriptor, 0, patience) != 0 else { return }
        let errno = Errno(rawValue: Glibc.errno)
        guard errno == .resourceTemporarilyUnavailable else {
            throw StoreError(.io, "cannot lock \(path)", errno: errno)
        }
        throw StoreError(
            .locked,
            "the writer's lock on \(path) was held by another process for "
                + "\(patience / 1000) s: `lsof \(path)` names it")
    }

    func unlockWriter() { _ = plumb_unlock_byte(descriptor, 0) }

    /// `false` if another process works on that attachment.
    func tryLock(attachment id: Int64) throws(StoreError) -> Bool { try lock(attachment: id, patience: 0) }

    /// Waits for its turn; `false` when that took too long.
    func lock(attachment id: Int64) throws(StoreError) -> Bool {
        try lock(attachment: id, patience: LockFile.writerPatienceMilliseconds)
    }

    func isLocked(attachment id: Int64) throws(StoreError) -> Bool {
        switch plumb_byte_is_locked(descriptor, 1 &+ id) {
        case 0: return false
        case 1: return true
        default: throw StoreError(.io, "cannot ask for locks in \(path)", errno: Errno(rawValue: Glibc.errno))
        }
    }

    private func lock(attachment id: Int64, patience: Int32) throws(StoreError) -> Bool {
        // A shell may have written any id; the kernel refuses bytes below 0.
        guard plumb_lock_byte(descriptor, 1 &+ id, patience) != 0 else { return true }
        let errno = Errno(rawValue: Glibc.errno)
        guard errno == .resourceTemporarilyUnavailable else {
            throw StoreError(.io, "cannot lock attachment \(id) in \(path)", errno: errno)
        }
        return false
    }

    func unlock(attachment id: Int64) { _ = plumb_unlock_byte(descriptor, 1 &+ id) }
}
