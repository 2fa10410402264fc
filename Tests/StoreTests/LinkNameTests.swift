import Store
import Testing

/// What an attachment's link is called, and what is read out of the names that others gave.
@Suite struct LinkNameTests {
    @Test(arguments: [1, 35, 36, 46_655, 2_176_782_335]) func aNameIsReadAgain(id: Int64) {
        let name = Attachment.hostIfname(tag: "ab1c", id: id)
        #expect(name.utf8.count <= 15)
        #expect(Attachment.tag(ofHostIfname: name) == "ab1c")
        #expect(Attachment.id(ofHostIfname: name, tag: "ab1c") == id)
        #expect(Attachment.id(ofHostIfname: name, tag: "ab1d") == nil)
    }

    @Test(arguments: ["", "plumb", "plumbab1c", "plumbfé9x", "plumbabcé1", "plumb\u{301}ab1c2", "plumb€€€", "eth0"])
    func whatOthersNamedIsNobodys(name: String) {
        #expect(Attachment.id(ofHostIfname: name, tag: "ab1c") == nil)
        #expect(Attachment.tag(ofHostIfname: name)?.utf8.allSatisfy { $0 < 0x80 } != false)
    }
}
