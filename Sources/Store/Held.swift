package import Addressing
internal import Glibc

/// A lease of host-local that outlived the change to Plumb: see the table `held`.
package struct HeldLease: Hashable, Sendable {
    package var network: String
    package var bridge: String
    package var address: IPAddress
    package var containerID: String
    /// Empty: any interface of the container.
    package var ifname: String
    /// host-local's file.
    package var path: String
    /// When it was taken over, in milliseconds since 1970, UTC; `nil` if it was not.
    package var since: Int64?
}

extension HeldLease {
    /// Writes down what host-local has given for a network that is new to us.
    static func takeOver(
        _ directory: String, network: Int64, bridge: String, bootID: String, _ database: borrowing Connection
    ) throws(StoreError) {
        let now = SQLValue.integer(Clock.nowMilliseconds())
        for lease in try HostLocal.leases(in: directory) {
            try database.run(
                """
                INSERT OR REPLACE INTO held (network_id, bridge, address, container_id, ifname, path, boot_id, created_ms,
                sort_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(network), .text(bridge), .text(lease.address.description), .text(lease.containerID),
                .text(lease.ifname), .text(lease.path), .text(bootID), now,
                .text(lease.address.sortKey))
            try record(
                .assigned, lease.address, reason: "host-local had given it", network: network,
                containerID: lease.containerID, ifname: lease.ifname, since: nil, database)
        }
    }

    /// Rows that say something sensible; of the others whoever looks at the whole node tells.
    static func load(
        _ database: borrowing Connection, where condition: String, _ values: SQLValue...
    ) throws(StoreError) -> [HeldLease] {
        try database.query(
            """
            SELECT n.name, h.bridge, h.address, h.container_id, h.ifname, h.path, h.created_ms
            FROM held AS h JOIN networks AS n ON n.id = h.network_id WHERE \(condition)
            """, values: values
        ) { (row) throws(StoreError) in
            IPAddress(row.text(2)).map { address in
                HeldLease(
                    network: row.text(0), bridge: row.text(1), address: address, containerID: row.text(3),
                    ifname: row.text(4), path: row.text(5), since: row.integer(6))
            }
        }.compactMap(\.self)
    }

    /// - Parameter network: `nil`: of all.
    static func problems(
        _ database: borrowing Connection, network: Int64? = nil
    ) throws(StoreError) -> [String] {
        try database.query(
            "SELECT address, container_id FROM held WHERE ?1 IS NULL OR network_id = ?1", .optional(network)
        ) { (row) throws(StoreError) in
            IPAddress(row.text(0)) == nil
                ? "held of container \(row.text(1)): address \"\(row.text(0))\" makes no sense" : nil
        }.compactMap(\.self)
    }

    /// The file first: a row without one is taken out by apply, a file without its row would come back with the next
    /// database.
    ///
    /// By the file and not by the bridge: what was read on the disk before there was a row may have one by now.
    func release(reason: String, _ database: borrowing Connection) throws(StoreError) {
        removeFile()
        let condition = "address = ? AND path = ? AND container_id = ?"
        let values: [SQLValue] = [.text(address.description), .text(path), .text(containerID)]
        let rows = try database.query("SELECT bridge, network_id FROM held WHERE \(condition)", values: values) {
            (row) throws(StoreError) in (row.text(0), row.integer(1))
        }
        guard let (bridge, network) = rows.first else { return }
        try database.run("DELETE FROM held WHERE \(condition)", values: values)
        try Allocation.remember(address, bridge: bridge, database)
        try HeldLease.record(
            .released, address, reason: "\(reason); host-local had given it", network: network,
            containerID: containerID, ifname: ifname, since: since, database)
    }

    private static func record(
        _ kind: Event.Kind, _ address: IPAddress, reason: String, network: Int64, containerID: String, ifname: String,
        since: Int64?, _ database: borrowing Connection
    ) throws(StoreError) {
        try database.run(
            """
            INSERT INTO events (at_ms, kind, object, reason, network, container_id, ifname, since_ms)
            VALUES (?, ?, ?, ?, (SELECT name FROM networks WHERE id = ?), ?, ?, ?)
            """,
            .integer(Clock.nowMilliseconds()), .text(kind.rawValue), .text(address.description), .text(reason),
            .integer(network), .text(containerID), .text(ifname), .optional(since))
    }
}

extension HeldLease {
    /// What host-local's files say of a container's interface, where no row does: the network was never added to here.
    package static func onDisk(
        _ directory: String, network: String, containerID: String, ifname: String
    ) throws(StoreError) -> [HeldLease] {
        try HostLocal.leases(in: directory).filter {
            $0.containerID == containerID && ["", ifname].contains($0.ifname)
        }
        .map {
            HeldLease(
                network: network, bridge: "", address: $0.address, containerID: $0.containerID, ifname: $0.ifname,
                path: $0.path)
        }
    }

    /// What host-local's own DEL would do. A file that speaks of another container since stays: somebody calls that
    /// plugin still.
    package func removeFile() {
        do throws(StoreError) {
            guard let lease = try HostLocal.lease(address, path), lease.containerID == containerID else { return }
            unlink(path)
        } catch {
            // What cannot be read cannot be known to be this container's, and stays: the row is gone all the same, and
            // host-local hands out one address fewer at worst.
        }
    }
}

extension Store {
    package func knows(network: String) throws(StoreError) -> Bool {
        try database.integer("SELECT 1 FROM networks WHERE name = ?", .text(network)) != nil
    }

    /// What host-local had given to a container's interface.
    package func held(containerID: String, ifname: String) throws(StoreError) -> [HeldLease] {
        try HeldLease.load(
            database, where: "h.container_id = ? AND h.ifname IN (?, '')", .text(containerID), .text(ifname))
    }

    package func held(network: String) throws(StoreError) -> [HeldLease] {
        try HeldLease.load(database, where: "n.name = ?", .text(network))
    }

    /// Of all networks.
    package func held() throws(StoreError) -> [HeldLease] { try HeldLease.load(database, where: "1") }

    /// Gives addresses back, and takes host-local's files away.
    package func release(_ leases: [HeldLease], reason: String) throws(StoreError) {
        guard !leases.isEmpty else { return }
        try write { (database) throws(StoreError) in
            for lease in leases { try lease.release(reason: reason, database) }
        }
    }

    /// Gives back what has no file any more, though its directory is there: somebody cleaned up by hand.
    package func releaseHeldWithoutFile() throws(StoreError) {
        let gone = try held().filter { HeldLease.isGone($0.path) }
        try release(gone, reason: "its file is gone")
        try releaseUnreadable()
    }

    /// The same of rows whose address makes no sense: by their files alone.
    private func releaseUnreadable() throws(StoreError) {
        let gone = try database.query("SELECT address, path FROM held") { (row) throws(StoreError) in
            (address: row.text(0), path: row.text(1))
        }.filter { IPAddress($0.address) == nil && HeldLease.isGone($0.path) }
        guard !gone.isEmpty else { return }
        try write { (database) throws(StoreError) in
            for row in gone {
                let event = Event(
                    kind: .released, object: row.address, reason: "its file is gone; host-local had given it")
                try Event.write([event], database)
                try database.run("DELETE FROM held WHERE address = ? AND path = ?", .text(row.address), .text(row.path))
            }
        }
    }
}

extension HeldLease {
    /// The file, and not its directory.
    fileprivate static func isGone(_ path: String) -> Bool {
        !isThere(path) && isThere(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
    }

    /// `true` on doubt.
    private static func isThere(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 || errno != ENOENT
    }
}
