internal import CKernel
internal import Glibc
package import Netlink
package import Store
internal import SystemPackage

/// An open network namespace of a pod: a descriptor to create links in it, a socket that was opened there.
package struct NetworkNamespace: ~Copyable {
    package let identity: NamespaceIdentity
    package let descriptor: OwnedDescriptor
    package var socket: NetlinkSocket

    /// Opens the namespace at a path and reads which one it is.
    ///
    /// - Throws: `.namespaceGone` for ENOENT alone; whatever else is wrong with the path proves nothing about the pod.
    package static func open(path: String, bootID: String) throws(ReconcilerError) -> NetworkNamespace {
        // Without waiting: the path may be a named pipe's, which nobody writes to.
        let raw = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else {
            let errno = Errno(rawValue: Glibc.errno)
            guard errno == .noSuchFileOrDirectory || errno == .notDirectory else {
                let code: ReconcilerError.Code = errno.isWantOfMeans ? .kernel : .namespaceUnusable
                throw ReconcilerError(code, "cannot open the network namespace \(path): \(errno)")
            }
            throw ReconcilerError(.namespaceGone, "there is no network namespace at \(path)")
        }
        let descriptor = OwnedDescriptor(owning: raw)
        var info = Glibc.stat()
        guard fstat(raw, &info) == 0 else {
            throw ReconcilerError(.namespaceUnusable, "cannot stat \(path): \(Errno(rawValue: Glibc.errno))")
        }
        do throws(NetlinkError) {
            let socket = try inside(raw, path: path) { () throws(NetlinkError) in try NetlinkSocket() }
            let identity = NamespaceIdentity(
                path: path, cookie: try socket.namespaceCookie(), device: UInt64(info.st_dev),
                inode: UInt64(info.st_ino), bootID: bootID)
            return NetworkNamespace(identity: identity, descriptor: descriptor, socket: socket)
        } catch {
            let isOurs = error.errno?.isWantOfMeans ?? false
            throw ReconcilerError(isOurs ? .kernel : .namespaceUnusable, error.description)
        }
    }

    private init(
        identity: NamespaceIdentity, descriptor: consuming OwnedDescriptor, socket: consuming NetlinkSocket
    ) {
        self.identity = identity
        self.descriptor = descriptor
        self.socket = socket
    }

    /// The only place where a thread changes its namespace. It returns before anything else happens; if it cannot, the
    /// process ends, for it must not go on in a pod's namespace as if that were the host's.
    static func inside<T: ~Copyable>(
        _ target: Int32, path: String, _ body: () throws(NetlinkError) -> T
    ) throws(NetlinkError) -> T {
        let home = Glibc.open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard home >= 0 else {
            throw NetlinkError(
                .socket, errno: Errno(rawValue: Glibc.errno), context: "open /proc/thread-self/ns/net")
        }
        defer { Glibc.close(home) }
        guard plumb_setns_net(target) == 0 else {
            throw NetlinkError(
                .socket, errno: Errno(rawValue: Glibc.errno), context: "enter the network namespace \(path)")
        }
        defer { goBack(to: home) }
        return try body()
    }
}

/// Nothing may go on in a pod's namespace that takes it for the host's. Memory may be short for a moment.
private func goBack(to home: Int32) {
    for _ in 0..<1000 {
        if plumb_setns_net(home) == 0 { return }
        usleep(1000)
    }
    abort()
}

/// What a path says about a namespace, without opening it.
package enum PathState: Hashable, Sendable {
    case namespace(inode: UInt64)
    case gone
    /// There, but no namespace file, or unreadable: doubt, never death.
    case unknown(String)

    package static func of(_ path: String) -> PathState {
        var filesystem: UInt64 = 0
        var device: UInt64 = 0
        var inode: UInt64 = 0
        guard plumb_stat_path(path, &filesystem, &device, &inode) == 0 else {
            let errno = Errno(rawValue: Glibc.errno)
            return errno == .noSuchFileOrDirectory || errno == .notDirectory ? .gone : .unknown("\(path): \(errno)")
        }
        return filesystem == UInt64(NSFS_MAGIC) ? .namespace(inode: inode) : .unknown("\(path) is no namespace file")
    }
}

/// Which boot of the machine this is.
package enum Boot {
    /// /proc/sys/kernel/random/boot_id, or empty if it cannot be read, which proves nothing.
    package static func currentID() -> String {
        do throws(NetlinkError) {
            return try SysctlFile.read("kernel/random/boot_id") ?? ""
        } catch {
            // Doubt, and the empty one says so: the store then takes nothing for dead.
            return ""
        }
    }
}

/// Files below /proc/sys: opened anew for each read and each write, since a write after a read on one descriptor is
/// silently ignored.
enum SysctlFile {
    /// `nil` if there is no such file.
    static func read(_ path: String) throws(NetlinkError) -> String? {
        let descriptor = Glibc.open("/proc/sys/" + path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard Glibc.errno != ENOENT else { return nil }
            throw failure("open", path)
        }
        defer { Glibc.close(descriptor) }
        return try withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { (buffer) throws(NetlinkError) in
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            guard count >= 0 else { throw failure("read", path) }
            return String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    static func write(_ path: String, _ value: String) throws(NetlinkError) {
        let descriptor = Glibc.open("/proc/sys/" + path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { Glibc.close(descriptor) }
        guard Glibc.write(descriptor, value, value.utf8.count) == value.utf8.count else { throw failure("write", path) }
    }

    private static func failure(_ doing: String, _ path: String) -> NetlinkError {
        NetlinkError(.socket, errno: Errno(rawValue: Glibc.errno), context: "\(doing) /proc/sys/\(path)")
    }
}

extension Errno {
    /// This process or the machine has no more to give: nothing is said of what was asked for.
    fileprivate var isWantOfMeans: Bool {
        [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace].contains(self)
    }
}
