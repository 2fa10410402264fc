import Foundation
import Reconciler
import Store
import Testing

/// Looks at a part of the node, as a watch has them: a real database, a simulated kernel.
@Suite struct PassTests {
    /// `body` is given three pods whose kernel agrees.
    private func withPods(
        _ body: (_ directory: String, [StoredAttachment], inout SimulatedKernel) throws -> Void
    ) throws {
        let directory = NSTemporaryDirectory() + "plumb-pass-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }  // left over, it harms nobody
        let store = try Store.open(directory: directory, access: .create)
        for number in 1...3 {
            let request = AttachmentRequest(
                network: try network().spec, containerID: "c\(number)", ifname: "eth0",
                namespace: NamespaceIdentity(
                    path: "/run/netns/\(number)", cookie: UInt64(number), device: 4, inode: 9, bootID: "boot"),
                cniVersion: "1.1.0")
            guard case .new(let intent) = try store.record(request) else { continue }
            for attachment in intent.attachments {
                try store.markReady(attachment.id, events: [])
                store.unlock(attachment: attachment.id)
            }
        }
        var kernel = SimulatedKernel()
        #expect(try apply(store, &kernel).failures == [])
        try body(directory, try store.intent().attachments, &kernel)
    }

    private func breakRoute(of attachment: StoredAttachment, _ kernel: inout SimulatedKernel) {
        kernel[attachment.pod].routes.removeAll()
    }

    @Test func `a look at one pod mends that one`() throws {
        try withPods { directory, attachments, kernel in
            let store = try Store.open(directory: directory, access: .write)
            for attachment in attachments { breakRoute(of: attachment, &kernel) }
            let report = try attend(
                [attachments[1].id], store, &kernel, pass: Pass(includesPods: false, cause: "watch"))
            #expect(report.failures == [] && report.done.allSatisfy { $0.attachment == attachments[1].id })
            #expect(!report.done.isEmpty)
            let left = Set(try examine(store, &kernel).plan.changes.compactMap(\.attachment))
            #expect(left == [attachments[0].id, attachments[2].id])
        }
    }

    @Test func `what is being added or deleted, or is nobody's, is left alone`() throws {
        try withPods { directory, attachments, kernel in
            let store = try Store.open(directory: directory, access: .write)
            for attachment in attachments { breakRoute(of: attachment, &kernel) }
            try store.markDeleting(attachments[0].id)
            try store.markUnfinished(attachments[1].id)
            kernel.liveness[attachments[2].pod] = .gone("x")
            let ids = attachments.map(\.id) + [4711]
            let report = try attend(ids, store, &kernel, pass: Pass(includesPods: false))
            #expect(!report.hasNews && report.skipped == [])
        }
    }

    @Test func `a lock is taken only to mend`() throws {
        try withPods { directory, attachments, kernel in
            let store = try Store.open(directory: directory, access: .write)
            let other = try Store.open(directory: directory, access: .write)
            #expect(try other.tryLock(attachment: attachments[0].id))
            let id = attachments[0].id
            #expect(try attend([id], store, &kernel, pass: Pass(includesPods: false)).skipped == [])
            breakRoute(of: attachments[0], &kernel)
            let report = try attend([id], store, &kernel, pass: Pass(includesPods: false))
            #expect(report.skipped.map(\.id) == [id] && report.done == [])
            other.unlock(attachment: id)
            #expect(try !attend([id], store, &kernel, pass: Pass(includesPods: false)).done.isEmpty)
        }
    }

    @Test func `a look at the host mends what pods share and their outer ends, without looking into them`() throws {
        try withPods { directory, attachments, kernel in
            let store = try Store.open(directory: directory, access: .write)
            kernel.deleteLink("cni0", in: .host)
            kernel.deleteLink(attachments[0].hostIfname, in: .host)
            breakRoute(of: attachments[1], &kernel)
            // One that could not be read is no reason to fail.
            kernel.unreadable = [attachments[2].pod]
            let report = try apply(store, &kernel, pass: Pass(includesPods: false, cause: "watch"))
            #expect(kernel[.host].links["cni0"] != nil && kernel[.host].links[attachments[0].hostIfname] != nil)
            #expect(report.done.contains { $0.attachment == attachments[0].id })
            #expect(report.released.isEmpty)
        }
    }

    @Test func `what is spared stays as it is`() throws {
        try withPods { directory, attachments, kernel in
            let store = try Store.open(directory: directory, access: .write)
            kernel.deleteLink("cni0", in: .host)
            breakRoute(of: attachments[0], &kernel)
            let pass = Pass(includesPods: false) { $0.name.contains("cni0") || $0.attachment == attachments[0].id }
            #expect(try apply(store, &kernel, pass: pass).done.allSatisfy { !$0.name.contains("cni0") })
            #expect(kernel[.host].links["cni0"] == nil)
            #expect(try !attend([attachments[0].id], store, &kernel, pass: pass).hasNews)
        }
    }
}
