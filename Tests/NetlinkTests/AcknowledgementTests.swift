import CKernel
import Glibc
import SystemPackage
import Testing

@testable import Netlink

@Suite struct AcknowledgementTests {
    @Test(
        "what the kernel sent",
        arguments: [
            (.ack, 0, nil),
            // The same refusal with the request's body behind its header and without: the text is behind both.
            (.refusalCapped, EINVAL, "ipv4: Invalid prefix length"),
            (.refusalWhole, EINVAL, "ipv4: Invalid prefix length"),
            (.refusalOfRoute, ENETUNREACH, "Nexthop has invalid gateway"),
            (.refusalWithoutText, ENODEV, nil),
            (.done, 0, nil),
            (.doneWithText, EINVAL, "Filter by device index not supported for link dumps"),
            (.doneWithErrno, ENODEV, nil),
        ] as [(Captured, Int32, String?)])
    func captured(_ captured: Captured, errno: Int32, text: String?) throws {
        let acknowledgement = try Acknowledgement(captured.message)
        #expect(acknowledgement.errno == errno)
        #expect(acknowledgement.text == text)
        let error = acknowledgement.error(context: "try it")
        #expect((error == nil) == (errno == 0))
        #expect(error?.code ?? .refused == .refused)
        #expect(error?.errno?.rawValue ?? 0 == errno)
        #expect(error?.kernelText == text)
    }

    @Test func theErrorSaysWhatWasTriedAndTheKernelsWords() throws {
        let error = try #require(try Acknowledgement(Captured.refusalCapped.message).error(context: "add 10.0.0.1/33"))
        #expect(error.description == "add 10.0.0.1/33: Invalid argument (kernel: ipv4: Invalid prefix length)")
    }

    /// A hand-made answer to a request of `length` bytes.
    private static func answer(
        type: Int32 = NLMSG_ERROR, flags: Int32, errno: Int32, length: UInt32? = nil, rest: (inout Builder) -> Void
    ) -> Message {
        var builder = Builder()
        builder.append(-errno)
        if let length {
            builder.append(length)
            builder.append(contentsOf: repeatElement(0, count: 12))
        }
        rest(&builder)
        return Message(
            type: UInt16(type), flags: UInt16(flags), sequence: 1, port: 1, body: builder.bytes[...])
    }

    @Test("without NLM_F_ACK_TLVS what follows is not looked at")
    func noFlagNoText() throws {
        let message = Self.answer(flags: NLM_F_CAPPED, errno: EPERM, length: 20) { $0.append(UInt64.max) }
        let acknowledgement = try Acknowledgement(message)
        #expect(acknowledgement.errno == EPERM)
        #expect(acknowledgement.text == nil)
    }

    @Test("a request whose length is no multiple of four is padded before the text", arguments: [17, 18, 19, 20])
    func paddedRequest(length: UInt32) throws {
        let message = Self.answer(flags: NLM_F_ACK_TLVS, errno: EPERM, length: length) {
            $0.append(contentsOf: [1, 2, 3, 4])
            $0.put(Int(NLMSGERR_ATTR_OFFS.rawValue), UInt32(4))
            $0.put(Int(NLMSGERR_ATTR_MSG.rawValue), string: "no")
        }
        #expect(try Acknowledgement(message).text == "no")
    }

    @Test("a warning: success with text")
    func warning() throws {
        let message = Self.answer(flags: NLM_F_ACK_TLVS | NLM_F_CAPPED, errno: 0, length: 20) {
            $0.put(Int(NLMSGERR_ATTR_MSG.rawValue), string: "deprecated")
        }
        let acknowledgement = try Acknowledgement(message)
        #expect(acknowledgement.text == "deprecated")
        #expect(acknowledgement.error(context: "") == nil)
    }

    @Test("an NLMSG_DONE without an errno is success; an NLMSG_ERROR without one is malformed")
    func withoutErrno() throws {
        let done = Message(type: UInt16(NLMSG_DONE), flags: 0, sequence: 1, port: 1, body: [])
        #expect(try Acknowledgement(done).errno == 0)
        let error = Message(type: UInt16(NLMSG_ERROR), flags: 0, sequence: 1, port: 1, body: [1, 2])
        #expect(throws: NetlinkError.self) { try Acknowledgement(error) }
    }

    @Test("the request's length is not believed", arguments: [0, 15, 21, 4096, .max] as [UInt32])
    func wrongRequestLength(length: UInt32) {
        let message = Self.answer(flags: NLM_F_ACK_TLVS, errno: EPERM, length: length) { $0.append(UInt32(0)) }
        #expect(throws: NetlinkError.self) { try Acknowledgement(message) }
    }

    @Test("the one errno that has no negative")
    func lowestErrno() throws {
        let message = Message(
            type: UInt16(NLMSG_ERROR), flags: 0, sequence: 1, port: 1, body: Builder.bytes(of: Int32.min)[...])
        #expect(try Acknowledgement(message).error(context: "") != nil)
    }
}

extension Builder {
    static func bytes(of value: some FixedWidthInteger) -> [UInt8] {
        var builder = Builder()
        builder.append(value)
        return builder.bytes
    }
}
