import Foundation
import Testing

/// A node of a test's own: network and mount namespaces with a tmpfs on /run, so that `ip netns` works in there and
/// nothing of it is ever seen on the host. They live as long as one shell does, and that ends with this object, or with
/// the test's process, whose end closes its stdin.
final class TestNode {
    private let holder: Command
    /// What a command is run by, to be in the node.
    private let entry: [String]
    let binaries: String
    /// Where the database is, on the node's tmpfs.
    let dataDirectory: String
    /// The named namespace that plays the host, or `nil` for the node's own.
    let host: String?

    /// - Parameters:
    ///   - ownsProcesses: whatever runs in it ends with it.
    ///   - setup: what is done in its namespaces before it is up.
    init(dataDirectory: String = "/run/plumb", ownsProcesses: Bool = false, setup: String = "") throws {
        binaries = try TestNode.builtBinaries()
        self.dataDirectory = dataDirectory
        host = nil
        let setup = """
            \(setup)
            mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && sysctl -qw net.ipv4.ip_forward=0 \
            net.ipv6.conf.all.forwarding=0 && echo up && exec cat >/dev/null
            """
        let processes = ownsProcesses ? ["--pid", "--fork", "--kill-child", "--mount-proc"] : []
        let namespaces = ["--mount", "--net", "--propagation", "private"] + processes
        holder = try Command(["/usr/bin/unshare"] + namespaces + ["sh", "-ec", setup])
        guard holder.readSome() == "up\n" else {
            throw Failure(description: "cannot make namespaces, which needs root: \(holder.wait().all)")
        }
        let first = ownsProcesses ? try TestNode.onlyChild(of: holder.id) : holder.id
        let entered = ["--mount", "--net", "--root"] + (ownsProcesses ? ["--pid"] : [])
        entry = ["/usr/bin/nsenter"] + entered + ["--target", String(first), "--"]
    }

    private static func onlyChild(of process: Int32) throws -> Int32 {
        let children = try String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
        guard let child = Int32(children.prefix { $0 != " " }) else {
            throw Failure(description: "process \(process) has the children \"\(children)\"")
        }
        return child
    }

    /// A node that systemd has booted, with Plumb installed as a package does it, on a throw-away copy of this machine's
    /// root; see scripts/boot.
    init(bootedFrom repository: String) throws {
        binaries = try TestNode.builtBinaries()
        dataDirectory = "/var/lib/plumb"
        host = nil
        holder = try Command([repository + "/scripts/boot"], environment: ["TMPDIR": NSTemporaryDirectory()])
        var said = ""
        while !said.hasSuffix("up\n") {
            let more = holder.readSome()
            guard !more.isEmpty else { throw Failure(description: "systemd does not boot: \(holder.wait().all)") }
            said += more
        }
        let first = said.prefix { $0.isNumber }
        entry = ["/usr/bin/nsenter", "--all", "--root", "--target", String(first), "--"]
        try run(
            """
            ip link set lo up
            # That of a machine where Plumb serves: a copy's copy here.
            rm -rf /var/lib/plumb
            install -D $PLUMB /usr/lib/cni/plumb
            install $PLUMBCTL /usr/sbin/plumbctl
            export DESTDIR= PREFIX=/usr CNI_BIN_DIR=/usr/lib/cni CTL_DIR=/usr/sbin UNIT_DIR=/usr/lib/systemd \
                NM_DIR=/usr/lib/NetworkManager/conf.d ZSH_DIR=/usr/share/zsh/vendor-completions
            \(repository)/packaging/install
            systemd-sysusers plumb.conf
            systemd-tmpfiles --create plumb.conf
            systemctl daemon-reload
            """)
    }

    private static func builtBinaries() throws -> String {
        guard let binaries = ProcessInfo.processInfo.environment["PLUMB_BIN"],
            FileManager.default.isExecutableFile(atPath: binaries + "/plumb"),
            FileManager.default.isExecutableFile(atPath: binaries + "/plumbctl")
        else {
            throw Failure(description: "PLUMB_BIN must name the directory of plumb and plumbctl: use `make test`")
        }
        return binaries
    }

    deinit {
        _ = holder.wait()
    }

    /// Starts a command in the node, or in one of its named namespaces.
    func start(
        _ arguments: [String], environment: [String: String] = [:], input: String = "", in namespace: String? = nil
    ) throws -> Command {
        let inner = namespace.map { ["nsenter", "--net=/run/netns/\($0)", "--"] } ?? []
        return try Command(entry + inner + arguments, environment: environment, input: input)
    }

    /// Starts a command in the node whose stdin stays open.
    func open(_ arguments: [String]) throws -> Command { try Command(entry + arguments) }

    /// Runs a script in the node; `$PLUMB` and `$PLUMBCTL` are the binaries, `$DATA` the data directory.
    func attempt(
        _ script: String, environment: [String: String] = [:], in namespace: String? = nil
    ) throws -> Output {
        let own = ["PLUMB": binaries + "/plumb", "PLUMBCTL": binaries + "/plumbctl", "DATA": dataDirectory]
        return try start(
            ["timeout", "60", "bash", "--norc", "-euo", "pipefail", "-c", script],
            environment: own.merging(environment) { _, given in given }, in: namespace
        ).wait()
    }

    /// As ``attempt(_:environment:in:)``, and it must succeed; answers with its stdout, without the last newline.
    @discardableResult
    func run(_ script: String, environment: [String: String] = [:], in namespace: String? = nil) throws -> String {
        let output = try attempt(script, environment: environment, in: namespace)
        guard output.status == 0 else { throw Failure(description: "\(script): \(output.all)") }
        return output.stdout.hasSuffix("\n") ? String(output.stdout.dropLast()) : output.stdout
    }

    /// The answer of a program that speaks JSON; nothing said is `null`.
    func json(_ script: String, in namespace: String? = nil) throws -> JSON {
        let text = try run(script, in: namespace)
        return text.isEmpty ? .null : try JSON(text)
    }

    func sql(_ statement: String) throws -> String {
        try run(#"sqlite3 -cmd '.timeout 5000' "$DATA/state.db" "$SQL""#, environment: ["SQL": statement])
    }

    func addPods(_ count: Int) throws {
        try run("for i in $(seq \(count)); do ip netns add pod$i; ip -n pod$i link set lo up; done")
    }
}
