internal import Reconciler
internal import Store

/// A bridge, or the one of a network: whose it is, and what is on it that is nobody's alone.
struct BridgeExplanation: Encodable {
    var bridge: String
    var networks: [String]
    /// Attachments whose pairs are ports of it.
    var pods: Int
    var kernel: [Explanation.KernelObject]
    var drift: [PlanLine]

    /// - Parameter word: a bridge's name or a network's.
    init?(_ word: String, _ examination: Examination) {
        let networks = examination.intent.networks.map(\.spec)
        let pods = examination.intent.attachments
        let named = networks.first { $0.bridge == word } ?? networks.first { $0.name == word }
        let left = pods.contains { $0.bridge == word } || BridgeExplanation.isOurs(word, examination) ? word : nil
        guard let bridge = named?.bridge ?? left else { return nil }
        self.bridge = bridge
        self.networks = networks.filter { $0.bridge == bridge }.map(\.name)
        self.pods = pods.count { $0.bridge == bridge }
        kernel = examination.observed.all(in: .host)
            .filter { $0.resource.owner == nil && BridgeExplanation.is($0.resource.name, about: bridge) }
            .map { Explanation.KernelObject(object: $0.resource.name, detail: $0.summary) }
            .sorted { $0.object < $1.object }
        let plan = PlanView(examination)
        drift = (plan.changes + plan.conflicts).filter {
            $0.attachment == nil && BridgeExplanation.is($0.object, about: bridge)
        }
    }

    /// Objects' names say on which link they are: `address 10.244.0.1/24 on cni0`.
    private static func `is`(_ object: String, about bridge: String) -> Bool {
        object.split(separator: " ").contains { $0 == bridge }
    }

    /// One that no network asks for any more stays as long as something of others is on it.
    private static func isOurs(_ word: String, _ examination: Examination) -> Bool {
        if case .bridge(let bridge)? = examination.observed[.host, Bridge.name(word)] { bridge.isMarked } else { false }
    }

    func print() {
        Terminal.heading("bridge \(bridge)")
        Terminal.say("  networks   " + (networks.isEmpty ? "none any more" : networks.joined(separator: ", ")))
        Terminal.say("  pods       \(pods)")
        Explanation.print(kernel, drift, notes: [])
    }
}
