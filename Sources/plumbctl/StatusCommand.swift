internal import ArgumentParser
internal import Reconciler
internal import Store

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows networks, pools, attachments, drift, problems and the last run.",
        discussion: """
            Exit status: 0 the kernel agrees with the database, 2 something is to do, for apply or for you (rows that say \
            nothing sensible, pods that cannot be looked at), 1 it could not be told.

              plumbctl status
              plumbctl status -o json | jq '.pools[] | select(.percent >= 90)'
            """)

    @OptionGroup var options: CommonOptions

    func run() throws {
        let (status, isWell) = try examining(options, access: .read) { store, kernel, examination in
            (try Status(examination, ForwardingFacts.read(kernel), store), examination.isWell)
        }
        switch options.output {
        case .json: try Terminal.sayJSON(status)
        case .table: status.print()
        }
        if !isWell { throw ExitCode(2) }
    }
}

/// The node in short.
struct Status: Encodable {
    struct NetworkLine: Encodable {
        var network: String
        var bridge: String
        var pods: Int
        /// Whether the bridge is there and up: up, down or missing.
        var link: String
    }

    struct LastRun: Encodable {
        var started: String
        var durationMs: Int64
        var planned: Int
        var done: Int
        var failed: Int
        var error: OrNull<String>
    }

    var networks: [NetworkLine]
    var pools: [PoolLine]
    /// By state; of each there is a number.
    var attachments: [String: Int]
    var drift: Int
    /// Pools from 90 %, a log that grows, what the kernel lacks.
    var warnings: [String]
    var problems: [[String: JSONCell]]
    var notices: [String]
    /// What of others keeps pods' packets from passing, with the command that opens it.
    var forwarding: [Obstacle]
    var lastRun: OrNull<LastRun>

    struct Obstacle: Encodable {
        var reason: String
        var command: String
    }

    init(_ examination: Examination, _ facts: ForwardingFacts, _ store: borrowing Store) throws {
        let intent = examination.intent
        networks = intent.networks.map { network in
            let bridge = network.spec.bridge
            var link = "missing"
            if case .bridge(let found)? = examination.observed[.host, Bridge.name(bridge)] {
                link = found.isUp ? "up" : "down"
            }
            return NetworkLine(
                network: network.spec.name, bridge: bridge,
                pods: intent.attachments.count { $0.networkID == network.id }, link: link)
        }
        let pools = try store.pools()
        self.pools = pools.map(PoolLine.init)
        attachments = ["adding": 0, "ready": 0, "deleting": 0]
        for attachment in intent.attachments { attachments[attachment.state.rawValue, default: 0] += 1 }
        drift =
            examination.plan.changes.count + examination.plan.conflicts.count + examination.releases.count
            + examination.deleting.count + examination.strays.count
        warnings = [DatabaseCheck.wantOfRoom(store.directory)].compactMap(\.self)
        warnings += pools.filter { $0.state != .ok }.map { pool in
            "pool \(pool.subnet) of network \(pool.network) is \(pool.state.rawValue): \(pool.used) of \(pool.size) addresses "
                + "are in use; give the network another range, or find leaks with `plumbctl gc`"
        }
        if store.logBytes > Health.logLimit {
            warnings.append(
                "the log state.db-wal has grown to \(store.logBytes >> 20) MiB, because somebody reads for long: "
                    + "`plumbctl check` names who has it open")
        }
        warnings += KernelNeeds.missing(needsIPv6: pools.contains { $0.subnet.contains(":") })
        problemRows = Rows(try store.list(.problems))
        problems = problemRows.objects
        notices =
            examination.plan.notices.map(\.text)
            + facts.unread.map { "whether pods' packets pass cannot be told in full: \($0)" }
        forwarding = forwardingObstacles(intent, facts).map { Obstacle(reason: $0.reason, command: $0.command) }
        lastRun = OrNull(
            try store.lastRun().map {
                LastRun(
                    started: Moment(milliseconds: $0.startedMilliseconds).description,
                    durationMs: $0.durationMilliseconds, planned: $0.planned, done: $0.done, failed: $0.failed,
                    error: OrNull($0.error))
            })
    }

    private var problemRows: Rows

    private enum CodingKeys: String, CodingKey {
        case networks, pools, attachments, drift, warnings, problems, notices, forwarding, lastRun
    }

    /// More notices than that are counted; JSON has them all.
    private static let fewNotices = 10

    func print() {
        if networks.isEmpty { Terminal.say("No networks.") }
        if !networks.isEmpty {
            Terminal.table(
                ["NETWORK", "BRIDGE", "LINK", "PODS"],
                networks.map { [$0.network, $0.bridge, $0.link, String($0.pods)] })
        }
        if !pools.isEmpty {
            Terminal.say("")
            Terminal.table(
                ["POOL", "NETWORK", "GATEWAY", "USED", "SIZE", "FULL", "STATE"],
                pools.map {
                    [
                        $0.subnet, $0.network, $0.gateway, String($0.used), $0.size.text,
                        $0.percent.value.map { "\($0) %" } ?? "-", $0.state,
                    ]
                })
        }
        let counts = attachments.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            .joined(separator: ", ")
        Terminal.say("")
        Terminal.say("Attachments: \(counts.isEmpty ? "none" : counts)")
        let seen = drift == 0 ? "none" : "\(drift) to mend, see `plumbctl plan`"
        Terminal.say("Drift: " + Terminal.coloured(seen, drift == 0 ? .green : .red))
        if let lastRun = lastRun.value {
            // What failed stands below, one by one.
            let error = problemRows.rows.isEmpty ? lastRun.error.value.map { ": \($0)" } ?? "" : ""
            let outcome = lastRun.failed == 0 ? "no failure" : "\(lastRun.failed) failed\(error)"
            Terminal.say(
                "Last apply: \(lastRun.started), took \(lastRun.durationMs) ms, "
                    + Terminal.coloured(outcome, lastRun.failed == 0 ? nil : .red))
        } else {
            Terminal.say("Last apply: never")
        }
        for obstacle in forwarding { Terminal.say("forwarding: \(obstacle.reason)\n    \(obstacle.command)") }
        for warning in warnings { Terminal.say(Terminal.coloured("warning: ", .yellow) + warning) }
        if !problemRows.rows.isEmpty {
            Terminal.say("")
            Terminal.heading("Problems")
            Terminal.table(problemRows.header, problemRows.cells)
        }
        for notice in notices.prefix(Status.fewNotices) { Terminal.say("note: \(notice)") }
        if notices.count > Status.fewNotices {
            Terminal.say("note: and \(notices.count - Status.fewNotices) more; `--output json` has them all")
        }
    }
}
