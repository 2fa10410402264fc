package import Addressing

/// Which network namespace, and where the runtime keeps it.
package struct NamespaceIdentity: Hashable, Sendable {
    package var path: String
    /// SO_NETNS_COOKIE: never used again within one boot, unlike paths and inode numbers.
    package var cookie: UInt64
    /// For people.
    package var device: UInt64
    package var inode: UInt64
    /// /proc/sys/kernel/random/boot_id when it was seen.
    package var bootID: String

    package init(path: String, cookie: UInt64, device: UInt64, inode: UInt64, bootID: String) {
        self.path = path
        self.cookie = cookie
        self.device = device
        self.inode = inode
        self.bootID = bootID
    }
}

/// Whose pod it is, as far as the runtime said.
package struct PodIdentity: Hashable, Sendable {
    package var namespace: String?
    package var name: String?
    package var uid: String?

    package init(namespace: String? = nil, name: String? = nil, uid: String? = nil) {
        self.namespace = namespace
        self.name = name
        self.uid = uid
    }
}

/// An address that an attachment holds.
package struct Lease: Hashable, Sendable {
    package var address: CIDR
    package var gateway: IPAddress?

    package init(address: CIDR, gateway: IPAddress?) {
        self.address = address
        self.gateway = gateway
    }
}

/// A route that should exist, in a pod or on the host.
package struct RouteSpec: Hashable, Sendable {
    package var destination: CIDR
    package var gateway: IPAddress?
    package var device: String?
    package var source: IPAddress?
    package var metric: UInt32
    package var table: UInt32
    /// Bytes.
    package var mtu: UInt32?
    package var advertisedMSS: UInt32?
    /// RT_SCOPE_ number.
    package var scope: UInt8?

    package init(
        destination: CIDR, gateway: IPAddress? = nil, device: String? = nil, source: IPAddress? = nil,
        metric: UInt32 = 0, table: UInt32 = 254, mtu: UInt32? = nil, advertisedMSS: UInt32? = nil, scope: UInt8? = nil
    ) {
        self.destination = destination
        self.gateway = gateway
        self.device = device
        self.source = source
        self.metric = metric
        self.table = table
        self.mtu = mtu
        self.advertisedMSS = advertisedMSS
        self.scope = scope
    }
}

package enum AttachmentState: String, Hashable, Sendable {
    case adding, ready, deleting
}

/// An interface of a container: what ADD promised.
package struct Attachment: Hashable, Sendable, Identifiable {
    package let id: Int64
    package var networkID: Int64
    package var network: String
    package var containerID: String
    package var ifname: String
    package var state: AttachmentState
    package var namespace: NamespaceIdentity
    package var bridge: String
    /// The bridge holds the gateways of its leases.
    package var isGateway: Bool
    package var hairpin: Bool
    package var hostIfname: String
    package var hostMAC: MACAddress
    package var mac: MACAddress
    package var macRequested: Bool
    /// Bytes.
    package var mtu: Int?
    package var pod: PodIdentity
    package var repairPod: RepairPod
    package var leases: [Lease]
    package var routes: [RouteSpec]

    package init(
        id: Int64, networkID: Int64, network: String, containerID: String, ifname: String, state: AttachmentState,
        namespace: NamespaceIdentity, bridge: String, isGateway: Bool = true, hairpin: Bool, hostIfname: String,
        hostMAC: MACAddress,
        mac: MACAddress, macRequested: Bool = false, mtu: Int? = nil, pod: PodIdentity = PodIdentity(),
        repairPod: RepairPod = .all, leases: [Lease] = [], routes: [RouteSpec] = []
    ) {
        self.id = id
        self.networkID = networkID
        self.network = network
        self.containerID = containerID
        self.ifname = ifname
        self.state = state
        self.namespace = namespace
        self.bridge = bridge
        self.isGateway = isGateway
        self.hairpin = hairpin
        self.hostIfname = hostIfname
        self.hostMAC = hostMAC
        self.mac = mac
        self.macRequested = macRequested
        self.mtu = mtu
        self.pod = pod
        self.repairPod = repairPod
        self.leases = leases
        self.routes = routes
    }

    /// `default/web-0`, or the container's id where no runtime said whose pod it is.
    package var label: String {
        guard let name = pod.name else { return "container \(containerID.prefix(12))" }
        return pod.namespace.map { "pod \($0)/\(name)" } ?? "pod \(name)"
    }

    /// The host's end of the pair: the database's tag keeps it apart from another database's, the id from every other
    /// attachment that ever was. At most 15 characters, for ids below 36⁶.
    package static func hostIfname(tag: String, id: Int64) -> String { "plumb\(tag)\(String(id, radix: 36))" }
}

extension Attachment {
    /// Attachments in order of their ids: all, or those that `condition` picks.
    static func load(
        _ database: borrowing Connection, where condition: String = "1", _ values: SQLValue...
    ) throws(StoreError) -> [Attachment] {
        let statement = """
            SELECT a.id, a.network_id, n.name, a.container_id, a.ifname, a.state, a.netns_path, a.netns_cookie,
            a.netns_device, a.netns_inode, a.boot_id, a.bridge, a.hairpin, a.host_ifname, a.host_mac, a.mac,
            a.mac_requested, a.mtu, a.pod_namespace, a.pod_name, a.pod_uid, coalesce(a.repair_pod, n.repair_pod),
            a.is_gateway
            FROM attachments AS a JOIN networks AS n ON n.id = a.network_id WHERE \(condition) ORDER BY a.id
            """
        return try database.query(statement, values: values) { (row) throws(StoreError) in
            Attachment(
                id: row.integer(0), networkID: row.integer(1), network: row.text(2), containerID: row.text(3),
                ifname: row.text(4), state: AttachmentState(rawValue: row.text(5)) ?? .adding,
                namespace: NamespaceIdentity(
                    path: row.text(6), cookie: UInt64(bitPattern: row.integer(7)),
                    device: UInt64(bitPattern: row.integer(8)), inode: UInt64(bitPattern: row.integer(9)),
                    bootID: row.text(10)),
                bridge: row.text(11), isGateway: row.bool(22), hairpin: row.bool(12), hostIfname: row.text(13),
                hostMAC: try row.parsed(14, "MAC", { MACAddress($0) }),
                mac: try row.parsed(15, "MAC", { MACAddress($0) }), macRequested: row.bool(16),
                mtu: row.optionalInteger(17).map(Int.init),
                pod: PodIdentity(
                    namespace: row.optionalText(18), name: row.optionalText(19), uid: row.optionalText(20)),
                repairPod: RepairPod(rawValue: row.text(21)) ?? .all)
        }
    }

    /// One attachment with its leases and routes.
    static func load(_ database: borrowing Connection, id: Int64) throws(StoreError) -> Attachment? {
        var attachment = try load(database, where: "a.id = ?", .integer(id)).first
        attachment?.leases = try Lease.load(database, where: "attachment_id = ?", .integer(id)).map(\.lease)
        var problems: [String] = []
        attachment?.routes = try RouteSpec.load(
            database, where: "attachment_id = ?", .integer(id), problems: &problems
        ).map(\.route)
        return attachment
    }
}

extension Lease {
    static func load(
        _ database: borrowing Connection, where condition: String, _ values: SQLValue...
    ) throws(StoreError) -> [(attachmentID: Int64, lease: Lease)] {
        try database.query(
            """
            SELECT attachment_id, address || '/' || prefix_length, gateway FROM addresses WHERE \(condition)
            ORDER BY attachment_id, position
            """, values: values
        ) { (row) throws(StoreError) in
            let address = try row.parsed(1, "address", { CIDR($0) })
            return (row.integer(0), Lease(address: address, gateway: row.optionalText(2).flatMap { IPAddress($0) }))
        }
    }
}

extension RouteSpec {
    /// Admins write this table by hand: a row that makes no sense is told, and costs nobody else's route.
    static func load(
        _ database: borrowing Connection, where condition: String, _ values: SQLValue..., problems: inout [String]
    ) throws(StoreError) -> [(attachmentID: Int64?, route: RouteSpec)] {
        let rows = try database.query(
            """
            SELECT attachment_id, dst, gateway, dev, src, metric, table_id, mtu, advmss, scope, id FROM routes
            WHERE \(condition) ORDER BY id
            """, values: values
        ) { (row) throws(StoreError) -> Result<(Int64?, RouteSpec), StoreError> in
            do throws(StoreError) {
                return .success((row.optionalInteger(0), try RouteSpec(row)))
            } catch {
                return .failure(StoreError(.invalid, "routes row \(row.integer(10)): \(error)"))
            }
        }
        var routes: [(Int64?, RouteSpec)] = []
        for row in rows {
            switch row {
            case .success(let route): routes.append(route)
            case .failure(let error): problems.append(error.description)
            }
        }
        return routes
    }

    private init(_ row: borrowing Statement) throws(StoreError) {
        self.init(
            destination: try row.parsed(1, "dst", { CIDR($0) }),
            gateway: try row.parsedIfPresent(2, "gateway", { IPAddress($0) }), device: row.optionalText(3),
            source: try row.parsedIfPresent(4, "src", { IPAddress($0) }),
            metric: UInt32(truncatingIfNeeded: row.integer(5)), table: UInt32(truncatingIfNeeded: row.integer(6)),
            mtu: row.optionalInteger(7).map(UInt32.init(truncatingIfNeeded:)),
            advertisedMSS: row.optionalInteger(8).map(UInt32.init(truncatingIfNeeded:)),
            scope: row.optionalInteger(9).map(UInt8.init(truncatingIfNeeded:)))
        guard !destination.hasHostBits else {
            throw StoreError(.invalid, "dst \"\(destination)\" has host bits: its block is \(destination.network)")
        }
    }
}
