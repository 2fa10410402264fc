package import Reconciler
package import Store

/// An error as the CNI specification wants it told: on stdout, as JSON, with a code (SPEC.md, "Error").
package struct PluginError: Error, Hashable, Sendable {
    package enum Code: Int, Sendable {
        case incompatibleVersion = 1
        case unsupportedField = 2
        case unknownContainer = 3
        case invalidEnvironment = 4
        case io = 5
        case undecodable = 6
        case invalidConfig = 7
        case hostNamespace = 8
        case tryAgain = 11
        /// STATUS: no ADD can be served.
        case unavailable = 50
        /// STATUS: and pods that are there may be cut off.
        case cutOff = 51
        // From 100 on they are the plugin's own.
        /// The kernel refused something.
        case kernel = 100
        /// Something that is not ours is in the way.
        case conflict = 101
        /// The attachment is there already, and alive.
        case exists = 102
        /// The database is damaged, somebody else's, or a newer Plumb's.
        case database = 103
        /// CHECK found the kernel not as ADD left it.
        case drift = 104
    }

    package var code: Code
    package var message: String
    package var details: String

    package init(_ code: Code, _ message: String, details: String = "") {
        self.code = code
        self.message = message
        self.details = details
    }

    package init(_ error: StoreError) {
        let code: Code =
            switch error.code {
            case .locked, .exhausted: .tryAgain
            case .full, .readOnly, .io, .missing: .io
            case .exists: .exists
            default: .database
            }
        self.init(code, error.description)
    }

    package init(_ error: ReconcilerError) {
        let code: Code =
            switch error.code {
            case .conflict: .conflict
            case .bridgeFull: .tryAgain
            case .store: .io
            default: .kernel
            }
        self.init(code, error.description)
    }
}
