package import Reconciler
package import Store

/// An error as the CNI specification wants it told: on stdout, as JSON, with a code (SPEC.md, "Error").
package struct PluginError: Error, Hashable, Sendable {
    /// Any number: what another plugin that we call answers with is passed on.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package var rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let incompatibleVersion = Self(rawValue: 1)
        package static let unknownContainer = Self(rawValue: 3)
        package static let invalidEnvironment = Self(rawValue: 4)
        package static let io = Self(rawValue: 5)
        package static let undecodable = Self(rawValue: 6)
        package static let invalidConfig = Self(rawValue: 7)
        package static let hostNamespace = Self(rawValue: 8)
        package static let tryAgain = Self(rawValue: 11)
        /// STATUS: no ADD can be served.
        package static let unavailable = Self(rawValue: 50)
        /// STATUS: and pods that are there may be cut off.
        package static let cutOff = Self(rawValue: 51)
        // From 100 on they are the plugin's own.
        /// The kernel refused something.
        package static let kernel = Self(rawValue: 100)
        /// Something that is not ours is in the way.
        package static let conflict = Self(rawValue: 101)
        /// The attachment is there already, and alive.
        package static let exists = Self(rawValue: 102)
        /// The database is damaged, somebody else's, or a newer Plumb's.
        package static let database = Self(rawValue: 103)
        /// CHECK found the kernel not as ADD left it.
        package static let drift = Self(rawValue: 104)
    }

    package var code: Code
    package var message: String
    package var details: String

    package init(_ code: Code, _ message: String, details: String = "") {
        self.code = code
        self.message = message
        self.details = details
    }

    package init(_ error: StoreError) { self.init(Code(error.code), error.description) }

    package init(_ error: ReconcilerError) {
        let code: Code =
            switch error.code {
            case .conflict: .conflict
            case .bridgeFull: .tryAgain
            case .store: error.storeCode.map(Code.init) ?? .io
            default: .kernel
            }
        self.init(code, error.description)
    }
}

extension PluginError.Code {
    fileprivate init(_ code: StoreError.Code) {
        self =
            switch code {
            case .locked, .exhausted: .tryAgain
            case .full, .readOnly, .io, .missing: .io
            case .taken: .conflict
            case .contradiction: .invalidConfig
            default: .database
            }
    }
}
