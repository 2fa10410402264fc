internal import ArgumentParser

@main
struct Plumbctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plumbctl",
        abstract: "Shows and repairs what Plumb keeps on this node.",
        discussion: """
            What the node's pod network should be is in <data-dir>/state.db; ask it with `sqlite3 -readonly`.

              plumbctl status     what is recorded, and whether the kernel agrees
              plumbctl plan       what apply would change, and why
              plumbctl apply      make the kernel agree
              plumbctl watch      keep it so
            """,
        version: "0.1.0",
        subcommands: [StatusCommand.self, PlanCommand.self, ApplyCommand.self, WatchCommand.self])
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where state.db is.", valueName: "directory"))
    var dataDir = "/var/lib/plumb"

    @Option(name: [.short, .long], help: "table for people, json for programs.")
    var output = OutputFormat.table
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
}
