internal import Store

/// The marks by which our objects are known in the kernel.
package enum Mark {
    /// IFLA_GROUP of every link that we make: PLUM on a telephone's keys.
    package static let group: UInt32 = 7586
    /// RTPROT_ of every route that we make: `P` in ASCII, free in iproute2's rt_protos.
    package static let routeProtocol: UInt8 = 80

    /// IFLA_GROUP of links that are about to be deleted together: `PL` in ASCII in the upper 16 bits, plus the tag of the
    /// database that made them, which is part of their names, as a number to the base 36. That has up to 21 bits, so that
    /// the groups are 0x504c0000 to 0x5065a0ff, one a tag: another database's links, and everybody else's, are never in it.
    ///
    /// `nil` for a name that is no host end's.
    package static func doomedGroup(ofLink name: String) -> UInt32? {
        guard let tag = Attachment.tag(ofHostIfname: name), let number = UInt32(tag, radix: 36) else { return nil }
        return 0x504c_0000 + number
    }
}
