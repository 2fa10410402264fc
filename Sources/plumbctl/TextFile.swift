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

    /// Beside, then renamed, readable by everybody.
    ///
    /// - Returns: what went wrong, in words.
    static func replace(_ path: String, with text: String) -> String? {
        let draft = "\(path).\(getpid()).new"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return problem() }
        let bytes = Array(text.utf8)
        // The file system's umask has no say in who may read it.
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fchmod(descriptor, 0o644) == 0
        let failure = isWritten ? nil : problem()
        close(descriptor)
        guard failure == nil, rename(draft, path) == 0 else {
            let failure = failure ?? problem()
            unlink(draft)
            return failure
        }
        return nil
    }

    private static func problem() -> String { String(cString: strerror(errno)) }
}
