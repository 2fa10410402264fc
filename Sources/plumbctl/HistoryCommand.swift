internal import ArgumentParser
internal import Store

struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Says who had an address from when to when, or which addresses a pod had.",
        discussion: """
            Times are UTC. Kept for 30 days.

              plumbctl history 10.244.1.17 --at 2026-11-24T03:14:00Z
              plumbctl history 10.244.1.17 --since 2d
              plumbctl history default/web-0

            Exit status: 0, also where nothing is known; 1 an error.
            """)

    @Argument(help: ArgumentHelp("An address, a pod, or the beginning of a container's id.", valueName: "what"))
    var subject: String

    @Option(help: ArgumentHelp("Who had it then: \(Moment.help)", valueName: "time"))
    var at: Moment?

    @Option(help: ArgumentHelp("Leave out what ended before.", valueName: "time"))
    var since: Moment?

    @Option(help: ArgumentHelp("Leave out what began after.", valueName: "time"))
    var until: Moment?

    @OptionGroup var options: CommonOptions

    func validate() throws {
        if at != nil, since != nil || until != nil {
            throw ValidationError("--at is one moment, --since and --until are a span: give one or the other.")
        }
        if let since, let until, since.milliseconds > until.milliseconds {
            throw ValidationError("--since \(since) is after --until \(until): nothing can be in between.")
        }
    }

    func run() throws {
        let table = try reading(options) { (store) throws(StoreError) in
            try store.history(
                of: Subject(subject), since: (at ?? since)?.milliseconds, until: (at ?? until)?.milliseconds)
        }
        let when = at == nil && since == nil && until == nil ? "" : " at that time"
        try Rows(table).show(options.output, none: "Nothing is known of \(subject)\(when).")
    }
}
