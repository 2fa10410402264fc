internal import CKernel
internal import Glibc
internal import SystemPackage

/// What became of a transaction.
package enum NFOutcome: Hashable, Sendable {
    case committed
    /// Nothing was done, for this reason. Of each request what was said of it; empty if it was the whole that was refused.
    case refused([Reply], NetlinkError)
    /// Nothing was done: the rules changed since that generation.
    case outdated
}

extension NetlinkSocket {
    /// Makes all changes at once or none (NFNL_MSG_BATCH_BEGIN … NFNL_MSG_BATCH_END in one send).
    ///
    /// - Parameter generation: what the requests were made from; `nil` commits whatever came since.
    package mutating func commit(
        _ requests: [Request], generation: NFGeneration? = nil
    ) throws(NetlinkError) -> NFOutcome {
        guard let last = requests.indices.last else { return .committed }
        let begin = take()
        var bytes = Message(
            type: UInt16(NLMSG_MIN_TYPE), flags: UInt16(NLM_F_REQUEST), sequence: begin, port: 0,
            body: NFTransaction.frame(generation)[...]
        ).bytes
        for (place, request) in requests.enumerated() {
            // Refusals come without being asked for; that the rest went well is said once.
            bytes += encode(request, flags: place == last ? UInt16(NLM_F_ACK) : 0, sequence: take())
        }
        bytes +=
            Message(
                type: UInt16(NLMSG_MIN_TYPE + 1), flags: UInt16(NLM_F_REQUEST), sequence: take(), port: 0,
                body: NFTransaction.frame(nil)[...]
            ).bytes
        try makeRoom(bytes.count)
        try send(bytes, context: requests.first?.context ?? "")
        return try outcome(of: requests, begin: begin)
    }

    private mutating func outcome(of requests: [Request], begin: UInt32) throws(NetlinkError) -> NFOutcome {
        var refusals: [Reply] = []
        var first: NetlinkError?
        while true {
            for message in try receive() where message.type == UInt16(NLMSG_ERROR) {
                let place = Int(message.sequence &- begin) - 1
                guard place < requests.count else { continue }
                let context = place < 0 ? "commit" : requests[place].context
                let error = try Acknowledgement(message).error(context: context)
                if place < 0 {
                    // Of the whole: no such subsystem, no permission, another generation, a failed commit.
                    guard let error else { continue }
                    if error.errno?.rawValue == ERESTART { return .outdated }
                    return .refused([], error)
                }
                if let error {
                    if refusals.isEmpty { refusals = requests.map { _ in Reply() } }
                    refusals[place].error = error
                    first = first ?? error
                }
                guard place == requests.count - 1 else { continue }
                guard let first else { return .committed }
                return .refused(refusals, first)
            }
        }
    }
}

enum NFTransaction {
    /// The subsystem stands where other messages have zeros, and with it the generation.
    static func frame(_ generation: NFGeneration?) -> [UInt8] {
        var builder = Builder()
        builder.append(UInt8(AF_UNSPEC))
        builder.append(UInt8(NFNETLINK_V0))
        builder.append(UInt16(NFNL_SUBSYS_NFTABLES).bigEndian)
        if let generation { builder.putBig(NFNL_BATCH_GENID, generation.rawValue) }
        return builder.bytes
    }
}
