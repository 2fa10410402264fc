import CKernel
import Glibc
import SystemPackage

@testable import Netlink

/// The other end of a ``NetlinkSocket``: answers are put in before the question comes, since the sequence numbers of a
/// new socket are known (they begin with 1).
final class FakeKernel {
    private let end: OwnedDescriptor
    private let otherEnd: Int32

    init() throws(Errno) {
        var ends: [Int32] = [-1, -1]
        // SOCK_SEQPACKET keeps datagrams apart as netlink does, and MSG_TRUNC tells the length of one cut off.
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Errno(rawValue: errno)
        }
        end = OwnedDescriptor(owning: ends[0])
        otherEnd = ends[1]
    }

    /// Gives the other end away; once.
    func socket() throws(Errno) -> NetlinkSocket {
        // A reader that asks for more than was put in shall fail, not hang.
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        guard setsockopt(otherEnd, SOL_SOCKET, SO_RCVTIMEO, &patience, size) == 0 else {
            throw Errno(rawValue: errno)
        }
        return NetlinkSocket(owning: OwnedDescriptor(owning: otherEnd))
    }

    /// Puts in one datagram.
    func answer(_ messages: Message...) throws(Errno) { try answer(bytes: messages.flatMap(\.bytes)) }

    func answer(bytes: [UInt8]) throws(Errno) {
        guard send(end.rawValue, bytes, bytes.count, 0) == bytes.count else { throw Errno(rawValue: errno) }
    }

    /// All requests that were sent so far.
    func requests() throws -> [Message] {
        var requests: [Message] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(end.rawValue, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return requests }
            requests += try Message.split(buffer[..<count])
        }
    }
}

extension Message {
    static func object(_ sequence: UInt32, _ body: [UInt8], flags: Int32 = NLM_F_MULTI) -> Message {
        Message(type: UInt16(RTM_NEWADDR), flags: UInt16(flags), sequence: sequence, port: 1, body: body[...])
    }

    static func done(_ sequence: UInt32, errno: Int32 = 0, flags: Int32 = NLM_F_MULTI) -> Message {
        Message(
            type: UInt16(NLMSG_DONE), flags: UInt16(flags), sequence: sequence, port: 1,
            body: Builder.bytes(of: -errno)[...])
    }

    /// An ACK as it comes with NETLINK_CAP_ACK, and a text as with NETLINK_EXT_ACK.
    static func ack(_ sequence: UInt32, errno: Int32 = 0, text: String? = nil) -> Message {
        var builder = Builder()
        builder.append(-errno)
        builder.append(UInt32(16))
        builder.append(contentsOf: repeatElement(0, count: 12))
        if let text { builder.put(Int(NLMSGERR_ATTR_MSG.rawValue), string: text) }
        let flags = NLM_F_CAPPED | (text == nil ? 0 : NLM_F_ACK_TLVS)
        return Message(
            type: UInt16(NLMSG_ERROR), flags: UInt16(flags), sequence: sequence, port: 1, body: builder.bytes[...])
    }
}
