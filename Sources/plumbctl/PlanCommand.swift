internal import Addressing
internal import ArgumentParser
internal import Glibc
internal import Reconciler
internal import Store

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what apply would change, and why; changes nothing.",
        discussion: """
            `+` is missing and would be added, `~` changed, `-` deleted; `!` is somebody else's and in the way. Below each stands \
            the command that it amounts to.

              plumbctl plan
              plumbctl plan -o json | jq -r '.changes[].command'

            Exit status: 0 nothing to do, 2 something to do, for apply or for you (rows that say nothing sensible, pods that \
            cannot be looked at), 1 the node could not be examined.
            """)

    @OptionGroup var options: CommonOptions

    func run() throws {
        let examination = try examining(options, access: .read) { _, _, examination in examination }
        let view = PlanView(examination)
        switch options.output {
        case .json: try Terminal.sayJSON(view)
        case .table: view.print()
        }
        if !examination.isWell { throw ExitCode(2) }
    }
}

/// A plan as it is printed.
struct PlanView: Encodable {
    var changes: [PlanLine]
    var conflicts: [PlanLine]
    var notices: [String]
    /// Rows that say nothing sensible. Notices tell them too.
    var problems: [String]
    /// Pods that could not be looked at. Notices tell them too.
    var unseen: [String]
    var toAdd: Int
    var toChange: Int
    var toDelete: Int

    init(_ examination: Examination) {
        let lines = PlanLines(examination.intent)
        changes =
            examination.plan.changes.map(lines.line) + examination.dead.map(lines.line)
            + examination.strays.map(lines.line)
        conflicts = examination.plan.conflicts.map(lines.line)
        notices = examination.plan.notices.map(\.text)
        problems = examination.intent.problems
        unseen = examination.unseen
        toAdd = changes.count { $0.action == "+" }
        toChange = changes.count { $0.action == "~" }
        toDelete = changes.count { $0.action == "-" }
    }

    func print() {
        for line in changes + conflicts {
            line.say()
            if !line.command.isEmpty { Terminal.say("    " + line.command.replacing("\n", with: "\n    ")) }
        }
        for notice in notices { Terminal.say("note: \(notice)") }
        if changes.isEmpty, conflicts.isEmpty {
            let extent =
                if !problems.isEmpty {
                    "all of the database that can be read."
                } else if !unseen.isEmpty {
                    "the database wherever it could be looked at."
                } else {
                    "the database: nothing to do."
                }
            Terminal.say("The kernel agrees with \(extent)")
        } else {
            let blocked = conflicts.isEmpty ? "" : ", \(conflicts.count) in conflict"
            Terminal.say("Plan: \(toAdd) to add, \(toChange) to change, \(toDelete) to delete\(blocked)")
        }
    }
}

extension Examination {
    /// Nothing is to be done, by apply or by an admin.
    var isWell: Bool { isClean && intent.problems.isEmpty && unseen.isEmpty }

    /// Attachments whose addresses go back.
    var dead: [Release] { releases + deleting.map { Release(attachment: $0, reason: $0.doom) } }
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
        Terminal.talk("plumbctl: \(error)" + (error.code == .kernel ? Privilege.advice : ""))
        throw ExitCode(1)
    }
}

enum Privilege {
    static var isRoot: Bool { geteuid() == 0 }

    /// To what the kernel refused to somebody who is not root.
    static var advice: String {
        isRoot
            ? ""
            : ": looking into the kernel takes root; whoever may read the database has `plumbctl get`, `history`, `sql` "
                + "and `snapshot`"
    }
}
