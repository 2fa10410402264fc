import Foundation
import Testing

/// The configuration of most tests: dual stack, the short form.
let dualStack = #""subnets": ["10.244.0.0/24", "fd00:10:244::/64"]"#

/// One call of the plugin, as a runtime makes it.
struct Call {
    var verb = "ADD"
    var pod = "pod1"
    var version = "1.1.0"
    var network = "pods"
    /// Members of the configuration beside cniVersion, name, type and dataDir.
    var members = dualStack
    /// The whole of stdin, instead.
    var input: String?
    /// Variables that differ; empty ones are passed as empty.
    var variables: [String: String] = [:]

    var environment: [String: String] {
        [
            "CNI_COMMAND": verb, "CNI_CONTAINERID": "c-\(pod)", "CNI_NETNS": "/run/netns/\(pod)",
            "CNI_IFNAME": "eth0", "CNI_PATH": "/opt/cni/bin",
            "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=\(pod)",
        ].merging(variables) { _, given in given }
    }

    func configuration(_ dataDirectory: String) -> String {
        input ?? """
            {"cniVersion": "\(version)", "name": "\(network)", "type": "plumb", "dataDir": "\(dataDirectory)"
            \(members.isEmpty ? "" : ", \(members)")}
            """
    }
}

extension TestNode {
    func start(_ call: Call) throws -> Command {
        try start(
            [binaries + "/plumb"], environment: call.environment, input: call.configuration(dataDirectory), in: host)
    }

    func call(_ call: Call) throws -> Output { try start(call).wait() }

    /// ADD that must succeed.
    @discardableResult
    func add(_ pod: String, _ members: String = dualStack) throws -> JSON {
        let output = try call(Call(pod: pod, members: members))
        guard output.status == 0 else { throw Failure(description: "ADD of \(pod): \(output.all)") }
        return try JSON(output.stdout)
    }

    /// DEL that must succeed, and say nothing.
    func delete(
        _ pod: String, _ members: String = dualStack, at location: SourceLocation = #_sourceLocation
    ) throws {
        let output = try call(Call(verb: "DEL", pod: pod, members: members))
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)", sourceLocation: location)
    }

    /// - Parameter arguments: a command and what it takes beside the data directory.
    func plumbctl(_ arguments: String..., input: String = "") throws -> Output {
        try start([binaries + "/plumbctl"] + arguments + ["--data-dir", dataDirectory], input: input, in: host).wait()
    }

    /// What plumbctl answers with `--output json`, whatever its exit status says of it.
    func plumbctlJSON(_ arguments: String...) throws -> JSON {
        let all = [binaries + "/plumbctl"] + arguments + ["--data-dir", dataDirectory, "--output", "json"]
        let output = try start(all, in: host).wait()
        guard !output.stdout.isEmpty else { throw Failure(description: "\(arguments): \(output.all)") }
        return try JSON(output.stdout)
    }

    /// One apply mends everything, and the next finds nothing to do.
    func expectConvergence(at location: SourceLocation = #_sourceLocation) throws {
        let first = try plumbctl("apply")
        #expect(first.status == 0, "\(first.all)", sourceLocation: location)
        try expectRest(at: location)
    }

    /// Neither plan nor apply finds anything to do.
    func expectRest(at location: SourceLocation = #_sourceLocation) throws {
        let plan = try plumbctl("plan")
        #expect(plan.status == 0, "\(plan.all)", sourceLocation: location)
        let apply = try plumbctl("apply")
        #expect(apply.status == 0, "\(apply.all)", sourceLocation: location)
        #expect(apply.stdout.contains("Applied: 0 added, 0 changed, 0 deleted\n"), sourceLocation: location)
    }

    /// Our links in the node's own namespace: bridges and host ends.
    func ourLinks() throws -> [String] { try marked().compactMap { $0["ifname"].text }.sorted() }

    private func marked() throws -> [JSON] {
        // `ip` says {} for each link that its filter leaves out.
        try json("ip -d -j link show group 7586").elements.filter { !$0.keys.isEmpty }
    }

    /// No lease, no attachment, no link of ours but bridges.
    func expectNothingLeft(at location: SourceLocation = #_sourceLocation) throws {
        let left = try marked().filter { $0["linkinfo"]["info_kind"] != "bridge" }
        #expect(left.isEmpty, sourceLocation: location)
        guard try attempt(#"test -e "$DATA/state.db""#).status == 0 else { return }
        #expect(
            try sql("SELECT (SELECT count(*) FROM v_leases), (SELECT count(*) FROM attachments)") == "0|0",
            sourceLocation: location)
        #expect(try sql("PRAGMA integrity_check") == "ok", sourceLocation: location)
    }

    func expectPing(
        from pod: String, to addresses: String..., at location: SourceLocation = #_sourceLocation
    ) throws {
        for address in addresses {
            let output = try attempt("ping -c 1 -W 2 \(address)", in: pod)
            #expect(output.status == 0, "\(pod) to \(address): \(output.all)", sourceLocation: location)
        }
    }

    /// Waits for what the kernel cleans up by itself, as the links of a namespace that ended.
    func waitUntilGone(_ link: String) throws {
        try run("for i in $(seq 200); do ip link show \(link) >/dev/null 2>&1 || exit 0; sleep 0.02; done; exit 1")
    }
}
