import Foundation
import Reconciler
import Store
import Testing

/// What is no longer wanted may be wanted again by the time it is deleted, and the other way round: an ADD or a removal runs
/// beside the pass.
@Suite struct SharedChangesTests {
    private static let gateway = "address 10.1.0.1/24 on cni0"

    /// A kernel in which something happens at certain moments.
    private struct MeddledKernel: Kernel {
        var kernel: SimulatedKernel
        /// Before the host is read, and once it was.
        var beforeLook: (inout SimulatedKernel) throws -> Void = { _ in }
        var afterLook: (inout SimulatedKernel) throws -> Void = { _ in }
        /// Once what looked like nobody's was read again.
        var afterSecondLook: () throws -> Void = {}
        /// Before a deletion.
        var beforeDeletion: () throws -> Void = {}

        mutating func open(_ attachment: StoredAttachment) -> Liveness { kernel.open(attachment) }

        mutating func observe(
            _ namespace: NamespaceID, _ extent: Extent, desired: KernelState, into observed: inout KernelState
        ) throws(ReconcilerError) {
            do { if namespace == .host { try beforeLook(&kernel) } } catch { Issue.record(error) }
            try kernel.observe(namespace, extent, desired: desired, into: &observed)
            do { if namespace == .host { try afterLook(&kernel) } } catch { Issue.record(error) }
        }

        func marked(among objects: [Object]) throws(ReconcilerError) -> [Object] {
            defer { do { try afterSecondLook() } catch { Issue.record(error) } }
            return try kernel.marked(among: objects)
        }

        mutating func perform(_ changes: [Change]) -> [Outcome] {
            if changes.contains(where: { $0.action == .delete }) {
                do { try beforeDeletion() } catch { Issue.record(error) }
            }
            return kernel.perform(changes)
        }
    }

    private static func request(_ container: String, _ subnet: String) throws -> AttachmentRequest {
        var spec = try network(subnets: [subnet]).spec
        spec.masquerade = Masquerade(exceptions: [])
        return AttachmentRequest(
            network: spec, containerID: container, ifname: "eth0",
            namespace: NamespaceIdentity(
                path: "/run/netns/\(container)", cookie: 1, device: 4, inode: 9, bootID: "boot"), cniVersion: "1.1.0")
    }

    /// A node whose network left 10.1.0.0/24, so that its gateway and where its traffic goes as it is are to be deleted.
    private func withWithdrawn(_ body: (_ directory: String, SimulatedKernel) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "plumb-race-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }  // left over, it harms nobody
        let store = try Store.open(directory: directory, access: .create)
        var kernel = SimulatedKernel()
        for (container, subnet) in [("a", "10.1.0.0/24"), ("b", "10.2.0.0/24")] {
            guard case .new(let intent) = try store.record(try Self.request(container, subnet)) else { continue }
            for attachment in intent.attachments {
                try store.markReady(attachment.id, events: [])
                #expect(kernel.open(attachment) == .alive)
                #expect(try reconcile(intent, store, &kernel, extent: .attachment).failures == [])
                if container == "a" {
                    #expect(try remove(attachment, store, &kernel).failures == [])
                    try store.release(attachment, reason: "test")
                }
                store.unlock(attachment: attachment.id)
            }
        }
        let doomed = try examine(store, &kernel).plan.changes.filter { $0.action == .delete }
        #expect(doomed.count == 2 && doomed.contains { $0.name == Self.gateway })
        try body(directory, kernel)
    }

    @Test func `what was asked for again since stays`() throws {
        try withWithdrawn { directory, kernel in
            var asked = false
            var meddled = MeddledKernel(kernel: kernel)
            // Its ADD found all in its place, and has nothing to do.
            meddled.afterLook = { _ in
                guard !asked else { return }
                asked = true
                let other = try Store.open(directory: directory, access: .write)
                guard case .new(let intent) = try other.record(try Self.request("c", "10.1.0.0/24")) else { return }
                try other.markReady(try #require(intent.attachments.first).id, events: [])
            }
            let store = try Store.open(directory: directory, access: .write)
            let report = try apply(store, &meddled)
            #expect(asked && report.failures == [])
            #expect(!report.done.contains { $0.action == .delete }, "\(report.done)")
        }
    }

    /// Its network is removed beside the pass.
    @Test func `what nobody asks for any more is not made`() throws {
        try withWithdrawn { directory, kernel in
            var kernel = kernel
            kernel.deleteLink("cni0", in: .host)
            var removed = false
            var meddled = MeddledKernel(kernel: kernel)
            meddled.afterLook = { _ in
                guard !removed else { return }
                removed = true
                let other = try Store.open(directory: directory, access: .write)
                for attachment in try other.intent().attachments { try other.release(attachment, reason: "test") }
                for network in try other.intent().networks { try other.removeNetwork(network.spec.name) }
            }
            let store = try Store.open(directory: directory, access: .write)
            let report = try apply(store, &meddled)
            #expect(removed && !report.done.contains { $0.action == .add && $0.namespace == .host }, "\(report.done)")
            #expect(meddled.kernel[.host].links["cni0"] == nil)
        }
    }

    @Test func `a pod that came and went beside the look is no orphan`() throws {
        try withWithdrawn { directory, kernel in
            var meddled = MeddledKernel(kernel: kernel)
            var pod: StoredAttachment?
            var isGone = false
            meddled.beforeLook = { kernel in
                guard pod == nil else { return }
                let other = try Store.open(directory: directory, access: .write)
                guard case .new(let intent) = try other.record(try Self.request("c", "10.2.0.0/24")) else { return }
                let attachment = try #require(intent.attachments.first)
                #expect(kernel.open(attachment) == .alive)
                #expect(try reconcile(intent, other, &kernel, extent: .attachment).failures == [])
                try other.markReady(attachment.id, events: [])
                pod = attachment
            }
            meddled.afterLook = { kernel in
                guard let pod, !isGone else { return }
                isGone = true
                let other = try Store.open(directory: directory, access: .write)
                #expect(try remove(pod, other, &kernel).failures == [])
                try other.release(pod, reason: "test")
            }
            let store = try Store.open(directory: directory, access: .write)
            let report = try collectGarbage(store, &meddled, deletesOrphans: false)
            #expect(isGone && report.orphans.isEmpty && report.failures == [], "\(report.orphans)")
        }
    }

    @Test func `what is asked for since is no orphan`() throws {
        try withWithdrawn { directory, kernel in
            let store = try Store.open(directory: directory, access: .write)
            for attachment in try store.intent().attachments { try store.release(attachment, reason: "test") }
            for network in try store.intent().networks {
                // As if the database were another one, which never heard of the bridge.
                try store.forget(network)
            }
            var meddled = MeddledKernel(kernel: kernel)
            let orphans = try examine(store, &meddled).plan.orphans.map(\.resource.name)
            #expect(orphans.contains("bridge cni0"))
            meddled.afterSecondLook = {
                let other = try Store.open(directory: directory, access: .write)
                _ = try other.record(try Self.request("c", "10.2.0.0/24"))
            }
            #expect(try !examine(store, &meddled).plan.orphans.contains { $0.resource.name == "bridge cni0" })
        }
    }

    @Test func `nobody asks while it is deleted`() throws {
        try withWithdrawn { directory, kernel in
            let added = Added()
            var meddled = MeddledKernel(kernel: kernel)
            meddled.beforeDeletion = {
                guard added.begin() else { return }
                Thread.detachNewThread {
                    do {
                        let other = try Store.open(directory: directory, access: .write)
                        _ = try other.record(try Self.request("c", "10.1.0.0/24"))
                    } catch { Issue.record(error) }
                    added.end()
                }
                #expect(!added.ends(within: 0.2))
            }
            let store = try Store.open(directory: directory, access: .write)
            #expect(try apply(store, &meddled).done.contains { $0.action == .delete })
            // Who waited goes on, finds that missing, and keeps what was not deleted yet.
            #expect(added.ends(within: 30))
        }
    }

    private final class Added: @unchecked Sendable {
        private let condition = NSCondition()
        private var isBegun = false
        private var isDone = false

        func begin() -> Bool {
            defer { isBegun = true }
            return !isBegun
        }

        func end() {
            condition.withLock { isDone = true }
            condition.broadcast()
        }

        func ends(within seconds: Double) -> Bool {
            let deadline = Date(timeIntervalSinceNow: seconds)
            return condition.withLock {
                while !isDone { if !condition.wait(until: deadline) { return isDone } }
                return true
            }
        }
    }
}
