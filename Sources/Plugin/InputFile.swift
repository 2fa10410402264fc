internal import Glibc
internal import SystemPackage

/// A file that an admin names.
package enum Input {
    /// Above any configuration, below what would fill the memory.
    private static let limit = 8 << 20

    /// - Throws: `.io`.
    package static func file(_ path: String) throws(PluginError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw PluginError(.io, "cannot be read: \(Errno(rawValue: errno))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            guard count > 0, bytes.count <= limit else {
                throw PluginError(.io, "cannot be read: \(count < 0 ? Errno(rawValue: errno) : .fileTooLarge)")
            }
            bytes += chunk[..<count]
        }
    }
}
