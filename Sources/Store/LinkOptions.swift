/// VLANs from `first` to `last`, both among them.
package struct VLANRange: Hashable, Sendable {
    package var first: UInt16
    package var last: UInt16

    package init(_ first: UInt16, _ last: UInt16) {
        self.first = first
        self.last = last
    }

    /// 0 and 4095 are no VLANs (IEEE 802.1Q).
    package var isValid: Bool { first >= 1 && first <= last && last <= 4094 }
}

/// What VLANs a port of the bridge is in: one without a tag, or some with theirs.
package struct PortVLANs: Hashable, Sendable {
    package var access: UInt16?
    package var trunk: [VLANRange]
    /// And in the one that the bridge puts every port in.
    package var keepsDefault: Bool

    package init(access: UInt16? = nil, trunk: [VLANRange] = [], keepsDefault: Bool = true) {
        self.access = access
        self.trunk = trunk
        self.keepsDefault = keepsDefault
    }

    /// As the database has it: `untagged 100`, `tagged 10 100-199`, and `only` behind that.
    package var text: String {
        let vlans = access.map { "untagged \($0)" } ?? trunk.map(\.text).reduce("tagged") { "\($0) \($1)" }
        return keepsDefault ? vlans : vlans + " only"
    }

    /// `nil` for what ``text`` never is.
    package init?(_ text: String) {
        var words = text.split(separator: " ")[...]
        keepsDefault = words.last != "only"
        if !keepsDefault { words = words.dropLast() }
        trunk = []
        switch words.popFirst() {
        case "untagged":
            guard words.count == 1, let vlan = words.first.flatMap({ VLANRange($0) }), vlan.first == vlan.last else {
                return nil
            }
            access = vlan.first
        case "tagged" where !words.isEmpty:
            for word in words {
                guard let range = VLANRange(word) else { return nil }
                trunk.append(range)
            }
        default: return nil
        }
    }
}

extension VLANRange {
    fileprivate var text: String { first == last ? "\(first)" : "\(first)-\(last)" }

    fileprivate init?(_ text: Substring) {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2, let first = ends.first.flatMap({ UInt16($0) }),
            let last = ends.last.flatMap({ UInt16($0) })
        else { return nil }
        self.init(first, last)
        guard isValid else { return nil }
    }
}

/// What an attachment's link is given beside its bridge, hairpin and MTU; an attachment keeps what its ADD gave it.
package struct LinkOptions: Hashable, Sendable {
    /// The port exchanges frames with such as are not isolated only.
    package var isIsolated: Bool
    package var vlans: PortVLANs?
    /// IPv6 addresses are used only once nobody on the link has claimed them.
    package var detectsDuplicates: Bool

    package init(isIsolated: Bool = false, vlans: PortVLANs? = nil, detectsDuplicates: Bool = false) {
        self.isIsolated = isIsolated
        self.vlans = vlans
        self.detectsDuplicates = detectsDuplicates
    }

    /// The columns `isolated`, `dad` and `vlans` of a row, in this order.
    init(_ row: borrowing Statement, from column: Int32) throws(StoreError) {
        isIsolated = row.bool(column)
        detectsDuplicates = row.bool(column + 1)
        vlans = try row.parsedIfPresent(column + 2, "VLANs", { PortVLANs($0) })
    }

    static let columns = "isolated, dad, vlans"

    var values: [SQLValue] { [.bool(isIsolated), .bool(detectsDuplicates), .optional(vlans?.text)] }
}
