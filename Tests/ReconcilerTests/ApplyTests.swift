import Addressing
import Foundation
import Reconciler
import Store
import Testing

/// A real database, a simulated kernel.
@Suite struct ApplyTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "plumb-apply-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }  // left over, it harms nobody
        try body(directory)
    }

    /// Records attachments as ADD does, and makes them ready.
    private func add(_ count: Int, _ store: borrowing Store, ready: Bool = true) throws -> [StoredAttachment] {
        for number in 1...count {
            let request = AttachmentRequest(
                network: try network().spec, containerID: "c\(number)", ifname: "eth0",
                namespace: NamespaceIdentity(
                    path: "/run/netns/\(number)", cookie: UInt64(number), device: 4, inode: 9, bootID: "boot"),
                cniVersion: "1.1.0")
            guard case .new(let intent) = try store.record(request) else { continue }
            for attachment in intent.attachments {
                if ready { try store.markReady(attachment.id, events: []) }
                store.unlock(attachment: attachment.id)
            }
        }
        return try store.intent().attachments
    }

    @Test func `apply builds all of it, completes what began, and then has nothing to do`() throws {
        try withDirectory { directory in
            let store = try Store.open(directory: directory, access: .create)
            _ = try add(3, store, ready: false)
            var kernel = SimulatedKernel()
            let report = try apply(store, &kernel)
            #expect(report.failures == [] && !report.done.isEmpty)
            #expect(try store.intent().attachments.map(\.state) == [.ready, .ready, .ready])
            #expect(try examine(store, &kernel).isClean)
        }
    }

    @Test func `a bridge that an ADD beside it made is no failure`() throws {
        try withDirectory { directory in
            let store = try Store.open(directory: directory, access: .create)
            let bridge = try #require(try add(1, store).first).bridge
            var kernel = SimulatedKernel()
            kernel.rivals = [bridge]
            #expect(try apply(store, &kernel).failures == [])
            #expect(kernel.rivals == [])
            #expect(try examine(store, &kernel).isClean)
        }
    }

    @Test func `one broken pod never stops another, and is named`() throws {
        try withDirectory { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachments = try add(3, store)
            var kernel = SimulatedKernel()
            kernel.refusedNames = [Veth.name(attachments[1].hostIfname)]
            let report = try apply(store, &kernel)
            #expect(!report.failures.isEmpty && report.failures.allSatisfy { $0.contains("c2") })
            kernel.refusedNames = []
            #expect(Set(try examine(store, &kernel).plan.changes.compactMap(\.attachment)) == [attachments[1].id])
        }
    }

    @Test func `gone is released, lingering and unknown are kept`() throws {
        try withDirectory { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachments = try add(3, store)
            var kernel = SimulatedKernel()
            _ = try apply(store, &kernel)
            for (attachment, liveness) in zip(attachments, [.gone("x"), .gone("x"), .unknown("y")] as [Liveness]) {
                kernel.liveness[attachment.pod] = liveness
            }
            kernel.deleteLink(attachments[0].hostIfname, in: .host)
            let examination = try examine(store, &kernel)
            #expect(examination.releases.map(\.attachment.id) == [attachments[0].id])
            #expect(examination.plan.notices.contains { $0.text.contains("lingers") })
            #expect(examination.plan.notices.contains { $0.text.contains("cannot be looked at") })
            let report = try apply(store, &kernel)
            #expect(report.released.count == 1)
            #expect(report.failures.count == 1 && report.failures[0].contains("cannot be looked at: y"))
            #expect(try store.intent().attachments.map(\.id) == attachments.dropFirst().map(\.id))
        }
    }

    @Test func `an unfinished DEL is finished`() throws {
        try withDirectory { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachments = try add(2, store)
            var kernel = SimulatedKernel()
            _ = try apply(store, &kernel)
            try store.markDeleting(attachments[0].id)
            let report = try apply(store, &kernel)
            #expect(report.released.map(\.attachment.id) == [attachments[0].id] && report.failures == [])
            #expect(kernel[.host].links[attachments[0].hostIfname] == nil)
            #expect(kernel[.host].links[attachments[1].hostIfname] != nil)
        }
    }

    @Test func `what another process works on is skipped`() throws {
        try withDirectory { directory in
            let store = try Store.open(directory: directory, access: .create)
            let attachments = try add(2, store)
            let other = try Store.open(directory: directory, access: .write)
            #expect(try other.tryLock(attachment: attachments[0].id))
            var kernel = SimulatedKernel()
            let report = try apply(store, &kernel)
            #expect(report.skipped.map(\.id) == [attachments[0].id])
            #expect(kernel[.host].links[attachments[0].hostIfname] == nil)
            other.unlock(attachment: attachments[0].id)
        }
    }

    @Test func `an admin's route comes with its row and goes with it`() throws {
        try withDirectory { directory in
            let store = try Store.open(directory: directory, access: .create)
            var kernel = SimulatedKernel()
            _ = try add(1, store)
            _ = try apply(store, &kernel)
            func write(_ statement: String) throws {
                try store.write { (database) throws(StoreError) in try database.execute(statement) }
            }
            try write("INSERT INTO routes (dst, gateway) VALUES ('10.9.0.0/16', '10.1.0.9')")
            _ = try apply(store, &kernel)
            #expect(kernel[.host].routes.map(\.route.destination.description) == ["10.9.0.0/16"])
            try write("DELETE FROM routes WHERE attachment_id IS NULL")
            _ = try apply(store, &kernel)
            #expect(kernel[.host].routes.isEmpty)
        }
    }
}
