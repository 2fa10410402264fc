internal import Addressing

extension Attachment {
    /// Attachments in order of their ids: all, or those that `condition` picks.
    ///
    /// - Parameter isEnd: of what ends, nobody needs to know its MTU, nor which state it was in.
    static func load(
        _ database: borrowing Connection, where condition: String = "1", _ values: SQLValue..., isEnd: Bool = false,
        problems: inout [String]
    ) throws(StoreError) -> [Attachment] {
        // Not by a join: each name would be looked for in both tables.
        let select = """
            SELECT id, network_id, (SELECT name FROM networks WHERE id = network_id), container_id, ifname, state, netns_path,
            netns_cookie, netns_device, netns_inode, boot_id, bridge, hairpin, host_ifname, host_mac, mac, mac_requested, mtu,
            pod_namespace, pod_name, pod_uid, ifnull(repair_pod, (SELECT repair_pod FROM networks WHERE id = network_id)),
            is_gateway, dns, ipam_type, ipam, ipam_path, link_up, masquerade, mac_check, isolated, dad, vlans
            FROM attachments
            """
        let statement = statement(select, where: condition, " ORDER BY id")
        return try database.queryValid(statement, values: values, what: "attachments row", idColumn: 0, &problems) {
            (row) throws(StoreError) in
            Attachment(
                id: row.integer(0), networkID: row.integer(1), network: row.optionalText(2) ?? lostNetwork,
                containerID: row.text(3), ifname: row.text(4),
                state: try row.parsed(5, "state", { AttachmentState(rawValue: $0) ?? (isEnd ? .deleting : nil) }),
                namespace: NamespaceIdentity(
                    path: row.text(6), cookie: UInt64(bitPattern: row.integer(7)),
                    device: UInt64(bitPattern: row.integer(8)), inode: UInt64(bitPattern: row.integer(9)),
                    bootID: row.text(10)),
                bridge: try row.linkName(11, "bridge"), isGateway: row.bool(22), hairpin: row.bool(12),
                hostIfname: try row.linkName(13, "host_ifname"),
                hostMAC: try row.parsed(14, "MAC", { MACAddress($0) }),
                mac: try row.parsed(15, "MAC", { MACAddress($0) }), macRequested: row.bool(16),
                mtu: isEnd ? nil : try row.mtu(17),
                pod: PodIdentity(
                    namespace: row.optionalText(18), name: row.optionalText(19), uid: row.optionalText(20)),
                // Its own is checked by the schema; what is wrong with the network's is told with the network.
                repairPod: RepairPod(rawValue: row.text(21)) ?? .all,
                dns: row.optionalText(23),
                delegate: row.optionalText(24).map {
                    DelegatedIPAM(type: $0, configuration: row.text(25), path: row.text(26))
                }, linkUp: row.bool(27), link: try LinkOptions(row, from: 30),
                unmasqueraded: try row.parsedIfPresent(28, "masquerade", { RangeSpec.blocks($0) }),
                checksMAC: row.bool(29))
        }
    }

    /// The network of attachments whose network's row a shell deleted: what none can be called (SPEC.md section 1).
    static let lostNetwork = "?"

    /// One attachment with its leases and routes.
    ///
    /// - Throws: `.invalid` if its row or a lease is nonsense: whoever asks for one is about to act on it.
    static func load(
        _ database: borrowing Connection, id: Int64, includesRoutes: Bool = true, isEnd: Bool = false
    ) throws(StoreError) -> Attachment? {
        var problems: [String] = []
        var attachment = try load(database, where: "id = ?", .integer(id), isEnd: isEnd, problems: &problems).first
        attachment?.leases = try Lease.load(
            database, where: "attachment_id = ?", .integer(id), problems: &problems
        ).map(\.lease)
        if let problem = problems.first { throw StoreError(.invalid, problem) }
        guard includesRoutes else { return attachment }
        // A bad route is told by whoever looks at the whole node.
        attachment?.routes = try RouteSpec.load(
            database, where: "attachment_id = ?", .integer(id), problems: &problems
        ).map(\.route)
        attachment?.lacksRoutes = !problems.isEmpty
        return attachment
    }
}

extension Lease {
    struct Row {
        var attachmentID: Int64
        var position: Int64
        var lease: Lease
    }

    /// In the order of their attachments, and in each as ADD answered them.
    static func load(
        _ database: borrowing Connection, where condition: String, _ values: SQLValue..., problems: inout [String]
    ) throws(StoreError) -> [Row] {
        let select = "SELECT attachment_id, address || '/' || prefix_length, gateway, position FROM addresses"
        let rows = try database.queryValid(
            statement(select, where: condition), values: values, what: "addresses of attachment", idColumn: 0,
            &problems
        ) { (row) throws(StoreError) in
            let address = try row.parsed(1, "address", { CIDR($0) })
            let gateway = try row.parsedIfPresent(2, "gateway", { IPAddress($0) })
            guard gateway.map({ $0.family == address.family }) ?? true else {
                throw StoreError(.invalid, "gateway \"\(row.text(2))\" is of another family than \(address)")
            }
            return Row(
                attachmentID: row.integer(0), position: row.integer(3), lease: Lease(address: address, gateway: gateway)
            )
        }
        // By ORDER BY, SQLite would set up its sorter for the two of a pod.
        return rows.sorted { ($0.attachmentID, $0.position) < ($1.attachmentID, $1.position) }
    }
}

extension RouteSpec {
    static func load(
        _ database: borrowing Connection, where condition: String, _ values: SQLValue..., problems: inout [String]
    ) throws(StoreError) -> [(attachmentID: Int64?, route: RouteSpec)] {
        let select = """
            SELECT attachment_id, dst, gateway, dev, src, metric, table_id, mtu, advmss, scope, id FROM routes
            """
        let statement = statement(select, where: condition, " ORDER BY id")
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
            mtu: try row.word(7, "mtu").flatMap(RouteSpec.keptMTU),
            advertisedMSS: try row.word(8, "advmss").flatMap(RouteSpec.keptAdvertisedMSS),
            scope: row.optionalInteger(9).map(UInt8.init(truncatingIfNeeded:)))
        guard !destination.hasHostBits else {
            throw StoreError(.invalid, "dst \"\(destination)\" has host bits: its block is \(destination.network)")
        }
        for (name, address) in [("gateway", gateway), ("src", source)] {
            guard let address, address.family != destination.family else { continue }
            throw StoreError(.invalid, "\(name) \"\(address)\" is of another family than dst \(destination)")
        }
    }
}

/// Made in one piece: a long text that grows leaves another behind at each step, and to free the first of those has the
/// runtime make a type.
private func statement(_ select: String, where condition: String, _ end: String = "") -> String {
    var text = ""
    text.reserveCapacity(select.utf8.count + condition.utf8.count + end.utf8.count + 7)
    text += select
    text += " WHERE "
    text += condition
    text += end
    return text
}
