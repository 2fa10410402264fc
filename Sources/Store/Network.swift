package import Addressing

/// Who owns the inside of a pod's namespace.
package enum RepairPod: String, Hashable, Sendable {
    /// Everything that ADD promised is kept so.
    case all
    /// Only an interface that vanished is made again, with all that belongs to it.
    case missingLink = "missing-link"
    case none
}

/// A network as configured. What the kernel is to choose itself is `nil`.
package struct NetworkSpec: Hashable, Sendable {
    package var name: String
    package var bridge: String
    /// Bytes.
    package var mtu: Int?
    package var isGateway: Bool
    package var isDefaultGateway: Bool
    package var hairpin: Bool
    package var repairPod: RepairPod
    /// Foreign addresses on the bridge that overlap a gateway's subnet are taken away instead of refused.
    package var forceAddress: Bool
    /// The bridge takes every frame, whoever it is for.
    package var promiscuous: Bool
    /// What the next attachments get.
    package var link: LinkOptions
    /// Traffic between ports of one bridge passes the host's iptables.
    package var bridgeNetfilter: Bool
    /// Each set gives one address to each pod; the ranges of a set are tried in order.
    package var rangeSets: [[RangeSpec]]
    /// Pods leave the network under the node's address.
    package var masquerade: Masquerade?
    /// A pod may send with the MAC of its interface only.
    package var checksMAC: Bool

    package init(
        name: String, bridge: String, mtu: Int? = nil, isGateway: Bool = true, isDefaultGateway: Bool = true,
        hairpin: Bool = true, repairPod: RepairPod = .all, forceAddress: Bool = false,
        promiscuous: Bool = false, link: LinkOptions = LinkOptions(), bridgeNetfilter: Bool = false,
        rangeSets: [[RangeSpec]] = [], masquerade: Masquerade? = nil, checksMAC: Bool = false
    ) {
        self.name = name
        self.bridge = bridge
        self.mtu = mtu
        self.isGateway = isGateway
        self.isDefaultGateway = isDefaultGateway
        self.hairpin = hairpin
        self.repairPod = repairPod
        self.forceAddress = forceAddress
        self.promiscuous = promiscuous
        self.link = link
        self.bridgeNetfilter = bridgeNetfilter
        self.rangeSets = rangeSets
        self.masquerade = masquerade
        self.checksMAC = checksMAC
    }
}

extension NetworkSpec {
    /// Names of it in the kernel are made of the database's tag.
    var usesFirewall: Bool { masquerade != nil || checksMAC }

    /// Whether it asks for what most do not.
    var hasOptions: Bool { promiscuous || bridgeNetfilter || link != LinkOptions() }
}

/// A network's row with its ranges.
package struct Network: Hashable, Sendable, Identifiable {
    package let id: Int64
    package var spec: NetworkSpec
    package var bridgeMAC: MACAddress
    /// Row ids of `spec.rangeSets`, in the same shape.
    package var rangeIDs: [[Int64]]
    /// The database's, of which names in the kernel are made; empty where the network has none by it alone.
    package var tag: String
    /// It was not recorded before.
    package var isNew = false
    /// The bridge that it has just left.
    package var formerBridge: String?

    package init(
        id: Int64, spec: NetworkSpec, bridgeMAC: MACAddress, rangeIDs: [[Int64]] = [], tag: String = ""
    ) {
        self.tag = tag
        self.id = id
        self.spec = spec
        self.bridgeMAC = bridgeMAC
        self.rangeIDs = rangeIDs
    }
}

extension Network {
    /// - Parameter tag: the database's, of a caller that knows it.
    ///
    /// - Throws: `.invalid`, naming the network, if a row of it is nonsense.
    static func load(
        _ database: borrowing Connection, name: String, tag: String? = nil
    ) throws(StoreError) -> [Network] {
        try load(database, name, tag: tag) { (problem) throws(StoreError) in throw problem }
    }

    /// All of them. One of which a row is nonsense is told in `problems`, and left out.
    static func load(
        _ database: borrowing Connection, tag: String? = nil, problems: inout [String]
    ) throws(StoreError) -> [Network] {
        var found: [String] = []
        let networks = try load(database, nil, tag: tag) { (problem) throws(StoreError) in
            guard problem.code == .invalid else { throw problem }
            found.append(problem.description)
        }
        problems += found
        return networks
    }

    private static func load(
        _ database: borrowing Connection, _ name: String?, tag: String?,
        skip: (StoreError) throws(StoreError) -> Void
    ) throws(StoreError) -> [Network] {
        let columns = """
            SELECT id, name, bridge, bridge_mac, mtu, is_gateway, is_default_gateway, hairpin, repair_pod,
            force_address, masquerade, mac_check, promisc, bridge_netfilter, isolated, dad, vlans FROM networks
            """
        var networks: [Network] = []
        func read(_ row: borrowing Statement) throws(StoreError) {
            do throws(StoreError) {
                networks.append(try Network(row))
            } catch {
                try skip(StoreError(error.code, "network \(row.text(1)): \(error.message)"))
            }
        }
        if let name {
            try database.each(columns + " WHERE name = ?", values: [.text(name)], read)
        } else {
            try database.each(columns + " ORDER BY id", values: [], read)
        }
        var whole: [Network] = []
        for var network in networks {
            do throws(StoreError) {
                try network.loadRanges(database)
            } catch {
                try skip(error)
                continue
            }
            if network.spec.usesFirewall {
                network.tag = if let tag { tag } else { try NodeRow.load(database).tag }
            }
            whole.append(network)
        }
        return whole
    }

    /// A row with the columns that ``load(_:name:tag:)`` asks for.
    private init(_ row: borrowing Statement) throws(StoreError) {
        self.init(
            id: row.integer(0),
            spec: NetworkSpec(
                name: row.text(1), bridge: try row.linkName(2, "bridge"), mtu: try row.mtu(4), isGateway: row.bool(5),
                isDefaultGateway: row.bool(6), hairpin: row.bool(7),
                repairPod: try row.parsed(8, "repair_pod", { RepairPod(rawValue: $0) }), forceAddress: row.bool(9),
                promiscuous: row.bool(12), link: try LinkOptions(row, from: 14), bridgeNetfilter: row.bool(13),
                masquerade: try row.parsedIfPresent(10, "masquerade", { RangeSpec.blocks($0) })
                    .map { Masquerade(exceptions: $0) },
                checksMAC: row.bool(11)),
            bridgeMAC: try row.parsed(3, "bridge MAC", { MACAddress($0) }))
    }

    private mutating func loadRanges(_ database: borrowing Connection) throws(StoreError) {
        let name = spec.name
        let rows = try database.query(
            """
            SELECT id, range_set, subnet, first, last, gateway, exclude, position FROM ranges WHERE network_id = ?
            """, .integer(id)
        ) { (row) throws(StoreError) in
            do throws(StoreError) {
                return (
                    id: row.integer(0), set: row.integer(1), position: row.integer(7),
                    spec: try RangeSpec(row, from: 2, exclude: 6)
                )
            } catch {
                throw StoreError(error.code, "network \(name), range \(row.integer(0)): \(error.message)")
            }
        }
        var previous: Int64?
        // There are so few that an index for this order costs more than it saves.
        for row in rows.sorted(by: { ($0.set, $0.position) < ($1.set, $1.position) }) {
            if row.set != previous {
                spec.rangeSets.append([])
                rangeIDs.append([])
                previous = row.set
            }
            spec.rangeSets[spec.rangeSets.count - 1].append(row.spec)
            rangeIDs[rangeIDs.count - 1].append(row.id)
        }
    }

    /// The network's row, made or brought up to what the configuration says now; its ranges keep their place in
    /// allocation as long as they stay the same.
    ///
    /// - Parameters:
    ///   - tag: the database's, of a caller that knows it.
    ///   - hostLocal: where that plugin kept its leases for the network; looked at once, when the row is made.
    static func ensure(
        _ spec: NetworkSpec, tag: String? = nil, hostLocal: String? = nil, bootID: String,
        _ database: borrowing Connection
    ) throws(StoreError) -> Network {
        let now = SQLValue.integer(Clock.nowMilliseconds())
        let former = try load(database, name: spec.name, tag: tag).first
        if let network = former {
            if network.spec == spec { return network }
            try SharedBridge.check(spec, since: network, database)
            let kept = try network.deleteRanges(
                except: network.spec.bridge == spec.bridge ? spec.rangeSets : [], database)
            let bridgeMAC =
                network.spec.bridge == spec.bridge
                ? network.bridgeMAC.description : try sharedMAC(bridge: spec.bridge, database)
            try database.run(
                """
                UPDATE networks SET bridge = ?, bridge_mac = ?, mtu = ?, is_gateway = ?, is_default_gateway = ?,
                hairpin = ?, repair_pod = ?, force_address = ?, masquerade = ?, mac_check = ?,
                updated_ms = max(?, created_ms + 1) WHERE id = ?
                """, .text(spec.bridge), .text(bridgeMAC), .optional(spec.mtu), .bool(spec.isGateway),
                .bool(spec.isDefaultGateway), .bool(spec.hairpin), .text(spec.repairPod.rawValue),
                .bool(spec.forceAddress), .blocks(spec.masquerade?.exceptions), .bool(spec.checksMAC), now,
                .integer(network.id))
            try writeOptions(spec, network: network.id, database)
            try insertRanges(spec.rangeSets, network: network.id, kept: kept, database)
            try database.run("INSERT INTO gateways (bridge, gateway) \(Allocation.forsakenGateways)")
            if network.spec.bridge != spec.bridge {
                try withdraw(bridge: network.spec.bridge, of: spec.name, because: "its network moved", database)
            }
        } else {
            try SharedBridge.check(spec, since: nil, database)
            try database.run(
                """
                INSERT INTO networks (name, bridge, bridge_mac, mtu, is_gateway, is_default_gateway, hairpin,
                repair_pod, force_address, masquerade, mac_check, created_ms, updated_ms)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, .text(spec.name), .text(spec.bridge),
                .text(try sharedMAC(bridge: spec.bridge, database)), .optional(spec.mtu),
                .bool(spec.isGateway), .bool(spec.isDefaultGateway), .bool(spec.hairpin),
                .text(spec.repairPod.rawValue), .bool(spec.forceAddress), .blocks(spec.masquerade?.exceptions),
                .bool(spec.checksMAC), now, now)
            let id = database.lastInsertedID
            if spec.hasOptions { try writeOptions(spec, network: id, database) }
            try insertRanges(spec.rangeSets, network: id, kept: [:], database)
            if let hostLocal {
                try HeldLease.takeOver(hostLocal, network: id, bridge: spec.bridge, bootID: bootID, database)
            }
        }
        guard var network = try load(database, name: spec.name, tag: tag).first else {
            throw StoreError(.sqlite, "network \(spec.name) vanished while it was written")
        }
        network.isNew = former == nil
        network.formerBridge = former.flatMap { $0.spec.bridge == spec.bridge ? nil : $0.spec.bridge }
        return network
    }

    /// Gives a bridge up that no network names any more: it goes, unless it was adopted, once no pod is on it.
    static func withdraw(
        bridge: String, of network: String, because reason: String, _ database: borrowing Connection
    ) throws(StoreError) {
        guard try database.integer("SELECT EXISTS (SELECT 1 FROM networks WHERE bridge = ?)", .text(bridge)) != 1 else {
            return
        }
        try database.run(
            "INSERT INTO events (at_ms, kind, object, reason, network) VALUES (?, 'withdrawn', ?, ?, ?)",
            .integer(Clock.nowMilliseconds()), .text("bridge \(bridge)"), .text(reason), .text(network))
    }

    private static func writeOptions(
        _ spec: NetworkSpec, network: Int64, _ database: borrowing Connection
    ) throws(StoreError) {
        try database.run(
            """
            UPDATE networks SET (promisc, bridge_netfilter, \(LinkOptions.columns)) = (?, ?, ?, ?, ?)
            WHERE id = ?
            """,
            values: [.bool(spec.promiscuous), .bool(spec.bridgeNetfilter)] + spec.link.values + [.integer(network)])
    }

    /// Networks on one bridge share its MAC; the first of them makes it up.
    ///
    /// - Throws: `.invalid` where no network there says which it is: with another one the bridge would change it under its pods.
    private static func sharedMAC(bridge: String, _ database: borrowing Connection) throws(StoreError) -> String {
        if let known = try knownMAC(bridge: bridge, database) { return known.description }
        var generator = SystemRandomNumberGenerator()
        return MACAddress.random(using: &generator).description
    }

    /// That which a network there has; `nil`: there is no network.
    static func knownMAC(bridge: String, _ database: borrowing Connection) throws(StoreError) -> MACAddress? {
        let shared = try database.query(
            "SELECT name, bridge_mac FROM networks WHERE bridge = ? ORDER BY id", .text(bridge)
        ) { (row) throws(StoreError) in (name: row.text(0), mac: row.text(1)) }
        if let known = shared.lazy.compactMap({ MACAddress($0.mac) }).first { return known }
        if let bad = shared.first {
            throw StoreError(
                .invalid,
                "network \(bad.name): bridge MAC \"\(bad.mac)\" in the database is none, and bridge \(bridge) is this one's "
                    + "too: put it right with `plumbctl sql` (`ip link show \(bridge)` says which it is), or name another bridge"
            )
        }
        return nil
    }

    /// Takes out the ranges that are no longer configured; returns the rows of the others. What a range knows of its
    /// addresses is about one bridge, so that another one begins with none.
    private func deleteRanges(
        except sets: [[RangeSpec]], _ database: borrowing Connection
    ) throws(StoreError) -> [RangeSpec: Int64] {
        var kept: [RangeSpec: Int64] = [:]
        for (set, ids) in zip(spec.rangeSets, rangeIDs) {
            for (range, id) in zip(set, ids) {
                if sets.joined().contains(range) {
                    kept[range] = id
                } else {
                    try database.run("DELETE FROM ranges WHERE id = ?", .integer(id))
                }
            }
        }
        return kept
    }

    private static func insertRanges(
        _ sets: [[RangeSpec]], network: Int64, kept: [RangeSpec: Int64], _ database: borrowing Connection
    ) throws(StoreError) {
        for (setIndex, set) in sets.enumerated() {
            for (position, range) in set.enumerated() {
                if let id = kept[range] {
                    try database.run(
                        "UPDATE ranges SET range_set = ?, position = ? WHERE id = ?", .integer(setIndex),
                        .integer(position), .integer(id))
                } else {
                    try database.run(
                        """
                        INSERT INTO ranges (network_id, range_set, position, subnet, first, last, gateway, next, exclude,
                        first_key, last_key, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """, .integer(network), .integer(setIndex), .integer(position),
                        .text(range.subnet.description), .text(range.first.description),
                        .text(range.last.description), .text(range.gateway.description),
                        .text(range.first.description), .text(RangeSpec.text(range.exclude)),
                        .text(range.first.sortKey), .text(range.last.sortKey), range.storedSize)
                }
            }
        }
    }
}
