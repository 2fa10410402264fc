internal import Glibc
package import Store

/// Another plugin that is called as the runtime called us (SPEC.md section 4, "Plugin Delegation").
package struct Delegate: Sendable {
    package var plugin: DelegatedIPAM

    package init(_ plugin: DelegatedIPAM) { self.plugin = plugin }

    /// Runs it to its end. Call it outside of any transaction: nobody knows how long it takes.
    ///
    /// - Parameter variables: the CNI_ ones; all others are this process's own.
    /// - Returns: its stdout. stderr goes where ours does.
    /// - Throws: `.notFound`, `.io`, and `.refused` when it ended with anything but 0.
    package func run(_ verb: String, _ variables: [String: String]) throws(DelegationError) -> [UInt8] {
        let program = try locate()
        var variables = variables
        variables["CNI_COMMAND"] = verb
        let (output, status) = try ChildProcess.run(
            program, environment: Delegate.environment(with: variables), input: Array(plugin.configuration.utf8))
        guard status == 0 else {
            let ending = status & 0x7f == 0 ? "exit status \((status >> 8) & 0xff)" : "signal \(status & 0x7f)"
            throw DelegationError(
                .refused, "IPAM plugin \(plugin.type) (\(program)) failed with \(verb), \(ending)", answer: output)
        }
        return output
    }

    /// The program's path: the first in CNI_PATH.
    package func locate() throws(DelegationError) -> String {
        // A name, not a way out of the directories (libcni refuses the same).
        guard !plugin.type.isEmpty, !plugin.type.utf8.contains(UInt8(ascii: "/")), plugin.type != "..",
            plugin.type != "."
        else { throw DelegationError(.notFound, "key ipam.type: \"\(plugin.type)\" is no name of a plugin") }
        for directory in plugin.path.split(separator: ":") {
            let candidate = "\(directory)/\(plugin.type)"
            var info = stat()
            if stat(candidate, &info) == 0, info.st_mode & S_IFMT == S_IFREG, access(candidate, X_OK) == 0 {
                return candidate
            }
        }
        throw DelegationError(
            .notFound,
            plugin.path.isEmpty
                ? "key ipam.type: CNI_PATH is empty, so IPAM plugin \(plugin.type) cannot be looked for"
                : "key ipam.type: there is no executable \(plugin.type) in \(plugin.path) (CNI_PATH): install it there, "
                    + "or leave ipam.type out and have plumb give the addresses")
    }

    private static func environment(with variables: [String: String]) -> [String] {
        var entries = variables.map { "\($0.key)=\($0.value)" }
        var next = environ
        while let entry = next.pointee {
            if strncmp(entry, "CNI_", 4) != 0 { entries.append(String(cString: entry)) }
            next += 1
        }
        return entries
    }
}

extension Delegate {
    /// Has the plugin take back what it gave to an attachment, for whom no runtime calls: the variables are made of its row.
    /// Nothing happens if none gave it anything.
    ///
    /// - Throws: as ``run(_:_:)``.
    package static func takeBack(_ attachment: Attachment) throws(DelegationError) {
        guard let plugin = attachment.delegate else { return }
        var arguments = "IgnoreUnknown=1"
        if let namespace = attachment.pod.namespace { arguments += ";K8S_POD_NAMESPACE=\(namespace)" }
        if let name = attachment.pod.name { arguments += ";K8S_POD_NAME=\(name)" }
        if let uid = attachment.pod.uid { arguments += ";K8S_POD_UID=\(uid)" }
        _ = try Delegate(plugin).run(
            "DEL",
            [
                "CNI_CONTAINERID": attachment.containerID, "CNI_IFNAME": attachment.ifname,
                "CNI_NETNS": attachment.namespace.path, "CNI_PATH": plugin.path, "CNI_ARGS": arguments,
            ])
    }
}
