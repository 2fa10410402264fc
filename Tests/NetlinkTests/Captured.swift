import Netlink
import Testing

/// Bytes that a kernel or ip(8) once sent, and the command that they belong to.
struct Captured: Sendable, CustomTestStringConvertible {
    let command: String
    let bytes: [UInt8]

    /// - Parameter hex: pairs of digits; lines may be broken between them.
    init(_ command: String, _ hex: String) {
        self.command = command
        let digits = hex.compactMap(\.hexDigitValue)
        bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    var testDescription: String { command }

    /// The one message.
    var message: Message {
        get throws {
            let messages = try Message.split(bytes[...])
            try #require(messages.count == 1)
            return try #require(messages.first)
        }
    }

    static let links = [bridge, bridgePort, podLink]
    static let addresses = [address4, address6, linkLocal6]
    static let routes = [
        defaultRoute4, linkRoute4, onLinkRoute4, metricsRoute4, defaultRoute6, metricsRoute6, twoRoutes6,
    ]
    static let neighbours = [neighbour4, neighbour6]
    static let answers = [
        ack, refusalCapped, refusalWhole, refusalOfRoute, refusalWithoutText, done, doneWithText, doneWithErrno,
    ]
}
