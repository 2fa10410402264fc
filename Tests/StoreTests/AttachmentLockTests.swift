import Store
import Testing

@Suite struct AttachmentLockTests {
    @Test func oneStoreAtATimeWorksOnAnAttachment() throws {
        try withScratch { directory in
            let one = try Store.open(directory: directory, access: .create)
            let other = try Store.open(directory: directory, access: .write)
            let first = try one.tryLock(attachment: 7)
            let again = try one.tryLock(attachment: 7)
            let excluded = try other.tryLock(attachment: 7)
            let neighbours = (try other.tryLock(attachment: 6), try other.tryLock(attachment: 8))
            #expect(first && again)
            #expect(!excluded)
            #expect(neighbours.0 && neighbours.1)
            one.unlock(attachment: 7)
            let unlocked = try other.tryLock(attachment: 7)
            #expect(unlocked)
            close(one)
            close(other)
        }
    }

    @Test func closingFreesIt() throws {
        try withScratch { directory in
            let one = try Store.open(directory: directory, access: .create)
            let other = try Store.open(directory: directory, access: .write)
            let held = try one.tryLock(attachment: 1)
            let before = try other.tryLock(attachment: 1)
            close(one)
            let after = try other.tryLock(attachment: 1)
            close(other)
            #expect(held && !before && after)
        }
    }

    /// ADD works on what it recorded before anybody else can see it.
    @Test func recordTakesTheLockAndExistingDoesNot() throws {
        try withScratch { directory in
            let network = try NetworkSpec(sets: [["10.0.0.0/29"]])
            let one = try Store.open(directory: directory, access: .create)
            let other = try Store.open(directory: directory, access: .write)
            let attachment = try one.add(AttachmentRequest(network, "c"))
            let excluded = try other.tryLock(attachment: attachment.id)
            _ = try other.record(AttachmentRequest(network, "c"))
            one.unlock(attachment: attachment.id)
            let free = try one.tryLock(attachment: attachment.id)
            close(one)
            close(other)
            #expect(!excluded)
            #expect(free)
        }
    }

    /// Whoever holds an attachment never keeps the writer from others.
    @Test func theWriterIsAnotherByte() throws {
        try withScratch { directory in
            let one = try Store.open(directory: directory, access: .create)
            let other = try Store.open(directory: directory, access: .write)
            for id in Int64(0)..<3 {
                let locked = try one.tryLock(attachment: id)
                #expect(locked)
            }
            try other.markDeleting(1)
            close(other)
            close(one)
        }
    }
}
