internal import Glibc

/// Hears when the database is written, made or replaced (inotify). No file of it is opened: closing one would drop
/// SQLite's locks.
struct DirectoryWatch: ~Copyable {
    private let directory: String
    private let descriptor: Int32
    private var watch: Int32 = -1

    init(_ directory: String) {
        self.directory = directory
        descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// -1 where there is nothing to wait for.
    var readable: Int32 { watch < 0 ? -1 : descriptor }

    /// `false`: there is no such directory, or it cannot be watched. Asked again, it looks again.
    mutating func begin() -> Bool {
        guard descriptor >= 0 else { return false }
        let events =
            UInt32(IN_MODIFY) | UInt32(IN_CREATE) | UInt32(IN_MOVED_TO) | UInt32(IN_DELETE_SELF)
            | UInt32(IN_MOVE_SELF)
        watch = inotify_add_watch(descriptor, directory, events)
        return watch >= 0
    }

    enum News { case nothing, written, vanished }

    mutating func read() -> News {
        var news = News.nothing
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 8) { buffer in
            while true {
                let length = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                guard length > 0 else { return }
                var place = 0
                while place + 16 <= length {
                    let mask = buffer.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)
                    let size = Int(buffer.loadUnaligned(fromByteOffset: place + 12, as: UInt32.self))
                    let name = buffer[(place + 16)..<min(place + 16 + size, length)].prefix { $0 != 0 }
                    if mask & UInt32(IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) != 0 {
                        news = .vanished
                    } else if news == .nothing, DirectoryWatch.isTelling(String(decoding: name, as: UTF8.self)) {
                        news = .written
                    }
                    place += 16 + size
                }
            }
        }
        if news == .vanished { watch = -1 }
        return news
    }

    /// Commits go to the log; the database itself is made or restored by renaming.
    private static func isTelling(_ name: String) -> Bool { name == "state.db-wal" || name == "state.db" }
}
