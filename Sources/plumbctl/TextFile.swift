internal import Glibc

/// Small files, read and replaced whole.
enum TextFile {
    private static let limit = 1 << 20

    /// `nil`: it is not there, or cannot be read.
    static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The first line; `nil` if there is no such file, or none that may be read.
    static func line(_ path: String) -> String? { read(path)?.split(separator: "\n").first.map(String.init) }

    /// Beside, then renamed, so that nobody reads half of it.
    ///
    /// - Parameters:
    ///   - isForAll: everybody may read it, whatever the umask.
    ///   - earlier: it is to have that one's owner and mode.
    /// - Returns: what went wrong, in words.
    static func replace(
        _ path: String, with text: String, isForAll: Bool = false, like earlier: stat? = nil
    ) -> String? {
        let draft = "\(path).\(getpid()).new"
        // Nor is it written through a link that somebody put there.
        unlink(draft)
        var failure = write(text, to: draft, O_EXCL, isForAll: isForAll)
        if failure == nil, let earlier,
            chown(draft, earlier.st_uid, earlier.st_gid) != 0 || chmod(draft, earlier.st_mode & 0o7777) != 0
        {
            failure = problem()
        }
        if failure == nil, rename(draft, path) != 0 { failure = problem() }
        if failure != nil { unlink(draft) }
        return failure
    }

    /// As a person means it who names a file: replaced if it is one; a link, a pipe or /dev/stdout is written to.
    static func put(_ text: String, at path: String) -> String? {
        var info = stat()
        guard lstat(path, &info) == 0 else { return replace(path, with: text) }
        // What is mounted there cannot be replaced (EBUSY), and what somebody may read is his to say.
        let isPlain = info.st_mode & S_IFMT == S_IFREG
        if isPlain, replace(path, with: text, like: info) == nil { return nil }
        return write(text, to: path, O_TRUNC)
    }

    private static func write(_ text: String, to path: String, _ flag: Int32, isForAll: Bool = false) -> String? {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flag, 0o644)
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else { return problem() }
        let isWritten =
            fputs(text, file) >= 0 && fflush(file) == 0 && (!isForAll || fchmod(descriptor, 0o644) == 0)
        let failure = isWritten ? nil : problem()
        return fclose(file) == 0 ? failure : failure ?? problem()
    }

    private static func problem() -> String { String(cString: strerror(errno)) }
}

enum Folder {
    /// None if it is not there, or cannot be read.
    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
