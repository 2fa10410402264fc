import Glibc

/// What a process said and how it ended.
struct Output: Sendable {
    var stdout: String
    var stderr: String
    /// The exit status, or 128 and the signal that ended it, as a shell says it.
    var status: Int32

    /// Everything, for the comment of an expectation.
    var all: String { "exit \(status)\n\(stdout)\n\(stderr)" }
}

struct Failure: Error, CustomStringConvertible {
    var description: String
}

/// A process with connections to its standard streams.
///
/// Not Foundation's: that one crashes when tests start processes in parallel, looks for their end every 50 ms, and
/// takes a process to live as long as any of its children.
final class Command {
    private let process: pid_t
    private var stdin: Int32
    private let stdout: Int32
    private let stderr: Int32

    /// - Parameter input: at most what a socket holds, some 200 KiB: it is written before anybody reads.
    convenience init(_ arguments: [String], environment: [String: String] = [:], input: String) throws {
        try self.init(arguments, environment: environment)
        // Whoever ended without reading it is none the worse for that.
        _ = send(stdin, input, input.utf8.count, Int32(MSG_NOSIGNAL))
        closeInput()
    }

    /// Starts a process whose stdin stays open until ``closeInput()``, or until this process ends.
    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        let input = try Command.pipe()
        let output = try Command.pipe()
        let talk = try Command.pipe()
        defer { for end in [input.reading, output.writing, talk.writing] { close(end) } }
        (stdin, stdout, stderr) = (input.writing, output.reading, talk.reading)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, place) in [(input.reading, 0), (output.writing, 1), (talk.writing, 2)] {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(place))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of the test runner block signals, and a process would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let variables = environment.merging(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]) { own, _ in own }
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var id = pid_t()
        let errno = posix_spawn(&id, arguments.first ?? "", &actions, &attributes, argv, envp)
        guard errno == 0 else {
            throw Failure(description: "cannot start \(arguments): \(String(cString: strerror(errno)))")
        }
        process = id
    }

    /// A socket pair, because pipe2 is a GNU call that Glibc's overlay does not show, and pipe alone would leak its
    /// ends into processes that other threads start.
    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Failure(description: "no pipe: errno \(errno)") }
        return (ends[0], ends[1])
    }

    var id: Int32 { process }

    func closeInput() {
        if stdin >= 0 { close(stdin) }
        stdin = -1
    }

    /// Writes to its stdin, which must still be open.
    func say(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { send(stdin, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failure(description: "the process ended: errno \(errno)") }
            bytes = bytes.dropFirst(count)
        }
    }

    func kill() { _ = Glibc.kill(process, SIGKILL) }

    /// One piece of what it says; empty if it ended.
    func readSome() -> String {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = read(stdout, &chunk, chunk.count)
        return String(decoding: chunk.prefix(max(count, 0)), as: UTF8.self)
    }

    /// Reads both streams to their ends, and waits for the process.
    func wait() -> Output {
        closeInput()
        var said: [Int32: [UInt8]] = [stdout: [], stderr: []]
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        var open = [stdout, stderr]
        while !open.isEmpty {
            var waiting = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&waiting, nfds_t(waiting.count), -1) > 0 else { continue }
            for stream in waiting where stream.revents != 0 {
                let count = read(stream.fd, &chunk, chunk.count)
                if count > 0 { said[stream.fd]?.append(contentsOf: chunk[..<count]) }
                // Also what cannot be read: waiting twice, a stream is closed already.
                if count <= 0 { open.removeAll { $0 == stream.fd } }
            }
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        let output = Output(
            stdout: String(decoding: said[stdout] ?? [], as: UTF8.self),
            stderr: String(decoding: said[stderr] ?? [], as: UTF8.self),
            status: signal == 0 ? (status >> 8) & 0xff : 128 + signal)
        close(stdout)
        close(stderr)
        return output
    }

    static func run(
        _ arguments: [String], environment: [String: String] = [:], input: String = ""
    ) throws -> Output {
        try Command(arguments, environment: environment, input: input).wait()
    }
}
