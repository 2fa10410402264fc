internal import Addressing
internal import ArgumentParser
internal import Reconciler
internal import Store

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Makes the kernel agree with the database, and collects what vanished pods left.",
        discussion: """
            Safe at any time, beside running ADDs and DELs and beside itself. One failure stays one: the rest is mended \
            all the same.

              plumbctl apply
              plumbctl apply --metrics /run/plumb/plumb.prom

            Exit status: 0 the kernel agrees, 1 something failed, and stderr names it.
            """)

    @OptionGroup var options: CommonOptions
    @OptionGroup var metrics: MetricsOption

    func run() throws {
        let started = Clock.monotonicMilliseconds()
        func write(_ report: ApplyReport?) {
            metrics.write(
                report, seconds: Double(Clock.monotonicMilliseconds() - started) / 1000, directory: options.directory)
        }
        let report: ApplyReport
        do {
            report = try engaging(options, access: .write) { store, kernel in
                defer { store.emptyLog() }
                return try apply(store, &kernel) { done, total in Terminal.progress("\(done) of \(total) attachments") }
            }
        } catch {
            // The file of an earlier run would go on saying that all is well.
            write(nil)
            throw error
        }
        Terminal.progress("")
        write(report)
        let view = ApplyView(report)
        switch options.output {
        case .json: try Terminal.sayJSON(view)
        case .table: view.print()
        }
        for failure in report.failures { Terminal.talk("plumbctl: \(failure)") }
        if !report.failures.isEmpty { throw ExitCode(1) }
    }
}

/// What apply did, as it is printed.
struct ApplyView: Encodable {
    var changes: [PlanLine]
    var failures: [String]
    var notices: [String]
    /// Pods that another process was working on.
    var skipped: [String]
    var added: Int
    var changed: Int
    var deleted: Int

    init(_ report: ApplyReport) {
        let lines = PlanLines(report.examination.intent)
        changes =
            report.done.map(lines.line) + report.released.map(lines.line) + report.strays.map(lines.line)
        failures = report.failures
        notices = report.examination.plan.notices.map(\.text)
        skipped = report.skipped.map(\.label)
        added = changes.count { $0.action == "+" }
        changed = changes.count { $0.action == "~" }
        deleted = changes.count { $0.action == "-" }
    }

    func print() {
        for line in changes { line.say() }
        for notice in notices { Terminal.say("note: \(notice)") }
        for pod in skipped { Terminal.say("note: \(pod) is being worked on by another process") }
        let failed = failures.isEmpty ? "" : ", \(failures.count) failed"
        Terminal.say("Applied: \(added) added, \(changed) changed, \(deleted) deleted\(failed)")
    }
}
