internal import Glibc

/// What a pod's resolver shall be told. The runtime writes it into the pod; we hand it on (SPEC.md, "ADD Success").
///
/// Ranks as with the reference: what the runtime asks for (runtimeConfig.dns), else the configuration's `dns`, else what
/// gives the addresses, our `ipam.resolvConf` or another plugin's answer. The first that says anything counts whole.
struct DNS: Hashable {
    var nameservers: [String] = []
    var domain = ""
    var search: [String] = []
    var options: [String] = []

    /// As a result has it, without what is empty; `nil` if nothing is left.
    var json: String? {
        func list(_ strings: [String]) -> JSONWriter.Value? {
            strings.isEmpty ? nil : .array(strings.map { .string($0) })
        }
        guard self != DNS() else { return nil }
        return JSONWriter.write(
            .object([
                .init("nameservers", list(nameservers)), .init("domain", domain.isEmpty ? nil : .string(domain)),
                .init("search", list(search)), .init("options", list(options)),
            ]))
    }
}

extension DNS {
    /// `dns` of a configuration, or of the runtime, who has other names for it (CONVENTIONS.md, "dns").
    init(_ object: ConfigObject, ofRuntime: Bool = false) throws(PluginError) {
        nameservers = try object.strings(ofRuntime ? "servers" : "nameservers") ?? []
        domain = ofRuntime ? "" : try object.string("domain") ?? ""
        search = try object.strings(ofRuntime ? "searches" : "search") ?? []
        options = try object.strings("options") ?? []
    }

    /// A file as resolv.conf(5) has it, read as host-local does: several lines of a kind add up, the last `domain`
    /// counts, and what is unknown is left out.
    init(resolvConf text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard words.count > 1, let first = words[0].first, first != "#", first != ";" else { continue }
            switch words[0] {
            case "nameserver": nameservers.append(words[1])
            case "domain": domain = words[1]
            case "search": search += words[1...]
            case "options": options += words[1...]
            default: break
            }
        }
    }

    /// Far above any resolv.conf.
    private static let fileLimit = 64 << 10

    /// - Parameter path: `ipam.resolvConf`.
    /// - Throws: `.invalidConfig` if it cannot be read: pods without the names that they were promised would be worse.
    static func read(resolvConf path: String) throws(PluginError) -> DNS {
        func failure(_ reason: String) -> PluginError {
            PluginError(
                .invalidConfig, "key ipam.resolvConf: cannot read \(path): \(reason); correct the path, or leave it out"
            )
        }
        // Never waits, not even for a named pipe's other end.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: fileLimit + 1)
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress?.advanced(by: length), $0.count - length)
            }
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(String(cString: strerror(errno)))
            }
            length += count
        }
        guard length <= fileLimit else { throw failure("it is longer than \(fileLimit >> 10) KiB") }
        return DNS(resolvConf: String(decoding: bytes[..<length], as: UTF8.self))
    }
}
