package import Netlink
package import Store

/// Why the kernel could not be made to agree.
package struct ReconcilerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// More cases may come; switch with a default.
    package struct Code: Hashable, Sendable {
        let name: String

        /// The sandbox's path leads to no namespace any more.
        package static let namespaceGone = Self(name: "namespace gone")
        /// The path is there, but cannot be used as a network namespace.
        package static let namespaceUnusable = Self(name: "namespace unusable")
        /// The kernel could not be read or refused a change.
        package static let kernel = Self(name: "kernel")
        /// Something that is not ours stands in the place of what we need.
        package static let conflict = Self(name: "conflict")
        /// The bridge has as many ports as the kernel allows.
        package static let bridgeFull = Self(name: "bridge full")
        /// Another IPAM plugin did not take back what it gave.
        package static let delegate = Self(name: "delegate")
        /// The database could not be read or written.
        package static let store = Self(name: "store")
    }

    package var code: Code
    package var message: String
    /// What kind of failure of the database it is; `nil` of any other.
    package var storeCode: StoreError.Code?

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package init(_ error: NetlinkError) { self.init(.kernel, error.description) }
    package init(_ error: StoreError) {
        self.init(.store, error.description)
        storeCode = error.code
    }

    package var description: String { message }
}
