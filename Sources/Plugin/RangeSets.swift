internal import Addressing
internal import Store

/// Subnets and ranges of a configuration, checked as host-local checks them.
enum RangeSets {
    static func parse(_ file: ConfigFile, network: String) throws(PluginError) -> [[RangeSpec]] {
        if file.ipam?.delegate != nil { return [] }
        // The runtime's before ours, as host-local has it: a node's PodCIDR, say.
        var sets = try parse(file.ipRanges, "runtimeConfig.ipRanges")
        if let subnets = file.subnets {
            guard !subnets.isEmpty else { throw PluginError(.invalidConfig, "key subnets is empty") }
            for (index, subnet) in subnets.enumerated() {
                let path = "subnets[\(index)]"
                sets.append([try range(ConfigFile.Range(subnet: subnet, path: path), subnetKey: path)])
            }
        } else if let ipam = file.ipam {
            if ipam.single.subnet != nil { sets.append([try range(ipam.single)]) }
            sets += try parse(ipam.ranges, "ipam.ranges")
        }
        // `"ipam": {}` asks for an interface without addresses; nothing at all is rather a slip.
        guard
            !sets.isEmpty || file.awaitsRanges || file.disableContainerInterface == true
                || file.ipam?.type == nil && file.ipam != nil
        else {
            throw PluginError(
                .invalidConfig,
                "network \(network) has no addresses: key subnets, ipam.subnet or ipam.ranges is needed (\"ipam\": {} "
                    + "makes an interface without any)")
        }
        try checkTogether(sets)
        return sets
    }

    private static func parse(_ sets: [[ConfigFile.Range]], _ key: String) throws(PluginError) -> [[RangeSpec]] {
        var parsed: [[RangeSpec]] = []
        for (index, set) in sets.enumerated() {
            guard !set.isEmpty else { throw PluginError(.invalidConfig, "key \(key)[\(index)] is empty") }
            var ranges: [RangeSpec] = []
            for one in set { ranges.append(try range(one)) }
            parsed.append(ranges)
        }
        return parsed
    }

    private static func range(
        _ range: ConfigFile.Range, subnetKey: String? = nil
    ) throws(PluginError) -> RangeSpec {
        let key = range.path
        let subnetKey = subnetKey ?? "\(key).subnet"
        guard let text = range.subnet else { throw PluginError(.invalidConfig, "key \(subnetKey) is missing") }
        guard let subnet = CIDR(text) else {
            throw PluginError(
                .invalidConfig, "key \(subnetKey): \"\(text)\" is no subnet, as 10.244.1.0/24 is")
        }
        guard !subnet.hasHostBits else {
            throw PluginError(
                .invalidConfig, "key \(subnetKey): \(subnet) has host bits set; its subnet is \(subnet.network)")
        }
        guard !subnet.first.isMulticast, !subnet.first.isUnspecified, !subnet.first.isLoopback else {
            throw PluginError(
                .invalidConfig, "key \(subnetKey): no interface can have the addresses that \(subnet) begins with")
        }
        let (lowest, highest) = try ends(of: subnet, subnetKey)
        let first = try bound(range.rangeStart, "\(key).rangeStart", in: subnet) ?? lowest
        let last = try bound(range.rangeEnd, "\(key).rangeEnd", in: subnet) ?? highest
        guard first <= last else {
            throw PluginError(.invalidConfig, "key \(key): rangeStart \(first) is above rangeEnd \(last)")
        }
        let gateway: IPAddress
        if let text = range.gateway {
            gateway = try IPAddress(nextHop: text, key: "\(key).gateway", subnet.family)
        } else {
            gateway = lowest
        }
        let spec = RangeSpec(
            subnet: subnet, first: max(first, lowest), last: min(last, highest), gateway: gateway,
            exclude: try blocks(range.exclude, "\(key).exclude", in: subnet))
        guard spec.first <= spec.last, spec.size > 0 else {
            throw PluginError(
                .invalidConfig, "key \(key): no address is left for a pod besides the gateway and what is excluded")
        }
        return spec
    }

    /// What a pod or a gateway may have of a subnet. Of a /31 or a /127 that is both (RFC 3021, RFC 6164).
    private static func ends(of subnet: CIDR, _ key: String) throws(PluginError) -> (IPAddress, IPAddress) {
        if subnet.prefixLength == subnet.family.bitWidth - 1 { return (subnet.first, subnet.last) }
        guard subnet.prefixLength < subnet.family.bitWidth, let lowest = subnet.first.advanced(by: 1),
            let beforeLast = subnet.last.retreated(by: 1)
        else {
            throw PluginError(
                .invalidConfig, "key \(key): \(subnet) is too small: it must leave room for a gateway and a pod")
        }
        // The all-ones address is the broadcast address, in IPv4 only.
        return (lowest, subnet.family == .v4 ? beforeLast : subnet.last)
    }

    /// Without those that lie in another, in order.
    private static func blocks(
        _ texts: [String], _ key: String, in subnet: CIDR
    ) throws(PluginError) -> [CIDR] {
        var blocks: [CIDR] = []
        for (index, text) in texts.enumerated() {
            guard let block = CIDR(text) ?? IPAddress(text).map(CIDR.init(host:)) else {
                throw PluginError(
                    .invalidConfig,
                    "key \(key)[\(index)]: \"\(text)\" is no address and no block, as 10.244.1.16/28 is")
            }
            guard !block.hasHostBits else {
                throw PluginError(
                    .invalidConfig, "key \(key)[\(index)]: \(block) has host bits set; its block is \(block.network)")
            }
            guard subnet.contains(block.first), subnet.prefixLength <= block.prefixLength else {
                throw PluginError(.invalidConfig, "key \(key)[\(index)]: \(block) is not within \(subnet)")
            }
            if blocks.contains(where: { $0.contains(block.first) && $0.prefixLength <= block.prefixLength }) {
                continue
            }
            blocks.removeAll { block.contains($0.first) }
            blocks.append(block)
        }
        return blocks.sorted(by: <)
    }

    private static func bound(
        _ text: String?, _ key: String, in subnet: CIDR
    ) throws(PluginError) -> IPAddress? {
        guard let text else { return nil }
        guard let address = IPAddress(text), subnet.contains(address) else {
            throw PluginError(.invalidConfig, "key \(key): \"\(text)\" is no address of \(subnet)")
        }
        return address
    }

    private static func checkTogether(_ sets: [[RangeSpec]]) throws(PluginError) {
        for (index, set) in sets.enumerated() {
            guard let family = set.first?.subnet.family, set.allSatisfy({ $0.subnet.family == family }) else {
                throw PluginError(.invalidConfig, "range set \(index) mixes IPv4 and IPv6: give each family a set")
            }
        }
        let all = Array(sets.joined())
        for (index, range) in all.enumerated() {
            for other in all[(index + 1)...] where other.subnet.family == range.subnet.family {
                guard range.last < other.first || other.last < range.first else {
                    throw PluginError(
                        .invalidConfig,
                        "ranges \(range.first)–\(range.last) and \(other.first)–\(other.last) overlap")
                }
            }
        }
    }
}
