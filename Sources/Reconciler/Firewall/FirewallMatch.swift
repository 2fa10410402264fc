internal import Addressing
internal import Netlink

/// Keys of sets, and the steps of rules that look for them.
enum FirewallMatch {
    /// Into the first places; all sets of ours begin with an interface's name.
    static let input: NFExpression = .meta(.inputName, into: .first)

    static func family(_ family: IPFamily) -> [NFExpression] {
        [.meta(.networkProtocol, into: .first), .compare(.first, .equal, [family.netlinkFamily])]
    }

    /// The source address, behind a name.
    static func source(_ family: IPFamily) -> NFExpression {
        family == .v4
            ? .payload(.network, offset: 12, length: 4, into: .fifth)
            : .payload(.network, offset: 8, length: 16, into: .fifth)
    }

    /// The destination address, behind a name and a source.
    static func destination(_ family: IPFamily) -> NFExpression {
        family == .v4
            ? .payload(.network, offset: 16, length: 4, into: NFRegister(rawValue: 5))
            : .payload(.network, offset: 24, length: 16, into: NFRegister(rawValue: 8))
    }

    /// 224.0.0.0/4 or ff00::/8.
    static func isMulticast(_ family: IPFamily) -> [NFExpression] {
        family == .v4
            ? [
                .payload(.network, offset: 16, length: 4, into: .first),
                .mask(.first, mask: [240, 0, 0, 0], flip: [0, 0, 0, 0], into: .first),
                .compare(.first, .equal, [224, 0, 0, 0]),
            ]
            : [.payload(.network, offset: 24, length: 1, into: .first), .compare(.first, .equal, [0xff])]
    }

    /// IFNAMSIZ bytes.
    static func key(_ interface: String) -> [UInt8] {
        let bytes = Array(interface.utf8.prefix(15))
        return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
    }
}
