internal import Addressing
internal import FoundationEssentials
internal import Store

/// The result of ADD, in the shape of the version that was asked for (SPEC.md, "ADD Success").
struct AddResult: Encodable {
    var cniVersion: String
    var interfaces: [Interface]
    var ips: [IP]
    var routes: [Route]

    struct Interface: Encodable {
        var name: String
        var mac: String
        /// Bytes; since 1.1.0.
        var mtu: Int?
        var sandbox: String?
    }

    struct IP: Encodable {
        /// `4` or `6`, before 1.0.0.
        var version: String?
        var address: String
        var gateway: String?
        /// Index in `interfaces` of the pod's own, or containerd finds no pod IP.
        var interface: Int
    }

    struct Route: Encodable {
        var dst: String
        var gw: String?
        // Since 1.1.0.
        var mtu: UInt32?
        var advmss: UInt32?
        var priority: UInt32?
        var table: UInt32?
        var scope: UInt8?
    }

    /// What was promised. The order of interfaces is the reference plugin's: bridge, host end, pod end.
    init(_ attachment: Attachment, bridgeMAC: MACAddress, version: ProtocolVersion) {
        cniVersion = version.rawValue
        let newest = version >= .v1_1_0
        interfaces = [
            Interface(name: attachment.bridge, mac: bridgeMAC.description),
            Interface(
                name: attachment.hostIfname, mac: attachment.hostMAC.description, mtu: newest ? attachment.mtu : nil),
            Interface(
                name: attachment.ifname, mac: attachment.mac.description, mtu: newest ? attachment.mtu : nil,
                sandbox: attachment.namespace.path),
        ]
        ips = attachment.leases.map { lease in
            IP(
                version: version < .v1_0_0 ? String(lease.address.family.version) : nil,
                address: lease.address.description, gateway: lease.gateway?.description, interface: 2)
        }
        routes = attachment.routes.map { route in
            Route(
                dst: route.destination.description, gw: route.gateway?.description, mtu: newest ? route.mtu : nil,
                advmss: newest ? route.advertisedMSS : nil,
                priority: newest && route.metric != 0 ? route.metric : nil,
                table: newest && route.table != 254 ? route.table : nil, scope: newest ? route.scope : nil)
        }
    }
}

enum JSONText {
    /// Sorted keys, no escaped slashes, one line.
    static func encode(_ value: some Encodable) throws(PluginError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw PluginError(.io, "cannot encode the answer: \(error)")
        }
    }
}
