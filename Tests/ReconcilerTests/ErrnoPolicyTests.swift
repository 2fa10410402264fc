import SystemPackage
import Testing

@testable import Reconciler

/// What the kernel's refusals mean; numbers as in uapi/asm-generic/errno.h.
@Suite struct ErrnoPolicyTests {
    enum Number: Int32, CaseIterable {
        case EPERM = 1, ENOENT, ESRCH
        case ENXIO = 6
        case EEXIST = 17
        case ENODEV = 19
        case EINVAL = 22
        case EADDRNOTAVAIL = 99
        case ENETUNREACH = 101
        case ENOBUFS = 105
    }

    static let done: [Action: Set<Number>] = [.delete: [.ENOENT, .ESRCH, .ENXIO, .ENODEV, .EADDRNOTAVAIL]]
    static let lookAgain: [Action: Set<Number>] = [
        .add: [.EEXIST, .ENOBUFS], .change: [.EEXIST, .ENOBUFS], .delete: [.ENOBUFS],
    ]

    @Test(arguments: [Action.add, .change, .delete], Number.allCases)
    func `a refusal means what the table says`(action: Action, number: Number) {
        let expected: ErrnoPolicy.Verdict =
            Self.done[action]?.contains(number) == true
            ? .done : Self.lookAgain[action]?.contains(number) == true ? .lookAgain : .failed
        #expect(ErrnoPolicy.verdict(action, errno: .init(rawValue: number.rawValue)) == expected)
    }

    @Test(arguments: [Action.add, .change, .delete])
    func `an error without a number has failed`(action: Action) {
        #expect(ErrnoPolicy.verdict(action, errno: nil) == .failed)
    }
}
