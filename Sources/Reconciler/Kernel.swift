package import Store

/// Whether an attachment's sandbox still lives.
package enum Liveness: Hashable, Sendable {
    case alive
    /// Its path leads nowhere, or to another namespace.
    case gone(String)
    /// It cannot be told. Nothing is done on doubt.
    case unknown(String)
}

/// What became of a change.
package struct Outcome: Hashable, Sendable {
    package enum Status: Hashable, Sendable {
        case done
        /// Something of that name was there: a fresh look decides.
        case lookAgain(String)
        case failed(String, ReconcilerError.Code = .kernel)
    }

    package var change: Change
    package var status: Status

    package init(change: Change, status: Status) {
        self.change = change
        self.status = status
    }
}

/// The kernel as the engine sees it: the live one, or a simulation in tests.
package protocol Kernel: ~Copyable {
    /// Looks for an attachment's sandbox, and opens it if it lives.
    mutating func open(_ attachment: Attachment) -> Liveness

    /// Reads a namespace into `observed`; a pod's must have been opened just before.
    mutating func observe(
        _ namespace: NamespaceID, _ extent: Extent, desired: KernelState, into observed: inout KernelState
    ) throws(ReconcilerError)

    /// Which of these objects are on the host now, with our mark. A look apart: what changes need of the last one stays
    /// known.
    func marked(among objects: [Object]) throws(ReconcilerError) -> [Object]

    /// Makes the changes in order, going on past failures of others.
    mutating func perform(_ changes: [Change]) -> [Outcome]
}
