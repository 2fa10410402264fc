/// Versions of the protocol that we speak (SPEC.md, "Version"). They match by the exact string.
package enum ProtocolVersion: String, Hashable, Sendable, CaseIterable, Comparable {
    case v0_1_0 = "0.1.0"
    case v0_2_0 = "0.2.0"
    case v0_3_0 = "0.3.0"
    case v0_3_1 = "0.3.1"
    case v0_4_0 = "0.4.0"
    case v1_0_0 = "1.0.0"
    case v1_1_0 = "1.1.0"

    package static let newest = ProtocolVersion.v1_1_0

    package static func < (lhs: Self, rhs: Self) -> Bool {
        // The raw values sort as their versions do, as long as no part has two digits.
        lhs.rawValue < rhs.rawValue
    }

    /// - Throws: `.incompatibleVersion`.
    static func parse(_ text: String?) throws(PluginError) -> ProtocolVersion {
        // A configuration without one is of the version that had none (libcni, pkg/version, ConfigDecoder).
        guard let text, !text.isEmpty else { return .v0_1_0 }
        guard let version = ProtocolVersion(rawValue: text) else {
            throw PluginError(
                .incompatibleVersion,
                "cniVersion \"\(text)\" is not supported; plumb speaks "
                    + allCases.map(\.rawValue).joined(separator: ", "))
        }
        return version
    }
}
