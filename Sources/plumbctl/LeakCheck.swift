internal import Addressing
internal import Reconciler
internal import Store

/// What holds addresses or interfaces and should not; pools that are nearly full; drift.
enum LeakCheck {
    static func findings(_ directory: String) -> [Finding] {
        let store: Store
        do throws(StoreError) {
            store = try Store.open(directory: directory, access: .read)
        } catch {
            // DatabaseCheck opens it too, and says why it cannot be.
            return []
        }
        do {
            var kernel = try LiveKernel(bootID: Boot.currentID())
            let examination = try examine(store, &kernel)
            return rows(examination) + pools(try store.pools()) + leaks(examination) + drift(examination)
                + needs(examination)
        } catch let error as ReconcilerError where error.code != .store {
            return [
                Finding(
                    .error, "kernel", error.description,
                    remedy: Privilege.isRoot ? "" : "be root: pods and the kernel can be looked at by nobody else")
            ]
        } catch {
            return [
                Finding(
                    .error, "database", "\(error)",
                    remedy: "put that right: until then `plumbctl apply` fails alike, and repairs nothing")
            ]
        }
    }

    /// Nothing where the database cannot be read: that is a finding of its own.
    static func intent(_ directory: String) -> Intent {
        do throws(StoreError) {
            return try Store.open(directory: directory, access: .read).intent()
        } catch {
            return Intent()
        }
    }

    private static func rows(_ examination: Examination) -> [Finding] {
        let pods = examination.unseen.map {
            Finding(
                .error, "pods", $0, remedy: "mount its namespace there again, or have the runtime delete the pod")
        }
        return pods
            + examination.intent.problems.map {
                Finding(
                    .error, "database", $0,
                    remedy:
                        "put it right with `plumbctl sql`, or take it out: until then nothing is done for what it is about"
                )
            }
    }

    private static func pools(_ pools: [Pool]) -> [Finding] {
        let warned = pools.filter { $0.state != .ok }.map { pool in
            Finding(
                pool.state == .full ? .error : .warning, "pools",
                "\(pool.subnet) of network \(pool.network) is \(pool.state.rawValue): \(pool.used) of \(pool.size)",
                remedy: "give the network another range; `plumbctl gc` gives back what vanished pods held")
        }
        return warned.isEmpty ? [Finding(.ok, "pools", "all have room")] : warned
    }

    private static func leaks(_ examination: Examination) -> [Finding] {
        var findings: [Finding] = []
        func found(_ count: Int, _ what: String, _ remedy: String) {
            if count > 0 { findings.append(Finding(.warning, "leaks", "\(what): \(count)", remedy: remedy)) }
        }
        found(
            examination.releases.count, "attachments whose pod is gone, no DEL came", "`plumbctl gc`, or the next apply"
        )
        found(examination.deleting.count, "attachments whose DEL was not finished", "`plumbctl gc`, or the next apply")
        found(examination.strays.count, "leases of attachments without a row", "`plumbctl gc`, or the next apply")
        found(
            examination.lingering.count, "pods gone while something holds their namespace (\(labels(examination)))",
            "find who holds it (`lsns -t net`), or have the runtime delete the pod")
        found(
            examination.plan.orphans.count,
            "objects with Plumb's mark that this database does not know",
            "`plumbctl gc` lists them; --orphans deletes them")
        return findings.isEmpty ? [Finding(.ok, "leaks", "none")] : findings
    }

    private static func labels(_ examination: Examination) -> String {
        examination.lingering.prefix(5).map(\.attachment.label).joined(separator: ", ")
    }

    private static func drift(_ examination: Examination) -> [Finding] {
        let lines = PlanLines(examination.intent)
        var findings = examination.plan.conflicts.map { conflict in
            let owner = lines.line(conflict).owner
            return Finding(
                .error, "conflict", owner.isEmpty ? conflict.reason : "\(owner): \(conflict.reason)",
                remedy: "`plumbctl apply` leaves what is not Plumb's to you, and fails until then")
        }
        let count = examination.plan.changes.count
        if count > 0 {
            findings.append(
                Finding(
                    .warning, "drift", "objects that are not as they should be: \(count)",
                    remedy: "`plumbctl plan` names them, `plumbctl apply` mends them"))
        }
        return findings.isEmpty ? [Finding(.ok, "drift", "none")] : findings
    }

    private static func needs(_ examination: Examination) -> [Finding] {
        let needsIPv6 = examination.intent.networks.contains { network in
            network.spec.rangeSets.joined().contains { $0.subnet.family == .v6 }
        }
        let missing = KernelNeeds.missing(needsIPv6: needsIPv6)
        return missing.isEmpty
            ? [Finding(.ok, "kernel", "has what is needed")] : missing.map { Finding(.error, "kernel", $0) }
    }
}
