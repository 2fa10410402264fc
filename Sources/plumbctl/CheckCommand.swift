internal import ArgumentParser
internal import Reconciler
internal import Store

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks for what is wrong or will be: the database, leaks, other software on the node.",
        discussion: """
            Every finding says what to do about it. Nothing is changed.

              plumbctl check
              plumbctl check -o json | jq -r '.[] | select(.level != "ok") | .finding'

            Exit status: 0 all is well, 2 there is something to see to, 1 an error: pods cannot be served, something that is \
            not Plumb's is in the way, or the check could not be made.
            """)

    @OptionGroup var options: CommonOptions

    func run() throws {
        var findings = DatabaseCheck.findings(options.directory)
        findings += LeakCheck.findings(options.directory)
        findings += ForeignSoftware.findings(LeakCheck.intent(options.directory))
        findings.sort { $0.level > $1.level }
        switch options.output {
        case .json: try Terminal.sayJSON(findings)
        case .table: findings.forEach { $0.print() }
        }
        switch findings.map(\.level).max() ?? .ok {
        case .ok: break
        case .warning: throw ExitCode(2)
        case .error: throw ExitCode(1)
        }
    }
}

/// One thing that was looked at.
struct Finding: Encodable {
    enum Level: String, Encodable, Comparable {
        case ok, warning, error

        static func < (lhs: Self, rhs: Self) -> Bool { lhs.rank < rhs.rank }
        private var rank: Int { [.ok, .warning, .error].firstIndex(of: self) ?? 0 }
    }

    var level: Level
    /// What was looked at.
    var topic: String
    var finding: String
    /// What to do about it; empty where nothing is.
    var remedy: String

    init(_ level: Level, _ topic: String, _ finding: String, remedy: String = "") {
        self.level = level
        self.topic = topic
        self.finding = finding
        self.remedy = remedy
    }

    func print() {
        let colour: Terminal.Colour = [.ok: .green, .warning: .yellow, .error: .red][level] ?? .red
        Terminal.say(Terminal.coloured(level.rawValue.padded(to: 8), colour) + "\(topic): \(finding)")
        if !remedy.isEmpty { Terminal.say("        → \(remedy)") }
    }
}
