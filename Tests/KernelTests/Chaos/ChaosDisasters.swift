/// Steps that are not ours to prevent.
extension ChaosNode {
    func breakThings(_ step: ChaosStep) throws {
        switch step {
        case .vanish(let pod): try vanish([pod])
        case .reboot: try reboot()
        case .sabotageHost(let kind): try sabotageHost(kind)
        case .sabotagePod(let place, let kind):
            guard model.live(place) != nil, model.isThere(place.pod) else { return }
            try inPod(place, ChaosSabotage.pod[kind])
            model.isBroken = true
        case .configure(let network, let variant): model.variants[network] = variant
        case .loseFile: try loseFile()
        case .backUp:
            let said = try shell.run(
                #"rm -f /run/copy.db; [ ! -e $DATA/state.db ] || sqlite3 $DATA/state.db "VACUUM INTO '/run/copy.db'""#)
            guard said.isEmpty else { throw fail(said) }
            backup = try rows().isEmpty && model.beliefs.isEmpty ? nil : model
        case .restore: try restore()
        case .stepClock(let hours):
            let by = hours * 3_600_000
            let said = try shell.run(
                """
                [ ! -e $DATA/state.db ] || sqlite3 $DATA/state.db "
                UPDATE attachments SET created_ms = created_ms + \(by), ready_ms = ready_ms + \(by);
                UPDATE addresses SET created_ms = created_ms + \(by); UPDATE events SET at_ms = at_ms + \(by);
                UPDATE networks SET created_ms = created_ms + \(by), updated_ms = updated_ms + \(by);
                UPDATE runs SET started_ms = started_ms + \(by)"
                """)
            guard said.isEmpty else { throw fail(said) }
        default: throw fail("\(step) is no disaster")
        }
    }

    private func inPod(_ place: ChaosPlace, _ script: String) throws {
        _ = try shell.run(
            "IF=\(model.interface(place)); nsenter --net=/run/netns/pod\(place.pod) bash -c \"\(script)\"")
    }

    private func sabotageHost(_ kind: Int) throws {
        guard let (place, answer) = model.living.first else { return }
        _ = try shell.run(
            """
            BRIDGE=cni\(place.network) END=\(answer.hostEnd) TABLE=$(nft list tables inet | sed -n 's/.* \\(plumb-\\)/\\1/p')
            [ -n "$TABLE" ] || TABLE=none; { \(ChaosSabotage.host[kind]); } 2>/dev/null
            """)
        model.isBroken = true
    }

    private func vanish(_ pods: [Int]) throws {
        let ends = try rows()
        for pod in pods where model.isThere(pod) {
            _ = try shell.run("ip netns del pod\(pod)")
            for network in 0...1 {
                let place = ChaosPlace(pod: pod, network: network)
                // The kernel takes the links away when it comes to it.
                if let row = ends["\(model.container(pod)) \(model.interface(place))"] {
                    _ = try shell.run("wait_gone \(row.hostEnd)")
                }
                model.beliefs[place] = nil
            }
            // Its container goes with it, and a DEL may still come for that one.
            model.generations[pod] += 1
        }
        model.isBroken = true
    }

    private func reboot() throws {
        try vanish(Array(0..<ChaosStep.pods))
        model.boot += 1
        _ = try shell.run(
            """
            echo boot-\(model.boot) > /run/boot
            for l in cni0 cni1 foreign0 foreign1; do ip link del $l 2>/dev/null; done; nft flush ruleset
            """)
        try bootNetwork()
    }

    /// An apply without it fails and takes nothing away, and no ADD makes another while pods live on the bridge.
    private func loseFile() throws {
        guard try hasDatabase else { return }
        _ = try shell.run("mkdir /run/away; mv $DATA/state.db* /run/away")
        // Names alone, and not at once: states change, and links of ended namespaces go, when the kernel comes to it.
        let names = "ip -br link | cut -d' ' -f1"
        let before = try shell.run("sleep 0.3; \(names)")
        let said = try shell.run("$PLUMBCTL apply --data-dir $DATA; echo $?")
        guard said.contains("there is no /run/plumb/state.db"), said.hasSuffix("\n1") else { throw fail(said) }
        guard try shell.run(names) == before else { throw fail("apply without a database changed links") }
        _ = try shell.run("mv /run/away/* $DATA; rmdir /run/away")
    }

    private func restore() throws {
        guard let copy = backup, copy.boot == model.boot else { return }
        for place in model.beliefs.keys where !isKnown(place, to: copy) {
            try happen(.delete(place, hasPath: true))
            try vanish([place.pod])
        }
        let said = try shell.run(
            "rm -f $DATA/state.db*; cp /run/copy.db $DATA/state.db; sqlite3 $DATA/state.db 'PRAGMA journal_mode=WAL'")
        guard said == "wal" else { throw fail(said) }
        for (place, _) in copy.beliefs where model.generations[place.pod] == copy.generations[place.pod] {
            // Deleted since: by the database it lives, and so it will again.
            if model.beliefs[place] == nil { model.beliefs[place] = .unknown }
        }
        model.isBroken = true
    }

    private func isKnown(_ place: ChaosPlace, to copy: ChaosModel) -> Bool {
        model.generations[place.pod] == copy.generations[place.pod] && model.beliefs[place] == copy.beliefs[place]
            && model.live(place) != nil
    }
}
