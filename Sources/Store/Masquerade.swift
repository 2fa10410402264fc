package import Addressing

/// That a network's pods leave it under the node's address, and what is excepted.
package struct Masquerade: Hashable, Sendable {
    /// Blocks beside the network's subnets to which traffic goes as it is: none within another, in order.
    package var exceptions: [CIDR]

    package init(exceptions: [CIDR] = []) { self.exceptions = exceptions }
}

extension NetworkSpec {
    /// All blocks to which traffic of a pod with these leases goes as it is; `nil` if it is never masqueraded.
    package func unmasqueraded(_ leases: [Lease] = []) -> [CIDR]? {
        guard let masquerade else { return nil }
        var blocks = masquerade.exceptions
        for set in rangeSets {
            for range in set { blocks.append(range.subnet) }
        }
        for lease in leases { blocks.append(lease.address.network) }
        return CIDR.outermost(blocks)
    }
}

/// A column with blocks.
extension SQLValue {
    static func blocks(_ blocks: [CIDR]?) -> SQLValue { .optional(blocks.map { RangeSpec.text($0) }) }
}
