internal import Addressing
internal import Glibc
internal import SystemPackage

/// Leases as the host-local plugin keeps them: a file an address, named by it, that holds the container's id and the
/// interface's name (plugins/ipam/host-local/backend/disk). Its `lock` and `last_reserved_ip.N` are no leases.
enum HostLocal {
    struct Lease: Hashable {
        var address: IPAddress
        /// Empty if the file cannot be understood; the address is then taken all the same.
        var containerID: String
        /// Empty in files of versions before 0.8.
        var ifname: String
        var path: String
    }

    /// - Throws: `.io` if the directory is there and cannot be read: its addresses would be handed out twice.
    static func leases(in directory: String) throws(StoreError) -> [Lease] {
        guard let stream = opendir(directory) else {
            let errno = Errno(rawValue: Glibc.errno)
            // Of a name that is too long for a file it never kept any.
            if errno == .noSuchFileOrDirectory || errno == .notDirectory || errno == .fileNameTooLong { return [] }
            throw StoreError(.io, "cannot read \(directory), where host-local keeps its leases", errno: errno)
        }
        defer { closedir(stream) }
        var leases: [Lease] = []
        Glibc.errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let address = IPAddress(name), let lease = try lease(address, "\(directory)/\(name)") {
                leases.append(lease)
            }
            Glibc.errno = 0
        }
        guard Glibc.errno == 0 else {
            throw StoreError(
                .io, "cannot read \(directory), where host-local keeps its leases",
                errno: Errno(rawValue: Glibc.errno))
        }
        return leases
    }

    /// `nil`: it was given back just now.
    static func lease(_ address: IPAddress, _ path: String) throws(StoreError) -> Lease? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0, Glibc.errno == ENOENT { return nil }
        guard descriptor >= 0 else {
            throw StoreError(.io, "cannot read host-local's lease \(path)", errno: Errno(rawValue: Glibc.errno))
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = max(read(descriptor, &bytes, bytes.count), 0)
        let words = String(decoding: bytes[..<count], as: UTF8.self).split { $0.isWhitespace }.map(String.init)
        return Lease(
            address: address, containerID: words.first ?? "", ifname: words.count > 1 ? words[1] : "", path: path)
    }
}
