/// One shell in a node for thousands of commands: entering the node anew costs as much as the plugin does.
final class NodeShell {
    private let shell: Command
    private var unread = ""

    /// Ends the output of a script; nothing that we run prints it.
    private static let mark = "\u{1e}"

    init(_ node: TestNode) throws {
        shell = try node.open(["/bin/bash"])
        try shell.say(
            "exec 2>&1; PLUMB=\(node.binaries)/plumb PLUMBCTL=\(node.binaries)/plumbctl DATA=\(node.dataDirectory)\n")
    }

    deinit { _ = shell.wait() }

    /// What the script prints on both streams. A failing command does not end it.
    func run(_ script: String) throws -> String {
        try shell.say("\(script)\nprintf '\(NodeShell.mark)'\n")
        while true {
            if let end = unread.firstIndex(of: Character(NodeShell.mark)) {
                defer { unread.removeSubrange(...end) }
                let text = unread[..<end]
                return String(text.hasSuffix("\n") ? text.dropLast() : text)
            }
            let more = shell.readSome()
            guard !more.isEmpty else { throw Failure(description: "the node's shell ended: \(unread)") }
            unread += more
        }
    }
}

/// One process to run in the node.
struct Invocation {
    var command: String
    /// Of a call of the plugin: variables and stdin.
    var variables: [String: String] = [:]
    var input = ""
    /// SIGKILL at the n-th call of a system call.
    var death: Death?

    struct Death: Hashable, Sendable {
        var call: String
        var turn: Int
    }
}

extension NodeShell {
    /// Runs them all at once, and waits for all; each may take so many seconds.
    func run(_ invocations: [Invocation], patience: Int = 30) throws -> [Output] {
        var script = ""
        for (place, invocation) in invocations.enumerated() {
            let variables = invocation.variables.sorted { $0.key < $1.key }.map { "\($0.key)='\($0.value)'" }
            let strace = invocation.death.map {
                "strace -f -qq -o /dev/null -e trace=\($0.call) -e inject=\($0.call):signal=KILL:when=\($0.turn)"
            }
            script += """
                { rc=0; \(variables.joined(separator: " ")) timeout \(patience) \(strace ?? "") \(invocation.command) \
                <<< '\(invocation.input)' >/run/out.\(place) 2>/run/err.\(place) || rc=$?; echo $rc >/run/rc.\(place); } 2>/dev/null &

                """
        }
        script += "wait\nfor i in \(invocations.indices.map(String.init).joined(separator: " ")); do\n"
        script += #"printf '%s\037%s\037%s\037' "$(</run/rc.$i)" "$(</run/out.$i)" "$(</run/err.$i)"; done"#
        let fields = try run(script).split(separator: "\u{1f}", omittingEmptySubsequences: false)
        return try invocations.indices.map { place in
            guard fields.count > 3 * place + 2, let status = Int32(fields[3 * place]) else {
                throw Failure(description: "no answer of \(invocations[place]): \(fields)")
            }
            return Output(
                stdout: String(fields[3 * place + 1]), stderr: String(fields[3 * place + 2]), status: status)
        }
    }
}
