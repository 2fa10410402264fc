package import Addressing

/// What ADD wants to be recorded.
package struct AttachmentRequest: Sendable {
    package var network: NetworkSpec
    package var containerID: String
    package var ifname: String
    package var namespace: NamespaceIdentity
    package var pod: PodIdentity
    package var cniVersion: String
    /// Asked for by somebody, and therefore compared ever after; else one is made up.
    package var mac: MACAddress?
    /// Addresses that the runtime asks for, one a range set at most; the other sets choose.
    package var addresses: [IPAddress]
    /// Beside the default routes: `ipam.routes` of the configuration. One without gateway takes the pod's.
    package var routes: [RouteSpec]
    /// The `dns` object of the answer, as JSON.
    package var dns: String?
    /// Who gives the addresses, if not we do: ``Store/assign(_:to:)`` records them later.
    package var delegate: DelegatedIPAM?
    /// The pod's interface is brought up.
    package var linkUp: Bool
    /// Where host-local kept its leases for the network, if it served it before.
    package var hostLocal: String?

    package init(
        network: NetworkSpec, containerID: String, ifname: String, namespace: NamespaceIdentity,
        pod: PodIdentity = PodIdentity(), cniVersion: String, mac: MACAddress? = nil,
        addresses: [IPAddress] = [], routes: [RouteSpec] = [], dns: String? = nil, delegate: DelegatedIPAM? = nil,
        linkUp: Bool = true,
        hostLocal: String? = nil
    ) {
        self.network = network
        self.containerID = containerID
        self.ifname = ifname
        self.namespace = namespace
        self.pod = pod
        self.cniVersion = cniVersion
        self.mac = mac
        self.addresses = addresses
        self.routes = routes
        self.dns = dns
        self.delegate = delegate
        self.linkUp = linkUp
        self.hostLocal = hostLocal
    }
}

/// What came of a request to record an attachment.
package enum Recorded: Sendable {
    case new(Intent)
    /// There is one of that network, container and ifname already; nothing was recorded.
    case existing(Attachment)
}

extension Store {
    /// Records a new attachment with its addresses and routes, and takes its lock.
    ///
    /// - Throws: `.exhausted` when a range set has no address left, or the bridge takes no more ports; `.taken` when
    ///   somebody has an address that was asked for; `.contradiction` with another network or a pod on the bridge; `.invalid`
    ///   for a row that is nonsense; `.io` for host-local's files, too; `.locked`, `.full`, `.readOnly`, `.corrupt`,
    ///   `.sqlite`. Nothing is recorded then, and no lock held.
    package func record(_ request: AttachmentRequest) throws(StoreError) -> Recorded {
        var locked: Int64?
        do throws(StoreError) {
            return try write { (database) throws(StoreError) in
                var node = try NodeRow.load(database)
                if try collectEarlierBoots(than: request.namespace.bootID, node, database) {
                    node = try NodeRow.load(database)
                }
                let network = try Network.ensure(
                    request.network, tag: node.tag, hostLocal: request.hostLocal, bootID: request.namespace.bootID,
                    database)
                var existing: Int64?
                var hasSiblings = false
                try database.each(
                    "SELECT id, ifname, network_id FROM attachments WHERE container_id = ?",
                    values: [.text(request.containerID)]
                ) { (row) throws(StoreError) in
                    if row.integer(2) == network.id, row.text(1) == request.ifname {
                        existing = row.integer(0)
                    } else {
                        hasSiblings = true
                    }
                }
                if let existing, let attachment = try Attachment.load(database, id: existing) {
                    return .existing(attachment)
                }
                try PortCount.check(network, on: node, database)
                var intent = Intent(networks: [network])
                let attachment = try insert(
                    request, network, on: node, hasSiblings: hasSiblings, isReuse: &intent.isReuse, database)
                intent.attachments = [attachment]
                guard try tryLock(attachment: attachment.id) else {
                    throw StoreError(
                        .locked, "attachment \(attachment.id) is new, yet another process holds its lock")
                }
                locked = attachment.id
                return .new(intent)
            }
        } catch {
            // The id was never committed, so the next attachment gets it.
            if let locked { unlock(attachment: locked) }
            remember(request, refusedWith: error)
            throw error
        }
    }

    /// Where another network gave the container an interface of that name, the DEL that follows must not take it for this
    /// one's: history tells (``attachmentID(containerID:ifname:network:orOnlyOne:)``).
    private func remember(_ request: AttachmentRequest, refusedWith error: StoreError) {
        guard [.exhausted, .taken, .contradiction, .invalid].contains(error.code) else { return }
        do throws(StoreError) {
            try write { (database) throws(StoreError) in
                try database.run(
                    """
                    INSERT INTO events (at_ms, kind, object, reason, network, container_id, ifname, pod_namespace, pod_name)
                    SELECT ?, 'failed', ?, 'ADD', ?, container_id, ifname, ?, ? FROM attachments
                    WHERE container_id = ? AND ifname = ? LIMIT 1
                    """, .integer(Clock.nowMilliseconds()), .text(error.description), .text(request.network.name),
                    .optional(request.pod.namespace), .optional(request.pod.name), .text(request.containerID),
                    .text(request.ifname))
            }
        } catch {
            // The refusal is what the runtime must hear.
        }
    }

    private func insert(
        _ request: AttachmentRequest, _ network: Network, on node: NodeRow, hasSiblings: Bool, isReuse: inout Bool,
        _ database: borrowing Connection
    ) throws(StoreError) -> Attachment {
        // Of what another plugin will give, nobody here knows who had it.
        isReuse = request.delegate != nil
        var leases: [Lease] = []
        for set in network.spec.rangeSets.indices {
            if let wanted = request.addresses.first(where: { address in
                network.spec.rangeSets[set].contains { $0.offers(address) }
            }) {
                leases.append(try Allocation.claim(wanted, set: set, of: network, database))
                isReuse = true
                continue
            }
            guard let lease = try Allocation.allocate(set: set, of: network, isReused: &isReuse, database) else {
                throw StoreError(
                    .exhausted,
                    "network \(network.spec.name): no address is left in "
                        + (try Allocation.describe(set: set, of: network, database)))
            }
            leases.append(lease)
        }
        // The host interface's name is made of it.
        let (id, isBeyond) = node.attachments.addingReportingOverflow(1)
        guard !isBeyond, id > 0 else {
            throw StoreError(
                .invalid, "sqlite_sequence in the database: \(node.attachments) leaves no id for an attachment")
        }
        var generator = SystemRandomNumberGenerator()
        var attachment = Attachment(
            id: id, networkID: network.id, network: network.spec.name, containerID: request.containerID,
            ifname: request.ifname, state: .adding, namespace: request.namespace, bridge: network.spec.bridge,
            isGateway: network.spec.isGateway, hairpin: network.spec.hairpin,
            hostIfname: Attachment.hostIfname(tag: node.tag, id: id),
            hostMAC: .random(using: &generator), mac: request.mac ?? .random(using: &generator),
            macRequested: request.mac != nil, mtu: network.spec.mtu, pod: request.pod,
            repairPod: network.spec.repairPod, leases: leases,
            routes: Store.promisedRoutes(request.routes, network: network.spec, leases: leases), dns: request.dns,
            delegate: request.delegate, linkUp: request.linkUp, link: network.spec.link,
            unmasqueraded: network.spec.unmasqueraded(leases), checksMAC: network.spec.checksMAC)
        if hasSiblings { try Store.giveWay(&attachment, database) }
        try insert(attachment, cniVersion: request.cniVersion, database)
        return attachment
    }

    /// Of the networks of one pod the first has a route, a default route say, and the next keep theirs behind it: a route
    /// for which nobody asked a metric gets one that is free.
    static func giveWay(_ attachment: inout Attachment, _ database: borrowing Connection) throws(StoreError) {
        /// What the kernel tells routes apart by. It makes 1024 of an IPv6 metric of 0 (IP6_RT_PRIO_USER).
        func place(_ destination: String, _ metric: Int64, _ table: Int64) -> String {
            "\(destination) \(metric == 0 && destination.contains(":") ? 1024 : metric) \(table)"
        }
        var taken: Set<String> = []
        try database.each(
            """
            SELECT dst, metric, table_id FROM routes AS r JOIN attachments AS a ON a.id = attachment_id
            WHERE container_id = ? AND a.id <> ?
            """, values: [.text(attachment.containerID), .integer(attachment.id)]
        ) { (row) throws(StoreError) in taken.insert(place(row.text(0), row.integer(1), row.integer(2))) }
        func place(of route: RouteSpec, _ metric: UInt32) -> String {
            place(route.destination.description, Int64(metric), Int64(route.table))
        }
        for route in attachment.routes where route.metric != 0 { taken.insert(place(of: route, route.metric)) }
        for index in attachment.routes.indices where attachment.routes[index].metric == 0 {
            let route = attachment.routes[index]
            var metric: UInt32 = 0
            while taken.contains(place(of: route, metric)) {
                metric = metric == 0 && route.destination.family == .v6 ? 1025 : metric + 1
            }
            attachment.routes[index].metric = metric
            taken.insert(place(of: route, metric))
        }
    }

    /// A default route by each family's gateway, then the configured routes, through the gateway of their family unless
    /// they name one.
    static func promisedRoutes(
        _ configured: [RouteSpec], network: NetworkSpec, leases: [Lease]
    ) -> [RouteSpec] {
        func gateway(_ family: IPFamily) -> IPAddress? {
            leases.lazy.compactMap(\.gateway).first { $0.family == family }
        }
        var routes: [RouteSpec] = []
        if network.isDefaultGateway {
            for family in IPFamily.allCases
            where !configured.contains(where: { $0.destination == .defaultRoute(family) }) {
                if let gateway = gateway(family) {
                    routes.append(RouteSpec(destination: .defaultRoute(family), gateway: gateway))
                }
            }
        }
        for var route in configured {
            route.gateway = route.gateway ?? gateway(route.destination.family)
            routes.append(route)
        }
        return routes
    }

    private func insert(
        _ attachment: Attachment, cniVersion: String, _ database: borrowing Connection
    ) throws(StoreError) {
        let now = SQLValue.integer(Clock.nowMilliseconds())
        try database.run(
            """
            INSERT INTO attachments (id, network_id, container_id, ifname, state, netns_path, netns_cookie,
            netns_device, netns_inode, boot_id, bridge, is_gateway, hairpin, host_ifname, host_mac, mac, mac_requested, mtu,
            pod_namespace, pod_name, pod_uid, cni_version, created_ms, dns, ipam_type, ipam, ipam_path, link_up, masquerade,
            mac_check) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .integer(attachment.id), .integer(attachment.networkID), .text(attachment.containerID),
            .text(attachment.ifname), .text(attachment.state.rawValue), .text(attachment.namespace.path),
            .integer(attachment.namespace.cookie), .integer(attachment.namespace.device),
            .integer(attachment.namespace.inode), .text(attachment.namespace.bootID), .text(attachment.bridge),
            .bool(attachment.isGateway), .bool(attachment.hairpin), .text(attachment.hostIfname),
            .text(attachment.hostMAC.description),
            .text(attachment.mac.description), .bool(attachment.macRequested), .optional(attachment.mtu),
            .optional(attachment.pod.namespace), .optional(attachment.pod.name), .optional(attachment.pod.uid),
            .text(cniVersion), now, .optional(attachment.dns), .optional(attachment.delegate?.type),
            .optional(attachment.delegate?.configuration), .optional(attachment.delegate?.path),
            .bool(attachment.linkUp), .blocks(attachment.unmasqueraded), .bool(attachment.checksMAC))
        if attachment.link != LinkOptions() {
            try database.run(
                "UPDATE attachments SET (\(LinkOptions.columns)) = (?, ?, ?) WHERE id = ?",
                values: attachment.link.values + [.integer(attachment.id)])
        }
        try insertPromises(of: attachment, now, database)
    }

    /// Addresses and routes.
    func insertPromises(
        of attachment: Attachment, _ now: SQLValue, _ database: borrowing Connection
    ) throws(StoreError) {
        try database.run(
            """
            INSERT INTO addresses (bridge, address, prefix_length, gateway, attachment_id, position, created_ms, sort_key)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            rows: attachment.leases.enumerated().map { position, lease in
                [
                    .text(attachment.bridge), .text(lease.address.address.description),
                    .integer(lease.address.prefixLength), .optional(lease.gateway?.description),
                    .integer(attachment.id), .integer(position), now, .text(lease.address.address.sortKey),
                ]
            })
        try database.run(
            """
            INSERT INTO routes (attachment_id, dst, gateway, dev, src, metric, table_id, mtu, advmss, scope)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            rows: attachment.routes.map { route in
                [
                    .integer(attachment.id), .text(route.destination.description),
                    .optional(route.gateway?.description), .optional(route.device),
                    .optional(route.source?.description), .integer(route.metric), .integer(route.table),
                    .optional(route.mtu), .optional(route.advertisedMSS), .optional(route.scope),
                ]
            })
        try Event.write(
            attachment.leases.map {
                Event(kind: .assigned, object: $0.address.address.description, attachment: attachment)
            },
            database)
    }

    /// ADD succeeded.
    package func markReady(_ id: Int64, events: [Event]) throws(StoreError) {
        try write { (database) throws(StoreError) in
            try database.run(
                "UPDATE attachments SET state = 'ready', ready_ms = ? WHERE id = ?",
                .integer(Clock.nowMilliseconds()), .integer(id))
            try Event.write(events, database)
        }
    }

    /// Its pair is about to be made anew: until that is through, all of it is ours, whatever its `repairPod` says.
    package func markUnfinished(_ id: Int64) throws(StoreError) {
        try write { (database) throws(StoreError) in
            try database.run("UPDATE attachments SET state = 'adding' WHERE id = ? AND state = 'ready'", .integer(id))
        }
    }

    /// From now on the attachment is on its way out, whoever finishes it.
    package func markDeleting(_ id: Int64) throws(StoreError) {
        try write { (database) throws(StoreError) in
            try database.run("UPDATE attachments SET state = 'deleting' WHERE id = ?", .integer(id))
        }
    }

    /// Nothing of the attachment is left in the kernel: its addresses are free again and its row goes.
    package func release(_ attachment: Attachment, reason: String, events: [Event] = []) throws(StoreError) {
        try write { (database) throws(StoreError) in
            try Event.write(events, database)
            try release(attachment, reason: reason, database)
            if database.cascades { try Event.forgetWithdrawal(of: "link \(attachment.hostIfname)", database) }
            try Retention.prune(database, after: attachment.id)
        }
    }

    func release(
        _ attachment: Attachment, reason: String, _ database: borrowing Connection
    ) throws(StoreError) {
        let holding = try Allocation.holding(of: attachment, database)
        try database.run("DELETE FROM attachments WHERE id = ?", .integer(attachment.id))
        // Of a row that is gone they are strays, which apply gives back.
        guard database.changes > 0 else { return }
        // Where foreign keys act they went along. Each by its key: of several, the list would be made in a table of its own.
        for lease in attachment.leases {
            try database.run(
                "DELETE FROM addresses WHERE bridge = ? AND address = ? AND attachment_id = ?",
                .text(attachment.bridge),
                .text(lease.address.address.description), .integer(attachment.id))
        }
        try database.run("DELETE FROM routes WHERE attachment_id = ?", .integer(attachment.id))
        try Allocation.giveBack(attachment, holding, database)
        try PortCount.ended(database)
        try Event.write(
            attachment.leases.map { Event(released: $0, of: attachment, since: holding.since, reason: reason) },
            database)
    }

    /// Attachments of an earlier boot are dead whatever else is known: their namespaces died with it. Looked for only
    /// by the first writer of a boot. An empty boot id means that it could not be read, which proves nothing.
    ///
    /// - Returns: whether this is the first.
    private func collectEarlierBoots(
        than bootID: String, _ node: NodeRow, _ database: borrowing Connection
    ) throws(StoreError) -> Bool {
        guard !bootID.isEmpty, node.bootID != bootID else { return false }
        // A row that cannot be read stays, and apply tells of it.
        var problems: [String] = []
        let dead = try Attachment.load(
            database, where: "boot_id NOT IN (?, '')", .text(bootID), problems: &problems)
        for var attachment in dead {
            attachment.leases = try Lease.load(
                database, where: "attachment_id = ?", .integer(attachment.id), problems: &problems
            ).map(\.lease)
            let reason = "the machine booted since"
            // Another plugin still has to take back what it gave.
            if attachment.delegate != nil {
                try disown(attachment, reason: reason, database)
            } else {
                try release(attachment, reason: reason, database)
            }
        }
        let held = try HeldLease.load(database, where: "h.boot_id NOT IN (?, '')", .text(bootID))
        for lease in held { try lease.release(reason: "the machine booted since", database) }
        // What is left of them says nothing sensible.
        try database.run("DELETE FROM held WHERE boot_id NOT IN (?, '')", .text(bootID))
        try database.run("UPDATE store SET boot_id = ?", .text(bootID))
        return true
    }
}
