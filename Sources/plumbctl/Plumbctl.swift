internal import ArgumentParser
internal import Glibc
internal import Store

@main
struct Plumbctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plumbctl",
        abstract: "Shows and repairs what Plumb keeps on this node.",
        discussion: """
            What the node's pod network should be is in <data-dir>/state.db; ask it with `sqlite3 -readonly`, too.

              plumbctl status                    networks, pools, drift, problems
              plumbctl plan                      what apply would change, and why
              plumbctl apply                     make the kernel agree
              plumbctl watch                     keep it so
              plumbctl explain default/web-0     all about a pod, an address or a container
              plumbctl history 10.244.1.17 --at 03:14
                                                 who had that address then

            Exit status: 0 all is well, 1 an error, 2 there is something to see to, 64 it was not understood.
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Look",
                subcommands: [
                    StatusCommand.self, GetCommand.self, ExplainCommand.self, HistoryCommand.self, GraphCommand.self,
                    CheckCommand.self,
                ]),
            CommandGroup(
                name: "Repair", subcommands: [PlanCommand.self, ApplyCommand.self, WatchCommand.self, GCCommand.self]),
            CommandGroup(
                name: "Database", subcommands: [NetworkCommand.self, SQLCommand.self, SnapshotCommand.self]),
        ])
}

extension Plumbctl {
    /// As ArgumentParser has it; but what a command could not say is an error, whatever it came to.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
            endIfLost()
        } catch {
            endIfLost()
            exit(withError: error)
        }
    }

    private static func endIfLost() {
        guard let loss = Terminal.loss else { return }
        Terminal.talk("plumbctl: cannot write to standard output: \(loss)")
        Glibc.exit(1)
    }
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp("Where state.db is (default: \(Store.defaultDirectory)).", valueName: "directory"),
        completion: .directory)
    var givenDirectory: String?

    @Option(name: [.short, .long], help: "table for people, json for programs.")
    var output = OutputFormat.table

    var directory: String { givenDirectory ?? Store.defaultDirectory }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json
}
