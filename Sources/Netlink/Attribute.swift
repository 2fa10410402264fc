internal import CKernel

/// One netlink attribute as read: type without flag bits, and its payload.
///
/// `struct nlattr`, include/uapi/linux/netlink.h: 16-bit length (header included), 16-bit type, payload padded to 4.
package struct Attribute: Hashable, Sendable {
    /// The type with NLA_F_NESTED and NLA_F_NET_BYTEORDER taken away.
    package var type: Int
    /// Whether the sender set NLA_F_NESTED. Many kernel attributes nest without it.
    package var isFlaggedNested: Bool
    package var payload: ArraySlice<UInt8>

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.type == rhs.type && lhs.isFlaggedNested == rhs.isFlaggedNested
            && lhs.payload.elementsEqual(rhs.payload)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(type)
        for byte in payload { hasher.combine(byte) }
    }

    package func uint8() throws(NetlinkError) -> UInt8 { try integer() }
    package func uint16() throws(NetlinkError) -> UInt16 { try integer() }
    package func uint32() throws(NetlinkError) -> UInt32 { try integer() }
    package func int32() throws(NetlinkError) -> Int32 { try integer() }

    private func integer<T: FixedWidthInteger>() throws(NetlinkError) -> T {
        var cursor = Cursor(payload)
        return try cursor.read(T.self)
    }

    /// Text up to the first NUL or the end; bytes that are no UTF-8 are replaced.
    package func string() -> String {
        String(decoding: payload.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The attributes inside.
    package func nested() throws(NetlinkError) -> [Attribute] {
        var cursor = Cursor(payload)
        return try cursor.readAttributes()
    }
}

/// A bounds-checked reader over bytes in host byte order, which is how netlink speaks.
package struct Cursor {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    package var remaining: Int { rest.count }

    package mutating func read<T: FixedWidthInteger>(_ type: T.Type) throws(NetlinkError) -> T {
        let width = MemoryLayout<T>.size
        guard rest.count >= width else { throw Cursor.short(needed: width, have: rest.count) }
        let value = rest.withUnsafeBytes { $0.loadUnaligned(as: T.self) }
        rest = rest.dropFirst(width)
        return value
    }

    package mutating func readBytes(_ count: Int) throws(NetlinkError) -> ArraySlice<UInt8> {
        guard count >= 0, rest.count >= count else { throw Cursor.short(needed: count, have: rest.count) }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// Reads attributes to the end. A length below the header's four bytes is an error, never a loop.
    package mutating func readAttributes() throws(NetlinkError) -> [Attribute] {
        var attributes: [Attribute] = []
        while let attribute = try nextAttribute() { attributes.append(attribute) }
        return attributes
    }

    /// `nil` at the end. Inlined, because a link has forty and an ADD reads three links.
    @inline(__always)
    package mutating func nextAttribute() throws(NetlinkError) -> Attribute? {
        if rest.count >= 4 { return try readAttribute() }
        guard rest.isEmpty else {
            throw NetlinkError(.malformed, context: "\(rest.count) stray bytes after attributes")
        }
        return nil
    }

    @inline(__always)
    package mutating func readAttribute() throws(NetlinkError) -> Attribute {
        let length = Int(try read(UInt16.self))
        let type = try read(UInt16.self)
        guard length >= 4 else {
            throw NetlinkError(.malformed, context: "attribute \(type) with length \(length)")
        }
        let payload = try readBytes(length - 4)
        rest = rest.dropFirst(min(rest.count, align4(length) - length))
        return Attribute(
            type: Int(type & 0x3fff), isFlaggedNested: type & UInt16(NLA_F_NESTED) != 0, payload: payload)
    }

    private static func short(needed: Int, have: Int) -> NetlinkError {
        NetlinkError(.malformed, context: "\(needed) bytes needed, \(have) left")
    }
}

/// NLMSG_ALIGN and NLA_ALIGN: both four bytes.
func align4(_ count: Int) -> Int { (count + 3) & ~3 }
