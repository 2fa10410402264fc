package import Netlink
package import Store

/// A rule, and how nft(8) writes it.
package struct FirewallRule: Hashable, Sendable {
    package var rule: NFRule
    /// Desired only.
    package var text = ""

    package static func == (lhs: Self, rhs: Self) -> Bool { lhs.rule == rhs.rule }
    package func hash(into hasher: inout Hasher) { hasher.combine(rule) }
}

/// A table of nf_tables that is ours whole, without the elements of its sets: chains and rules that are the same on every
/// node, and the sets that say whom they are about. Its name has the database's tag, so that two databases on one node
/// have a table each, and its comment is our mark.
package struct FirewallTable: Resource {
    package var table: NFTable
    package var sets: [NFSet]
    package var chains: [NFChain]
    /// Of all chains; those of one chain in order.
    package var rules: [FirewallRule]
    /// Desired: the key of the configuration that asks for it.
    package var key: String
    /// Observed: why there can be none.
    package var obstacle: String?

    package init(
        table: NFTable, sets: [NFSet] = [], chains: [NFChain] = [], rules: [FirewallRule] = [], key: String = "",
        obstacle: String? = nil
    ) {
        self.table = table
        self.sets = sets
        self.chains = chains
        self.rules = rules
        self.key = key
        self.obstacle = obstacle
    }

    static let prefix = "plumb-"
    /// What `nft list` shows beside the name, and our mark.
    package static let comment = "plumbctl apply keeps this as it is"

    package static let kindName = "firewall_table"
    package var name: String { FirewallTable.name(table.family, table.name) }
    package static func name(_ family: NFFamily, _ name: String) -> String { "nft table \(family.name) \(name)" }
    package var wrapped: Object { .firewallTable(self) }
    package var mark: Bool? { table.comment == FirewallTable.comment }

    /// Every table that a database of this tag makes.
    package static func names(tag: String) -> [String] {
        [name(.inet, prefix + tag), name(.bridge, prefix + tag)]
    }

    package static func render(_ intent: Intent, into desired: inout KernelState) {
        if let tag = MasqueradeTable.tag(intent) { desired.insert(MasqueradeTable.table(tag: tag), in: .host) }
        if let tag = MACCheckTable.tag(intent) { desired.insert(MACCheckTable.table(tag: tag), in: .host) }
    }

    package static func surplus(in leftovers: Leftovers) -> [String] {
        let own = names(tag: leftovers.tag)
        return leftovers.objects.map(\.resource.name).filter(own.contains)
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        guard reader.namespace == .host else { return }
        for table in try reader.firewall(desired).tables { observed.insert(table, in: .host) }
    }

    package func conflict(with observed: Self) -> String? {
        if let obstacle = observed.obstacle { return "key \(key): \(obstacle)" }
        guard observed.mark == true else {
            return "key \(key): there is a table \(table.family.name) \(table.name) without Plumb's comment "
                + "\"\(FirewallTable.comment)\", so it is not ours: delete or rename it"
        }
        return nil
    }

    package func drift(from observed: Self) -> [String] {
        var drift: [String] = []
        if observed.table.isDormant { drift.append("it is dormant") }
        for set in sets {
            guard let found = observed.sets.first(where: { $0.name == set.name }) else {
                drift.append("set \(set.name) is missing")
                continue
            }
            if found != set { drift.append("set \(set.name) is of another kind") }
        }
        for set in observed.sets where !sets.contains(where: { $0.name == set.name }) {
            drift.append("set \(set.name) is not ours")
        }
        for chain in chains { drift += driftOfChain(chain, observed) }
        for chain in observed.chains where !chains.contains(where: { $0.name == chain.name }) {
            drift.append("chain \(chain.name) is not ours")
        }
        return drift
    }

    private func driftOfChain(_ chain: NFChain, _ observed: Self) -> [String] {
        guard let found = observed.chains.first(where: { $0.name == chain.name }) else {
            return ["chain \(chain.name) is missing"]
        }
        var drift: [String] = []
        if found.isHookedAs(chain) {
            if found.base?.accepts != chain.base?.accepts {
                drift.append("the policy of chain \(chain.name) is \(found.base?.accepts == true ? "accept" : "drop")")
            }
        } else {
            drift.append("chain \(chain.name) has another hook, type or priority")
        }
        let wanted = rules.filter { $0.rule.chain == chain.name }
        let actual = observed.rules.filter { $0.rule.chain == chain.name }
        if wanted == actual { return drift }
        let missing = wanted.filter { !actual.contains($0) }
        drift += missing.map { "rule \"\($0.rule.comment ?? "")\" of chain \(chain.name) is missing" }
        let surplus = actual.count - (wanted.count - missing.count)
        if surplus > 0 {
            drift.append("chain \(chain.name) has \(surplus == 1 ? "a rule" : "\(surplus) rules") beside ours")
        } else if missing.isEmpty {
            drift.append("the rules of chain \(chain.name) are in another order")
        }
        return drift
    }

    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        switch action {
        case .add: .transaction(creation)
        case .change: .transaction(observed.map(repair) ?? creation)
        case .delete:
            .transaction([.deleteTable(table.family, table.name, context: "delete table \(table.name)")])
        }
    }

    private var creation: [Request] {
        [.addTable(table, context: "add table \(table.name)")]
            + sets.map { .addSet($0, context: "add set \($0.name)") }
            + chains.map { .addChain($0, context: "add chain \($0.name)") }
            + rules.map { .appendRule($0.rule, context: "add rule \($0.rule.comment ?? "")") }
    }

    /// All rules are made anew, which nobody notices within a transaction; sets that are as they should be keep their
    /// elements. What elements of a map jump to is in use until the map is gone.
    private func repair(_ observed: Self) -> [Request] {
        let (family, name) = (table.family, table.name)
        var requests = observed.chains.map { Request.flushChain(family, name, $0.name, context: "flush \($0.name)") }
        requests += unwantedSets(observed).map {
            .deleteSet(family, name, $0.name, context: "delete set \($0.name)")
        }
        requests += unwantedChains(observed).map {
            .deleteChain(family, name, $0.name, context: "delete chain \($0.name)")
        }
        return requests + creation
    }

    private func unwantedSets(_ observed: Self) -> [NFSet] { observed.sets.filter { !sets.contains($0) } }

    private func unwantedChains(_ observed: Self) -> [NFChain] {
        observed.chains.filter { chain in
            chains.first { $0.name == chain.name }.map { !chain.isHookedAs($0) } ?? true
        }
    }

    package func phase(_ action: Action) -> Phase { .firewall }

    package func command(_ action: Action) -> String { command(action, from: nil) }

    /// One transaction, as apply makes it, a line a command.
    package func command(_ action: Action, from observed: Self?) -> String {
        let place = "\(table.family.name) \(table.name)"
        if action == .delete { return "nft delete table \(place)" }
        var commands: [String] = []
        if let observed {
            commands += observed.chains.map { "flush chain \(place) \($0.name)" }
            commands += unwantedSets(observed).map { "delete \($0.isMap ? "map" : "set") \(place) \($0.name)" }
            commands += unwantedChains(observed).map { "delete chain \(place) \($0.name)" }
        }
        commands.append("add table \(place) { comment \"\(table.comment ?? "")\"; }")
        commands += sets.map { "add set \(place) \($0.name) { \($0.definition) }" }
        commands += chains.map { "add chain \(place) \($0.name) { \($0.definition) }" }
        commands += rules.map {
            "add rule \(place) \($0.rule.chain) \($0.text) comment \"\($0.rule.comment ?? "")\""
        }
        return "nft '\n\(commands.joined(separator: "\n"))\n'"
    }
}

extension NFChain {
    fileprivate func isHookedAs(_ other: NFChain) -> Bool {
        base?.type == other.base?.type && base?.hook == other.base?.hook && base?.priority == other.base?.priority
    }

    fileprivate var definition: String {
        guard let base else { return "" }
        return "type \(base.type) hook \(base.hook.name) priority \(base.priority); policy "
            + "\(base.accepts ? "accept" : "drop");"
    }
}

extension NFSet {
    fileprivate var definition: String {
        let types = (keys ?? []).map(\.name).joined(separator: " . ")
        return "type \(types);\(hasIntervals ? " flags interval;" : "")"
    }
}
