import CKernel
import Glibc
import SystemPackage
import Testing

@testable import Netlink

/// What the socket makes of answers that no kernel gives when asked to.
@Suite struct ConversationTests {
    private static func request(_ context: String) -> Request {
        Request(type: Int(RTM_GETADDR), body: [], context: context)
    }

    @Test("an interrupted dump is begun again, and nothing of it kept", arguments: [true, false])
    func interruptedOnce(onObject: Bool) throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        // The kernel marks whatever message comes after the change, which may be the last.
        let mark = NLM_F_MULTI | NLM_F_DUMP_INTR
        try kernel.answer(.object(1, [1, 1, 1, 1], flags: onObject ? mark : NLM_F_MULTI), .object(1, [2, 2, 2, 2]))
        try kernel.answer(.done(1, flags: onObject ? NLM_F_MULTI : mark))
        try kernel.answer(.object(2, [3, 3, 3, 3]), .done(2))
        let messages = try socket.dump(Self.request("list"))
        #expect(messages.map { Array($0.body) } == [[3, 3, 3, 3]])
        let requests = try kernel.requests()
        #expect(requests.map(\.sequence) == [1, 2])
        #expect(requests.allSatisfy { $0.flags == UInt16(NLM_F_REQUEST | NLM_F_DUMP) })
    }

    @Test func aDumpThatIsAlwaysInterruptedIsGivenUp() throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        for sequence in 1...UInt32(NetlinkSocket.dumpAttempts) {
            // The other way to say it: EINTR at the end, from dumps that check for themselves.
            let isOdd = sequence.isMultiple(of: 2)
            try kernel.answer(
                .object(sequence, [1, 1, 1, 1]),
                .done(sequence, errno: isOdd ? EINTR : 0, flags: isOdd ? NLM_F_MULTI : NLM_F_DUMP_INTR))
        }
        #expect(throws: NetlinkError(.interrupted, context: "list")) { try socket.dump(Self.request("list")) }
        #expect(try kernel.requests().count == NetlinkSocket.dumpAttempts)
    }

    @Test("a dump that ends in an errno is refused, not short", arguments: [true, false])
    func refusedDump(atOnce: Bool) throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        try kernel.answer(.object(1, [1, 1, 1, 1]))
        try kernel.answer(atOnce ? .ack(1, errno: ENODEV, text: "gone") : .done(1, errno: ENODEV))
        let expected = NetlinkError(
            .refused, errno: Errno(rawValue: ENODEV), context: "list", kernelText: atOnce ? "gone" : nil)
        #expect(throws: expected) { try socket.dump(Self.request("list")) }
    }

    @Test func answersToEarlierQuestionsAreNotOurs() throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        try kernel.answer(.object(77, [7, 7, 7, 7], flags: NLM_F_DUMP_INTR), .done(77, errno: EPERM), .done(0))
        try kernel.answer(.object(1, [1, 1, 1, 1]), .done(1))
        #expect(try socket.dump(Self.request("list")).map { Array($0.body) } == [[1, 1, 1, 1]])
        try kernel.answer(.ack(1, errno: EPERM), .ack(0, errno: EPERM), .ack(.max, errno: EPERM), .done(1))
        try kernel.answer(.ack(2))
        #expect(try socket.perform([Self.request("change")]) == [Reply()])
    }

    @Test("each reply finds its request, in whatever order and company they come")
    func batch() throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        let echo = Message.object(1, [9, 9, 9, 9], flags: 0)
        try kernel.answer(.ack(3), echo)
        try kernel.answer(.ack(2, errno: EEXIST, text: "twice"))
        try kernel.answer(.ack(1))
        let replies = try socket.perform(["a", "b", "c"].map(Self.request))
        let refusal = NetlinkError(.refused, errno: .fileExists, context: "b", kernelText: "twice")
        #expect(replies == [Reply(messages: [echo]), Reply(error: refusal), Reply()])
        #expect(try kernel.requests().map(\.sequence) == [1, 2, 3])
    }

    @Test func noRequestsNoConversation() throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        #expect(try socket.perform([]).isEmpty)
        #expect(try kernel.requests().isEmpty)
    }

    @Test func oneRefusedRequestThrows() throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        try kernel.answer(.ack(1, errno: EPERM))
        #expect(throws: NetlinkError(.refused, errno: .notPermitted, context: "try")) {
            try socket.perform(Self.request("try"))
        }
    }

    @Test func whatIsNoMessageIsMalformed() throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        try kernel.answer(bytes: [1, 2, 3, 4, 5])
        #expect(throws: NetlinkError(.malformed, context: "2 bytes needed, 1 left")) {
            try socket.dump(Self.request("list"))
        }
    }

    @Test("a datagram larger than any expected is not lost")
    func largeDatagram() throws {
        let kernel = try FakeKernel()
        var socket = try kernel.socket()
        let large = (0..<100).map { Message.object(1, [UInt8](repeating: $0, count: 1000)) }
        try kernel.answer(bytes: (large + [.done(1)]).flatMap(\.bytes))
        #expect(try socket.dump(Self.request("list")) == large)
        #expect(try kernel.requests().count == 1)
    }
}
