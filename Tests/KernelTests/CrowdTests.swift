import Testing

/// Five hundred processes at once on one database.
@Suite struct CrowdTests {
    private enum Kind: String {
        case add = "ADD"
        case delete = "DEL"
        case status = "STATUS"
        case version = "VERSION"
        case apply, plan, reader
    }

    private func call(_ kind: Kind, _ pod: Int, _ node: TestNode) -> Invocation {
        let call = Call(verb: kind.rawValue, pod: "pod\(pod)")
        return Invocation(
            command: "$PLUMB", variables: call.environment,
            input: call.configuration(node.dataDirectory).split(separator: "\n").joined(separator: " "))
    }

    @Test func allEndAndNoneIsLockedOut() throws {
        let node = try TestNode()
        try node.addPods(200)
        let shell = try NodeShell(node)
        for first in stride(from: 1, through: 80, by: 20) {
            let outputs = try shell.run((first..<first + 20).map { call(.add, $0, node) })
            #expect(outputs.allSatisfy { $0.status == 0 })
        }
        // A SELECT that stays open while all the others write. With patience for the moment in which the first opener makes
        // the log's index anew, and nobody else may read.
        let reader = Invocation(
            command: """
                bash -c '{ echo "BEGIN; SELECT count(*) FROM events;"; sleep 4; echo "SELECT 1; COMMIT;"; } \
                | sqlite3 -bail -readonly -cmd ".timeout 10000" $0' $DATA/state.db
                """)
        var crowd: [(kind: Kind, invocation: Invocation)] = []
        for _ in 0..<60 { crowd.append((.reader, reader)) }
        for pod in 81...200 { crowd.append((.add, call(.add, pod, node))) }
        for pod in 1...80 { crowd.append((.delete, call(.delete, pod, node))) }
        for _ in 0..<120 { crowd.append((.status, call(.status, 1, node))) }
        for _ in 0..<70 { crowd.append((.version, call(.version, 1, node))) }
        for kind in [Kind.apply, .plan] {
            for _ in 0..<25 {
                crowd.append((kind, Invocation(command: "$PLUMBCTL \(kind.rawValue) --data-dir $DATA")))
            }
        }
        #expect(crowd.count == 500)
        var generator = SplitMix(state: 500)
        crowd.shuffle(using: &generator)
        // Each has 30 s; 124 is what `timeout` says of one that took longer.
        let outputs = try shell.run(crowd.map(\.invocation))
        for (one, output) in zip(crowd, outputs) {
            #expect(!output.all.contains("database is locked"), "\(one.kind): \(output.all)")
            let isBusy = one.kind == .status && output.stdout.contains("the writer's lock")
            let isWell = output.status == 0 || one.kind == .plan && output.status == 2 || isBusy
            #expect(isWell, "\(one.kind): \(output.all)")
        }
        let addresses = try zip(crowd, outputs).filter { $0.0.kind == .add }.flatMap {
            try ChaosAnswer($0.1.stdout).addresses
        }
        #expect(addresses.count == 240 && Set(addresses).count == 240)
        try node.expectConvergence()
        #expect(try node.ourLinks().count == 121)
        #expect(try node.sql("SELECT count(*) FROM attachments") == "120")
        #expect(try node.sql("PRAGMA integrity_check") == "ok")
    }
}
