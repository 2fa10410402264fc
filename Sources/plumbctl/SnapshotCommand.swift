internal import ArgumentParser
internal import Store

struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Writes a consistent copy of the database to a new file.",
        discussion: """
            At any time, beside running ADDs. A file that exists is not overwritten. To restore it, drain the node or stop its \
            runtime, move state.db with its -wal and -shm away, and copy the snapshot to state.db.

              plumbctl snapshot /var/backups/plumb-$(date +%F).db
            """)

    @Argument(help: ArgumentHelp("The file to write.", valueName: "file"))
    var file: String

    @OptionGroup var options: CommonOptions

    func run() throws {
        try reading(options) { (store) throws(StoreError) in try store.snapshot(to: file) }
        if options.output == .json { try Terminal.sayJSON(["file": file]) } else { Terminal.say("Wrote \(file)") }
    }
}
