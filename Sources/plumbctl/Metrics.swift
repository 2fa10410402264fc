internal import ArgumentParser
internal import CKernel
internal import Glibc
internal import Reconciler
internal import Store
internal import Watch

struct MetricsOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where to write metrics for Prometheus' node_exporter (textfile collector), after each run.",
            valueName: "file"), completion: .file())
    var metrics: String?

    /// What cannot be written is told, and fails nothing.
    ///
    /// - Parameters:
    ///   - report: `nil` of a run that ended before it could say what it did.
    ///   - seconds: how long the run took.
    ///   - isFull: else it looked at a part of the node, and what it says of the last run stays.
    func write(
        _ report: ApplyReport?, seconds: Double, directory: String, watch: WatchState? = nil, isFull: Bool = true
    ) {
        guard let metrics else { return }
        var text = MetricsText(after: TextFile.read(metrics) ?? "")
        text.addRun(report, seconds: seconds, isFull: isFull)
        do {
            let store = try Store.open(directory: directory, access: .read)
            text.addState(try store.attachmentCounts(), try store.poolUsage())
        } catch {
            // Without a report somebody has said so before.
            if report != nil { Terminal.talk("plumbctl: metrics: \(error)") }
        }
        if let watch { text.addWatch(watch) }
        text.add(
            .gauge, "plumb_build_info", "Which Plumb wrote this.",
            [(MetricsText.label("version", Plumbctl.configuration.version), 1)])
        if let problem = TextFile.replace(metrics, with: text.text, isForAll: true) {
            Terminal.talk("plumbctl: cannot write \(metrics): \(problem)")
        }
    }
}

extension MetricsText {
    fileprivate mutating func addRun(_ report: ApplyReport?, seconds: Double, isFull: Bool) {
        let failed = report?.failures.count ?? 1
        let now = (Double(Clock.nowMilliseconds()) / 1000).rounded()
        func last(_ name: String, _ help: String, _ value: Double?) {
            let value = isFull ? value ?? before(name) : before(name)
            add(.gauge, name, help, value.map { [("", $0)] } ?? [])
        }
        add(
            .counter, "plumb_runs_total",
            "Runs over the whole node that made the kernel agree with the database, by result.",
            [
                ("result=\"failure\"", isFull && failed > 0 ? 1 : 0),
                ("result=\"success\"", isFull && failed == 0 ? 1 : 0),
            ])
        add(.counter, "plumb_run_seconds_total", "Time that they took.", [("", isFull ? seconds : 0)])
        last("plumb_last_run_seconds", "Time that the last one took.", seconds)
        last("plumb_last_run_timestamp_seconds", "When the last one ended, since 1970.", now)
        last(
            "plumb_last_success_timestamp_seconds", "When one last ended without a failure, since 1970.",
            failed == 0 ? now : before("plumb_last_success_timestamp_seconds") ?? 0)
        last("plumb_last_run_failures", "What failed in the last one.", Double(failed))
        add(.counter, "plumb_failures_total", "What ever failed.", [("", Double(failed))])
        var changes: [String: Double] = [:]
        for change in report?.done ?? [] {
            changes["action=\"\(change.action.rawValue)\",kind=\"\(change.object.kindName)\"", default: 0] += 1
        }
        add(
            .counter, "plumb_changes_total", "Changes made to the kernel, by action and kind of object.",
            changes.map { ($0.key, $0.value) })
        let released =
            report.map { $0.released.reduce(0) { $0 + $1.attachment.leases.count } + $0.strays.count } ?? 0
        add(
            .counter, "plumb_released_addresses_total", "Addresses given back for pods that vanished without DEL.",
            [("", Double(released))])
    }

    fileprivate mutating func addState(_ counts: [AttachmentState: Int], _ pools: [PoolUsage]) {
        let states: [AttachmentState] = [.adding, .ready, .deleting]
        add(
            .gauge, "plumb_attachments", "Interfaces of pods in the database, by state.",
            states.map { (MetricsText.label("state", $0.rawValue), Double(counts[$0] ?? 0)) })
        func label(_ pool: PoolUsage) -> String {
            MetricsText.label("network", pool.network) + "," + MetricsText.label("subnet", pool.subnet)
        }
        add(
            .gauge, "plumb_pool_addresses", "Addresses for pods, by network and subnet.",
            pools.map { (label($0), Double($0.size)) })
        add(
            .gauge, "plumb_pool_free_addresses", "Addresses that an ADD could have, by network and subnet.",
            pools.map { (label($0), Double($0.free)) })
    }

    fileprivate mutating func addWatch(_ state: WatchState) {
        add(.gauge, "plumb_watch_pods", "Namespaces of pods that the watch hears.", [("", Double(state.pods))])
        add(
            .gauge, "plumb_watch_held", "Things left alone for a while because somebody else undoes them.",
            [("", Double(state.held))])
        add(
            .gauge, "plumb_watch_overruns", "How often events were lost since the watch began.",
            [("", Double(state.overruns))])
    }
}
