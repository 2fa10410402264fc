internal import Addressing
internal import Store

/// The result of ADD, in the shape of the version that was asked for (SPEC.md, "ADD Success").
enum AddResult {
    /// What was promised. The order of interfaces is the reference plugin's: bridge, host end, pod end.
    static func json(_ attachment: Attachment, bridgeMAC: MACAddress, version: ProtocolVersion) -> String {
        JSONWriter.write(
            .object([
                ("cniVersion", .string(version.rawValue)),
                ("interfaces", .array(interfaces(attachment, bridgeMAC: bridgeMAC, version))),
                ("ips", .array(attachment.leases.map { ip($0, version) })),
                ("routes", .array(attachment.routes.map { route($0, version) })),
                ("dns", attachment.dns.map { .verbatim($0) }),
            ]))
    }

    private static func interfaces(
        _ attachment: Attachment, bridgeMAC: MACAddress, _ version: ProtocolVersion
    ) -> [JSONWriter.Value] {
        // Since 1.1.0, in bytes.
        let mtu: JSONWriter.Value? = version >= .v1_1_0 ? attachment.mtu.map { .integer($0) } : nil
        return [
            .object([("name", .string(attachment.bridge)), ("mac", .string(bridgeMAC.description))]),
            .object([
                ("name", .string(attachment.hostIfname)), ("mac", .string(attachment.hostMAC.description)),
                ("mtu", mtu),
            ]),
            .object([
                ("name", .string(attachment.ifname)), ("mac", .string(attachment.mac.description)), ("mtu", mtu),
                ("sandbox", .string(attachment.namespace.path)),
            ]),
        ]
    }

    /// `interface` is the index of the pod's own in `interfaces`, or containerd finds no pod IP.
    private static func ip(_ lease: Lease, _ version: ProtocolVersion) -> JSONWriter.Value {
        .object([
            ("version", version < .v1_0_0 ? .string(String(lease.address.family.version)) : nil),
            ("address", .string(lease.address.description)),
            ("gateway", lease.gateway.map { .string($0.description) }),
            ("interface", .integer(2)),
        ])
    }

    /// All but destination and gateway came with 1.1.0.
    private static func route(_ route: RouteSpec, _ version: ProtocolVersion) -> JSONWriter.Value {
        var members: [(String, JSONWriter.Value?)] = [
            ("dst", .string(route.destination.description)), ("gw", route.gateway.map { .string($0.description) }),
        ]
        if version >= .v1_1_0 {
            members += [
                ("mtu", route.mtu.map { .integer(Int($0)) }), ("advmss", route.advertisedMSS.map { .integer(Int($0)) }),
                ("priority", route.metric == 0 ? nil : .integer(Int(route.metric))),
                ("table", route.table == 254 ? nil : .integer(Int(route.table))),
                ("scope", route.scope.map { .integer(Int($0)) }),
            ]
        }
        return .object(members)
    }
}
