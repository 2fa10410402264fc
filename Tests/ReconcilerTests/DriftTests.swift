import Addressing
import Reconciler
import Store
import Testing

/// One thing wrong at a time: what the plan does about it, and why it says so.
@Suite struct DriftTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var sabotage: String
        var change: @Sendable (inout SimulatedKernel, NamespaceID) -> Void
        /// `name: reason` of every change.
        var plan: [String]
        var testDescription: String { sabotage }
    }

    static let cases: [Case] = [
        Case(sabotage: "nothing", change: { _, _ in }, plan: []),
        Case(
            sabotage: "bridge MTU", change: { kernel, _ in kernel[.host].links["cni0"]?.mtu = 1280 },
            plan: ["bridge cni0: its MTU is 1280"]),
        Case(
            sabotage: "bridge MAC", change: { kernel, _ in kernel[.host].links["cni0"]?.mac = nil },
            plan: ["bridge cni0: its MAC is unknown"]),
        Case(
            sabotage: "bridge down", change: { kernel, _ in kernel[.host].links["cni0"]?.isUp = false },
            plan: ["bridge cni0: it is down"]),
        Case(
            sabotage: "gateway gone", change: { kernel, _ in kernel[.host].addresses = [] },
            plan: ["address 10.1.0.1/24 on cni0: missing"]),
        Case(
            sabotage: "forwarding off", change: { kernel, _ in kernel[.host].sysctls["net/ipv4/ip_forward"] = "0" },
            plan: ["sysctl net.ipv4.ip_forward: is 0"]),
        Case(
            sabotage: "no port", change: { kernel, _ in kernel[.host].links["plumbtest7"]?.master = nil },
            plan: ["link plumbtest7: it is no port of cni0"]),
        Case(
            sabotage: "another's port", change: { kernel, _ in kernel[.host].links["plumbtest7"]?.master = "br9" },
            plan: ["link plumbtest7: it is a port of br9"]),
        Case(
            sabotage: "hairpin", change: { kernel, _ in kernel[.host].links["plumbtest7"]?.hairpin = false },
            plan: ["link plumbtest7: hairpin is off"]),
        Case(
            sabotage: "host end down", change: { kernel, _ in kernel[.host].links["plumbtest7"]?.isUp = false },
            plan: ["link plumbtest7: it is down"]),
        Case(
            sabotage: "pod MTU", change: { kernel, pod in kernel[pod].links["eth0"]?.mtu = 1280 },
            plan: ["pod link eth0: its MTU is 1280"]),
        Case(
            sabotage: "pod MAC that nobody asked for", change: { kernel, pod in kernel[pod].links["eth0"]?.mac = nil },
            plan: []),
        Case(
            sabotage: "route's MTU", change: { kernel, pod in kernel[pod].routes[0].route.mtu = 9 }, plan: []),
        Case(
            sabotage: "route's gateway", change: { kernel, pod in kernel[pod].routes[0].route.gateway = nil },
            plan: ["route 0.0.0.0/0 metric 0 table 254: it has no gateway"]),
        Case(
            sabotage: "address in doubt", change: { kernel, pod in kernel[pod].addresses[0].isUnusable = true },
            plan: ["address 10.1.0.2/24 on eth0: duplicate address detection has not let it be used"]),
        Case(
            sabotage: "MTU of the host end", change: { kernel, _ in kernel[.host].links["plumbtest7"]?.mtu = 1280 },
            plan: ["link plumbtest7: its MTU is 1280"]),
        Case(
            sabotage: "mark of the host end",
            change: { kernel, _ in kernel[.host].links["plumbtest7"]?.isMarked = false },
            plan: ["link plumbtest7: it is no longer in Plumb's group"]),
        Case(
            sabotage: "renamed in the pod",
            change: { kernel, pod in kernel.renameLink("eth0", to: "lost", in: pod) },
            plan: [
                "link plumbtest7: its other end is not eth0 in the pod",
                "link plumbtest7: its other end is not eth0 in the pod",
                "pod link eth0: missing", "address 10.1.0.2/24 on eth0: missing",
                "route 0.0.0.0/0 metric 0 table 254: it leaves by lost",
            ]),
        Case(
            sabotage: "renamed on the host",
            change: { kernel, _ in kernel.renameLink("plumbtest7", to: "lost", in: .host) },
            plan: [
                "pod link eth0: its other end is not plumbtest7 on the host",
                "link plumbtest7: its other end is not plumbtest7 on the host",
                "pod link eth0: missing", "address 10.1.0.2/24 on eth0: missing",
                "route 0.0.0.0/0 metric 0 table 254: missing",
            ]),
    ]

    private func intent(_ repairPod: RepairPod = .all) throws -> Intent {
        Intent(
            networks: [try network(mtu: 1400)],
            attachments: [
                try attachment(
                    mtu: 1400, repairPod: repairPod,
                    routes: [RouteSpec(destination: .defaultRoute(.v4), gateway: try ip("10.1.0.1"))])
            ])
    }

    private let pod = NamespaceID.pod(attachment: 7, path: "/run/netns/7")

    private func perfect(_ intent: Intent) throws -> SimulatedKernel {
        var kernel = SimulatedKernel()
        _ = kernel.carryOut(try kernel.plan(render(intent)))
        return kernel
    }

    @Test(arguments: cases)
    func `one drift is one change`(drift: Case) throws {
        let intent = try intent()
        var kernel = try perfect(intent)
        drift.change(&kernel, pod)
        let plan = try kernel.plan(render(intent))
        #expect(plan.changes.map { "\($0.name): \($0.reason)" } == drift.plan)
        #expect(plan.conflicts.isEmpty)
    }

    @Test func `an empty node is built in order`() throws {
        let plan = try SimulatedKernel().plan(render(try intent()))
        let nsenter = "nsenter --net=/run/netns/7 "
        #expect(
            plan.changes.map(\.command) == [
                "sysctl -w net.ipv4.ip_forward=1",
                "ip link add cni0 address 02:00:00:00:00:01 group 7586 up type bridge mcast_snooping 0 && ip link set cni0 mtu 1400",
                "ip addr add 10.1.0.1/24 dev cni0",
                "ip link add plumbtest7 address 02:00:00:00:01:07 mtu 1400 group 7586 type veth peer name eth0 "
                    + "address 02:00:00:00:02:07 mtu 1400 group 7586 netns /run/netns/7 && "
                    + "ip link set plumbtest7 master cni0 up && bridge link set dev plumbtest7 hairpin on",
                nsenter + "sh -c 'ip link set eth0 mtu 1400 && ip link set eth0 addrgenmode none up'",
                nsenter + "ip addr add 10.1.0.2/24 dev eth0",
                nsenter + "ip -4 route add default via 10.1.0.1 dev eth0 proto 80",
            ])
    }

    @Test(arguments: [("dummy", true, "is no bridge"), ("bridge", false, "is down")])
    func `what stands in the bridge's place is a conflict`(kind: String, isUp: Bool, told: String) throws {
        var kernel = SimulatedKernel()
        kernel.insertLink("cni0", SimulatedLink(kind: kind, isUp: isUp))
        let plan = try kernel.plan(render(try intent()))
        #expect(plan.conflicts.count == 1 && plan.conflicts.allSatisfy { $0.reason.contains(told) })
    }

    @Test func `an adopted bridge keeps its MTU and MAC`() throws {
        let intent = try intent()
        var kernel = try perfect(intent)
        kernel[.host].links["cni0"]?.isMarked = false
        kernel[.host].links["cni0"]?.mtu = 1280
        kernel[.host].links["cni0"]?.mac = nil
        #expect(try kernel.plan(render(intent)).isEmpty)
    }

    /// Beside ours it is nobody's business, as long as ours is as it should be.
    @Test(arguments: [(false, false, true), (true, false, false), (true, true, true)])
    func `a foreign route in the place of ours is a conflict`(hasOurs: Bool, drifts: Bool, conflicts: Bool) throws {
        let intent = try intent()
        var kernel = try perfect(intent)
        let ours = try #require(kernel[pod].routes.first)
        if !hasOurs { kernel[pod].routes = [] }
        if drifts { kernel[pod].routes[0].route.gateway = try ip("10.1.0.77") }
        var foreign = SimulatedRoute(route: ours.route, isForeign: true)
        foreign.route.gateway = try ip("10.1.0.99")
        kernel[pod].routes.append(foreign)
        kernel[pod].addresses = []
        let before = kernel[pod].routes
        for changes in [1, 0] {
            let plan = try kernel.plan(render(intent))
            #expect(plan.changes.count == changes && !plan.changes.contains { $0.name == ours.route.name })
            #expect(plan.conflicts.map(\.object.resource.name) == (conflicts ? [ours.route.name] : []))
            #expect(plan.conflicts.allSatisfy { $0.attachment == 7 && $0.reason.contains("not Plumb's") })
            _ = kernel.carryOut(plan)
            #expect(kernel[pod].routes == before)
        }
    }

    @Test func `an unmarked link under our name is a conflict`() throws {
        let intent = try intent()
        var kernel = try perfect(intent)
        kernel.deleteLink("plumbtest7", in: .host)
        kernel.insertLink("plumbtest7", SimulatedLink(kind: "veth"))
        #expect(try kernel.plan(render(intent)).conflicts.map(\.object.resource.name) == ["link plumbtest7"])
    }

    /// Its pair there or not, and whatever else of the pod is missing: to bring up a link of others is not ours.
    @Test(arguments: [RepairPod.all, .missingLink, .none], ["renamed", "gone", "MAC changed, host end renamed"])
    func `a link of others in the pod is a conflict`(repair: RepairPod, own: String) throws {
        let intent = try intent(repair)
        var kernel = try perfect(try self.intent())
        switch own {
        case "renamed": kernel.renameLink("eth0", to: "eth0-nic", in: pod)
        case "gone": kernel.deleteLink("plumbtest7", in: .host)
        default:
            kernel.renameLink("plumbtest7", to: "lost", in: .host)
            kernel[pod].links["eth0"]?.mac = nil
        }
        if own == "renamed" || own == "gone" {
            kernel.insertLink("eth0", in: pod, SimulatedLink(kind: "dummy", isUp: false))
        }
        let plan = try kernel.plan(render(intent))
        #expect(plan.changes.isEmpty)
        #expect(plan.conflicts.map(\.attachment) == (repair == .all ? [7] : []))
    }

    @Test(arguments: [(RepairPod.all, 3), (.missingLink, 0), (.none, 0)])
    func `repairPod says how much of a pod is mended`(repair: RepairPod, changes: Int) throws {
        let intent = try intent(repair)
        var kernel = try perfect(try self.intent())
        kernel[pod].links["eth0"]?.isUp = false
        kernel[pod].addresses = []
        kernel[pod].routes = []
        #expect(try kernel.plan(render(intent)).changes.count == changes)
    }

    @Test(arguments: [(RepairPod.all, 4), (.missingLink, 4), (.none, 0)])
    func `repairPod says whether a lost link comes back`(repair: RepairPod, changes: Int) throws {
        let intent = try intent(repair)
        var kernel = try perfect(try self.intent())
        kernel.deleteLink("eth0", in: pod)
        #expect(try kernel.plan(render(intent)).changes.count == changes)
    }

    @Test func `an IPv6 metric of 0 and 1024 is one`() throws {
        let destination = try cidr("fd77::/64")
        #expect(Route(destination: destination, metric: 1024) == Route(destination: destination))
        #expect(
            Route(destination: destination).withdrawnNames == [
                "route fd77::/64 metric 0 table 254", "route fd77::/64 metric 1024 table 254",
            ])
    }
}
