internal import Netlink

/// Changes of nf_tables are made together or not at all, and only if nobody changed anything since we looked.
extension LiveKernel {
    /// How often one is tried that others came before: fifty ADDs at once are each in the way of all others.
    private static let attempts = 100
    /// How often one is tried that the kernel refused: what it was about may have gone or come meanwhile.
    private static let refusals = 3

    mutating func commit(_ places: [Int], _ outcomes: inout [Outcome]) {
        guard !places.isEmpty else { return }
        var changes = places.map { outcomes[$0].change }
        var refusals = 0
        do throws(NetlinkError) {
            for _ in 0..<LiveKernel.attempts {
                switch try host.commit(changes) {
                case .committed: return
                case .outdated: break
                case .refused(let replies, let first):
                    refusals += 1
                    guard refusals < LiveKernel.refusals else {
                        return try refuse(places, changes, replies, first, &outcomes)
                    }
                }
                changes = try host.stillNeeded(changes)
                if changes.isEmpty { return }
            }
            for place in places {
                outcomes[place].status = .failed("nf_tables: others kept changing it while we did, try again")
            }
        } catch {
            for place in places {
                outcomes[place].status =
                    error.code == .overrun ? .lookAgain(error.description) : .failed("nf_tables: \(error)")
            }
        }
    }

    /// None was made; those to blame say why.
    private func refuse(
        _ places: [Int], _ changes: [Change], _ replies: [Reply], _ first: NetlinkError, _ outcomes: inout [Outcome]
    ) throws(NetlinkError) {
        var rest = replies[...]
        var blamed: [String: NetlinkError] = [:]
        for change in changes {
            let own = rest.prefix(try host.requests(change).count)
            rest = rest.dropFirst(own.count)
            blamed[change.name] = own.lazy.compactMap(\.error).first
        }
        for place in places {
            let change = outcomes[place].change
            let error = blamed[change.name] ?? first
            let advice = ErrnoPolicy.advice(change, error).map { ": \($0)" } ?? ""
            let name = blamed[change.name] == nil ? "nf_tables" : change.name
            outcomes[place].status = .failed("\(name): \(error)\(advice)")
        }
    }
}

extension NamespaceReader {
    fileprivate func requests(_ change: Change) throws(NetlinkError) -> [Request] {
        guard case .transaction(let requests) = try change.effect(table) else { return [] }
        return requests
    }

    fileprivate func commit(_ changes: [Change]) throws(NetlinkError) -> NFOutcome {
        let connection = try firewallSocket()
        var all: [Request] = []
        for change in changes { all += try requests(change) }
        return try connection.socket.commit(all, generation: connection.generation)
    }

    /// What of these changes is still to be made, by a fresh look. A deletion is of that one object: what stands in its
    /// place since is somebody's who came later.
    fileprivate func stillNeeded(_ changes: [Change]) throws(NetlinkError) -> [Change] {
        var desired = KernelState()
        desired.markObserved(.host)
        var sought = desired
        var doomed: [String: Object] = [:]
        for change in changes {
            sought[.host, change.name] = change.object
            if change.action == .delete {
                doomed[change.name] = change.object
            } else {
                desired[.host, change.name] = change.object
            }
        }
        let state = try readFirewall(sought, .attachment)
        var observed = desired
        observed.remove(.host)
        observed.markObserved(.host)
        for table in state.tables { observed.insert(table, in: .host) }
        for element in state.elements { observed.insert(element, in: .host) }
        var withdrawn: Set<String> = []
        for (name, object) in doomed {
            if let found = observed[.host, name], found.isThe(object) { withdrawn.insert(name) }
        }
        let plan = diff(desired: desired, observed: observed, withdrawn: withdrawn)
        if let conflict = plan.conflicts.first { throw NetlinkError(.refused, context: conflict.reason) }
        return plan.changes
    }
}

extension Object {
    /// Whether it is the same thing, not just of the same name.
    fileprivate func isThe(_ other: Object) -> Bool {
        if case .firewallElement(let element) = self, case .firewallElement(let other) = other {
            return element.comment == other.comment
        }
        return true
    }
}
