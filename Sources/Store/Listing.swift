/// What an admin lists: each is one SELECT, over the views where they say it.
package enum Listing: String, CaseIterable, Sendable {
    case networks, pools, pods, addresses, routes, events, runs, problems

    private var statement: String {
        switch self {
        case .networks:
            """
            SELECT name AS network, bridge,
                (SELECT group_concat(subnet, ' ') FROM ranges WHERE network_id = n.id) AS subnets,
                (SELECT count(*) FROM attachments WHERE network_id = n.id) AS pods, mtu,
                CASE WHEN is_default_gateway THEN 'default' WHEN is_gateway THEN 'yes' ELSE 'no' END AS gateway,
                CASE hairpin WHEN 1 THEN 'on' ELSE 'off' END AS hairpin,
                CASE WHEN masquerade IS NULL THEN 'off' ELSE 'on' END AS masquerade,
                CASE mac_check WHEN 1 THEN 'on' ELSE 'off' END AS mac_check,
                CASE isolated WHEN 1 THEN 'on' ELSE 'off' END AS isolation, vlans,
                CASE promisc WHEN 1 THEN 'on' ELSE 'off' END AS promisc, CASE dad WHEN 1 THEN 'on' ELSE 'off' END AS dad,
                CASE bridge_netfilter WHEN 1 THEN 'on' ELSE 'off' END AS bridge_netfilter,
                CASE force_address WHEN 1 THEN 'on' ELSE 'off' END AS force_address, repair_pod,
                strftime('%Y-%m-%dT%H:%M:%SZ', updated_ms / 1000, 'unixepoch') AS updated
            FROM networks AS n ORDER BY name
            """
        case .pools: "SELECT network, bridge, subnet, first, last, gateway, exclude, used, size, percent FROM v_pools"
        case .pods:
            """
            SELECT pod_namespace, pod_name, state, addresses, network, ifname, bridge, host_ifname, container_id, since
            FROM v_pods ORDER BY pod_namespace, pod_name, container_id, ifname
            """
        case .addresses:
            """
            SELECT ip AS address, network, bridge, pod_namespace, pod_name, ifname, container_id, state, since
            FROM v_leases ORDER BY sort_key, bridge
            """
        case .routes:
            """
            SELECT dst, r.gateway, dev, src, metric, table_id AS "table", r.mtu, advmss, scope,
                CASE WHEN attachment_id IS NULL THEN 'host' ELSE 'pod' END AS place, pod_namespace, pod_name, network, comment
            FROM routes AS r LEFT JOIN v_pods AS p ON p.id = attachment_id ORDER BY attachment_id, r.id
            """
        case .events:
            """
            SELECT id, at, kind, network, pod_namespace, pod_name, container_id, reason, object, detail
            FROM v_events
            """
        case .runs: "SELECT id, started, duration_ms, planned, done, failed, error FROM v_runs"
        case .problems: "SELECT since, pod_namespace, pod_name, container_id, reason, problem FROM v_problems"
        }
    }

    /// Columns that hardly anybody has asked for anything in: a table has no room for them.
    package var rare: Set<String> {
        switch self {
        case .networks: ["vlans", "promisc", "dad", "bridge_netfilter", "force_address"]
        case .routes: ["advmss", "scope"]
        default: []
        }
    }

    /// Lists that grow without end, of which the newest lines count.
    package var isHistory: Bool { self == .events || self == .runs }
    package var hasNetworks: Bool { ![.runs, .problems].contains(self) }

    /// - Parameters:
    ///   - network: of that one only.
    ///   - limit: the newest of a history, which still are told oldest first.
    fileprivate func sql(network: String?, limit: Int?) -> String {
        var sql = "SELECT * FROM (\(statement))"
        if network != nil { sql += " WHERE network = ?1" }
        if isHistory, let limit { sql = "SELECT * FROM (\(sql) ORDER BY id DESC LIMIT \(limit))" }
        if isHistory { sql += " ORDER BY id" }
        return sql
    }
}

extension Store {
    package func list(_ listing: Listing, network: String? = nil, limit: Int? = nil) throws(StoreError) -> Table {
        try database.table(
            listing.sql(network: network, limit: limit), network.map { [.text($0)] } ?? [])
    }

    /// What was done to a link of the host and to the container that had it last, the newest of it, oldest first. It outlives
    /// the attachment; nothing, if there was no such link.
    package func events(ofLink name: String, limit: Int) throws(StoreError) -> Table {
        try database.table(
            """
            SELECT at, kind, object, reason, container_id, detail FROM (
                SELECT * FROM v_events WHERE object = ?1 OR container_id = (
                    SELECT container_id FROM v_events WHERE object = ?1 AND container_id IS NOT NULL ORDER BY id DESC LIMIT 1)
                ORDER BY id DESC LIMIT ?2) ORDER BY id
            """, [.text("link \(name)"), .integer(limit)])
    }
}
