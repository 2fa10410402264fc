/// What a runtime may believe of the node, with nothing but the answers that it got.
struct ChaosModel {
    /// An attachment whose end is not known is here too: whoever added or deleted it was killed.
    enum Belief: Hashable {
        case live(ChaosAnswer)
        case unknown
    }

    /// Of each pod, which container it is by now; odd while its namespace is there.
    var generations = [Int](repeating: 0, count: ChaosStep.pods)
    var beliefs: [ChaosPlace: Belief] = [:]
    /// Somebody broke something, and nobody has applied since.
    var isBroken = false
    var variants = [0, 0]
    var boot = 1
    /// Before the last processes ran.
    var hasDatabase = false

    func isThere(_ pod: Int) -> Bool { generations[pod] % 2 == 1 }
    func container(_ pod: Int) -> String { "c\(pod)-\((generations[pod] + 1) / 2)" }
    func interface(_ place: ChaosPlace) -> String { "eth\(place.network)" }
    func live(_ place: ChaosPlace) -> ChaosAnswer? {
        if case .live(let answer)? = beliefs[place] { answer } else { nil }
    }

    var living: [(place: ChaosPlace, answer: ChaosAnswer)] {
        beliefs.keys.sorted { ($0.pod, $0.network) < ($1.pod, $1.network) }
            .compactMap { place in live(place).map { (place, $0) } }
    }

    /// Addresses that two of the living have, on one bridge.
    var shared: Set<String> {
        var seen: Set<String> = []
        var twice: Set<String> = []
        for (place, answer) in living {
            for address in answer.addresses where !seen.insert("\(place.network) \(address)").inserted {
                twice.insert(address)
            }
        }
        return twice
    }

    func network(_ network: Int) -> String {
        let members =
            network == 0
            ? [
                #""bridge": "cni0", "subnets": ["10.244.0.0/26", "fd00:10:244::/64"]"#,
                #""bridge": "cni0", "subnets": ["10.244.0.0/26", "fd00:10:244::/64"], "mtu": 1400, "ipMasq": true"#,
                #""bridge": "cni0", "subnets": ["10.244.1.0/26", "fd00:10:244:1::/64"], "ipMasq": true"#
                    + #", "nonMasqueradeCIDRs": ["10.0.0.0/8"], "promiscMode": true, "portIsolation": true"#,
            ]
            // Five addresses for six pods; the default route is the other network's.
            : ["", #", "hairpinMode": false"#, #", "mtu": 1400"#].map {
                #""bridge": "cni1", "subnets": ["10.9.0.0/29"], "isGateway": true, "isDefaultGateway": false"# + $0
            }
        return #""cniVersion": "1.1.0", "name": "net\#(network)", "type": "plumb", "dataDir": "/run/plumb", "#
            + members[variants[network]]
    }
}

/// What ADD promised.
struct ChaosAnswer: Hashable {
    var text: String
    var addresses: [String]
    var hostEnd: String

    init(_ text: String) throws {
        self.text = text
        let json = try JSON(text)
        addresses = json["ips"].elements.compactMap { $0["address"].text }
        hostEnd = json["interfaces"][1]["name"].text ?? ""
    }
}
