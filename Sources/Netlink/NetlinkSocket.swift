internal import CKernel
internal import Glibc
internal import SystemPackage

/// A netlink socket, bound to the network namespace in which it was opened, whatever its thread does later.
///
/// Extended ACKs with the request cut off, and strict checking of dump filters, are always on (Linux 4.20).
package struct NetlinkSocket: ~Copyable {
    private let socket: OwnedDescriptor
    private var sequence: UInt32 = 0
    private let buffer = ReceiveBuffer()

    private var descriptor: Int32 { socket.rawValue }

    /// Requests in one send. Our receive buffer must hold all answers: of 208 KiB (net.core.rmem_default), an ACK takes
    /// less than one, and the echo of a new bridge more than four.
    static let batchLimit = 32
    /// Bytes that fit into one send without asking, whatever net.core.wmem_default is set to.
    private static let usualRoom = 64 << 10
    /// How often a dump that changed under the reader, or overran, is begun again. Of 1600 links, beside eight processes that
    /// add and delete others all the time, one dump in ten is whole.
    static let dumpAttempts = 64

    /// Whom the socket talks to: NETLINK_ numbers of include/uapi/linux/netlink.h.
    package enum Subsystem: Sendable {
        /// Links, addresses, routes, neighbours.
        case route
        /// nf_tables.
        case netfilter

        var number: Int32 { self == .route ? NETLINK_ROUTE : NETLINK_NETFILTER }
    }

    /// Opens a socket in the calling thread's network namespace.
    package init(_ subsystem: Subsystem = .route) throws(NetlinkError) {
        self.init(owning: try NetlinkSocket.open(subsystem))
    }

    /// Takes over an open socket; a test answers in the kernel's place at the other end of it.
    init(owning socket: consuming OwnedDescriptor) { self.socket = socket }

    private static func open(_ subsystem: Subsystem) throws(NetlinkError) -> OwnedDescriptor {
        let descriptor = Glibc.socket(
            AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), subsystem.number)
        guard descriptor >= 0 else { throw failure("open a netlink socket") }
        let owned = OwnedDescriptor(owning: descriptor)
        for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
            var on: Int32 = 1
            guard setsockopt(descriptor, SOL_NETLINK, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
                throw failure("set netlink option \(option)")
            }
        }
        return owned
    }

    /// SO_NETNS_COOKIE: the identity of the namespace, never used again while the machine runs.
    package func namespaceCookie() throws(NetlinkError) -> UInt64 {
        var cookie: UInt64 = 0
        guard plumb_netns_cookie(descriptor, &cookie) == 0 else {
            throw NetlinkSocket.failure("read the namespace's cookie (SO_NETNS_COOKIE)")
        }
        return cookie
    }

    /// How many ports a bridge has; `nil` where the kernel does not say.
    ///
    /// - Parameter name: a bridge's. Of another kind of link the kernel would understand something else.
    package func ports(ofBridge name: String) -> Int? {
        let count = plumb_bridge_ports(descriptor, name)
        return count < 0 ? nil : Int(count)
    }

    /// Sends all requests at once and waits for every ACK, or for the link that one asks for; the kernel does not stop at the
    /// first refusal.
    ///
    /// - Returns: one reply a request, in order. Throws only if the conversation itself broke down.
    package mutating func perform(_ requests: [Request]) throws(NetlinkError) -> [Reply] {
        var replies: [Reply] = []
        replies.reserveCapacity(requests.count)
        var rest = requests[...]
        while !rest.isEmpty {
            try performBatch(rest.prefix(NetlinkSocket.batchLimit), into: &replies)
            rest = rest.dropFirst(NetlinkSocket.batchLimit)
        }
        return replies
    }

    /// One request; a refusal is thrown.
    @discardableResult
    package mutating func perform(_ request: Request) throws(NetlinkError) -> [Message] {
        let reply = try perform([request])[0]
        if let error = reply.error { throw error }
        return reply.messages
    }

    private mutating func performBatch(
        _ requests: ArraySlice<Request>, into replies: inout [Reply]
    ) throws(NetlinkError) {
        let first = sequence &+ 1
        var bytes: [UInt8] = []
        for request in requests {
            bytes += encode(request, flags: request.isAnswered ? 0 : UInt16(NLM_F_ACK), sequence: take())
        }
        try send(bytes, context: requests.first?.context ?? "")
        let base = replies.count
        for _ in requests { replies.append(Reply()) }
        var outstanding = requests.count
        while outstanding > 0 {
            for message in try receive() {
                let index = Int(message.sequence &- first)
                // An answer to an earlier conversation that broke down half way.
                guard index < requests.count else { continue }
                let request = requests[requests.startIndex + index]
                if message.type == UInt16(NLMSG_ERROR) {
                    replies[base + index].error = try Acknowledgement(message).error(context: request.context)
                    outstanding -= 1
                } else {
                    replies[base + index].messages.append(message)
                    if request.isAnswered { outstanding -= 1 }
                }
            }
        }
    }

    /// Reads all objects that match a request (NLM_F_DUMP). Begun again when the set changed under the reader
    /// (NLM_F_DUMP_INTR) or replies were lost (ENOBUFS): half a dump is never an answer.
    package mutating func dump(_ request: Request) throws(NetlinkError) -> [Message] {
        var failure = NetlinkError(.interrupted, context: request.context)
        for _ in 0..<NetlinkSocket.dumpAttempts {
            do throws(NetlinkError) {
                if let messages = try dumpOnce(request) { return messages }
                failure = NetlinkError(.interrupted, context: request.context)
            } catch  where error.code == .overrun {
                failure = error
            }
        }
        throw failure
    }

    private mutating func dumpOnce(_ request: Request) throws(NetlinkError) -> [Message]? {
        let sequence = take()
        try send(encode(request, flags: UInt16(NLM_F_DUMP), sequence: sequence), context: request.context)
        var messages: [Message] = []
        var interrupted = false
        while true {
            for message in try receive() where message.sequence == sequence {
                interrupted = interrupted || message.flags & UInt16(NLM_F_DUMP_INTR) != 0
                switch Int32(message.type) {
                case NLMSG_DONE, NLMSG_ERROR:
                    if let error = try Acknowledgement(message).error(context: request.context) {
                        guard error.errno == .interrupted else { throw error }
                        return nil
                    }
                    return interrupted ? nil : messages
                default:
                    messages.append(message)
                }
            }
        }
    }

    /// The next message's number.
    mutating func take() -> UInt32 {
        sequence &+= 1
        return sequence
    }

    func encode(_ request: Request, flags: UInt16, sequence: UInt32) -> [UInt8] {
        Message(
            type: request.type, flags: request.flags | flags | UInt16(NLM_F_REQUEST), sequence: sequence, port: 0,
            body: request.body[...]
        ).bytes
    }

    /// Lets one send be that long: no more than half of SO_SNDBUF may be (netlink_sendmsg in net/netlink/af_netlink.c).
    func makeRoom(_ count: Int) throws(NetlinkError) {
        guard count > NetlinkSocket.usualRoom else { return }
        var size = Int32(clamping: count)
        guard
            setsockopt(
                descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size)) == 0
        else { throw NetlinkSocket.failure("make room for a message of \(count) bytes") }
    }

    func send(_ bytes: [UInt8], context: String) throws(NetlinkError) {
        var sent: Int
        repeat { sent = Glibc.send(descriptor, bytes, bytes.count, 0) } while sent < 0 && Glibc.errno == EINTR
        guard sent == bytes.count else { throw NetlinkSocket.failure("send: \(context)") }
    }

    /// One datagram from the kernel; whatever another process sent to our port is dropped.
    mutating func receive() throws(NetlinkError) -> [Message] {
        while true {
            var sender = sockaddr_nl()
            var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
            let received = withUnsafeMutableBytes(of: &sender) { sender in
                recvfrom(
                    descriptor, buffer.bytes.baseAddress, buffer.bytes.count, Int32(MSG_TRUNC),
                    sender.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
            if received < 0 {
                if Glibc.errno == EINTR { continue }
                if Glibc.errno == ENOBUFS {
                    drain()
                    throw NetlinkError(.overrun, errno: .noBufferSpace, context: "receive")
                }
                throw NetlinkSocket.failure("receive")
            }
            guard sender.nl_pid == 0 else { continue }
            guard received <= buffer.bytes.count else {
                drain()
                throw NetlinkError(.malformed, context: "receive: a datagram of \(received) bytes was cut off")
            }
            return try Message.split(Array(buffer.bytes[..<received])[...])
        }
    }

    /// Throws away all that waits. While the buffer is full the kernel answers nothing but ENOBUFS, and reading also runs
    /// a dump that was left half way to its end, without which the kernel begins no other (EBUSY).
    private func drain() {
        var byte: UInt8 = 0
        while recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) > 0 || [ENOBUFS, EINTR].contains(Glibc.errno) {}
    }

    private static func failure(_ context: String) -> NetlinkError {
        NetlinkError(.socket, errno: Errno(rawValue: Glibc.errno), context: context)
    }
}

/// Room for one datagram. The kernel fills 32 KiB in one read of a dump (net/netlink/af_netlink.c), but a single link may
/// be far larger: its other names take up to 64 KiB, as do its virtual functions. Pages that nothing was read into cost
/// nothing, whereas asking for each datagram's size costs a call.
struct ReceiveBuffer: ~Copyable {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    deinit { bytes.deallocate() }
}
