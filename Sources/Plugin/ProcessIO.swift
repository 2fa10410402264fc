internal import Glibc

/// What the runtime hands to this process, and gets back.
package enum ProcessIO {
    /// The CNI_ variables.
    package static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            if strncmp(entry, "CNI_", 4) == 0, let equals = strchr(entry, Int32(UInt8(ascii: "="))) {
                let name = UnsafeRawBufferPointer(start: entry, count: equals - entry)
                variables[String(decoding: name, as: UTF8.self)] = String(cString: equals + 1)
            }
            next += 1
        }
        return variables
    }

    /// Far above any configuration with its prevResult; what is longer is no configuration.
    private static let inputLimit = 8 << 20

    /// Empty at a terminal: who asks for the VERSION there shall not wait for an end of input.
    package static func standardInput() throws(PluginError) -> [UInt8] {
        guard isatty(STDIN_FILENO) == 0 else { return [] }
        var input: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4 << 10)
        while true {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            if count == 0 { return input }
            if count < 0 {
                if errno == EINTR { continue }
                throw PluginError(.io, "cannot read the configuration from stdin: errno \(errno)")
            }
            input += chunk[..<count]
            guard input.count <= inputLimit else {
                throw PluginError(.undecodable, "the configuration on stdin is longer than \(inputLimit >> 20) MiB")
            }
        }
    }

    /// Writes all of a text and a newline; `false` if nobody takes it.
    package static func write(_ text: String, to descriptor: Int32) -> Bool {
        let bytes = Array((text + "\n").utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count < 0, errno != EINTR { return false }
            written += max(count, 0)
        }
        return true
    }
}
