import Netlink
import Reconciler

/// nf_tables as far as the engine depends on it: elements need their sets, ranges do not overlap, and an element that is
/// there stays as it is when it is added again.
struct SimulatedFirewall: Hashable, Sendable {
    var tables: [String: FirewallTable] = [:]
    var elements: [String: FirewallElement] = [:]

    func observe(_ extent: Extent, _ desired: KernelState, _ observed: inout KernelState) {
        let wanted = desired.all(in: .host).compactMap { object -> FirewallTable? in
            if case .firewallTable(let table) = object { table } else { nil }
        }
        for table in tables.values where extent == .node || wanted.contains(where: { $0.name == table.name }) {
            observed.insert(table, in: .host)
        }
        guard extent != .node else {
            for element in elements.values
            where wanted.contains(where: { $0.table.name == element.table && $0.table.family == element.family }) {
                observed.insert(element, in: .host)
            }
            return
        }
        for case .firewallElement(let wanted) in desired.all(in: .host) {
            var found = wanted
            if let other = elements.values.first(where: { $0.covers(wanted) }) {
                found.comment = other.comment
            } else {
                found.overlapping = elements.values.filter { $0.overlaps(wanted) }
                if found.overlapping.isEmpty { continue }
            }
            observed.insert(found, in: .host)
        }
    }

    mutating func make(_ table: FirewallTable, _ action: Action) -> Outcome.Status {
        switch action {
        case .add, .change:
            let kept = tables[table.name]?.sets ?? []
            tables[table.name] = table
            elements = elements.filter { !$0.value.isIn(table) || kept.filter(table.sets.contains).has($0.value) }
        case .delete:
            tables[table.name] = nil
            elements = elements.filter { !$0.value.isIn(table) }
        }
        return .done
    }

    mutating func make(
        _ element: FirewallElement, _ action: Action, from observed: FirewallElement?
    ) -> Outcome.Status {
        guard let table = tables.values.first(where: { element.isIn($0) }), table.sets.has(element) else {
            return .failed("\(element.name): ENOENT")
        }
        if action == .delete {
            return elements.removeValue(forKey: element.name) == nil ? .failed("\(element.name): ENOENT") : .done
        }
        if action == .change {
            for other in observed?.overlapping ?? [] { elements[other.name] = nil }
            elements[element.name] = nil
        }
        if elements[element.name] != nil { return .done }
        guard !elements.values.contains(where: { $0.overlaps(element) }) else {
            return .failed("\(element.name): EEXIST")
        }
        var made = element
        made.owner = nil
        elements[element.name] = made
        return .done
    }
}

extension FirewallElement {
    fileprivate func isIn(_ table: FirewallTable) -> Bool {
        self.table == table.table.name && family == table.table.family
    }
}

extension [NFSet] {
    fileprivate func has(_ element: FirewallElement) -> Bool { contains { $0.name == element.set } }
}
