import Addressing
import CKernel
import Netlink
import Reconciler
import Store
import Testing

@testable import Watch

@Suite struct LandscapeTests {
    private static func event(_ type: Int, _ body: [UInt8], in namespace: Int32? = nil) -> KernelEvent {
        KernelEvent(
            namespaceID: namespace,
            message: Message(type: UInt16(type), flags: 0, sequence: 0, port: 0, body: body[...]))
    }

    private static func link(
        _ index: Int32, _ name: String, namespaceID: Int32? = nil, _ change: (inout LinkMessage) -> Void = { _ in }
    ) -> LinkMessage {
        var link = LinkMessage()
        link.index = index
        link.name = name
        link.linkNamespaceID = namespaceID
        change(&link)
        return link
    }

    private func landscape() throws -> Landscape {
        let range = RangeSpec(
            subnet: try #require(CIDR("10.244.0.0/24")), first: try #require(IPAddress("10.244.0.2")),
            last: try #require(IPAddress("10.244.0.254")), gateway: try #require(IPAddress("10.244.0.1")))
        let network = Network(
            id: 1, spec: NetworkSpec(name: "pods", bridge: "cni0", rangeSets: [[range]]),
            bridgeMAC: try #require(MACAddress("02:00:00:00:00:01")))
        let route = RouteSpec(
            destination: try #require(CIDR("10.9.0.0/16")), gateway: IPAddress("192.0.2.1"))
        return Landscape(
            intent: HostIntent(tag: "abcd", networks: [network], routes: [route], formerBridges: ["old0"]),
            links: [
                LandscapeTests.link(2, "eth0"), LandscapeTests.link(3, "cni0"), LandscapeTests.link(4, "old0"),
                LandscapeTests.link(5, "plumbabcd7", namespaceID: 0),
                LandscapeTests.link(6, "plumbabcd8", namespaceID: 0),
                LandscapeTests.link(7, "plumbwxyz9", namespaceID: 1),
            ])
    }

    @Test func `links of ours, by name and by number`() throws {
        var ours = try landscape()
        #expect(ours.podCount == 1)
        func concern(_ link: LinkMessage, gone: Bool = false) throws -> Set<Matter> {
            try ours.concern(LandscapeTests.event(Int(gone ? RTM_DELLINK : RTM_NEWLINK), link.encoded))
        }
        #expect(try concern(LandscapeTests.link(2, "eth0") { $0.setUp() }) == [])
        #expect(try concern(LandscapeTests.link(5, "plumbabcd7")) == [.attachment(7)])
        // Another database's.
        #expect(try concern(LandscapeTests.link(7, "plumbwxyz9")) == [])
        #expect(try concern(LandscapeTests.link(5, "stolen")) == [.attachment(7)])
        #expect(try concern(LandscapeTests.link(6, "plumbabcd8"), gone: true) == [.attachment(8)])
        // A bridge, only if something changed that we might mend.
        #expect(try concern(LandscapeTests.link(3, "cni0")) == [])
        #expect(try concern(LandscapeTests.link(3, "cni0") { $0.mtu = 1400 }) == [.host])
        #expect(try concern(LandscapeTests.link(3, "cni0") { $0.mtu = 1400 }) == [])
        #expect(try concern(LandscapeTests.link(3, "renamed")) == [.host])
        #expect(try concern(LandscapeTests.link(4, "old0"), gone: true) == [.host])
        #expect(try concern(LandscapeTests.link(9, "cni0")) == [.host])
    }

    @Test func `addresses of our bridges, and routes that are ours or take the place of ours`() throws {
        var ours = try landscape()
        var address = AddressMessage()
        address.family = 2
        address.local = [10, 244, 0, 1]
        address.index = 3
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_DELADDR), address.encoded)) == [.host])
        address.index = 2
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_DELADDR), address.encoded)) == [])
        var route = RouteMessage()
        route.family = 2
        route.destination = [10, 8, 0, 0]
        route.destinationLength = 16
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_NEWROUTE), route.encoded)) == [])
        route.routeProtocol = Mark.routeProtocol
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_DELROUTE), route.encoded)) == [.host])
        route.routeProtocol = 4
        route.destination = [10, 9, 0, 0]
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_NEWROUTE), route.encoded)) == [.host])
        route.table = 100
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_NEWROUTE), route.encoded)) == [])
    }

    @Test func `what host routes need: a way to their gateway or source, and the link that they name`() throws {
        let prefix = try #require(CIDR("10.9.0.0/16"))
        var ours = Landscape(
            intent: HostIntent(
                tag: "abcd",
                routes: [
                    RouteSpec(destination: prefix, gateway: IPAddress("192.0.2.1"), source: IPAddress("198.51.100.7")),
                    RouteSpec(destination: prefix, device: "eth1", metric: 7),
                ]), links: [LandscapeTests.link(2, "eth0"), LandscapeTests.link(3, "eth1")])
        func concern(_ destination: [UInt8]?, _ length: UInt8, gateway: [UInt8]? = nil) throws -> Set<Matter> {
            var route = RouteMessage()
            route.family = 2
            route.destination = destination
            route.destinationLength = length
            route.gateway = gateway
            return try ours.concern(LandscapeTests.event(Int(RTM_NEWROUTE), route.encoded))
        }
        #expect(try concern([192, 0, 2, 0], 24) == [.host])
        #expect(try concern([192, 0, 2, 0], 24, gateway: [10, 0, 0, 1]) == [])
        #expect(try concern([192, 0, 3, 0], 24) == [])
        #expect(try concern([198, 51, 100, 7], 32) == [.host])
        #expect(try concern([198, 51, 100, 8], 32) == [])
        #expect(try concern(nil, 0, gateway: [10, 0, 0, 1]) == [])
        func concern(_ link: LinkMessage) throws -> Set<Matter> {
            try ours.concern(LandscapeTests.event(Int(RTM_NEWLINK), link.encoded))
        }
        #expect(try concern(LandscapeTests.link(2, "eth0") { $0.setUp() }) == [])
        #expect(try concern(LandscapeTests.link(3, "eth1") { $0.setUp() }) == [.host])
        #expect(try concern(LandscapeTests.link(3, "eth1") { $0.setUp() }) == [])
    }

    @Test func `a pod is all the attachments that are in its namespace`() throws {
        var ours = try landscape()
        let route = RouteMessage().encoded
        #expect(
            try ours.concern(LandscapeTests.event(Int(RTM_DELROUTE), route, in: 0)) == [.attachment(7), .attachment(8)])
        // Not of ours, and nobody's that we know.
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_DELROUTE), route, in: 1)) == [])
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_DELROUTE), route, in: 2)) == [])
        let new = LandscapeTests.link(12, "plumbabcdz", namespaceID: 2)
        #expect(try ours.concern(LandscapeTests.event(Int(RTM_NEWLINK), new.encoded)) == [.attachment(35)])
    }

    @Test func `tables of ours, and whose elements`() throws {
        var ours = try landscape()
        func concern(_ request: Request) throws -> Set<Matter> {
            try ours.concern(LandscapeTests.event(Int(request.type), request.body))
        }
        func element(_ table: String, _ comments: String?...) throws -> Set<Matter> {
            let elements = comments.map { NFElement(key: [10, 244, 0, 2], comment: $0) }
            return try concern(
                .deleteElements(
                    NFElements(family: .inet, table: table, set: "masquerade4", elements: elements), context: ""))
        }
        #expect(try concern(.deleteTable(.inet, "plumb-abcd", context: "")) == [.host])
        #expect(try concern(.flushChain(.bridge, "plumb-abcd", "prerouting", context: "")) == [.host])
        #expect(try concern(.deleteTable(.ipv4, "plumb-abcd", context: "")) == [])
        #expect(try concern(.deleteTable(.inet, "plumb-wxyz", context: "")) == [])
        #expect(try concern(.getGeneration(context: "")) == [])
        #expect(try element("plumb-abcd", "pod default/web, plumbabcd7") == [.attachment(7)])
        #expect(
            try element("plumb-abcd", "pod default/web, plumbabcd7", "x, plumbwxyz7", nil) == [.attachment(7), .host])
        #expect(try element("fw", "pod default/web, plumbabcd7") == [])
        // Another table's message may be cut off, or lie: no more of it is read than whose it is.
        var broken = Request.deleteTable(.inet, "fw", context: "")
        broken.body += [1, 0, 0]
        #expect(try concern(broken) == [])
    }

    @Test func `forwarding that goes off, of all links`() throws {
        var ours = try landscape()
        func setting(_ index: Int32, _ value: Int32) -> KernelEvent {
            var builder = Builder()
            builder.append(UInt8(2))
            for _ in 0..<3 { builder.append(UInt8(0)) }
            builder.put(Int(NETCONFA_IFINDEX), index)
            builder.put(Int(NETCONFA_FORWARDING), value)
            return LandscapeTests.event(Int(RTM_NEWNETCONF), builder.bytes)
        }
        #expect(try ours.concern(setting(-1, 0)) == [.host])
        #expect(try ours.concern(setting(-1, 1)) == [])
        #expect(try ours.concern(setting(2, 0)) == [])
    }
}
