internal import Addressing

/// What networks on one bridge must agree about. Looked at when a network comes to a bridge or changes, not on every ADD.
enum SharedBridge {
    /// - Parameter before: the network as it was; `nil` for a new one.
    /// - Throws: `.contradiction`, which names the other network or the pod.
    static func check(
        _ spec: NetworkSpec, since before: Network?, _ database: borrowing Connection
    ) throws(StoreError) {
        try checkGateways(spec, database)
        if let before { try checkLeftPods(spec, before.id, database) }
        // One that was here before may change: were it refused, two networks that a rollout changes together would each
        // wait for the other's first ADD.
        guard before?.spec.bridge != spec.bridge else { return }
        let others = try database.query(
            """
            SELECT name FROM networks AS n WHERE bridge = ? AND name <> ?
            AND EXISTS (SELECT 1 FROM attachments AS a WHERE a.network_id = n.id AND a.bridge = n.bridge)
            """, .text(spec.bridge), .text(spec.name)
        ) { (row) throws(StoreError) in row.text(0) }
        for name in others {
            let other: Network?
            do throws(StoreError) {
                other = try Network.load(database, name: name).first
            } catch  where error.code == .invalid {
                // With a row that is nonsense nobody can disagree.
                continue
            }
            guard let other, let reason = contradiction(spec, other.spec) else { continue }
            throw StoreError(
                .contradiction,
                "network \(spec.name): \(reason) on bridge \(spec.bridge), where it has living pods: let both agree, "
                    + "or name another bridge")
        }
    }

    /// What cannot be had on one bridge at the same time, in words. Pure.
    static func contradiction(_ spec: NetworkSpec, _ other: NetworkSpec) -> String? {
        if let mtu = spec.mtu, let others = other.mtu, mtu != others {
            return "key mtu: \(mtu) contradicts network \(other.name)'s \(others)"
        }
        for (promiscuous, hairpin) in [(spec, other), (other, spec)] where promiscuous.promiscuous && hairpin.hairpin {
            let (mine, theirs) = promiscuous == spec ? ("promiscMode", "hairpinMode") : ("hairpinMode", "promiscMode")
            return "key \(mine) contradicts network \(other.name)'s \(theirs)"
        }
        guard spec.isGateway, other.isGateway else { return nil }
        // Both gateways are on the bridge itself, which is in one VLAN without a tag.
        if spec.link.vlans?.access != other.link.vlans?.access {
            func words(_ spec: NetworkSpec) -> String { spec.link.vlans?.access.map { "\($0)" } ?? "none" }
            return
                "key vlan: \(words(spec)) contradicts network \(other.name)'s \(words(other)), for both have gateways"
        }
        for range in spec.rangeSets.joined() {
            for others in other.rangeSets.joined()
            where others.subnet == range.subnet && others.gateway != range.gateway {
                return
                    "gateway \(range.gateway) of \(range.subnet) contradicts network \(other.name)'s \(others.gateway)"
            }
        }
        return nil
    }

    /// One host cannot have a subnet on two bridges: it would answer the pods of one by the other, and an address that a pod
    /// of the network holds on the bridge that it left would be given a second time.
    private static func checkLeftPods(
        _ spec: NetworkSpec, _ network: Int64, _ database: borrowing Connection
    ) throws(StoreError) {
        guard spec.isGateway else { return }
        let left = try database.query(
            """
            SELECT a.id, a.bridge, l.address FROM attachments AS a JOIN addresses AS l ON l.attachment_id = a.id
            WHERE a.network_id = ? AND a.bridge <> ? AND a.is_gateway ORDER BY a.id
            """, .integer(network), .text(spec.bridge)
        ) { (row) throws(StoreError) in (id: row.integer(0), bridge: row.text(1), address: IPAddress(row.text(2))) }
        for range in spec.rangeSets.joined() {
            let pods = left.filter { $0.address.map(range.subnet.contains) ?? false }
            guard let pod = pods.first else { continue }
            let label = try Attachment.load(database, id: pod.id)?.label ?? "attachment \(pod.id)"
            throw StoreError(
                .contradiction,
                "network \(spec.name): bridge \(spec.bridge) cannot have \(range.subnet) while pods of the network live with it "
                    + "on bridge \(pod.bridge) (\(label), \(pods.count) in all): end those first, or give the network "
                    + "another subnet")
        }
    }

    /// The bridge must not take an address that a pod lives with.
    private static func checkGateways(
        _ spec: NetworkSpec, _ database: borrowing Connection
    ) throws(StoreError) {
        guard spec.isGateway else { return }
        for range in spec.rangeSets.joined() {
            let holder = try database.integer(
                "SELECT attachment_id FROM addresses WHERE bridge = ? AND address = ?", .text(spec.bridge),
                .text(range.gateway.description))
            guard let holder else { continue }
            let label = try Attachment.load(database, id: holder)?.label ?? "attachment \(holder)"
            throw StoreError(
                .contradiction,
                "network \(spec.name): gateway \(range.gateway) is the address of \(label) on bridge \(spec.bridge): name "
                    + "another gateway, or end that pod first")
        }
    }
}

extension Store {
    /// How many pods may be on a bridge, and leases there, whether their rows can be read or not. Of a row whose bridge is
    /// none, nobody can say.
    package func promises(onBridge bridge: String) throws(StoreError) -> (pods: Int, leases: Int) {
        let pods = try database.integer(
            "SELECT count(*) FROM attachments WHERE bridge = ? OR length(CAST(bridge AS BLOB)) NOT BETWEEN 1 AND 15",
            .text(bridge))
        let leases = try database.integer("SELECT count(*) FROM addresses WHERE bridge = ?", .text(bridge))
        return (Int(pods ?? 0), Int(leases ?? 0))
    }

    /// What a bridge's MTU should be, in bytes: the greatest that a network there asks for, or, where none is left, that a pod
    /// was promised; `nil`: nobody asks. Numbers that are no MTU do not count; all else does, also of rows that nobody can read
    /// whole.
    package func mtu(ofBridge bridge: String) throws(StoreError) -> Int? {
        let mtu = try database.integer(
            """
            SELECT CASE WHEN EXISTS (SELECT 1 FROM networks WHERE bridge = ?1)
            THEN (SELECT max(mtu) FROM networks WHERE bridge = ?1 AND mtu BETWEEN 68 AND 65535)
            ELSE (SELECT max(mtu) FROM attachments WHERE bridge = ?1 AND mtu BETWEEN 68 AND 65535) END
            """, .text(bridge))
        return mtu.map { Int($0) }
    }
}
