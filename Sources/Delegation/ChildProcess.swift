internal import CKernel
internal import Glibc
internal import SystemPackage

/// One program, started without a shell, with its input in a file and its output read to the end.
enum ChildProcess {
    /// Far above any result.
    private static let outputLimit = 8 << 20

    /// - Returns: its stdout, and its status as waitpid(2) gives it.
    static func run(
        _ program: String, environment: [String], input: [UInt8]
    ) throws(DelegationError) -> (output: [UInt8], status: Int32) {
        // A file, where a pipe would block us while the child blocks on its own output.
        let source = plumb_memory_file()
        guard source >= 0 else { throw failure("make its input", program) }
        defer { close(source) }
        try fill(source, with: input, program)
        var ends: [Int32] = [-1, -1]
        guard plumb_pipe(&ends) == 0 else { throw failure("make its output", program) }
        let child: pid_t
        do throws(DelegationError) {
            child = try spawn(program, environment, input: source, output: ends[1])
        } catch {
            for end in ends { close(end) }
            throw error
        }
        close(ends[1])
        let output = read(ends[0])
        // Before the wait: who writes on and on is ended by it.
        close(ends[0])
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw failure("wait for it", program) }
        }
        guard let output else {
            throw DelegationError(.io, "\(program) said more than \(outputLimit >> 20) MiB, or could not be read")
        }
        return (output, status)
    }

    private static func spawn(
        _ program: String, _ environment: [String], input: Int32, output: Int32
    ) throws(DelegationError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        // `watch` waits for its signals by blocking them, and whoever it starts would never hear of one.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        // Nor of what this process has no use for hearing of.
        var ignored = sigset_t()
        sigemptyset(&ignored)
        for signal in [SIGPIPE, SIGXFSZ] { sigaddset(&ignored, signal) }
        posix_spawnattr_setsigdefault(&attributes, &ignored)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child: pid_t = 0
        let status = posix_spawn(&child, program, &actions, &attributes, &arguments, &variables)
        guard status == 0 else {
            throw DelegationError(.io, "cannot start \(program)", errno: Errno(rawValue: status))
        }
        return child
    }

    private static func fill(_ file: Int32, with input: [UInt8], _ program: String) throws(DelegationError) {
        var written = 0
        while written < input.count {
            let count = input.withUnsafeBytes { write(file, $0.baseAddress?.advanced(by: written), $0.count - written) }
            guard count >= 0 || errno == EINTR else { throw failure("write its input", program) }
            written += max(count, 0)
        }
        guard lseek(file, 0, SEEK_SET) == 0 else { throw failure("write its input", program) }
    }

    /// `nil`: there was no end to it, or it could not be read.
    private static func read(_ descriptor: Int32) -> [UInt8]? {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while output.count <= outputLimit {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return output }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            output += chunk[..<count]
        }
        return nil
    }

    private static func failure(_ doing: String, _ program: String) -> DelegationError {
        DelegationError(.io, "\(program): cannot \(doing)", errno: Errno(rawValue: Glibc.errno))
    }
}
