internal import Netlink

/// Many pairs at once. Each RTM_DELLINK waits 15–30 ms for RCU, however many links it takes: they are moved to a group of
/// their own first, and that group is deleted.
///
/// Whoever dies in between leaves links in that group. They still carry a mark of ours (``LinkMessage/isDoomed``), and
/// their rows still say that they are to go.
extension LiveKernel {
    /// Links in one message: they hold the kernel's RTNL lock until the last of them is gone, 1000 for 650 ms.
    private static let limit = 64

    /// The deletions of host ends, of one database, that follow each other from a place on.
    static func deletions(from start: Int, in changes: [Change]) -> Range<Int> {
        var end = start
        var group: UInt32?
        while end < changes.count, end - start < limit, case .delete(.veth(let veth), .host, _) = changes[end],
            let own = Mark.doomedGroup(ofLink: veth.ifname), group ?? own == own
        {
            group = own
            end += 1
        }
        return start..<end
    }

    /// Makes the deletions in `places`; what cannot go with the others goes alone.
    mutating func deleteTogether(_ places: Range<Int>, _ outcomes: inout [Outcome]) {
        var names: [String] = []
        for place in places {
            if case .veth(let veth) = outcomes[place].change.object { names.append(veth.ifname) }
        }
        let reader = host
        do throws(NetlinkError) {
            try reader.deleteTogether(names)
        } catch {
            // A stranger in the group, one that the kernel does not let go, a conversation that broke down: each link's
            // own deletion tells what became of it.
            for (place, name) in zip(places, names) { outcomes[place].delete(name, reader) }
        }
    }
}

extension NamespaceReader {
    fileprivate func deleteTogether(_ names: [String]) throws(NetlinkError) {
        guard let first = names.first, let group = Mark.doomedGroup(ofLink: first) else { return }
        var requests: [Request] = []
        for name in names {
            var link = LinkMessage()
            link.index = try table.index(of: name)
            link.group = group
            requests.append(try .setLink(link, context: "move \(name) to group \(group)"))
        }
        for name in try self.names(inGroup: group) where !names.contains(name) {
            throw NetlinkError(.unsafeRequest, context: "\(name) is in group \(group) too")
        }
        try performDeletion(requests)
        try performDeletion([try .deleteLinks(group: group, context: "delete group \(group)")])
    }

    /// What is gone already is as good as deleted.
    private func performDeletion(_ requests: [Request]) throws(NetlinkError) {
        for reply in try socket.perform(requests) {
            if let error = reply.error, ErrnoPolicy.verdict(.delete, errno: error.errno) != .done { throw error }
        }
    }

    private func names(inGroup group: UInt32) throws(NetlinkError) -> [String] {
        var names: [String] = []
        for message in try socket.dump(.dumpLinks(context: "read links")) {
            let link = try LinkMessage(parsing: message.body)
            if link.group == group, let name = link.name { names.append(name) }
        }
        return names
    }
}

extension Outcome {
    fileprivate mutating func delete(_ name: String, _ reader: NamespaceReader) {
        do throws(NetlinkError) {
            let index = try reader.table.index(of: name)
            let request = try Request.deleteLink(index: index, context: "delete \(name)")
            for reply in try reader.socket.perform([request]) {
                if let error = reply.error { judge(error, of: request) }
            }
        } catch {
            status = .failed("\(change.name): \(error)")
        }
    }
}
