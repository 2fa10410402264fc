internal import Netlink

/// One thing to do to the kernel, as data.
package enum Change: Hashable, Sendable {
    case add(Object, in: NamespaceID, reason: String)
    case change(Object, from: Object, in: NamespaceID, reason: String)
    case delete(Object, in: NamespaceID, reason: String)

    package var action: Action {
        switch self {
        case .add: .add
        case .change: .change
        case .delete: .delete
        }
    }

    package var object: Object {
        switch self {
        case .add(let object, _, _), .change(let object, _, _, _), .delete(let object, _, _): object
        }
    }

    package var observed: Object? {
        if case .change(_, let observed, _, _) = self { observed } else { nil }
    }

    package var namespace: NamespaceID {
        switch self {
        case .add(_, let namespace, _), .change(_, _, let namespace, _), .delete(_, let namespace, _): namespace
        }
    }

    package var reason: String {
        switch self {
        case .add(_, _, let reason), .change(_, _, _, let reason), .delete(_, _, let reason): reason
        }
    }

    package var name: String { object.resource.name }
    package var phase: Phase { object.resource.phase(action) }

    package var steps: Int { object.resource.steps(action, fromAny: observed) }

    /// The messages of one step.
    func effect(step: Int = 0, _ links: LinkTable) throws(NetlinkError) -> Effect {
        try object.resource.effect(action, step: step, fromAny: observed, links)
    }

    /// The attachment that the change is made for, or `nil` where it is the node's.
    package var attachment: Int64? {
        object.resource.owner ?? namespace.attachment
    }

    /// What rows ask for where it is made for all pods; `nil`: that it be not there, or it is one pod's, of which things are
    /// also deleted to be made anew.
    package var wish: Object? { attachment == nil && action != .delete ? object : nil }

    /// What a person would type, in the right namespace.
    package var command: String {
        let command = object.resource.command(action, fromAny: observed)
        guard case .pod(_, let path) = namespace else { return command }
        // In a shell of its own, or the second half would be done to the host.
        return command.contains("&&") ? "nsenter --net=\(path) sh -c '\(command)'" : "nsenter --net=\(path) \(command)"
    }
}

/// What is to be done, in order, and what cannot or must not be.
package struct Plan: Hashable, Sendable {
    package var changes: [Change] = []
    /// Something foreign stands where ours should be.
    package var conflicts: [Conflict] = []
    /// What a person should know, and nothing is done about.
    package var notices: [Notice] = []
    /// What carries our mark on the host, and the database knows nothing of: kept, unless somebody says otherwise.
    package var orphans: [Object] = []

    package init() {}

    package struct Notice: Hashable, Sendable {
        /// The attachment that it is about, or `nil` where it is the node's.
        package var attachment: Int64?
        package var text: String
        /// Nobody can vouch for what it is about. Else it is as it was when ADD found it, and only worth a word.
        package var leavesDoubt: Bool

        package init(_ text: String, attachment: Int64? = nil, leavesDoubt: Bool = true) {
            self.text = text
            self.attachment = attachment
            self.leavesDoubt = leavesDoubt
        }
    }

    package struct Conflict: Hashable, Sendable {
        package var namespace: NamespaceID
        package var object: Object
        package var reason: String

        package init(namespace: NamespaceID, object: Object, reason: String) {
            self.namespace = namespace
            self.object = object
            self.reason = reason
        }
    }

    package var isEmpty: Bool { changes.isEmpty && conflicts.isEmpty }

    /// With something foreign in the way, an attachment would come out half made. What has a route's place is in the way of
    /// that route alone.
    var isBlocked: Bool { conflicts.contains { if case .route = $0.object { false } else { true } } }

    /// Names of what the host gets by it and the database must remember to have made.
    var remembered: [String] {
        changes.filter { $0.makesObject && $0.namespace == .host && $0.object.isRemembered }.map(\.name)
    }
}
