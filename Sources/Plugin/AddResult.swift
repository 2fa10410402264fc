internal import Addressing
internal import Store

/// The result of ADD, in the shape of the version that was asked for (SPEC.md, "ADD Success").
enum AddResult {
    /// What was promised. The order of interfaces is the reference plugin's: bridge, host end, pod end.
    ///
    /// - Throws: what ``check(addresses:routes:_:)`` does.
    static func json(
        _ attachment: Attachment, bridgeMAC: MACAddress, version: ProtocolVersion
    ) throws(PluginError) -> String {
        guard version >= .v0_3_0 else {
            try check(addresses: attachment.leases.map(\.address.family), routes: attachment.routes, version)
            return JSONWriter.write(
                .object([
                    .init("cniVersion", .string(version.rawValue)), .init("dns", attachment.dns.map { .verbatim($0) }),
                    .init("ip4", perFamily(.v4, attachment)), .init("ip6", perFamily(.v6, attachment)),
                ]))
        }
        return JSONWriter.write(
            .object([
                .init("cniVersion", .string(version.rawValue)),
                .init("dns", attachment.dns.map { .verbatim($0) }),
                .init("interfaces", .array(interfaces(attachment, bridgeMAC: bridgeMAC, version))),
                .init("ips", .array(attachment.leases.map { ip($0, version) })),
                .init("routes", .array(attachment.routes.map { route($0, version) })),
            ]))
    }

    /// Whether a version can say this at all: before 0.3.0 there is one address a family at most, and its routes are
    /// with it.
    ///
    /// - Throws: `.incompatibleVersion`, as libcni fails to convert what another plugin answers (pkg/types/040).
    static func check(
        addresses: [IPFamily], routes: [RouteSpec], _ version: ProtocolVersion
    ) throws(PluginError) {
        guard version < .v0_3_0 else { return }
        let reason: String
        if addresses.isEmpty {
            reason = "an interface without addresses"
        } else if let twice = IPFamily.allCases.first(where: { family in addresses.count { $0 == family } > 1 }) {
            reason = "more than one IPv\(twice.version) address"
        } else if let route = routes.first(where: { !addresses.contains($0.destination.family) }) {
            reason = "a route to \(route.destination) without an IPv\(route.destination.family.version) address"
        } else {
            return
        }
        throw PluginError(
            .incompatibleVersion,
            "a result of cniVersion \(version.rawValue) cannot tell of \(reason): use \(ProtocolVersion.v0_3_0.rawValue) "
                + "or later")
    }

    /// The `ip4` and `ip6` of 0.1.0 and 0.2.0.
    private static func perFamily(_ family: IPFamily, _ attachment: Attachment) -> JSONWriter.Value? {
        guard let lease = attachment.leases.first(where: { $0.address.family == family }) else { return nil }
        let routes = attachment.routes.filter { $0.destination.family == family }
        return .object([
            .init("gateway", lease.gateway.map { .string($0.description) }),
            .init("ip", .string(lease.address.description)),
            .init("routes", routes.isEmpty ? nil : .array(routes.map { route($0, .v0_2_0) })),
        ])
    }

    private static func interfaces(
        _ attachment: Attachment, bridgeMAC: MACAddress, _ version: ProtocolVersion
    ) -> [JSONWriter.Value] {
        // Since 1.1.0, in bytes.
        let mtu: JSONWriter.Value? = version >= .v1_1_0 ? attachment.mtu.map { .integer($0) } : nil
        return [
            .object([.init("mac", .string(bridgeMAC.description)), .init("name", .string(attachment.bridge))]),
            .object([
                .init("mac", .string(attachment.hostMAC.description)), .init("mtu", mtu),
                .init("name", .string(attachment.hostIfname)),
            ]),
            .object([
                .init("mac", .string(attachment.mac.description)), .init("mtu", mtu),
                .init("name", .string(attachment.ifname)),
                .init("sandbox", .string(attachment.namespace.path)),
            ]),
        ]
    }

    /// `interface` is the index of the pod's own in `interfaces`, or containerd finds no pod IP.
    private static func ip(_ lease: Lease, _ version: ProtocolVersion) -> JSONWriter.Value {
        .object([
            .init("address", .string(lease.address.description)),
            .init("gateway", lease.gateway.map { .string($0.description) }),
            .init("interface", .integer(2)),
            .init("version", version < .v1_0_0 ? .string(String(lease.address.family.version)) : nil),
        ])
    }

    /// All but destination and gateway came with 1.1.0.
    private static func route(_ route: RouteSpec, _ version: ProtocolVersion) -> JSONWriter.Value {
        let isNew = version >= .v1_1_0
        func number(_ value: UInt32?) -> JSONWriter.Value? { isNew ? value.map { .integer(Int($0)) } : nil }
        return .object([
            .init("advmss", number(route.advertisedMSS)),
            .init("dst", .string(route.destination.description)),
            .init("gw", route.gateway.map { .string($0.description) }),
            .init("mtu", number(route.mtu)),
            .init("priority", number(route.metric == 0 ? nil : route.metric)),
            .init("scope", number(route.scope.map(UInt32.init))),
            .init("table", number(route.table == 254 ? nil : route.table)),
        ])
    }
}
