import Foundation
import Reconciler
import Store
import Testing

/// Many attachments that go together, on a real database and a simulated kernel.
@Suite struct CollectionTests {
    private func withStore(_ count: Int, _ body: (borrowing Store, [StoredAttachment]) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "plumb-collect-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }  // left over, it harms nobody
        let store = try Store.open(directory: directory, access: .create)
        for number in 1...count {
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
        try body(store, try store.intent().attachments)
    }

    @Test func `what is ordered goes, in as many batches as it takes`() throws {
        try withStore(150) { store, attachments in
            var kernel = SimulatedKernel()
            _ = try apply(store, &kernel)
            let doomed = attachments.dropFirst(10).map { Doomed(attachment: $0, reason: "test", isOrdered: true) }
            var told: [Int] = []
            let collected = collect(doomed, cause: "test", store, &kernel) { told.append($0) }
            #expect(collected.failures == [] && collected.skipped.isEmpty)
            #expect(collected.released.map(\.attachment.id) == attachments.dropFirst(10).map(\.id))
            #expect(told == [64, 128, 140])
            #expect(try store.intent().attachments.map(\.id) == attachments.prefix(10).map(\.id))
            #expect(try examine(store, &kernel).isClean)
        }
    }

    @Test func `what lives goes only if it is ordered`() throws {
        try withStore(2) { store, attachments in
            var kernel = SimulatedKernel()
            _ = try apply(store, &kernel)
            let collected = collect(
                attachments.map { Doomed(attachment: $0, reason: "test") }, cause: "test", store, &kernel)
            #expect(collected.failures == [] && collected.released.isEmpty)
            #expect(try store.intent().attachments == attachments)
            #expect(try examine(store, &kernel).isClean)
        }
    }

    @Test func `one link that cannot go, and one lock that is held, keep no other`() throws {
        try withStore(4) { store, attachments in
            var kernel = SimulatedKernel()
            _ = try apply(store, &kernel)
            kernel.refusedNames = [Veth.name(attachments[1].hostIfname)]
            let other = try Store.open(directory: store.directory, access: .write)
            #expect(try other.tryLock(attachment: attachments[2].id))
            let collected = collect(
                attachments.map { Doomed(attachment: $0, reason: "test", isOrdered: true) }, cause: "test", store,
                &kernel)
            #expect(collected.failures.count == 1 && collected.failures.allSatisfy { $0.contains("c2") })
            #expect(collected.skipped.map(\.id) == [attachments[2].id])
            let left = try store.intent().attachments
            #expect(left.map(\.state) == [.deleting, .ready])
            // Nothing is still locked by us: another may go on with it.
            #expect(try other.tryLock(attachment: attachments[1].id))
            other.unlock(attachment: attachments[1].id)
            other.unlock(attachment: attachments[2].id)

            kernel.refusedNames = []
            #expect(try apply(store, &kernel).failures == [])
            #expect(try store.intent().attachments.map(\.id) == [attachments[2].id])
        }
    }
}

@Suite struct DoomedGroupNameTests {
    @Test(arguments: [
        ("plumb00001", 0x504c_0000), ("plumb000z1", 0x504c_0023), ("plumbzzzz10", 0x504c_0000 + 1_679_615),
    ])
    func `a host end's name says its database's group`(name: String, group: Int) {
        #expect(Mark.doomedGroup(ofLink: name) == UInt32(group))
        #expect(Mark.doomedGroup(ofLink: name) != Mark.group)
    }

    @Test(arguments: ["", "eth0", "plumb", "plumbzzzz", "cni0plumbzzzz1", "plumb_zz_1"])
    func `another name has none`(name: String) {
        #expect(Mark.doomedGroup(ofLink: name) == nil)
    }
}
