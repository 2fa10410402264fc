import Foundation

/// `plumbctl watch` on a node, and what it said.
final class Watching {
    private let node: TestNode
    private let process: Command
    private let place: String

    /// Begun once the first look at everything is done.
    init(_ node: TestNode, interval: Int = 3600, _ options: String = "") throws {
        self.node = node
        place = "/run/watch-\(UUID().uuidString)"
        process = try node.open([
            "sh", "-c",
            """
            echo $$ >\(place).pid
            exec \(node.binaries)/plumbctl watch --data-dir \(node.dataDirectory) --interval \(interval) \(options) \
            >\(place).out 2>\(place).err
            """,
        ])
        try node.run(
            "for i in $(seq 500); do grep -qs 'watching' \(place).err && exit; sleep 0.01; done; cat \(place).err; exit 1"
        )
    }

    deinit { if !isEnded { process.kill() } }

    private var isEnded = false

    /// What it mended.
    func mended() throws -> String { try node.run("cat \(place).out") }
    func said() throws -> String { try node.run("cat \(place).err") }

    /// Processor time in clock ticks of 10 ms.
    func ticks() throws -> Int {
        Int(try node.run("awk '{print $14 + $15}' /proc/$(cat \(place).pid)/stat")) ?? 0
    }

    /// Milliseconds from the sabotage, a script, until the condition holds, asked again and again; `nil` after ten seconds.
    func latency(_ sabotage: String, until condition: String, environment: [String: String]) throws -> Double? {
        let said = try node.run(
            """
            \(sabotage)
            start=${EPOCHREALTIME/./}
            until \(condition); do ((${EPOCHREALTIME/./} - start < 10000000)) || { echo never; exit; }; done >/dev/null 2>&1
            echo $((${EPOCHREALTIME/./} - start))
            """, environment: environment)
        return Double(said).map { $0 / 1000 }
    }

    /// The least of some latencies, until one is 100 at most: what others take of the machine is no fault of watch's. It goes
    /// before them, and what breaks again and again pauses until watch has forgotten it (``Backoff``).
    func bestLatency(_ sabotage: String, until condition: String, environment: [String: String]) throws -> Double {
        let script = "renice -n -10 $$ $(cat \(place).pid) >/dev/null\n\(sabotage)"
        var best = Double.infinity
        for turn in 0..<12 where best > 100 {
            if turn > 0, turn % 4 == 0 { try node.run("sleep 6") }
            best = min(best, try latency(script, until: condition, environment: environment) ?? .infinity)
        }
        return best
    }

    /// It ends by SIGTERM, and well.
    func end() throws -> Output {
        try node.run("kill -TERM $(cat \(place).pid)")
        isEnded = true
        return process.wait()
    }
}
