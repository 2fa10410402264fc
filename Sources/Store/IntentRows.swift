internal import Addressing

extension Attachment {
    /// Attachments in order of their ids: all, or those that `condition` picks.
    static func load(
        _ database: borrowing Connection, where condition: String = "1", _ values: SQLValue...,
        problems: inout [String]
    ) throws(StoreError) -> [Attachment] {
        let statement = """
            SELECT a.id, a.network_id, n.name, a.container_id, a.ifname, a.state, a.netns_path, a.netns_cookie,
            a.netns_device, a.netns_inode, a.boot_id, a.bridge, a.hairpin, a.host_ifname, a.host_mac, a.mac,
            a.mac_requested, a.mtu, a.pod_namespace, a.pod_name, a.pod_uid, coalesce(a.repair_pod, n.repair_pod),
            a.is_gateway, a.dns, a.ipam_type, a.ipam, a.ipam_path, a.link_up, a.masquerade, a.mac_check, a.isolated, a.dad,
            a.vlans
            FROM attachments AS a JOIN networks AS n ON n.id = a.network_id WHERE \(condition) ORDER BY a.id
            """
        return try database.queryValid(statement, values: values, what: "attachments row", idColumn: 0, &problems) {
            (row) throws(StoreError) in
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
                repairPod: RepairPod(rawValue: row.text(21)) ?? .all, dns: row.optionalText(23),
                delegate: row.optionalText(24).map {
                    DelegatedIPAM(type: $0, configuration: row.text(25), path: row.text(26))
                }, linkUp: row.bool(27), link: try LinkOptions(row, from: 30),
                unmasqueraded: try row.parsedIfPresent(28, "masquerade", { RangeSpec.blocks($0) }),
                checksMAC: row.bool(29))
        }
    }

    /// One attachment with its leases and routes.
    ///
    /// - Throws: `.invalid` if its row or a lease is nonsense: whoever asks for one is about to act on it.
    static func load(_ database: borrowing Connection, id: Int64) throws(StoreError) -> Attachment? {
        var problems: [String] = []
        var attachment = try load(database, where: "a.id = ?", .integer(id), problems: &problems).first
        attachment?.leases = try Lease.load(
            database, where: "attachment_id = ?", .integer(id), problems: &problems
        ).map(\.lease)
        if let problem = problems.first { throw StoreError(.invalid, problem) }
        // A bad route is told by whoever looks at the whole node.
        attachment?.routes = try RouteSpec.load(
            database, where: "attachment_id = ?", .integer(id), problems: &problems
        ).map(\.route)
        return attachment
    }
}

extension Lease {
    static func load(
        _ database: borrowing Connection, where condition: String, _ values: SQLValue..., problems: inout [String]
    ) throws(StoreError) -> [(attachmentID: Int64, lease: Lease)] {
        let statement = """
            SELECT attachment_id, address || '/' || prefix_length, gateway FROM addresses WHERE \(condition)
            ORDER BY attachment_id, position
            """
        return try database.queryValid(
            statement, values: values, what: "addresses of attachment", idColumn: 0, &problems
        ) {
            (row) throws(StoreError) in
            let address = try row.parsed(1, "address", { CIDR($0) })
            let gateway = try row.parsedIfPresent(2, "gateway", { IPAddress($0) })
            return (row.integer(0), Lease(address: address, gateway: gateway))
        }
    }
}

extension RouteSpec {
    static func load(
        _ database: borrowing Connection, where condition: String, _ values: SQLValue..., problems: inout [String]
    ) throws(StoreError) -> [(attachmentID: Int64?, route: RouteSpec)] {
        let statement = """
            SELECT attachment_id, dst, gateway, dev, src, metric, table_id, mtu, advmss, scope, id FROM routes
            WHERE \(condition) ORDER BY id
            """
        return try database.queryValid(statement, values: values, what: "routes row", idColumn: 10, &problems) {
            (row) throws(StoreError) in (row.optionalInteger(0), try RouteSpec(row))
        }
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
