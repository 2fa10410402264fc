/// What a whole node shares: everything that should be but what single pods were promised.
package struct HostIntent: Hashable, Sendable {
    /// The database's mark in the names of its links.
    package var tag: String
    package var networks: [Network]
    package var routes: [RouteSpec]
    /// Bridges that pods are on, though no network names them any more.
    package var formerBridges: Set<String>
    /// What pods were promised of what several share, whatever their networks ask for by now: gateways, and blocks to which
    /// traffic goes as it is. It goes with the last of those pods.
    package var promises: Set<String>
    /// A network or a pod asks for something in nf_tables.
    package var usesFirewall: Bool

    package init(
        tag: String, networks: [Network] = [], routes: [RouteSpec] = [], formerBridges: Set<String> = [],
        promises: Set<String> = [], usesFirewall: Bool = false
    ) {
        self.tag = tag
        self.networks = networks
        self.routes = routes
        self.formerBridges = formerBridges
        self.promises = promises
        self.usesFirewall = usesFirewall
    }

    package var bridges: Set<String> { formerBridges.union(networks.map(\.spec.bridge)) }
}

extension Store {
    /// Cheap however many pods there are, but for a walk through their rows.
    package func hostIntent() throws(StoreError) -> HostIntent {
        try read { (database) throws(StoreError) in
            var problems: [String] = []
            let tag = try NodeRow.load(database).tag
            let bridges = try database.query("SELECT DISTINCT bridge FROM attachments") { (row) throws(StoreError) in
                row.text(0)
            }
            let promises = try database.query(
                """
                SELECT bridge || ' ' || promise FROM (
                    SELECT DISTINCT bridge, gateway AS promise FROM addresses WHERE gateway IS NOT NULL
                    UNION SELECT DISTINCT bridge, masquerade FROM attachments WHERE masquerade IS NOT NULL
                )
                """
            ) { (row) throws(StoreError) in row.text(0) }
            let routes = try RouteSpec.load(database, where: "attachment_id IS NULL", problems: &problems)
            let users = try database.integer(
                """
                SELECT EXISTS (SELECT 1 FROM networks WHERE masquerade IS NOT NULL OR mac_check)
                    OR EXISTS (SELECT 1 FROM attachments WHERE masquerade IS NOT NULL OR mac_check)
                """)
            return HostIntent(
                tag: tag, networks: try Network.load(database, tag: tag, problems: &problems),
                routes: routes.map(\.route),
                formerBridges: Set(bridges), promises: Set(promises), usesFirewall: users == 1)
        }
    }
}
