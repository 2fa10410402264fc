/// Steps that are processes of ours, alone or many at once, and what their answers must be.
extension ChaosNode {
    func runProcesses(_ step: ChaosStep) throws {
        var steps: [ChaosStep] = if case .atOnce(let steps) = step { steps } else { [step] }
        steps = steps.filter(makesSense)
        for case .add(let place) in steps.map(\.core) { try ensureNamespace(place.pod) }
        guard !steps.isEmpty else { return }
        model.hasDatabase = try hasDatabase
        let before = model
        let outputs = try shell.run(steps.map(invocation))
        for (step, output) in zip(steps, outputs) {
            do {
                try judge(step, output, before)
            } catch {
                throw fail("\(step): \(error)\n\(output.all)")
            }
        }
    }

    private func makesSense(_ step: ChaosStep) -> Bool {
        switch step.core {
        case .check(let place): !(model.live(place)?.text ?? "{}").hasPrefix("{}")
        default: true
        }
    }

    private func ensureNamespace(_ pod: Int) throws {
        guard !model.isThere(pod) else { return }
        let said = try shell.run("ip netns add pod\(pod) && ip -n pod\(pod) link set lo up")
        guard said.isEmpty else { throw fail(said) }
        model.generations[pod] += 1
        // Whatever was left unknown of its predecessor is another container's.
        for network in 0...1 { model.beliefs[ChaosPlace(pod: pod, network: network)] = nil }
    }

    private func invocation(_ step: ChaosStep) -> Invocation {
        switch step {
        case .killed(let inner, let call, let turn):
            var invocation = self.invocation(inner)
            invocation.death = Invocation.Death(call: call, turn: turn)
            return invocation
        case .add(let place): return call("ADD", place)
        case .delete(let place, let hasPath): return call("DEL", place, hasPath: hasPath)
        case .check(let place): return call("CHECK", place, #", "prevResult": \#(model.live(place)?.text ?? "{}")"#)
        case .get(let place): return call("GET", place)
        case .status(let network): return call("STATUS", ChaosPlace(pod: 0, network: network))
        case .collect(let network, let valid):
            let entries = (0..<ChaosStep.pods).filter { valid & 1 << $0 != 0 }.map {
                #"{"containerID": "\#(model.container($0))", "ifname": "eth\#(network)"}"#
            }
            return call(
                "GC", ChaosPlace(pod: 0, network: network),
                #", "cni.dev/valid-attachments": [\#(entries.joined(separator: ", "))]"#)
        default: return Invocation(command: "$PLUMBCTL apply --data-dir $DATA")
        }
    }

    private func call(_ verb: String, _ place: ChaosPlace, _ more: String = "", hasPath: Bool = true) -> Invocation {
        Invocation(
            command: "$PLUMB",
            variables: [
                "CNI_COMMAND": verb, "CNI_CONTAINERID": model.container(place.pod), "CNI_PATH": "/opt/cni/bin",
                "CNI_NETNS": hasPath ? "/run/netns/pod\(place.pod)" : "", "CNI_IFNAME": model.interface(place),
            ], input: "{\(model.network(place.network))\(more)}")
    }

    private func judge(_ step: ChaosStep, _ output: Output, _ before: ChaosModel) throws {
        let code = output.status == 0 ? 0 : try code(of: output, step)
        switch step {
        case .killed(let inner, _, _):
            guard output.status >= 128 else { return try judge(inner, output, before) }
            doubt(inner)
        case .add(let place):
            switch (code, model.beliefs[place]) {
            case (0, .live?): throw fail("added twice")
            case (0, _): model.beliefs[place] = .live(try ChaosAnswer(output.stdout))
            // There already; of one that a killed ADD left, the runtime knows nothing.
            case (102, .live?), (102, .unknown?): break
            case (11, nil) where place.network == 1 || output.stdout.contains("working on"): break
            case (11, .unknown?): model.beliefs[place] = .unknown
            // Somebody renamed the interface of the pod, or broke what ADD stands on meanwhile.
            case (100, let belief), (101, let belief):
                guard before.isBroken else { throw fail("refused") }
                model.beliefs[place] = belief
            default: throw fail("refused")
            }
        case .delete(let place, _):
            guard code == 0, output.stdout.isEmpty else { throw fail("refused") }
            model.beliefs[place] = nil
        case .check(let place):
            guard code == 0 || before.isBroken && code == 104 else { throw fail("drift of \(place)") }
        case .get(let place):
            switch (code, model.beliefs[place]) {
            case (0, .live(let answer)?):
                guard try Set(ChaosAnswer(output.stdout).addresses) == Set(answer.addresses) else {
                    throw fail("another answer than ADD's, \(answer)")
                }
            // The rows of a pod that went without DEL answer until they are collected.
            case (0, nil) where !model.isThere(place.pod): break
            case (3, nil), (0, .unknown?), (3, .unknown?): break
            default: throw fail("no answer of what is \(model.beliefs[place].debugDescription)")
            }
        case .status(let network):
            guard code == 0 || before.isBroken || code == 50 && network == 1 else { throw fail("not well") }
        case .collect(let network, let valid):
            guard code == 0 else { throw fail("refused") }
            for pod in 0..<ChaosStep.pods where valid & 1 << pod == 0 {
                model.beliefs[ChaosPlace(pod: pod, network: network)] = nil
            }
        default:
            guard code == 0 || !before.hasDatabase else { throw fail("failed") }
        }
    }

    /// Of the plugin's error on stdout, or 1 of plumbctl's.
    private func code(of output: Output, _ step: ChaosStep) throws -> Int {
        if case .apply = step.core { return 1 }
        if output.status >= 128, case .killed = step { return Int(output.status) }
        guard output.status == 1, let code = try JSON(output.stdout)["code"].number else { throw fail("no CNI error") }
        return code
    }

    /// What a process that was killed may or may not have done.
    private func doubt(_ step: ChaosStep) {
        switch step {
        case .add(let place), .delete(let place, _): doubt(place, mayAppear: step.isAddition)
        case .collect(let network, let valid):
            for pod in 0..<ChaosStep.pods where valid & 1 << pod == 0 {
                doubt(ChaosPlace(pod: pod, network: network), mayAppear: false)
            }
        default: break
        }
        model.isBroken = true
    }

    private func doubt(_ place: ChaosPlace, mayAppear: Bool) {
        // An ADD that finds a living one does nothing to it.
        if mayAppear, case .live? = model.beliefs[place] { return }
        if mayAppear || model.beliefs[place] != nil { model.beliefs[place] = .unknown }
    }
}

extension ChaosStep {
    /// Without the kill.
    var core: ChaosStep { if case .killed(let inner, _, _) = self { inner } else { self } }
    var isAddition: Bool { if case .add = self { true } else { false } }
}
