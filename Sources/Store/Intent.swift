internal import Addressing

/// Everything that the kernel should be made to agree with, or the part of it that one attachment needs.
package struct Intent: Hashable, Sendable {
    package var networks: [Network]
    package var attachments: [Attachment]
    package var hostRoutes: [RouteSpec]
    /// Rows that say nothing sensible; the others count all the same.
    package var problems: [String]
    /// A network could not be read: what nobody asks for may be its.
    package var lacksNetworks = false
    /// Neither could an attachment, one of its leases, or what host-local gave.
    package var lacksPods = false
    /// Of a new attachment: others may have had its addresses, and neighbours remember them.
    package var isReuse = false

    package init(
        networks: [Network] = [], attachments: [Attachment] = [], hostRoutes: [RouteSpec] = [],
        problems: [String] = []
    ) {
        self.networks = networks
        self.attachments = attachments
        self.hostRoutes = hostRoutes
        self.problems = problems
    }
}

extension Intent {
    /// What it does not ask for, nobody does.
    package var isWhole: Bool { !lacksNetworks && !lacksPods }

    /// The caller holds a transaction.
    static func load(_ database: borrowing Connection) throws(StoreError) -> Intent {
        var problems: [String] = []
        var attachments = try Attachment.load(database, problems: &problems)
        var place: [Int64: Int] = [:]
        for (index, attachment) in attachments.enumerated() { place[attachment.id] = index }
        for row in try Lease.load(database, where: "1", problems: &problems) {
            if let index = place[row.attachmentID] { attachments[index].leases.append(row.lease) }
        }
        var hostRoutes: [RouteSpec] = []
        problems += try HeldLease.problems(database)
        let lacksPods = !problems.isEmpty
        let sound = problems.count
        let routes = try RouteSpec.load(database, where: "1", problems: &problems)
        if problems.count > sound { for index in attachments.indices { attachments[index].lacksRoutes = true } }
        for (id, route) in routes {
            if let id {
                if let index = place[id] { attachments[index].routes.append(route) }
            } else if let other = hostRoutes.first(where: { $0.hasPlace(of: route) }) {
                problems.append(
                    "routes row to \(route.destination)\(route.gateway.map { " via \($0)" } ?? ""): another row has its "
                        + "destination, metric and table\(other.gateway.map { ", via \($0)" } ?? ""), and the kernel keeps one "
                        + "of both: give them different metrics")
            } else {
                hostRoutes.append(route)
            }
        }
        let count = problems.count
        let networks = try Network.load(database, problems: &problems)
        var intent = Intent(
            networks: networks, attachments: attachments, hostRoutes: hostRoutes, problems: problems)
        intent.lacksNetworks = problems.count > count
        intent.lacksPods = lacksPods
        return intent
    }
}

extension Store {
    /// The whole node, in one snapshot.
    package func intent() throws(StoreError) -> Intent {
        try read { (database) throws(StoreError) in try Intent.load(database) }
    }

    /// The database's own four characters, of which names in the kernel are made.
    package func tag() throws(StoreError) -> String {
        try NodeRow.load(database).tag
    }

    /// Attachments that are on their way out, or whose row is gone.
    package func ended(among ids: [Int64]) throws(StoreError) -> Set<Int64> {
        let living = try database.query("SELECT id FROM attachments WHERE state <> 'deleting'") {
            (row) throws(StoreError) in row.integer(0)
        }
        return Set(ids).subtracting(living)
    }

    /// One attachment as it is now, with its network.
    package func intent(attachment id: Int64) throws(StoreError) -> Intent {
        try read { (database) throws(StoreError) in
            guard let attachment = try Attachment.load(database, id: id) else { return Intent() }
            return Intent(networks: try Network.load(database, name: attachment.network), attachments: [attachment])
        }
    }

    /// The same without its network where a row of that is nonsense: its own row says what it was promised.
    package func promise(attachment id: Int64) throws(StoreError) -> Intent {
        try read { (database) throws(StoreError) in
            guard let attachment = try Attachment.load(database, id: id) else { return Intent() }
            do throws(StoreError) {
                return Intent(networks: try Network.load(database, name: attachment.network), attachments: [attachment])
            } catch  where error.code == .invalid {
                // Told by whoever looks at the whole node.
                var intent = Intent(attachments: [attachment])
                intent.lacksNetworks = true
                return intent
            }
        }
    }

    /// One attachment as it is now, without its routes, which nobody needs who ends it; `nil` if there is none any more.
    ///
    /// - Parameter isEnd: it ends, whatever its row says of it.
    package func attachment(_ id: Int64, isEnd: Bool = false) throws(StoreError) -> Attachment? {
        try read { (database) throws(StoreError) in
            try Attachment.load(database, id: id, includesRoutes: false, isEnd: isEnd)
        }
    }

    /// A container's interface in a network: there is one at most.
    ///
    /// - Parameter orOnlyOne: if none is, that in whichever network: this one may have been renamed. Not if history has an
    ///   attachment of its own that had this interface.
    package func attachmentID(
        containerID: String, ifname: String, network: String, orOnlyOne: Bool = false
    ) throws(StoreError) -> Int64? {
        var inNetwork: Int64?
        var inAny: Int64?
        var other: String?
        var count = 0
        try database.each(
            """
            SELECT id, (SELECT name FROM networks WHERE id = network_id) FROM attachments WHERE container_id = ? AND ifname = ?
            """, values: [.text(containerID), .text(ifname)]
        ) { (row) throws(StoreError) in
            inAny = row.integer(0)
            other = row.optionalText(1)
            count += 1
            if other == network { inNetwork = row.integer(0) }
        }
        if inNetwork != nil || !orOnlyOne || count != 1 { return inNetwork }
        // A shell deleted its network's row.
        guard other != nil else { return inAny }
        let had = try database.integer(
            "SELECT EXISTS (SELECT 1 FROM events WHERE container_id = ? AND ifname = ? AND network = ?)",
            .text(containerID), .text(ifname), .text(network))
        return had == 1 ? nil : inAny
    }

    /// Gateways on a bridge that are ours, of any network, lease or former network, by their names as kernel objects.
    package func gatewayNames(on bridge: String) throws(StoreError) -> Set<String> {
        let names = try database.query(
            """
            SELECT 'address ' || r.gateway || substr(r.subnet, instr(r.subnet, '/')) || ' on ' || n.bridge
            FROM ranges AS r JOIN networks AS n ON n.id = r.network_id WHERE n.bridge = ?1 AND n.is_gateway
            UNION
            SELECT 'address ' || l.gateway || '/' || l.prefix_length || ' on ' || l.bridge
            FROM addresses AS l JOIN attachments AS a ON a.id = l.attachment_id WHERE l.bridge = ?1 AND a.is_gateway
            UNION
            SELECT object FROM made WHERE \(Made.areAddresses) AND \(Made.link) = ?1
            """, .text(bridge)
        ) { (row) throws(StoreError) in row.text(0) }
        return Set(names)
    }

    /// Links on which gateways of ours may be.
    package func linksOfGateways() throws(StoreError) -> [String] {
        try database.query("SELECT DISTINCT \(Made.link) FROM made WHERE \(Made.areAddresses)") {
            (row) throws(StoreError) in row.text(0)
        }
    }

    /// Which of these objects, which no row asks for, the database remembers to have made or given up.
    package func withdrawn(among objects: some Collection<String>) throws(StoreError) -> Set<String> {
        var found: Set<String> = []
        for object in objects
        where try database.integer(
            """
            SELECT 1 FROM made WHERE object = ?1
            UNION ALL SELECT 1 FROM events WHERE kind = 'withdrawn' AND object = ?1
            """, .text(object)) != nil
        {
            found.insert(object)
        }
        return found
    }

    /// Whether the link of that name which the database gave up was this owner's, as its alias tells: network, pod and
    /// interface.
    package func withdrew(_ link: String, of owner: String) throws(StoreError) -> Bool {
        let owners = try database.query(
            """
            SELECT pod_namespace, pod_name, container_id, ifname FROM events WHERE kind = 'withdrawn' AND object = ?
            """, .text(link)
        ) { (row) throws(StoreError) in
            let pod = PodIdentity(namespace: row.optionalText(0), name: row.optionalText(1))
            return Attachment.alias(" \(pod.label(containerID: row.text(2))) \(row.text(3))")
        }
        return owners.contains { owner.hasSuffix($0) }
    }
}
