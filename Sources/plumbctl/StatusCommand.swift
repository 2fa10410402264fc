internal import Addressing
internal import ArgumentParser
internal import Reconciler
internal import Store

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows networks, pools, attachments and drift.",
        discussion: "Exit status: 0 the kernel agrees with the database, 2 it does not, 1 it could not be told.")

    @OptionGroup var options: CommonOptions

    func run() throws {
        let (status, isClean) = try examining(options, access: .read) { store, kernel, examination in
            (try Status(examination, ForwardingFacts.read(kernel), store), examination.isClean)
        }
        switch options.output {
        case .json: try Terminal.sayJSON(status)
        case .table: status.print()
        }
        if !isClean { throw ExitCode(2) }
    }
}

/// The node in short.
struct Status: Encodable {
    struct Pool: Encodable {
        var network: String
        var bridge: String
        var subnet: String
        var gateway: String
        /// Addresses held by pods on this bridge, and how many the range has for pods.
        var used: Int
        var size: String
        /// ok, nearly full (from 90 %), or full.
        var state: String
    }

    struct LastRun: Encodable {
        var startedMilliseconds: Int64
        var durationMilliseconds: Int64
        var failed: Int
        var error: String?
    }

    var pools: [Pool]
    var attachments: [String: Int]
    var drift: Int
    var notices: [String]
    /// What of others keeps pods' packets from passing, with the command that opens it.
    var forwarding: [Obstacle]
    var lastRun: LastRun?

    struct Obstacle: Encodable {
        var reason: String
        var command: String
    }

    init(_ examination: Examination, _ facts: ForwardingFacts, _ store: borrowing Store) throws {
        let intent = examination.intent
        let held = try store.held()
        pools = intent.networks.flatMap { network in
            network.spec.rangeSets.joined().map { range in
                let used =
                    intent.attachments.filter { $0.bridge == network.spec.bridge }.flatMap(\.leases)
                    .count { range.contains($0.address.address) }
                    + held.count { $0.bridge == network.spec.bridge && range.contains($0.address) }
                let state =
                    UInt128(used) >= range.size
                    ? "full" : UInt128(used) * 10 >= range.size * 9 ? "nearly full" : "ok"
                return Pool(
                    network: network.spec.name, bridge: network.spec.bridge, subnet: range.subnet.description,
                    gateway: range.gateway.description, used: used, size: String(range.size), state: state)
            }
        }
        attachments = Dictionary(grouping: intent.attachments, by: \.state.rawValue).mapValues(\.count)
        drift =
            examination.plan.changes.count + examination.plan.conflicts.count + examination.releases.count
            + examination.deleting.count
        notices =
            examination.plan.notices + facts.unread.map { "whether pods' packets pass cannot be told in full: \($0)" }
        forwarding = forwardingObstacles(intent, facts).map { Obstacle(reason: $0.reason, command: $0.command) }
        lastRun = try store.lastRun().map {
            LastRun(
                startedMilliseconds: $0.startedMilliseconds, durationMilliseconds: $0.durationMilliseconds,
                failed: $0.failed, error: $0.error)
        }
    }

    func print() {
        Terminal.table(
            ["NETWORK", "BRIDGE", "SUBNET", "GATEWAY", "USED", "SIZE", "STATE"],
            pools.map { [$0.network, $0.bridge, $0.subnet, $0.gateway, String($0.used), $0.size, $0.state] })
        let counts = attachments.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        Terminal.say("")
        Terminal.say("Attachments: \(counts.isEmpty ? "none" : counts)")
        Terminal.say("Drift: \(drift == 0 ? "none" : "\(drift), see plumbctl plan")")
        if let lastRun {
            let outcome = lastRun.failed == 0 ? "no failure" : "\(lastRun.failed) failed: \(lastRun.error ?? "")"
            Terminal.say("Last apply: took \(lastRun.durationMilliseconds) ms, \(outcome)")
        } else {
            Terminal.say("Last apply: never")
        }
        for obstacle in forwarding { Terminal.say("forwarding: \(obstacle.reason)\n    \(obstacle.command)") }
        for notice in notices { Terminal.say("note: \(notice)") }
    }
}
