import CKernel
import Netlink
import Testing

/// Requests that would reach more links than were meant never come into being.
@Suite struct UnsafeRequestTests {
    /// RTM_NEWLINK with IFLA_GROUP and neither index nor name changes every link of the group.
    static let nameless: [LinkMessage] = {
        var grouped = LinkMessage()
        grouped.group = 5
        var empty = LinkMessage()
        empty.name = ""
        var negative = LinkMessage()
        negative.index = -1
        return [LinkMessage(), grouped, empty, negative]
    }()

    @Test(arguments: nameless)
    func aLinkWithoutIndexOrName(_ link: LinkMessage) {
        let expected = NetlinkError(.unsafeRequest, context: "try: a link message without index or name")
        #expect(throws: expected) { try Request.createLink(link, context: "try") }
        #expect(throws: expected) { try Request.setLink(link, context: "try") }
    }

    @Test(arguments: [0, -1, .min] as [Int32])
    func deletionWithoutIndex(index: Int32) {
        #expect(throws: NetlinkError.self) { try Request.deleteLink(index: index, context: "") }
    }

    @Test func deletionOfTheDefaultGroup() throws {
        #expect(throws: NetlinkError(.unsafeRequest, context: "try: group 0 holds every unmarked link")) {
            try Request.deleteLinks(group: 0, context: "try")
        }
        let request = try Request.deleteLinks(group: 5, context: "try")
        #expect(request.type == UInt16(RTM_DELLINK))
        #expect(try LinkMessage(parsing: request.body[...]).group == 5)
    }

    @Test func eitherIndexOrNameSuffices() throws {
        var named = LinkMessage()
        named.name = "veth7"
        var numbered = LinkMessage()
        numbered.index = 3
        for link in [named, numbered] {
            #expect(try Request.setLink(link, context: "").flags == 0)
            #expect(try LinkMessage(parsing: Request.createLink(link, context: "").body[...]) == link)
        }
        #expect(try LinkMessage(parsing: Request.deleteLink(index: 3, context: "").body[...]) == numbered)
    }

    /// By which a kernel that sends no echo is asked for the link.
    @Test func whatACreationCreates() throws {
        var link = LinkMessage()
        link.name = "plumb0"
        #expect(try Request.createLink(link, context: "").createdLink == "plumb0")
        #expect(try Request.setLink(link, context: "").createdLink == nil)
        #expect(try Request.getLink(name: "plumb0", context: "").createdLink == nil)
    }
}
