import Addressing
import Reconciler
import Store
import Testing

/// splitmix64: the same seed gives the same states on every machine.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// True once in `times`.
    mutating func once(in times: Int) -> Bool { Int.random(in: 0..<times, using: &self) == 0 }
}

func cidr(_ text: String) throws -> CIDR { try #require(CIDR(text), "\(text) is no prefix") }
func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text), "\(text) is no address") }
func mac(_ text: String) throws -> MACAddress { try #require(MACAddress(text), "\(text) is no MAC") }

/// A range over all of a subnet, its gateway the first address.
func range(_ subnet: String) throws -> RangeSpec {
    let subnet = try cidr(subnet)
    let gateway = try #require(subnet.first.advanced(by: 1))
    return RangeSpec(subnet: subnet, first: gateway, last: try #require(subnet.last.retreated(by: 1)), gateway: gateway)
}

func attachment(
    _ id: Int64 = 7, bridge: String = "cni0", state: AttachmentState = .ready, mtu: Int? = nil,
    macRequested: Bool = false, repairPod: RepairPod = .all, leases: [String] = ["10.1.0.2/24"],
    gateway: String = "10.1.0.1", isGateway: Bool = true, routes: [RouteSpec] = []
) throws -> StoredAttachment {
    StoredAttachment(
        id: id, networkID: 1, network: "pods", containerID: "c\(id)", ifname: "eth0", state: state,
        namespace: NamespaceIdentity(path: "/run/netns/\(id)", cookie: UInt64(id), device: 4, inode: 9, bootID: "boot"),
        bridge: bridge, isGateway: isGateway, hairpin: true,
        hostIfname: StoredAttachment.hostIfname(tag: "test", id: id), hostMAC: try mac("02:00:00:00:01:0\(id % 10)"),
        mac: try mac("02:00:00:00:02:0\(id % 10)"), macRequested: macRequested, mtu: mtu,
        pod: PodIdentity(namespace: "default", name: "web-\(id)"), repairPod: repairPod,
        leases: try leases.map { Lease(address: try cidr($0), gateway: try ip(gateway)) }, routes: routes)
}

func network(
    bridge: String = "cni0", mtu: Int? = nil, isGateway: Bool = true, subnets: [String] = ["10.1.0.0/24"]
) throws -> Network {
    Network(
        id: 1,
        spec: NetworkSpec(
            name: "pods", bridge: bridge, mtu: mtu, isGateway: isGateway,
            rangeSets: try subnets.map { [try range($0)] }),
        bridgeMAC: try mac("02:00:00:00:00:01"))
}

extension SimulatedKernel {
    /// All that is in the kernel, as the engine would see it with every pod open.
    func state(_ desired: KernelState) throws -> KernelState {
        var all = self
        all.holdsOnePod = false
        var observed = KernelState()
        for namespace in Set(desired.namespaces).union([.host]) {
            do {
                try all.observe(namespace, .node, desired: desired, into: &observed)
            } catch {
                observed[unreadable: namespace] = "\(error)"
            }
        }
        return observed
    }

    func plan(_ desired: KernelState, withdrawn: Set<String> = []) throws -> Plan {
        diff(desired: desired, observed: try state(desired), withdrawn: withdrawn)
    }

    /// Makes a plan's changes with every pod open.
    mutating func carryOut(_ plan: Plan) -> [Outcome] {
        holdsOnePod = false
        defer { holdsOnePod = true }
        return perform(plan.changes)
    }
}

/// What a perfect kernel shows for an intent.
func perfectState(_ intent: Intent) throws -> KernelState {
    let desired = render(intent)
    var kernel = SimulatedKernel()
    _ = kernel.carryOut(try kernel.plan(desired))
    return try kernel.state(desired)
}
