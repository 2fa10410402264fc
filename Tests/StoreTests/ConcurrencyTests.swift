import Store
import Synchronization
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

@Suite struct ConcurrencyTests {
    @Test func eightWritersShareOnePool() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/23"], ["fd00::/64"]])
            close(try Store.open(directory: directory, access: .create))
            let all = Mutex<[Attachment]>([])
            let workers = (0..<8).map { worker in
                Background {
                    // As processes do it: opened for one attachment, then closed.
                    for number in 0..<50 {
                        let store = try Store.open(directory: directory, access: .create)
                        let attachment = try store.add(AttachmentRequest(network, "w\(worker)-\(number)"))
                        close(store)
                        all.withLock { $0.append(attachment) }
                    }
                }
            }
            for worker in workers { try worker.join() }
            let recorded = all.withLock { $0 }
            #expect(recorded.count == 400)
            #expect(Set(recorded.flatMap(\.addresses)).count == 800)
            #expect(Set(recorded.map(\.hostIfname)).count == 400)
            let store = try Store.open(directory: directory, access: .read)
            let intent = try store.intent()
            close(store)
            #expect(Set(intent.attachments) == Set(recorded))
            #expect(try sqliteReadOnly(directory, "PRAGMA integrity_check") == "ok")
        }
    }

    /// Pods that come and go at once, in a pool that is nearly too small for them.
    @Test func addressesComeBackUnderContention() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            close(try Store.open(directory: directory, access: .create))
            let workers = (0..<5).map { worker in
                Background {
                    let store = try Store.open(directory: directory, access: .write)
                    for number in 0..<30 {
                        let attachment = try store.add(AttachmentRequest(network, "w\(worker)-\(number)"))
                        try store.release(attachment, reason: "test")
                    }
                    close(store)
                }
            }
            for worker in workers { try worker.join() }
            #expect(try sqliteReadOnly(directory, "SELECT count(*) FROM addresses") == "0")
            let store = try Store.open(directory: directory, access: .write)
            let drained = try store.drain(network, "d")
            close(store)
            #expect(Set(drained.flatMap(\.addresses)) == Set(try network.rangeSets[0][0].usable))
            #expect(drained.count == 5)
        }
    }
}
