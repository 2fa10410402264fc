internal import ArgumentParser
internal import Glibc
internal import Netlink
internal import Reconciler
internal import Store
internal import Watch

struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Keeps the kernel in agreement with the database, at once and always.",
        discussion: """
            Mends within 100 ms what the kernel says has changed, on the node or in a pod, and looks at everything every \
            now and then. What somebody else undoes again and again is mended after a delay that doubles. Safe beside ADD, \
            DEL and apply: it leaves alone what they work on. Ends on SIGTERM; SIGHUP makes it look at everything.

              plumbctl watch
              plumbctl watch -o json             one object a line
              systemctl enable --now plumb-watch.service

            Exit status: 0 it was told to end, 1 an error.
            """)

    @OptionGroup var options: CommonOptions

    @Option(help: ArgumentHelp("Between looks at everything.", valueName: "seconds"))
    var interval = 60

    @OptionGroup var metrics: MetricsOption

    func validate() throws {
        guard (1...86_400).contains(interval) else { throw ValidationError("--interval: 1 to 86400 seconds") }
    }

    func run() throws {
        guard Privilege.isRoot else {
            Terminal.talk("plumbctl: watch mends what pods need, and takes root")
            throw ExitCode(1)
        }
        let log = WatchLog(options, metrics)
        do {
            var watcher = try Watcher(
                directory: options.directory, interval: Int64(interval) * 1000, observer: log)
            try watcher.run()
        } catch {
            Terminal.talk("plumbctl: \(error)")
            throw ExitCode(1)
        }
    }
}

/// What was mended is data, on stdout; the rest is talk.
final class WatchLog: WatchObserver {
    private let options: CommonOptions
    private let metrics: MetricsOption
    private let manager = ServiceManager()
    private var told: Int64 = 0
    /// Of one look; a bridge that comes back has a thousand ports.
    private static let mostLines = 2_000
    /// Of the last look at everything, so that what stays as it is is said once.
    private var known: Set<String> = []
    /// The journal takes a line's priority from its beginning.
    private let warning = getenv("JOURNAL_STREAM") == nil ? "" : "<4>"

    init(_ options: CommonOptions, _ metrics: MetricsOption) {
        self.options = options
        self.metrics = metrics
    }

    func began(pods: Int) {
        Terminal.talk("plumbctl: watching; pods heard: \(pods)")
        manager.tell("READY=1\nSTATUS=Watching")
    }

    func looked(_ report: ApplyReport, isFull: Bool, elapsed: Int64, state: WatchState) {
        let view = ApplyView(report)
        for line in view.changes.prefix(WatchLog.mostLines) {
            switch options.output {
            case .json: Terminal.sayJSONLine(line)
            case .table: Terminal.say("\(line.text()) (\(elapsed) ms)")
            }
        }
        if view.changes.count > WatchLog.mostLines {
            say(
                "and \(view.changes.count - WatchLog.mostLines) changes more: see `plumbctl get events`",
                isWarning: false)
        }
        let standing = Set(report.failures + (isFull ? view.notices : []))
        for text in standing.subtracting(known).sorted() { say(text, isWarning: true) }
        if isFull { known = standing } else { known.formUnion(standing) }
        metrics.write(
            report, seconds: Double(elapsed) / 1000, directory: options.directory, watch: state, isFull: isFull)
        let held = state.held == 0 ? "" : ", \(state.held) left alone for a while"
        manager.tell("STATUS=Watching \(Terminal.count(state.pods, "pod"))\(held)")
    }

    func failed() { metrics.write(nil, seconds: 0, directory: options.directory) }

    func say(_ text: String, isWarning: Bool) { Terminal.talk("\(isWarning ? warning : "")plumbctl: \(text)") }

    func lives() {
        guard let watchdog = manager.watchdog else { return }
        let now = Clock.monotonicMilliseconds()
        guard now - told >= watchdog else { return }
        told = now
        manager.tell("WATCHDOG=1")
    }

    func ends() { manager.tell("STOPPING=1") }
}
