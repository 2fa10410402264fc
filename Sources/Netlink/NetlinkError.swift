package import SystemPackage

/// What went wrong between us and the kernel.
package struct NetlinkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// More cases may come; switch with a default.
    package struct Code: Hashable, Sendable {
        let name: String

        /// A system call on the socket failed; `errno` says how.
        package static let socket = Self(name: "socket")
        /// The kernel refused a request; `errno` and perhaps `kernelText` say why.
        package static let refused = Self(name: "refused")
        /// What was read does not follow the format.
        package static let malformed = Self(name: "malformed")
        /// The objects kept changing while they were dumped (NLM_F_DUMP_INTR), however often it was tried.
        package static let interrupted = Self(name: "interrupted")
        /// The kernel dropped replies because the socket's buffer was full (ENOBUFS), however often it was tried.
        package static let overrun = Self(name: "overrun")
        /// A message cannot be written yet, because an index that it needs is not known.
        package static let unresolved = Self(name: "unresolved")
        /// A message that must not be sent, such as a link message that would match a whole group.
        package static let unsafeRequest = Self(name: "unsafe request")
    }

    package var code: Code
    package var errno: Errno?
    /// What was being done, as `create link veth0`.
    package var context: String
    /// The extended ACK's text, word for word (NLMSGERR_ATTR_MSG).
    package var kernelText: String?

    package init(_ code: Code, errno: Errno? = nil, context: String, kernelText: String? = nil) {
        self.code = code
        self.errno = errno
        self.context = context
        self.kernelText = kernelText
    }

    package var description: String {
        var text = context.isEmpty ? code.name : context
        if let errno { text += ": \(errno)" } else if code != .refused { text += ": \(code.name)" }
        if let kernelText { text += " (kernel: \(kernelText))" }
        return text
    }
}
