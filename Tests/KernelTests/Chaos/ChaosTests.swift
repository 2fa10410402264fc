import Foundation
import Testing

/// Anything in any order, checked against a small model of what a runtime may believe.
@Suite struct ChaosTests {
    private static func setting(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }

    /// `make soak SEED=… STEPS=…` says which, and without SEED it is any; else two, and always the same.
    private static let seeds: [UInt64] =
        setting("SEED").map { [$0] } ?? (setting("STEPS") == nil ? [1, 2] : [.random(in: 1...1_000_000)])
    private static let steps = Int(setting("STEPS") ?? 1_000)

    @Test(arguments: seeds) func anythingInAnyOrder(seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let steps = (0..<ChaosTests.steps).map { _ in ChaosStep.random(using: &generator) }
        guard let failure = try ChaosTests.firstFailure(steps) else { return }
        let (few, last) = try ChaosTests.shrink(Array(steps.prefix(failure.place + 1)), failure)
        Issue.record(
            """
            seed \(seed), step \(failure.place) of \(steps.count): `make soak SEED=\(seed) STEPS=\(failure.place + 1)`
            \(failure.text)
            Shrunk to \(few.count) steps:
            \(few.map { "    \($0)" }.joined(separator: "\n"))
            which fail with: \(last.text)
            """)
    }

    struct Breach {
        var place: Int
        var text: String
        /// Roughly: a shorter sequence that fails by something else proves nothing about this one.
        var kind: String

        init(_ error: any Error, of step: ChaosStep, at place: Int) {
            self.place = place
            let words = String(describing: error)
            text = "\(step): \(words)"
            kind =
                words.replacing("\(step): ", with: "").split { $0.isNumber || $0.isNewline || $0 == "[" }.first.map(
                    String.init) ?? ""
        }
    }

    /// The first step after which something is not as it must be, on a node of its own.
    private static func firstFailure(_ steps: [ChaosStep]) throws -> Breach? {
        let node = try ChaosNode()
        for (place, step) in (steps + [.apply]).enumerated() {
            do {
                try node.happen(step)
            } catch {
                return Breach(error, of: step, at: min(place, steps.count - 1))
            }
        }
        return nil
    }

    /// Leaves out whatever the failure does not need: halves, quarters … single steps, for two minutes at most.
    private static func shrink(_ steps: [ChaosStep], _ breach: Breach) throws -> ([ChaosStep], Breach) {
        let end = ContinuousClock.now + .seconds(120)
        var steps = steps
        var last = breach
        var length = max(1, steps.count / 2)
        while ContinuousClock.now < end {
            var start = 0
            while start < steps.count, ContinuousClock.now < end {
                var fewer = steps
                fewer.removeSubrange(start..<min(start + length, steps.count))
                if !fewer.isEmpty, let failure = try firstFailure(fewer), failure.kind == breach.kind {
                    steps = Array(fewer.prefix(failure.place + 1))
                    last = failure
                } else {
                    start += length
                }
            }
            if length == 1 { break }
            length = max(1, length / 2)
        }
        return (steps, last)
    }
}
