internal import Addressing
internal import ArgumentParser
internal import Reconciler
internal import Store

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what apply would change, and why; changes nothing.",
        discussion: "Exit status: 0 nothing to do, 2 something to do, 1 the node could not be examined.")

    @OptionGroup var options: CommonOptions

    func run() throws {
        let examination = try examining(options, access: .read) { _, _, examination in examination }
        let view = PlanView(examination)
        switch options.output {
        case .json: try Terminal.sayJSON(view)
        case .table: view.print()
        }
        if !examination.isClean { throw ExitCode(2) }
    }
}

/// A plan as it is printed.
struct PlanView: Encodable {
    struct Line: Encodable {
        /// `+`, `~` or `-`; `!` for what cannot be done.
        var action: String
        var object: String
        /// Whose it is: a pod, or empty for the node's own.
        var owner: String
        var reason: String
        /// What a person would type; empty for what happens in the database alone.
        var command: String
    }

    var changes: [Line]
    var conflicts: [Line]
    var notices: [String]
    var toAdd: Int
    var toChange: Int
    var toDelete: Int

    init(_ examination: Examination) {
        let labels = Dictionary(uniqueKeysWithValues: examination.intent.attachments.map { ($0.id, $0.label) })
        func owner(_ attachment: Int64?) -> String { attachment.flatMap { labels[$0] } ?? "" }
        changes = examination.plan.changes.map {
            Line(
                action: $0.action.symbol, object: $0.name, owner: owner($0.attachment), reason: $0.reason,
                command: $0.command)
        }
        conflicts = examination.plan.conflicts.map {
            Line(
                action: "!", object: $0.object.resource.name, owner: owner($0.namespace.attachment), reason: $0.reason,
                command: "")
        }
        let dead =
            examination.releases.map { ($0.attachment, $0.reason) }
            + examination.deleting.map { ($0, $0.doom) }
        for (attachment, reason) in dead {
            let addresses = attachment.leases.map(\.address.description).joined(separator: ", ")
            changes.append(
                Line(
                    action: "-", object: "lease \(addresses)", owner: attachment.label, reason: reason, command: ""))
        }
        changes += examination.strays.map { Line($0) }
        notices = examination.plan.notices
        toAdd = changes.count { $0.action == "+" }
        toChange = changes.count { $0.action == "~" }
        toDelete = changes.count { $0.action == "-" }
    }

    func print() {
        for line in changes + conflicts {
            let owner = line.owner.isEmpty ? "" : " of \(line.owner)"
            Terminal.say(
                Terminal.coloured("\(line.action) \(line.object)", by: line.action) + "\(owner): \(line.reason)")
            if !line.command.isEmpty { Terminal.say("    \(line.command)") }
        }
        for notice in notices { Terminal.say("note: \(notice)") }
        if changes.isEmpty, conflicts.isEmpty {
            Terminal.say("The kernel agrees with the database: nothing to do.")
        } else {
            let blocked = conflicts.isEmpty ? "" : ", \(conflicts.count) in conflict"
            Terminal.say("Plan: \(toAdd) to add, \(toChange) to change, \(toDelete) to delete\(blocked)")
        }
    }
}

extension PlanView.Line {
    init(_ stray: StrayLease) {
        self.init(
            action: "-", object: "lease \(stray.address) on \(stray.bridge)", owner: "", reason: stray.reason,
            command: "")
    }
}

/// Opens the database and the kernel and looks at the whole node.
func examining<T>(
    _ options: CommonOptions, access: Store.Access,
    _ body: (borrowing Store, inout LiveKernel, Examination) throws -> T
) throws -> T {
    try engaging(options, access: access) { store, kernel in
        let examination = try examine(store, &kernel)
        return try body(store, &kernel, examination)
    }
}

/// Opens the database and the kernel. Errors are told on stderr, with exit status 1.
func engaging<T>(
    _ options: CommonOptions, access: Store.Access, _ body: (borrowing Store, inout LiveKernel) throws -> T
) throws -> T {
    try opening(options.directory, access: access, body)
}

/// As ``engaging(_:access:_:)``, of the database in a given directory.
func opening<T>(
    _ directory: String, access: Store.Access, _ body: (borrowing Store, inout LiveKernel) throws -> T
) throws -> T {
    do {
        let store = try Store.open(directory: directory, access: access)
        var kernel = try LiveKernel(bootID: Boot.currentID())
        return try body(store, &kernel)
    } catch let error as StoreError {
        Terminal.talk("plumbctl: \(error)")
        throw ExitCode(1)
    } catch let error as ReconcilerError {
        Terminal.talk("plumbctl: \(error)")
        throw ExitCode(1)
    }
}
