package import SystemPackage

/// What went wrong with the database, and the way out of it.
package struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// More cases may come; switch with a default.
    package struct Code: Hashable, Sendable {
        let name: String

        /// There is no database where one was expected.
        package static let missing = Self(name: "missing")
        /// The file is no database, or a damaged one.
        package static let corrupt = Self(name: "corrupt")
        /// Another application's database.
        package static let foreign = Self(name: "foreign")
        /// Made by a newer Plumb, of a major version that this one does not know.
        package static let newer = Self(name: "newer")
        /// Somebody else holds the writer's lock, or an attachment's. Try again.
        package static let locked = Self(name: "locked")
        package static let full = Self(name: "full")
        package static let readOnly = Self(name: "read-only")
        package static let io = Self(name: "input/output")
        /// No address is left.
        package static let exhausted = Self(name: "exhausted")
        /// The file that is to be made is there already.
        package static let exists = Self(name: "exists")
        /// Somebody else has the address that was given.
        package static let taken = Self(name: "taken")
        /// The configuration asks for what another network or a living pod on the same bridge excludes.
        package static let contradiction = Self(name: "contradiction")
        /// A row holds what its column must not.
        package static let invalid = Self(name: "invalid")
        /// A statement of ours failed in a way that none of the others covers.
        package static let sqlite = Self(name: "sqlite")
    }

    package var code: Code
    package var message: String
    package var errno: Errno?

    package init(_ code: Code, _ message: String, errno: Errno? = nil) {
        self.code = code
        self.message = message
        self.errno = errno
    }

    package var description: String { errno.map { "\(message): \($0)" } ?? message }
}
