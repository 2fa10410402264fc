import Addressing
import Reconciler
import Store
import Testing

/// What must hold for every state of every node; a failure names its seed.
@Suite struct ConvergenceTests {
    static let seeds = Array(UInt64(0)..<400)

    private func settle(_ state: inout GeneratedState) throws -> Plan {
        let plan = try state.kernel.plan(state.desired)
        if plan.changes.isEmpty { return plan }
        _ = state.kernel.carryOut(plan)
        return try state.kernel.plan(state.desired)
    }

    @Test(arguments: seeds)
    func `a plan after apply is empty`(seed: UInt64) throws {
        var state = try GeneratedState(seed: seed)
        let rest = try settle(&state)
        #expect(rest.isEmpty, "seed \(seed): \(rest.changes.map { "\($0.name): \($0.reason)" })")
    }

    @Test(arguments: seeds)
    func `what is foreign, or ours without a row, stays as it was`(seed: UInt64) throws {
        var state = try GeneratedState(seed: seed)
        let foreign = state.kernel.foreign
        let orphan = state.kernel[.host].links["plumbother1"]
        let strays = state.kernel[.host].routes.filter { $0.route.destination.description == GeneratedState.stray }
        _ = try settle(&state)
        #expect(state.kernel.foreign == foreign, "seed \(seed)")
        #expect(orphan != nil && state.kernel[.host].links["plumbother1"] == orphan, "seed \(seed)")
        let kept = state.kernel[.host].routes.filter(strays.contains)
        #expect(kept.count == 1, "seed \(seed)")
    }

    @Test(arguments: seeds)
    func `a refused step is made good by the next pass`(seed: UInt64) throws {
        var state = try GeneratedState(seed: seed)
        let first = try state.kernel.plan(state.desired)
        let steps = first.changes.reduce(0) { $0 + $1.steps }
        guard steps > 0 else { return }
        let before = state
        for refused in Set([0, steps / 3, steps / 2, steps - 1]) {
            state = before
            state.kernel.refusedSteps = [state.kernel.steps + refused]
            _ = state.kernel.carryOut(first)
            state.kernel.refusedSteps = []
            let rest = try settle(&state)
            #expect(rest.isEmpty, "seed \(seed), step \(refused): \(rest.changes.map { "\($0.name): \($0.reason)" })")
        }
    }

    @Test(arguments: seeds)
    func `only what is withdrawn is deleted`(seed: UInt64) throws {
        let state = try GeneratedState(seed: seed)
        let wanted = state.desired
        // A pair that lost an end is deleted to be made again; that is none of these.
        func deleted(_ plan: Plan) -> [String] {
            plan.changes.filter { $0.action == .delete && wanted[$0.namespace, $0.name] == nil }.map(\.name)
        }
        let unasked = deleted(try state.kernel.plan(wanted))
        #expect(unasked.isEmpty, "seed \(seed)")
        let withdrawn: Set = [
            "link plumbother1", "route 10.99.0.0/16 metric 0 table 254", "link enp1s0", "link veth1234",
        ]
        let pruning = try state.kernel.plan(wanted, withdrawn: withdrawn)
        let asked = deleted(pruning)
        #expect(asked == ["route 10.99.0.0/16 metric 0 table 254", "link plumbother1"], "seed \(seed)")
    }

    @Test(arguments: seeds)
    func `no change touches what cannot be read`(seed: UInt64) throws {
        var state = try GeneratedState(seed: seed)
        let doubtful: [NamespaceID] = state.intent.attachments.filter { $0.id % 2 == 0 }.map { $0.pod }
        state.kernel.unreadable = Set(doubtful)
        let plan = try state.kernel.plan(state.desired)
        let touched = plan.changes.map(\.namespace).filter(doubtful.contains)
        #expect(touched.isEmpty, "seed \(seed)")
        let told = plan.notices.filter { $0.text.contains("interrupted") }
        #expect(told.count == doubtful.count, "seed \(seed)")
    }

    @Test(arguments: seeds)
    func `a host that cannot be read is never pruned`(seed: UInt64) throws {
        var state = try GeneratedState(seed: seed)
        state.kernel.unreadable = [.host]
        let plan = try state.kernel.plan(state.desired, withdrawn: ["link plumbother1"])
        let touched = plan.changes.filter { $0.namespace == .host }
        #expect(touched.isEmpty, "seed \(seed)")
        #expect(!plan.notices.isEmpty)
    }

    @Test(arguments: seeds.prefix(100))
    func `phases come in order, and a plan is the same twice`(seed: UInt64) throws {
        let state = try GeneratedState(seed: seed)
        let plan = try state.kernel.plan(state.desired)
        #expect(plan.changes.map(\.phase) == plan.changes.map(\.phase).sorted(), "seed \(seed)")
        #expect(try state.kernel.plan(state.desired) == plan, "seed \(seed)")
    }
}
