internal import CKernel

/// VLANs of a bridge's port, or of the bridge itself: `struct bridge_vlan_info` (include/uapi/linux/if_bridge.h), and a
/// second one where they are a range.
package struct BridgeVLAN: Hashable, Sendable {
    package var first: UInt16
    package var last: UInt16
    /// Frames without a tag belong to it (BRIDGE_VLAN_INFO_PVID).
    package var isPVID: Bool
    /// Frames leave without their tag (BRIDGE_VLAN_INFO_UNTAGGED).
    package var isUntagged: Bool

    package init(_ first: UInt16, _ last: UInt16? = nil, isPVID: Bool = false, isUntagged: Bool = false) {
        self.first = first
        self.last = last ?? first
        self.isPVID = isPVID
        self.isUntagged = isUntagged
    }

    fileprivate var flags: UInt16 {
        UInt16((isPVID ? BRIDGE_VLAN_INFO_PVID : 0) | (isUntagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0))
    }

    fileprivate func encode(into builder: inout Builder) {
        func put(_ vid: UInt16, _ flags: UInt16) {
            builder.attribute(Int(IFLA_BRIDGE_VLAN_INFO)) {
                $0.append(flags)
                $0.append(vid)
            }
        }
        guard first != last else { return put(first, flags) }
        put(first, flags | UInt16(BRIDGE_VLAN_INFO_RANGE_BEGIN))
        put(last, flags | UInt16(BRIDGE_VLAN_INFO_RANGE_END))
    }
}

extension BridgeVLAN {
    /// Reads the body of RTM_NEWVLAN: `struct br_vlan_msg` and its entries, each with the last of a range.
    package static func parse(_ body: ArraySlice<UInt8>) throws(NetlinkError) -> [BridgeVLAN] {
        var cursor = Cursor(body)
        _ = try cursor.readBytes(headerSize)
        var vlans: [BridgeVLAN] = []
        for entry in try cursor.readAttributes() where entry.type == Int(BRIDGE_VLANDB_ENTRY) {
            var vlan: BridgeVLAN?
            var last: UInt16?
            for attribute in try entry.nested() {
                switch attribute.type {
                case Int(BRIDGE_VLANDB_ENTRY_INFO):
                    var info = Cursor(attribute.payload)
                    let flags = Int32(try info.read(UInt16.self))
                    vlan = BridgeVLAN(
                        try info.read(UInt16.self), isPVID: flags & BRIDGE_VLAN_INFO_PVID != 0,
                        isUntagged: flags & BRIDGE_VLAN_INFO_UNTAGGED != 0)
                case Int(BRIDGE_VLANDB_ENTRY_RANGE): last = try attribute.uint16()
                default: break
                }
            }
            guard var vlan else { continue }
            if let last, last >= vlan.first { vlan.last = last }
            vlans.append(vlan)
        }
        return vlans
    }

    /// AF_BRIDGE, three bytes of padding, the link's index.
    private static let headerSize = 8
}

extension Request {
    /// Sends RTM_SETLINK for AF_BRIDGE (`bridge vlan add`). EOPNOTSUPP: the kernel was built without
    /// CONFIG_BRIDGE_VLAN_FILTERING. A VLAN that is there already takes the flags.
    ///
    /// - Parameter isBridge: the VLANs of the bridge itself (`self`), not of a port of it (`master`).
    package static func addVLANs(
        _ vlans: [BridgeVLAN], index: Int32, isBridge: Bool = false, context: String
    ) -> Request {
        Request(
            type: Int(RTM_SETLINK), body: vlanBody(vlans, index: index, isBridge: isBridge), context: context)
    }

    /// Sends RTM_DELLINK for AF_BRIDGE (`bridge vlan del`). Those that are not there are no error.
    package static func deleteVLANs(_ vlans: [BridgeVLAN], index: Int32, context: String) -> Request {
        Request(type: Int(RTM_DELLINK), body: vlanBody(vlans, index: index, isBridge: false), context: context)
    }

    /// RTM_GETVLAN of one link (Linux 5.6): for ``NetlinkSocket/dump(_:)``. EOPNOTSUPP as in ``addVLANs``.
    package static func dumpVLANs(index: Int32, context: String) -> Request {
        var builder = Builder()
        builder.append(bridgeFamily)
        builder.append(contentsOf: [0, 0, 0])
        builder.append(index)
        return Request(type: Int(RTM_GETVLAN), body: builder.bytes, context: context)
    }

    private static func vlanBody(_ vlans: [BridgeVLAN], index: Int32, isBridge: Bool) -> [UInt8] {
        var link = LinkMessage()
        link.family = bridgeFamily
        link.index = index
        var builder = Builder()
        builder.append(contentsOf: link.encoded)
        // As iproute2 sends it, without NLA_F_NESTED.
        builder.attribute(Int(IFLA_AF_SPEC)) {
            $0.put(Int(IFLA_BRIDGE_FLAGS), UInt16(isBridge ? BRIDGE_FLAGS_SELF : BRIDGE_FLAGS_MASTER))
            for vlan in vlans { vlan.encode(into: &$0) }
        }
        return builder.bytes
    }

    /// AF_BRIDGE.
    private static let bridgeFamily: UInt8 = 7
}
