package import Netlink
package import Store

/// An element of a set of ours: what there is one of for each pod or each network.
package struct FirewallElement: Resource {
    package var family: NFFamily
    package var table: String
    package var set: String
    /// Without its comment.
    package var element: NFElement
    /// As nft(8) writes it, without quotes: `cni0 . 10.244.0.5`.
    package var text: String
    /// Whose it is, `default/web-0, plumbab3f7`: for people, and to tell a pod's from that of the next with its address.
    package var comment: String?
    /// Desired: the attachment that it is for; the comment is then compared.
    package var owner: Int64?
    /// Observed in its place: elements that overlap it, and keep the kernel from taking it.
    package var overlapping: [FirewallElement] = []

    /// - Parameter text: as it would be made of the key, which costs more than who has its parts at hand must pay.
    package init(
        _ element: NFElement, of set: NFSet, text: String? = nil, comment: String? = nil, owner: Int64? = nil
    ) {
        family = set.family
        table = set.table
        self.set = set.name
        self.element = element
        self.element.comment = nil
        self.text = text ?? FirewallElement.text(element, set.keys ?? [])
        self.comment = comment ?? element.comment
        self.owner = owner
    }

    package static let kindName = "firewall_element"
    package var name: String { "nft element \(family.name) \(table) \(set) { \(text) }" }
    package var wrapped: Object { .firewallElement(self) }

    /// The host's end of the pod that it is for, as its comment says.
    var hostIfname: String? { FirewallElement.hostIfname(inComment: comment) }

    package static func hostIfname(inComment comment: String?) -> String? {
        guard let word = comment?.split(separator: " ").last, Attachment.tag(ofHostIfname: String(word)) != nil else {
            return nil
        }
        return String(word)
    }

    /// A comment of at most 127 bytes, of which nft(8) can read its own listing again: what runtimes call pods need not be
    /// what Kubernetes allows.
    static func comment(_ attachment: Attachment) -> String {
        let label = attachment.label.utf8.prefix(90).map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "-")...UInt8(ascii: ":"), UInt8(ascii: " "):
                byte
            default: UInt8(ascii: "_")
            }
        }
        return "\(String(decoding: label, as: UTF8.self)), \(attachment.hostIfname)"
    }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        for element in MasqueradeTable.elements(intent) { desired.insert(element, in: .host) }
        for element in MACCheckTable.elements(intent) { desired.insert(element, in: .host) }
    }

    package static func onHost(of attachments: [Attachment]) -> [Object] {
        let intent = Intent(attachments: attachments)
        return (MasqueradeTable.elements(intent) + MACCheckTable.elements(intent)).filter { $0.owner != nil }
            .map(\.wrapped)
    }

    package func isFor(theSameAs observed: Self) -> Bool {
        observed.hostIfname == nil || observed.comment == comment
    }

    package func isIn(_ other: Object) -> Bool {
        guard case .firewallTable(let other) = other else { return false }
        return table == other.table.name && family == other.table.family
    }

    /// Elements are read of our own tables only.
    package static func surplus(in leftovers: Leftovers) -> [String] {
        var elements: [Self] = []
        for case .firewallElement(let element) in leftovers.objects { elements.append(element) }
        guard !elements.isEmpty else { return [] }
        let known = Set(leftovers.intent.attachments.map(comment))
        return elements.filter { element in
            // A pod lives that the database forgot, as an older copy of it does: what it has stays with it.
            guard let end = element.hostIfname.map(Veth.name), leftovers.observed[.host, end] != nil,
                !leftovers.withdrawn.contains(end)
            else { return true }
            return element.comment.map(known.contains) != false
        }.map(\.name)
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        guard reader.namespace == .host else { return }
        for element in try reader.firewall(desired).elements { observed.insert(element, in: .host) }
    }

    package func drift(from observed: Self) -> [String] {
        if !observed.overlapping.isEmpty {
            return ["there is \(observed.overlapping.map(\.text).joined(separator: ", ")) in its place"]
        }
        return owner != nil && observed.comment != comment
            ? ["it is for \(observed.comment.map { $0.isEmpty ? "nobody" : $0 } ?? "nobody")"] : []
    }

    /// An element that is there keeps its comment, so it is replaced.
    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        let addition = Request.addElements(elements(comment), context: "add \(name)")
        switch action {
        case .add: return .transaction([addition])
        case .delete: return .transaction([deletion])
        case .change: return .transaction(replaced(observed).map(\.deletion) + [addition])
        }
    }

    /// What goes for this one to come.
    private func replaced(_ observed: Self?) -> [Self] {
        observed.map { $0.overlapping.isEmpty ? [$0] : $0.overlapping } ?? []
    }

    private var deletion: Request { .deleteElements(elements(nil), context: "delete \(name)") }

    func elements(_ comment: String?) -> NFElements {
        var element = element
        element.comment = comment
        return NFElements(family: family, table: table, set: set, elements: [element])
    }

    package func phase(_ action: Action) -> Phase { action == .delete ? .firewallRemovals : .firewallElements }

    package func command(_ action: Action) -> String { command(action, from: nil) }

    package func command(_ action: Action, from observed: Self?) -> String {
        let addition = "add element \(place) { \(quoted)\(comment.map { " comment \"\($0)\"" } ?? "") }"
        let transaction =
            switch action {
            case .add: addition
            case .change: replaced(observed).map { "\($0.deletionText); " }.joined() + addition
            case .delete: deletionText
            }
        return "nft \(transaction.shellQuoted)"
    }

    private var place: String { "\(family.name) \(table) \(set)" }
    private var deletionText: String { "delete element \(place) { \(quoted) }" }

    /// As nft(8) reads it: a link may be called `1a`, `br@0` or by a word of nft's own.
    private var quoted: String {
        let end = text.utf8.firstIndex(of: UInt8(ascii: " ")) ?? text.endIndex
        return "\"\(text[..<end])\"\(text[end...])"
    }
}

extension FirewallElement {
    /// Whether all that the other one matches is matched by this one too.
    package func covers(_ other: FirewallElement) -> Bool {
        guard let end = element.keyEnd, let otherEnd = other.element.keyEnd else { return element == other.element }
        return compareFields(other) { first, last, otherFirst, otherLast in
            first <= otherFirst && otherLast <= last
        } && end.count == otherEnd.count
    }

    /// Whether something is matched by both: the kernel takes no two such into a set.
    package func overlaps(_ other: FirewallElement) -> Bool {
        guard element.keyEnd != nil, other.element.keyEnd != nil else { return element == other.element }
        return compareFields(other) { first, last, otherFirst, otherLast in
            first <= otherLast && otherFirst <= last
        }
    }

    /// Whether `holds` is so of every field, as numbers: a range of a concatenation is a range in each.
    private func compareFields(_ other: FirewallElement, _ holds: (Key, Key, Key, Key) -> Bool) -> Bool {
        guard set == other.set, table == other.table, family == other.family,
            let end = element.keyEnd, let otherEnd = other.element.keyEnd, element.key.count == other.element.key.count,
            end.count == element.key.count, otherEnd.count == end.count
        else { return false }
        var start = 0
        for length in fieldLengths {
            let field = start..<min(start + length, end.count)
            guard
                holds(
                    Key(element.key[field]), Key(end[field]), Key(other.element.key[field]), Key(otherEnd[field]))
            else { return false }
            start += length
        }
        return true
    }

    /// Sets of ours with intervals have a bridge's name, then two addresses.
    private var fieldLengths: [Int] {
        let address = (element.key.count - 16) / 2
        return [16, address, address]
    }

    private struct Key: Comparable {
        let bytes: ArraySlice<UInt8>
        init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }
        static func < (lhs: Self, rhs: Self) -> Bool { lhs.bytes.lexicographicallyPrecedes(rhs.bytes) }
        static func == (lhs: Self, rhs: Self) -> Bool { lhs.bytes.elementsEqual(rhs.bytes) }
    }
}
