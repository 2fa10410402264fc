internal import Addressing
internal import Reconciler
internal import Store

/// A line of a plan, to be done or done: what, to what, whose it is, and why.
struct PlanLine: Encodable {
    /// `+`, `~` or `-`; `!` for what cannot be done.
    var action: String
    var object: String
    /// Whose it is: a pod, or empty for the node's own.
    var owner: String
    var reason: String
    /// What a person would type; empty for what happens in the database alone.
    var command: String
    /// The owner as the database knows it.
    var attachment: Int64?

    private enum CodingKeys: String, CodingKey { case action, object, owner, reason, command }

    /// `+ route 0.0.0.0/0 of pod default/web-0: missing`.
    ///
    /// - Parameter namesOwner: else it is said elsewhere.
    func text(namesOwner: Bool = true, _ colour: (String) -> String = \.self) -> String {
        let subject = colour("\(action) \(PlanLine.short(object))")
        return subject + (owner.isEmpty || !namesOwner ? "" : " of \(owner)") + ": \(reason)"
    }

    func say(namesOwner: Bool = true, indent: String = "") {
        Terminal.say(indent + text(namesOwner: namesOwner) { Terminal.coloured($0, by: action) })
    }

    /// An object's name without what a person takes for granted.
    static func short(_ object: String) -> String { object.replacing(" metric 0 table 254", with: "") }
}

/// Makes lines, of whatever an examination or a pass over the node speaks of.
struct PlanLines {
    private let labels: [Int64: String]

    init(_ intent: Intent) {
        labels = Dictionary(uniqueKeysWithValues: intent.attachments.map { ($0.id, $0.label) })
    }

    func line(_ change: Change) -> PlanLine {
        PlanLine(
            action: change.action.symbol, object: change.name, owner: owner(change.attachment), reason: change.reason,
            command: change.command, attachment: change.attachment)
    }

    func line(_ conflict: Plan.Conflict) -> PlanLine {
        PlanLine(
            action: "!", object: conflict.object.resource.name, owner: owner(conflict.attachment),
            reason: conflict.reason, command: "", attachment: conflict.attachment)
    }

    func line(_ release: Examination.Release) -> PlanLine {
        let addresses = release.attachment.leases.map(\.address.description).joined(separator: ", ")
        return PlanLine(
            action: "-", object: addresses.isEmpty ? "attachment" : "lease \(addresses)",
            owner: release.attachment.label, reason: release.reason, command: "", attachment: release.attachment.id)
    }

    func line(_ stray: StrayLease) -> PlanLine {
        PlanLine(
            action: "-", object: "lease \(stray.address) on \(stray.bridge)", owner: "", reason: stray.reason,
            command: "")
    }

    private func owner(_ attachment: Int64?) -> String { attachment.flatMap { labels[$0] } ?? "" }
}
