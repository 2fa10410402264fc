internal import ArgumentParser
internal import Store

struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Writes a consistent copy of the database to a new file.",
        discussion: """
            At any time, beside running ADDs. A file that exists is not overwritten, and a database that is damaged is not \
            copied. To go back to a copy, let no pod begin or end meanwhile:

              plumbctl snapshot /var/backups/plumb-$(date +%F).db

              cd /var/lib/plumb && mkdir aside && mv state.db* aside/
              install -m 0640 -g plumb /var/backups/plumb-2026-11-24.db state.db
              plumbctl plan

            Exit status: 0 done, 1 an error, and there is no file.
            """)

    @Argument(help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
    var file: String

    @OptionGroup var options: CommonOptions

    func run() throws {
        try reading(options) { (store) throws(StoreError) in try store.snapshot(to: file) }
        if options.output == .json { try Terminal.sayJSON(["file": file]) } else { Terminal.say("Wrote \(file)") }
    }
}
