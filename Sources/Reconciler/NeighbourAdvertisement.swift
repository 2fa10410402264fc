internal import Addressing
internal import CKernel
internal import Glibc
internal import Netlink
package import Store
internal import SystemPackage

/// Unsolicited neighbour advertisements (RFC 4861, 7.2.6): hosts on the link that know an IPv6 address by another MAC take
/// this one. The kernel sends none for an address without duplicate address detection, and what makes it ask for an IPv4
/// address of its own (``Request/announce``) reaches nobody here, for a solicitation goes to whoever has the address.
extension LiveKernel {
    /// Of an attachment whose addresses are in place. One that cannot be sent is what the network may lose anyway.
    ///
    /// - Returns: why one was not sent.
    package func announce(_ attachment: Attachment) -> String? {
        let addresses = attachment.leases.map(\.address.address).filter { $0.family == .v6 }
        guard !addresses.isEmpty, let pod, pod.namespace == attachment.pod, let target = host.table.podDescriptor else {
            return nil
        }
        do throws(NetlinkError) {
            let index = try pod.table.index(of: attachment.ifname)
            try NetworkNamespace.inside(target, path: attachment.namespace.path) { () throws(NetlinkError) in
                for address in addresses {
                    guard plumb_advertise(index, address.networkBytes, attachment.mac.bytes) == 0 else {
                        throw NetlinkError(
                            .socket, errno: Errno(rawValue: Glibc.errno), context: "advertise \(address)")
                    }
                }
            }
            return nil
        } catch {
            return "\(attachment.label): neighbours may know its addresses by another MAC for some seconds: \(error)"
        }
    }
}
