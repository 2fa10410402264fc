import Testing

/// Killed anywhere, what another IPAM plugin gave is given back or completed.
@Suite struct DelegatedKillTests {
    private static let moments = 12

    @Test(arguments: ["ADD", "DEL"]) func atSystemCalls(verb: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.installDelegate()
        #expect(try node.call(.delegated()).status == 0)
        if verb == "ADD" { #expect(try node.call(.delegated("DEL")).status == 0) }
        let call = Call.delegated(verb)
        let environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        // Not -f: it is us whom it kills, and the delegate goes on.
        try node.run(#"strace -qq -o /run/trace "$PLUMB" <<< "$CONFIG" "#, environment: environment)
        let calls = try node.run("sed -nE 's/^([a-z0-9_]+)\\(.*/\\1/p' /run/trace").split(separator: "\n")
        if verb == "ADD" { #expect(try node.call(.delegated("DEL")).status == 0) }
        for moment in 0..<DelegatedKillTests.moments {
            let place = 1 + (calls.count - 2) * moment / (DelegatedKillTests.moments - 1)
            let turn = calls[...place].count { $0 == calls[place] }
            if verb == "DEL" {
                let output = try node.call(.delegated())
                #expect(output.status == 0, "\(output.all)")
            }
            try node.run(": > /run/calls")
            _ = try node.attempt(
                """
                strace -qq -o /run/trace -e inject=\(calls[place]):signal=KILL:when=\(turn) "$PLUMB" <<< "$CONFIG"
                """, environment: environment)
            let note: Comment = "\(verb) killed at \(calls[place]) \(turn), \(place) of \(calls.count)"
            // The delegate may outlive its caller for a moment.
            try node.run(
                "for i in $(seq 100); do pgrep -x giver --ns $$ --nslist mnt || exit 0; sleep 0.02; done; exit 1")
            let apply = try node.plumbctl("apply")
            #expect(apply.status == 0, "\(note): \(apply.all)")
            #expect(try node.plumbctl("plan").status == 0, note)
            if try node.sql("SELECT count(*) FROM attachments") == "1" {
                try node.expectPing(from: "pod1", to: "10.9.0.1", "fd09::1")
            }
            let deletion = try node.call(.delegated("DEL"))
            #expect(deletion.status == 0, "\(note): \(deletion.all)")
            // Every ADD of the delegate's is followed by a DEL.
            #expect(try !node.delegateCalls().hasSuffix("ADD"), note)
            try node.expectNothingLeft()
            #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1, note)
        }
    }
}
