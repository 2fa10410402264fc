internal import CKernel

/// A message as it came: `struct nlmsghdr` (include/uapi/linux/netlink.h) and what follows it.
package struct Message: Hashable, Sendable {
    package var type: UInt16
    package var flags: UInt16
    package var sequence: UInt32
    package var port: UInt32
    package var body: ArraySlice<UInt8>

    static let headerSize = 16

    package init(type: UInt16, flags: UInt16, sequence: UInt32, port: UInt32, body: ArraySlice<UInt8>) {
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.port = port
        self.body = body
    }

    /// Splits one datagram into its messages. The kernel sends several in one while it dumps.
    package static func split(_ datagram: ArraySlice<UInt8>) throws(NetlinkError) -> [Message] {
        var messages: [Message] = []
        var cursor = Cursor(datagram)
        while cursor.remaining > 0 {
            let length = Int(try cursor.read(UInt32.self))
            guard length >= headerSize else {
                throw NetlinkError(.malformed, context: "message of \(length) bytes")
            }
            let type = try cursor.read(UInt16.self)
            let flags = try cursor.read(UInt16.self)
            let sequence = try cursor.read(UInt32.self)
            let port = try cursor.read(UInt32.self)
            let body = try cursor.readBytes(length - headerSize)
            _ = try cursor.readBytes(min(cursor.remaining, align4(length) - length))
            messages.append(Message(type: type, flags: flags, sequence: sequence, port: port, body: body))
        }
        return messages
    }

    /// The message's bytes, padded to four.
    package var bytes: [UInt8] {
        var builder = Builder()
        builder.append(UInt32(Message.headerSize + body.count))
        builder.append(type)
        builder.append(flags)
        builder.append(sequence)
        builder.append(port)
        builder.append(contentsOf: body)
        builder.append(contentsOf: repeatElement(0, count: align4(body.count) - body.count))
        return builder.bytes
    }
}

/// A request that is not yet numbered: what to ask, and words for it should it fail.
package struct Request: Hashable, Sendable {
    package var type: UInt16
    /// NLM_F_CREATE, NLM_F_EXCL and the like; NLM_F_REQUEST, NLM_F_ACK and NLM_F_DUMP come by themselves.
    package var flags: UInt16
    package var body: [UInt8]
    package var context: String

    /// Whether it takes something away. RTM_ messages come in fours, NEW, DEL, GET and SET
    /// (include/uapi/linux/rtnetlink.h).
    package var isDeletion: Bool {
        type > UInt8.max ? isNFTablesDeletion : type >= UInt16(RTM_BASE) && (type - UInt16(RTM_BASE)) % 4 == 1
    }

    /// Asks for one link: the answer, or a refusal, is one message, and an ACK behind it would only be one more.
    var isAnswered: Bool { type == UInt16(RTM_GETLINK) }

    /// Whether it is about a neighbour: what they are told is never what a change stands or falls with.
    package var isOfNeighbour: Bool { type == UInt16(RTM_NEWNEIGH) || type == UInt16(RTM_DELNEIGH) }

    package init(type: Int, flags: Int32 = 0, body: [UInt8], context: String) {
        self.type = UInt16(type)
        self.flags = UInt16(flags)
        self.body = body
        self.context = context
    }
}

/// What the kernel answered to one request: the objects it sent, and its refusal if it refused.
package struct Reply: Hashable, Sendable {
    package var messages: [Message] = []
    package var error: NetlinkError?

    package init(messages: [Message] = [], error: NetlinkError? = nil) {
        self.messages = messages
        self.error = error
    }
}
