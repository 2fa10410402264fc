import CKernel
import Foundation
import Glibc
import Netlink
import SystemPackage
import Testing

/// Runs `body` on a thread of its own in a new network namespace, and ends the thread.
///
/// A pool thread would go on in that namespace with whatever task comes next.
func inNewNamespace<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
    try await onOwnThread {
        try Namespace.enterNew()
        return try body()
    }
}

/// Runs `body` on a thread of its own in the namespace behind a descriptor.
func inNamespace<Result: Sendable>(_ descriptor: Int32, _ body: @Sendable () throws -> Result) async throws -> Result {
    try await onOwnThread {
        try Namespace.enter(descriptor)
        return try body()
    }
}

private func onOwnThread<Result: Sendable>(_ body: @Sendable () throws -> Result) async throws -> Result {
    let thread = OwnThread()
    thread.start()
    defer { thread.finish() }
    // As the task's executor, so that expectations in `body` know which test they belong to.
    return try await withTaskExecutorPreference(thread) {
        try #require(thread.isCurrent, "not on the thread whose namespace may be changed")
        return try body()
    }
}

/// The calling thread's network namespace; only for threads that end with their test.
enum Namespace {
    static func enterNew() throws(Errno) {
        // Hidden behind _GNU_SOURCE, so found by name.
        typealias Unshare = @convention(c) (Int32) -> Int32
        guard let symbol = dlsym(nil, "unshare") else { throw .noFunction }
        let newNetwork: Int32 = 0x4000_0000  // CLONE_NEWNET, include/uapi/linux/sched.h
        guard unsafeBitCast(symbol, to: Unshare.self)(newNetwork) == 0 else { throw Errno(rawValue: errno) }
    }

    static func enter(_ descriptor: Int32) throws(Errno) {
        guard plumb_setns_net(descriptor) == 0 else { throw Errno(rawValue: errno) }
    }

    static func current() throws(Errno) -> OwnedDescriptor {
        let descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        return OwnedDescriptor(owning: descriptor)
    }

    /// A second namespace; the thread stays where it is.
    static func makeOther() throws(Errno) -> OwnedDescriptor {
        let home = try current()
        try enterNew()
        let other = try current()
        try enter(home.rawValue)
        return other
    }
}

/// Network namespaces can be made by root only; on CI that is no excuse.
let canMakeNamespaces = geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] != nil

private final class OwnThread: TaskExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    private var isFinished = false
    private var handle: pthread_t?

    func start() { Thread { self.serve() }.start() }

    var isCurrent: Bool {
        condition.withLock { handle.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    func finish() {
        condition.withLock {
            isFinished = true
            condition.signal()
        }
    }

    private func serve() {
        condition.withLock { handle = pthread_self() }
        while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob? {
        condition.withLock {
            while jobs.isEmpty && !isFinished { condition.wait() }
            return jobs.isEmpty ? nil : jobs.removeFirst()
        }
    }
}
