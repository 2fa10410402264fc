package import SystemPackage

/// Why a delegated plugin did not do what it was called for.
package struct DelegationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// More cases may come; switch with a default.
    package struct Code: Hashable, Sendable {
        let name: String

        /// No directory of CNI_PATH has it.
        package static let notFound = Self(name: "not found")
        /// It could not be started, or its answer not be read.
        package static let io = Self(name: "input/output")
        /// It ran, and said that it failed.
        package static let refused = Self(name: "refused")
    }

    package var code: Code
    package var message: String
    package var errno: Errno?
    /// What it wrote on stdout when it failed: an error object, if it keeps to the protocol.
    package var answer: [UInt8]

    package init(_ code: Code, _ message: String, errno: Errno? = nil, answer: [UInt8] = []) {
        self.code = code
        self.message = message
        self.errno = errno
        self.answer = answer
    }

    package var description: String {
        if let errno { return "\(message): \(errno)" }
        return answer.isEmpty ? message : "\(message): \(String(decoding: answer.prefix(2000), as: UTF8.self))"
    }
}
