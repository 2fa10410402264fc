internal import Addressing
internal import ArgumentParser
internal import Reconciler
internal import Store

struct GCCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Gives back what vanished pods held, as apply does, and lists what nobody knows of.",
        discussion: """
            An orphan is a link, bridge or route that carries Plumb's mark and that this database knows nothing of: of a database \
            that was lost or restored, or of another data directory. Only you can tell. Deleting the link of a living pod cuts \
            it off.

              plumbctl gc              collect; list orphans, and keep them
              plumbctl gc --orphans    delete them too

            Exit status: 0 nothing is left, 2 orphans are, 1 something failed, and stderr names it.
            """)

    @Flag(help: "Delete the orphans, too.")
    var orphans = false

    @OptionGroup var options: CommonOptions

    func run() throws {
        let report = try engaging(options, access: .write) { store, kernel in
            try collectGarbage(store, &kernel, deletesOrphans: orphans) { done, total in
                Terminal.progress("\(done) of \(total) attachments")
            }
        }
        Terminal.progress("")
        let view = GarbageView(report, deleted: orphans)
        switch options.output {
        case .json: try Terminal.sayJSON(view)
        case .table: view.print()
        }
        for failure in report.failures { Terminal.talk("plumbctl: \(failure)") }
        if !report.failures.isEmpty { throw ExitCode(1) }
        if !orphans, !report.orphans.isEmpty { throw ExitCode(2) }
    }
}

private struct GarbageView: Encodable {
    struct Orphan: Encodable {
        var object: String
        /// As the kernel's alias says it: network, pod and interface.
        var owner: OrNull<String>
        var bridge: OrNull<String>
        var command: String
    }

    var orphans: [Orphan]
    var orphansAreDeleted: Bool
    var collected: [PlanLine]
    var skipped: [String]
    private var attachments: Int
    private var strays: Int

    private enum CodingKeys: String, CodingKey { case orphans, orphansAreDeleted, collected, skipped }

    init(_ report: GarbageReport, deleted: Bool) {
        orphans = report.orphans.map { object in
            let veth: Veth? = if case .veth(let veth) = object { veth } else { nil }
            return Orphan(
                object: object.resource.name, owner: OrNull(veth?.alias), bridge: OrNull(veth?.bridge),
                command: object.resource.command(.delete))
        }
        orphansAreDeleted = deleted
        let lines = PlanLines(Intent())
        collected = report.released.map(lines.line) + report.strays.map(lines.line)
        skipped = report.skipped.map(\.label)
        attachments = report.released.count
        strays = report.strays.count
    }

    func print() {
        if !orphans.isEmpty {
            Terminal.heading(orphansAreDeleted ? "Orphans, deleted" : "Orphans, kept (gc --orphans deletes them)")
            Terminal.table(
                ["OBJECT", "ITS ALIAS SAYS", "ON", "COMMAND"],
                orphans.map { [PlanLine.short($0.object), $0.owner.value ?? "-", $0.bridge.value ?? "-", $0.command] })
            Terminal.say("")
        }
        for line in collected { line.say() }
        for pod in skipped { Terminal.say("note: \(pod) is being worked on by another process") }
        var parts = [Terminal.count(attachments, "attachment")]
        if strays > 0 { parts.append(Terminal.count(strays, "lease") + " of nobody") }
        let count = Terminal.count(orphans.count, "orphan")
        if orphansAreDeleted { parts.append(count) } else if !orphans.isEmpty { parts.append("\(count) kept") }
        Terminal.say("Collected: \(parts.joined(separator: ", "))")
    }
}
