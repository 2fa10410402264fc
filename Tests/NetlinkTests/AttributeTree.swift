import CKernel
import Netlink

/// The leaves of a request's attributes by their path of types, so that two requests can be compared whatever the order
/// of their attributes, and whether or not they flag what nests (ip(8) does not, for the older attributes).
enum AttributeTree {
    private struct Shape {
        var headerSize: Int
        var nests: Set<[Int]> = []
        /// The kernel takes these texts with and without their NUL, and ip(8) is of two minds.
        var texts: Set<[Int]> = []
        /// A nest that begins with a header of its own.
        var innerHeaders: [[Int]: Int] = [:]
    }

    private static func shape(type: UInt16) -> Shape? {
        switch Int(type) {
        case Int(RTM_NEWLINK):
            Shape(
                headerSize: 16, nests: [[18], [18, 2], [18, 2, 1], [18, 5], [26], [26, 10]],
                texts: [[20], [18, 1], [18, 4]], innerHeaders: [[18, 2, 1]: 16])
        case Int(RTM_NEWADDR), Int(RTM_DELADDR): Shape(headerSize: 8)
        case Int(RTM_NEWROUTE), Int(RTM_DELROUTE): Shape(headerSize: 12, nests: [[8]])
        case Int(RTM_NEWNEIGH): Shape(headerSize: 12)
        default: nil
        }
    }

    /// The fixed header, and the leaves. An inner header is a leaf by its nest's path.
    static func read(
        _ body: ArraySlice<UInt8>, type: UInt16
    ) throws(NetlinkError) -> (header: [UInt8], leaves: [[Int]: [UInt8]]) {
        guard let shape = shape(type: type) else {
            throw NetlinkError(.malformed, context: "no shape for messages of type \(type)")
        }
        var cursor = Cursor(body)
        var header = Array(try cursor.readBytes(shape.headerSize))
        // rtm_table is ignored where RTA_TABLE names one over 255: 0 from ip(8), RT_TABLE_COMPAT from us.
        if shape.headerSize == 12, header[4] == UInt8(RT_TABLE_COMPAT.rawValue) { header[4] = 0 }
        var leaves: [[Int]: [UInt8]] = [:]
        try collect(&cursor, at: [], shape, into: &leaves)
        return (header, leaves)
    }

    private static func collect(
        _ cursor: inout Cursor, at path: [Int], _ shape: Shape, into leaves: inout [[Int]: [UInt8]]
    ) throws(NetlinkError) {
        for attribute in try cursor.readAttributes() {
            let path = path + [attribute.type]
            if shape.nests.contains(path) {
                var inner = Cursor(attribute.payload)
                if let size = shape.innerHeaders[path] { leaves[path] = Array(try inner.readBytes(size)) }
                try collect(&inner, at: path, shape, into: &leaves)
            } else if shape.texts.contains(path) {
                leaves[path] = Array(attribute.payload.prefix { $0 != 0 })
            } else {
                leaves[path] = Array(attribute.payload)
            }
        }
    }
}
