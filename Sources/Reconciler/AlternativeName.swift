internal import Netlink

/// A link's further name (`ip link property add … altname`). The kernel finds the link by it, and lets nothing else have it
/// as its name, that link itself neither.
enum AlternativeName {
    /// Why nothing is done about what has `name` as a further one.
    static func conflict(_ name: String, of bearer: String) -> String {
        "link \(bearer) has \(name) as a further name (altname), so that no other can be named so: "
            + "`\(command(name, of: bearer.shellWord))`"
    }

    static func request(_ name: String, index: Int32) throws(NetlinkError) -> Request {
        try .deleteAlternativeName(name, index: index, context: "take the further name \(name) off link \(index)")
    }

    /// What a person would type.
    static func command(_ name: String, of word: String) -> String {
        "ip link property del dev \(word) altname \(name)"
    }
}
