internal import Glibc

/// A file descriptor that is closed with its owner.
package struct OwnedDescriptor: ~Copyable {
    package let rawValue: Int32

    /// Takes over an open descriptor.
    package init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { _ = Glibc.close(rawValue) }
}
