package import Store

/// The variables by which a runtime calls a plugin (SPEC.md, "Parameters"), checked.
package struct Environment: Hashable, Sendable {
    package var containerID: String
    package var ifname: String
    /// Empty when the namespace is gone, or the runtime did not say.
    package var netns: String
    package var pod: PodIdentity
    /// CNI_ARGS' `IP` and `MAC`.
    package var wishes: Wishes
    /// CNI_NETNS_OVERRIDE: the caller insists on the host's own namespace.
    package var allowsHostNamespace: Bool

    /// - Parameter requiresNamespace: the verb is about a pod that is there, ADD or CHECK. DEL and GET make do with its name.
    /// - Throws: `.invalidEnvironment`, which names all that is missing at once.
    package init(_ variables: [String: String], requiresNamespace: Bool) throws(PluginError) {
        // libcni exports names without values: empty is missing.
        var required = ["CNI_CONTAINERID", "CNI_IFNAME"]
        // CNI_PATH as the reference has it (pkg/skel), though SPEC.md calls it optional: what an ADD delegates, somebody must
        // find again.
        if requiresNamespace { required += ["CNI_NETNS", "CNI_PATH"] }
        let missing = required.filter { variables[$0, default: ""].isEmpty }
        guard missing.isEmpty else {
            throw PluginError(
                .invalidEnvironment,
                "required environment variables are missing or empty: "
                    + missing.joined(separator: ", "))
        }
        containerID = variables["CNI_CONTAINERID", default: ""]
        ifname = variables["CNI_IFNAME", default: ""]
        netns = variables["CNI_NETNS", default: ""]
        allowsHostNamespace = ["1", "true", "TRUE", "True", "t", "T"].contains(
            variables["CNI_NETNS_OVERRIDE", default: ""])
        guard Name.isValid(containerID) else {
            throw PluginError(
                .invalidEnvironment,
                "CNI_CONTAINERID \"\(containerID)\" must begin with a letter or digit, and hold "
                    + "only letters, digits, '_', '.' and '-'")
        }
        // A DEL takes away whatever an ADD of before made.
        if let reason = Name.faultOfInterface(ifname) ?? (requiresNamespace ? Name.faultInCommands(ifname) : nil) {
            throw PluginError(.invalidEnvironment, "CNI_IFNAME \"\(ifname)\" \(reason)")
        }
        if requiresNamespace, !netns.isAbsolutePath {
            // It is recorded, and whoever reads that has another working directory.
            throw PluginError(.invalidEnvironment, "CNI_NETNS \"\(netns)\" is not an absolute path")
        }
        // Nothing that DEL needs is in there, and it works whatever it is given.
        let arguments = requiresNamespace ? try Environment.parse(arguments: variables["CNI_ARGS", default: ""]) : [:]
        pod = PodIdentity(
            namespace: arguments["K8S_POD_NAMESPACE"], name: arguments["K8S_POD_NAME"], uid: arguments["K8S_POD_UID"])
        wishes = Wishes(ip: arguments["IP"], mac: arguments["MAC"])
    }

    /// `K=V;K=V`. Unknown keys are an error, unless `IgnoreUnknown` is set (CONVENTIONS.md).
    private static func parse(arguments: String) throws(PluginError) -> [String: String] {
        var values: [String: String] = [:]
        for pair in arguments.utf8.split(separator: UInt8(ascii: ";")) {
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else {
                throw PluginError(
                    .invalidEnvironment, "CNI_ARGS: \"\(Substring(pair))\" is not of the form KEY=VALUE")
            }
            values[String(Substring(pair[..<equals]))] = String(Substring(pair[pair.index(after: equals)...]))
        }
        let known = [
            "IgnoreUnknown", "K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_INFRA_CONTAINER_ID", "K8S_POD_UID", "MAC",
            "IP",
        ]
        let unknown = values.keys.filter { !known.contains($0) }.sorted()
        guard unknown.isEmpty || ["1", "true"].contains(values["IgnoreUnknown", default: ""].lowercased()) else {
            throw PluginError(
                .invalidEnvironment,
                "CNI_ARGS: unknown keys \(unknown.joined(separator: ", ")) (IgnoreUnknown is not 1)")
        }
        // As with the variables themselves, empty is missing: a pod without a name is called by its container.
        return values.filter { !$0.value.isEmpty }
    }
}

extension String {
    var isAbsolutePath: Bool { utf8.first == UInt8(ascii: "/") }
}

/// What names may be.
enum Name {
    /// Container ids and network names: `^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$` (SPEC.md).
    static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, isAlphanumeric(first) else { return false }
        return name.utf8.allSatisfy {
            isAlphanumeric($0) || [UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-")].contains($0)
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// Why the kernel would not take it as a link's name (dev_valid_name, net/core/dev.c), or make another of it, or `nil`.
    static func faultOfInterface(_ name: String) -> String? {
        if name.isEmpty { return "is empty" }
        if name.utf8.count > 15 { return "is longer than 15 bytes" }
        if name == "." || name == ".." { return "is no name for an interface" }
        if name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":") || $0 <= 0x20 || $0 == 0x7f })
        {
            return "holds a slash, a colon or white space"
        }
        // Read as text, what is no UTF-8 became another name.
        if name.unicodeScalars.contains("\u{fffd}") { return "is no UTF-8" }
        // A Latin-1 space to the kernel, whatever letter of UTF-8 it is a part of.
        if name.utf8.contains(0xa0) { return "holds the byte 0xa0, a space to the kernel" }
        // dev_alloc_name: eth%d becomes the first that is free.
        if name.utf8.contains(UInt8(ascii: "%")) { return "holds a percent sign, which the kernel replaces" }
        // sysctl_dev_name_is_allowed, include/net/addrconf.h.
        if name == "all" || name == "default" { return "is what /proc/sys/net calls other things than an interface" }
        return nil
    }

    /// Why nobody should type it in a command that `plumbctl plan` prints, or `nil`. Pods may choose theirs (an annotation), and
    /// root pastes what plan prints.
    static func faultInCommands(_ name: String) -> String? {
        name.utf8.contains(where: isShells) || name.hasPrefix("-")
            ? "holds what a shell or `ip` takes for something else than a name" : nil
    }

    private static func isShells(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "@"),
            UInt8(ascii: ","), 0x80...:
            false
        default: !isAlphanumeric(byte)
        }
    }
}
