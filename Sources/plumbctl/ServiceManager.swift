internal import Glibc

/// Tells systemd how a service fares (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET names. Says nothing where
/// nobody asked.
struct ServiceManager {
    private let path: [UInt8]
    /// How often it wants to hear that we live, in milliseconds; half of what it waits for.
    let watchdog: Int64?

    init() {
        path = getenv("NOTIFY_SOCKET").map { Array(String(cString: $0).utf8) } ?? []
        watchdog = getenv("WATCHDOG_USEC").flatMap { Int64(String(cString: $0)) }.map { $0 / 2000 }
        // Children are not who is asked.
        unsetenv("NOTIFY_SOCKET")
    }

    /// - Parameter state: as `READY=1`, a line each.
    func tell(_ state: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard !path.isEmpty, path.count < room else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { place in
            place.copyBytes(from: path)
            // An abstract name.
            if path.first == UInt8(ascii: "@") { place[0] = 0 }
        }
        let length = socklen_t(MemoryLayout.size(ofValue: address) - room + path.count)
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        let bytes = Array(state.utf8)
        _ = withUnsafeBytes(of: &address) { place in
            sendto(
                socket, bytes, bytes.count, Int32(MSG_NOSIGNAL),
                place.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
        }
    }
}
