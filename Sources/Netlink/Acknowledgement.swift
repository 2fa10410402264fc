internal import CKernel
internal import SystemPackage

/// NLMSG_ERROR and NLMSG_DONE: an errno, and with NETLINK_EXT_ACK the kernel's own words.
struct Acknowledgement {
    /// 0 for success, else a positive errno.
    var errno: Int32
    /// NLMSGERR_ATTR_MSG.
    var text: String?

    /// Reads the body of an NLMSG_ERROR (`struct nlmsgerr`): errno, the request's header (and, unless NLM_F_CAPPED, its
    /// body), then attributes if NLM_F_ACK_TLVS; or of an NLMSG_DONE: errno, then attributes at once.
    init(_ message: Message) throws(NetlinkError) {
        var cursor = Cursor(message.body)
        // Int32.min has no negative; wrapping keeps it an error without a trap.
        errno = message.type == UInt16(NLMSG_DONE) && cursor.remaining < 4 ? 0 : 0 &- (try cursor.read(Int32.self))
        guard message.flags & UInt16(NLM_F_ACK_TLVS) != 0 else { return }
        if message.type == UInt16(NLMSG_ERROR) {
            let length = Int(try cursor.read(UInt32.self))
            _ = try cursor.readBytes(Message.headerSize - 4)
            if message.flags & UInt16(NLM_F_CAPPED) == 0 {
                _ = try cursor.readBytes(align4(length) - Message.headerSize)
            }
        }
        text = try cursor.readAttributes().first { $0.type == Int(NLMSGERR_ATTR_MSG.rawValue) }?.string()
    }

    func error(context: String) -> NetlinkError? {
        errno == 0 ? nil : NetlinkError(.refused, errno: Errno(rawValue: errno), context: context, kernelText: text)
    }
}
