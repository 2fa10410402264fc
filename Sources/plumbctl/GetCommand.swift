internal import ArgumentParser
internal import Store

struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Lists networks, pools, pods, addresses, routes, events, runs or problems.",
        discussion: """
            Of events and runs the newest are told, oldest first. JSON has all columns in full.

              plumbctl get pods
              plumbctl get addresses --network pods
              plumbctl get events --limit 20
              plumbctl get pools -o json

            Exit status: 0, also where there is nothing to list; 1 an error.
            """)

    @Argument(help: ArgumentHelp("What to list.", valueName: "what"))
    var listing: Listing

    @Option(help: ArgumentHelp("Of that network only.", valueName: "name"))
    var network: String?

    @Option(name: [.short, .long], help: ArgumentHelp("How many events or runs; 0: all.", valueName: "count"))
    var limit = 50

    @OptionGroup var options: CommonOptions

    func validate() throws {
        if network != nil, !listing.hasNetworks {
            throw ValidationError("\(listing.rawValue) belong to no network: leave --network out.")
        }
        if limit < 0 { throw ValidationError("--limit \(limit) is less than nothing.") }
    }

    func run() throws {
        let table = try reading(options) { (store) throws(StoreError) in
            try store.list(listing, network: network, limit: limit == 0 ? nil : limit)
        }
        try listing.show(table, options.output)
    }
}

extension Listing: ExpressibleByArgument {
    func show(_ table: Table, _ output: OutputFormat) throws {
        let rows = Rows(table)
        let shown = output == .table ? rows.only(rows.columns.filter { !rare.contains($0) }) : rows
        try shown.show(output, none: "No \(rawValue).")
    }
}

/// Opens the database, and nothing of the kernel. Errors are told on stderr, with exit status 1.
func reading<T>(_ options: CommonOptions, _ body: (borrowing Store) throws(StoreError) -> T) throws -> T {
    try storing(options, access: .read, body)
}

func storing<T>(
    _ options: CommonOptions, access: Store.Access, _ body: (borrowing Store) throws(StoreError) -> T
) throws -> T {
    do throws(StoreError) {
        return try body(try Store.open(directory: options.directory, access: access))
    } catch {
        Terminal.talk("plumbctl: \(error)")
        throw ExitCode(1)
    }
}
