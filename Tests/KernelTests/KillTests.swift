import Glibc
import Testing

/// Killed anywhere, one apply comes to rest, and DEL leaves nothing.
@Suite struct KillTests {
    private static let moments = 20

    /// A node whose database is there and empty.
    private func emptyNode() throws -> TestNode {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        try node.delete("pod1")
        return node
    }

    private func expectRecovery(_ node: TestNode, _ moment: Comment) throws {
        let apply = try node.plumbctl("apply")
        #expect(apply.status == 0, "\(moment): \(apply.all)")
        let plan = try node.plumbctl("plan")
        #expect(plan.status == 0, "\(moment): \(plan.all)")
        if try node.sql("SELECT count(*) FROM attachments") == "1" {
            try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")
        }
        let deletion = try node.call(Call(verb: "DEL"))
        #expect(deletion.status == 0 && deletion.stdout.isEmpty, "\(moment): \(deletion.all)")
        try node.expectNothingLeft()
        #expect(try node.ourLinks() == ["cni0"], moment)
        #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1, moment)
    }

    @Test(arguments: ["ADD", "DEL"]) func atRandomMoments(verb: String) throws {
        let node = try emptyNode()
        let seed = UInt64.random(in: 0...UInt64(UInt32.max))
        var generator = SplitMix(state: seed)
        for _ in 0..<KillTests.moments {
            if verb == "DEL" { try node.add("pod1") }
            // nsenter's own start takes about half of it.
            let delay = UInt32.random(in: 0..<8_000, using: &generator)
            let command = try node.start(Call(verb: verb))
            usleep(delay)
            command.kill()
            let output = command.wait()
            try expectRecovery(node, "\(verb) killed after \(delay) µs (seed \(seed)): \(output.all)")
        }
    }

    /// strace kills at the n-th call of one system call, spread out over those that a whole run makes.
    @Test(arguments: ["ADD", "DEL"]) func atSystemCalls(verb: String) throws {
        let node = try emptyNode()
        let call = Call(verb: verb)
        let environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        if verb == "DEL" { try node.add("pod1") }
        try node.run(
            #"strace -f -qq -o /run/trace "$PLUMB" <<< "$CONFIG" > /run/answer"#, environment: environment)
        let trace = try node.run("sed -nE 's/^[0-9]+ +([a-z0-9_]+)\\(.*/\\1/p' /run/trace")
        if verb == "ADD" { try node.delete("pod1") }
        let calls = trace.split(separator: "\n").map(String.init)
        try #require(calls.count > 2 * KillTests.moments)
        var killed = 0
        for moment in 0..<KillTests.moments {
            let place = 1 + (calls.count - 2) * moment / (KillTests.moments - 1)
            let name = calls[place]
            let turn = calls[...place].count { $0 == name }
            if verb == "DEL" { try node.add("pod1") }
            let output = try node.attempt(
                """
                strace -f -qq -o /run/trace -e inject=\(name):signal=KILL:when=\(turn) "$PLUMB" <<< "$CONFIG"
                """, environment: environment)
            killed += output.status == 0 ? 0 : 1
            try expectRecovery(node, "\(verb) killed at \(name) \(turn), \(place) of \(calls.count): \(output.all)")
        }
        // The last is past the work, and a run need not make as many calls as the one that was counted.
        #expect(killed >= KillTests.moments - 3)
    }

    /// Before there is a database, and while it is made.
    @Test func whileTheDatabaseIsMade() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call()
        let environment = call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 }
        for (name, turn) in [("mkdir", 1), ("pwrite64", 1), ("pwrite64", 9), ("fdatasync", 1), ("rename", 1)] {
            try node.run(#"rm -rf "$DATA""#)
            let output = try node.attempt(
                """
                strace -f -qq -o /run/trace -e inject=\(name):signal=KILL:when=\(turn) "$PLUMB" <<< "$CONFIG"
                """, environment: environment)
            #expect(output.status != 0, "\(name) \(turn): \(output.all)")
            #expect(try node.json("ip -j link show", in: "pod1").elements.count == 1)
            try node.add("pod1")
            try node.expectRest()
            #expect(try node.run(#"ls "$DATA" | grep -c new || true"#) == "0")
            try node.delete("pod1")
            try node.expectNothingLeft()
        }
    }
}

/// A generator that a printed seed repeats (Steele, Lea, Flood: SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
