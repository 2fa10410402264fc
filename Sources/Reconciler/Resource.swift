package import Netlink
package import Store

package enum Action: String, Hashable, Sendable {
    case add, change, delete

    /// As plans print it.
    package var symbol: String {
        switch self {
        case .add: "+"
        case .change: "~"
        case .delete: "-"
        }
    }
}

/// One kind of kernel object: what intent makes of it, how it is read, which of its fields are ours, how it is changed.
package protocol Resource: Hashable, Sendable {
    /// What metrics call the kind: `firewall_table`.
    static var kindName: String { get }
    /// Unique in its namespace; what plans print and events remember.
    var name: String { get }
    var wrapped: Object { get }

    /// The attachment for which the host has the object; `nil` where it is for several, or for none.
    var owner: Int64? { get }

    /// What the intent asks for. Pure.
    static func render(_ intent: Intent, into desired: inout KernelState)

    /// What the host has for each of these pods alone, and goes with it. Pure, and a part of what ``render(_:into:)`` says.
    static func onHost(of attachments: [Attachment]) -> [Object]

    /// Whether an object that was found under this one's name is for the same pod. A database that lost its log, or was
    /// replaced by an older copy, may have given a name or an address a second time.
    func isFor(theSameAs observed: Self) -> Bool

    /// Whether it is a part of `other`: where that is somebody else's, nothing is done to this one either.
    func isIn(_ other: Object) -> Bool

    /// Of what was found on the host and nobody asks for: the names of those of this kind that go by what they say of
    /// themselves, though the database does not remember to have given them up. Pure.
    static func surplus(in leftovers: Leftovers) -> [String]

    /// Reads what is desired in this namespace and, when the reader looks at the whole node, all that carries our mark.
    static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError)

    /// What was found under another name and keeps this one from being made, and must be changed into it. Asked only where
    /// nothing has its own name. Pure.
    func standIn(in namespace: NamespaceID, _ observed: KernelState) -> Object?

    /// Why `observed` is not what this asks for, one text a field that is owned; empty when it is. Pure.
    func drift(from observed: Self) -> [String]

    /// What stands in the place of this object and is not ours to change; `nil` if nothing does. Pure.
    func conflict(with observed: Self) -> String?

    /// What is otherwise than this asks for, and neither ours to change nor worth refusing a pod. Pure.
    func remarks(on observed: Self) -> [String]

    /// Whether an observed object carries our mark; `nil` for a kind of which the kernel keeps none. Without the mark
    /// nothing is deleted, whatever the database says.
    var mark: Bool? { get }

    /// The kernel keeps no mark by which databases could be told apart: what the host has of this kind is ours because the
    /// database remembers to have made it (table `made`).
    static var isRemembered: Bool { get }

    /// The names under which the database may remember that it made the object, or gave it up.
    var withdrawnNames: [String] { get }

    /// How many steps a change has, each sent after the one before was acknowledged.
    func steps(_ action: Action, from observed: Self?) -> Int

    /// The messages of one step of a change.
    ///
    /// - Throws: `.unresolved` while a link's index is not known yet.
    func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect

    // The same from objects of any kind. No kind has its own; they are here so that each has them compiled for it: a
    // function for all kinds makes the type of each one's optional.
    func isFor(theSameAsAny observed: Object) -> Bool
    func judgement(ofAny observed: Object) -> Judgement
    func steps(_ action: Action, fromAny observed: Object?) -> Int
    func effect(
        _ action: Action, step: Int, fromAny observed: Object?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect

    func command(_ action: Action, fromAny observed: Object?) -> String

    func phase(_ action: Action) -> Phase
    /// What a person would type.
    func command(_ action: Action) -> String
    /// The same where it depends on what was found.
    func command(_ action: Action, from observed: Self?) -> String
}

extension Resource {
    package var owner: Int64? { nil }
    package static func onHost(of attachments: [Attachment]) -> [Object] { [] }
    package func isIn(_ other: Object) -> Bool { false }
    package static func surplus(in leftovers: Leftovers) -> [String] { [] }
    package func isFor(theSameAs observed: Self) -> Bool { true }
    package func standIn(in namespace: NamespaceID, _ observed: KernelState) -> Object? { nil }
    package func conflict(with observed: Self) -> String? { nil }
    package func remarks(on observed: Self) -> [String] { [] }
    package var mark: Bool? { nil }
    package static var isRemembered: Bool { false }
    package func steps(_ action: Action, from observed: Self?) -> Int { 1 }
    package var withdrawnNames: [String] { [name] }

    package func isFor(theSameAsAny observed: Object) -> Bool {
        (observed.resource as? Self).map(isFor(theSameAs:)) ?? false
    }

    package func judgement(ofAny observed: Object) -> Judgement {
        guard let observed = observed.resource as? Self else { return Judgement() }
        if let conflict = conflict(with: observed) { return Judgement(conflict: conflict) }
        return Judgement(remarks: remarks(on: observed), drift: drift(from: observed))
    }

    package func steps(_ action: Action, fromAny observed: Object?) -> Int {
        steps(action, from: observed.flatMap { $0.resource as? Self })
    }

    package func command(_ action: Action, from observed: Self?) -> String { command(action) }

    package func command(_ action: Action, fromAny observed: Object?) -> String {
        command(action, from: observed.flatMap { $0.resource as? Self })
    }

    package func effect(
        _ action: Action, step: Int, fromAny observed: Object?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        try effect(action, step: step, from: observed.flatMap { $0.resource as? Self }, links)
    }
}

/// What an object says of the one that was found under its name; nothing where that is as it should be.
package struct Judgement {
    var conflict: String?
    var remarks: [String] = []
    var drift: [String] = []
}

/// What was found on the host and nobody asks for, and what a kind needs to tell its own among it.
package struct Leftovers {
    package var objects: [Object]
    /// Of these the database remembers that it gave them up.
    package var withdrawn: Set<String>
    /// All that was found, what is asked for too.
    package var observed: KernelState
    /// The database, and by what tag it marks what it makes.
    package var intent: Intent
    package var tag: String
}

/// What a step does to the kernel.
package enum Effect: Hashable, Sendable {
    case netlink([Request])
    /// To nf_tables: made together with those of the changes beside it, all or none.
    case transaction([Request])
    /// A file below /proc/sys and what to write there.
    case sysctl(path: String, value: String)
}

/// When a change is made, first to last. Deletions come first, in the reverse order of creation, so that what takes
/// another's place finds it free.
package enum Phase: Int, Hashable, Sendable, Comparable {
    /// Before the link that they leave by is gone.
    case deleteRoutes
    case deleteAddresses
    /// Takes along whatever still lies on them.
    case deleteLinks
    /// Forwarding is on before the first packet can come.
    case sysctls
    /// All changes of these three are one transaction, of whatever kind: what goes makes room for what comes.
    case firewallRemovals
    /// Elements need their sets.
    case firewall
    case firewallElements
    /// Ports need it.
    case bridges
    /// Pods' routes point at the gateway.
    case bridgeAddresses
    /// Both ends at once; the host's end goes up first, so that the pod's has a carrier when it comes up.
    case veths
    /// IPv6 address generation off, then up: routes need a link that is up.
    case podLinks
    case podAddresses
    /// Destinations on the link, by which gateways are reached.
    case linkRoutes
    case gatewayRoutes

    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.rawValue < rhs.rawValue }

    /// Its changes are parts of one transaction.
    package var isTransaction: Bool { (.firewallRemovals ... .firewallElements).contains(self) }
}
