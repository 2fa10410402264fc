/// One thing that happens to a node. It stands for itself: whichever steps before it are left out, it means the same,
/// and does nothing where it makes no sense. That is what lets a failing sequence be shrunk.
indirect enum ChaosStep: Hashable, Sendable {
    case add(ChaosPlace)
    /// - hasPath: as a runtime calls it after a reboot, CNI_NETNS is empty without.
    case delete(ChaosPlace, hasPath: Bool)
    case check(ChaosPlace)
    case get(ChaosPlace)
    case status(network: Int)
    /// GC with the pods of a bit mask as valid.
    case collect(network: Int, valid: Int)
    case apply
    /// The namespace goes without DEL.
    case vanish(pod: Int)
    case killed(ChaosStep, call: String, turn: Int)
    case atOnce([ChaosStep])
    case reboot
    case sabotageHost(Int)
    case sabotagePod(ChaosPlace, Int)
    case configure(network: Int, variant: Int)
    /// The state file is away for a while.
    case loseFile
    case backUp
    /// An older state file comes back; the pods that it does not know are drained first, as the documents ask.
    case restore
    /// No namespace has a wall clock of its own, so it is the recorded times that step.
    case stepClock(hours: Int)
}

/// An interface of a pod: pods 0 to 5, networks 0 and 1.
struct ChaosPlace: Hashable, Sendable, CustomStringConvertible {
    var pod: Int
    var network: Int

    var description: String { "pod\(pod)/eth\(network)" }
}

extension ChaosStep {
    static let pods = 6
    /// System calls at which a process is killed: database, locks, netlink, namespaces.
    private static let calls = [
        "pwrite64", "pread64", "fcntl", "fdatasync", "ftruncate", "openat", "close", "sendto", "recvmsg", "recvfrom",
        "setns", "socket", "read", "write",
    ]

    static func random(using generator: inout SplitMix) -> ChaosStep {
        let place = ChaosPlace(
            pod: Int.random(in: 0..<pods, using: &generator), network: Int.random(in: 0...1, using: &generator))
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<20: return .add(place)
        case 20..<28: return .delete(place, hasPath: Bool.random(using: &generator))
        case 28..<31: return .check(place)
        case 31..<33: return .get(place)
        case 33..<35: return .status(network: place.network)
        case 35..<37: return .collect(network: place.network, valid: Int.random(in: 0..<64, using: &generator))
        case 37..<55: return .apply
        case 55..<59: return .vanish(pod: place.pod)
        case 59..<69:
            let inner: [ChaosStep] = [
                .add(place), .add(place), .delete(place, hasPath: true), .apply,
                .collect(network: place.network, valid: Int.random(in: 0..<64, using: &generator)),
            ]
            return .killed(
                inner[Int.random(in: 0..<inner.count, using: &generator)],
                call: calls[Int.random(in: 0..<calls.count, using: &generator)],
                turn: Int.random(in: 1...14, using: &generator))
        case 69..<75: return atOnce(using: &generator)
        case 75: return .reboot
        case 76..<82: return .sabotageHost(Int.random(in: 0..<ChaosSabotage.host.count, using: &generator))
        case 82..<91: return .sabotagePod(place, Int.random(in: 0..<ChaosSabotage.pod.count, using: &generator))
        case 91..<94: return .configure(network: place.network, variant: Int.random(in: 0...2, using: &generator))
        case 94: return .loseFile
        case 95..<97: return .backUp
        case 97: return .restore
        default: return .stepClock(hours: Int.random(in: -100_000...100_000, using: &generator))
        }
    }

    /// Of each pod at most one thing, and an apply or two beside them.
    private static func atOnce(using generator: inout SplitMix) -> ChaosStep {
        var steps: [ChaosStep] = []
        for pod in (0..<pods).shuffled(using: &generator).prefix(Int.random(in: 2...4, using: &generator)) {
            let place = ChaosPlace(pod: pod, network: Int.random(in: 0...1, using: &generator))
            steps.append(Bool.random(using: &generator) ? .add(place) : .delete(place, hasPath: true))
        }
        for _ in 0..<Int.random(in: 0...2, using: &generator) { steps.append(.apply) }
        return .atOnce(steps)
    }
}

/// Ways to break what the kernel has of ours.
enum ChaosSabotage {
    /// Scripts for the node; `$BRIDGE` and `$END`, the host's end of some pod of it.
    static let host = [
        "ip link del $BRIDGE", "ip link set $BRIDGE down", "ip addr flush dev $BRIDGE", "ip link set $BRIDGE mtu 1300",
        "ip link set $END nomaster", "ip link set $END down", "ip link del $END",
        "bridge link set dev $END hairpin off", "ip link set $BRIDGE promisc off",
        "bridge link set dev $END isolated off",
        "echo 0 > /proc/sys/net/ipv4/ip_forward",
        "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding",
        "ip link set $END address 02:00:00:00:00:99", "nft delete table inet $TABLE", "nft flush table inet $TABLE",
        "for f in 4 6; do nft flush set inet $TABLE masquerade$f; nft flush set inet $TABLE direct$f; done",
        "nft add element inet $TABLE masquerade4 '{ cni0 . 10.244.0.60 }'",
        "nft chain inet $TABLE postrouting '{ policy drop; }'",
    ]

    /// Scripts for a pod's namespace; `$IF` is the interface.
    static let pod = [
        "ip addr flush dev $IF", "ip route flush dev $IF proto 80", "ip link set $IF down", "ip link del $IF",
        "ip link set $IF down name stray", "ip route del default", "ip -6 addr flush dev $IF",
    ]
}
