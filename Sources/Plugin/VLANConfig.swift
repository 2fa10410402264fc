internal import Store

extension Config {
    /// The keys `vlan`, `vlanTrunk` and `preserveDefaultVlan`, as the reference bridge plugin has them: a pod is in one VLAN
    /// without a tag, or in some with theirs. A `vlan` of 0 is none.
    static func vlans(_ file: ConfigFile) throws(PluginError) -> PortVLANs? {
        if let vlan = file.vlan, !(0...4094).contains(vlan) {
            throw PluginError(.invalidConfig, "key vlan: \(vlan) is not within 0–4094")
        }
        var trunk: [VLANRange] = []
        for entry in file.vlanTrunk { trunk += try ranges(entry) }
        let access = file.vlan.flatMap { $0 == 0 ? nil : UInt16($0) }
        guard access == nil || trunk.isEmpty else {
            throw PluginError(
                .invalidConfig,
                "keys vlan and vlanTrunk exclude each other: a port has one VLAN without a tag, or some with")
        }
        guard access != nil || !trunk.isEmpty else { return nil }
        return PortVLANs(access: access, trunk: merged(trunk), keepsDefault: file.preserveDefaultVlan ?? true)
    }

    /// `id`, or `minID` and `maxID`; both forms may be in one entry.
    private static func ranges(_ entry: ConfigFile.Trunk) throws(PluginError) -> [VLANRange] {
        func number(_ value: Int, _ key: String) throws(PluginError) -> UInt16 {
            guard (1...4094).contains(value) else {
                throw PluginError(.invalidConfig, "key \(entry.path).\(key): \(value) is not within 1–4094")
            }
            return UInt16(value)
        }
        var ranges: [VLANRange] = []
        switch (entry.minID, entry.maxID) {
        case (let min?, let max?):
            let range = VLANRange(try number(min, "minID"), try number(max, "maxID"))
            guard range.isValid else {
                throw PluginError(.invalidConfig, "key \(entry.path): minID \(min) is above maxID \(max)")
            }
            ranges.append(range)
        case (nil, nil): break
        default:
            throw PluginError(.invalidConfig, "key \(entry.path): minID and maxID go together, and one is missing")
        }
        if let id = entry.id {
            let id = try number(id, "id")
            ranges.append(VLANRange(id, id))
        }
        guard !ranges.isEmpty else {
            throw PluginError(.invalidConfig, "key \(entry.path): names no VLAN by id, or by minID and maxID")
        }
        return ranges
    }

    /// In ascending order, without overlaps: what two configurations mean is compared, not how they say it.
    private static func merged(_ ranges: [VLANRange]) -> [VLANRange] {
        var merged: [VLANRange] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let last = merged.last, range.first <= last.last + 1 {
                merged[merged.count - 1].last = max(last.last, range.last)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}
