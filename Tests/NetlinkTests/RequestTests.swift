import CKernel
import Testing

@testable import Netlink

/// Our requests beside what ip(8) sends for the same command.
@Suite struct RequestTests {
    /// How one of our requests may differ from ip(8)'s; attributes are named by their types, outermost first.
    struct Golden: Sendable, CustomTestStringConvertible {
        var captured: Captured
        var request: Request
        /// What only we send.
        var ours: Set<[Int]> = []
        /// What only ip(8) sends.
        var theirs: Set<[Int]> = []
        /// NLM_F_ flags that only we set.
        var flags: Int32 = 0

        var testDescription: String { captured.command }
    }

    static let golden: [Golden] = {
        do { return try links() + addresses + routes + neighbours } catch {
            Issue.record(error)
            return []
        }
    }()

    private static func change(_ set: (inout LinkMessage) -> Void) throws -> Request {
        var link = LinkMessage()
        link.index = 3
        set(&link)
        return try .setLink(link, context: "")
    }

    private static func links() throws -> [Golden] {
        var bridge = LinkMessage()
        bridge.name = "plumb0"
        bridge.hardwareAddress = [2, 0, 0, 0, 0, 1]
        bridge.mtu = 1450
        bridge.kind = "bridge"
        var peer = LinkMessage()
        peer.name = "eth0"
        peer.hardwareAddress = [2, 0, 0, 0, 0, 7]
        peer.mtu = 1450
        peer.namespaceDescriptor = 4
        var filtering = LinkMessage()
        filtering.name = "plumb1"
        filtering.filtersVLANs = true
        var ignorant = LinkMessage()
        ignorant.name = "plumb1"
        ignorant.snoopsMulticast = false
        var veth = LinkMessage()
        veth.name = "veth7"
        veth.mtu = 1450
        veth.kind = "veth"
        veth.kindData = .veth(peer: peer)
        return [
            Golden(
                captured: .createBridgeRequest, request: try .createLink(bridge, context: ""), flags: NLM_F_ECHO),
            Golden(captured: .createVethRequest, request: try .createLink(veth, context: ""), flags: NLM_F_ECHO),
            Golden(captured: .setMasterRequest, request: try change { $0.master = 2 }),
            Golden(
                captured: .setUpRequest,
                request: try change {
                    $0.flags = IFF_UP.rawValue
                    $0.changeMask = IFF_UP.rawValue
                }),
            Golden(captured: .setAliasRequest, request: try change { $0.alias = "plumb:7" }),
            Golden(
                // ip(8) names the kind as the link's own, `bridge_slave`; the kernel only looks at the data.
                captured: .setHairpinRequest,
                request: try change {
                    $0.portKind = "bridge"
                    $0.port = BridgePort(hairpin: true)
                },
                ours: [[18, 4]], theirs: [[18, 1]]),
            Golden(
                captured: .setIsolatedRequest,
                request: try change {
                    $0.portKind = "bridge"
                    $0.port = BridgePort(isolated: true)
                },
                ours: [[18, 4]], theirs: [[18, 1]]),
            Golden(
                captured: .setPromiscuousRequest,
                request: try change {
                    $0.index = 2
                    $0.setPromiscuous()
                }),
            Golden(
                captured: .createFilteringBridgeRequest, request: try .createLink(filtering, context: ""),
                flags: NLM_F_ECHO),
            Golden(
                captured: .createIgnorantBridgeRequest, request: try .createLink(ignorant, context: ""),
                flags: NLM_F_ECHO),
            Golden(
                captured: .setAddressGenerationRequest,
                request: try change { $0.addressGeneration = AddressGeneration.none }),
        ]
    }

    private static var addresses: [Golden] {
        var v4 = AddressMessage()
        v4.family = 2
        v4.prefixLength = 24
        v4.index = 2
        v4.address = [10, 244, 1, 1]
        v4.local = v4.address
        let deletion = Request.deleteAddress(v4, context: "")
        v4.broadcast = [10, 244, 1, 255]
        var v6 = AddressMessage()
        v6.family = 10
        v6.prefixLength = 64
        v6.index = 2
        v6.address = hostOne
        v6.local = v6.address
        v6.flags = AddressMessage.noDuplicateDetection
        return [
            Golden(captured: .addAddress4Request, request: .addAddress(v4, context: "")),
            // ip(8) leaves IFA_FLAGS out as long as the header's eight bits do.
            Golden(captured: .addAddress6Request, request: .addAddress(v6, context: ""), ours: [[Int(IFA_FLAGS)]]),
            Golden(captured: .deleteAddress4Request, request: deletion),
        ]
    }

    /// fd00:10:244:1::1
    private static let hostOne: [UInt8] = [0xfd, 0, 0, 0x10, 2, 0x44, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]

    private static func route(_ set: (inout RouteMessage) -> Void) -> RouteMessage {
        var route = RouteMessage()
        route.family = 2
        route.routeProtocol = 3
        route.outputIndex = 2
        set(&route)
        return route
    }

    private static var routes: [Golden] {
        // We always name the table by RTA_TABLE; ip(8) only where the header's eight bits do not hold it.
        let table: Set<[Int]> = [[Int(RTA_TABLE.rawValue)]]
        let metrics = route {
            $0.routeProtocol = 99
            $0.destination = [192, 0, 2, 0]
            $0.destinationLength = 24
            $0.gateway = [10, 244, 1, 1]
            $0.priority = 50
        }
        var deleted = metrics
        deleted.scope = UInt8(RT_SCOPE_NOWHERE.rawValue)
        deleted.type = 0
        var added = metrics
        added.preferredSource = [10, 244, 1, 7]
        added.mtu = 1400
        added.advertisedMSS = 1360
        let direct = route {
            $0.destination = [169, 254, 1, 1]
            $0.destinationLength = 32
            $0.scope = RouteMessage.scopeLink
        }
        let onLink = route {
            $0.destination = [198, 51, 100, 0]
            $0.destinationLength = 24
            $0.gateway = [169, 254, 7, 7]
            $0.flags = RouteMessage.onLink
            $0.table = 1000
        }
        let default4 = route { $0.gateway = [10, 244, 1, 1] }
        let default6 = route {
            $0.family = 10
            $0.gateway = hostOne
        }
        return [
            Golden(captured: .addDefaultRoute4Request, request: .addRoute(default4, context: ""), ours: table),
            // ip(8) writes the default destination out for IPv6, and leaves it out for IPv4.
            Golden(
                captured: .addDefaultRoute6Request, request: .addRoute(default6, context: ""), ours: table,
                theirs: [[Int(RTA_DST.rawValue)]]),
            Golden(captured: .addLinkRoute4Request, request: .addRoute(direct, context: ""), ours: table),
            Golden(captured: .addOnLinkRoute4Request, request: .addRoute(onLink, context: "")),
            Golden(captured: .addMetricsRoute4Request, request: .addRoute(added, context: ""), ours: table),
            Golden(captured: .deleteRoute4Request, request: .deleteRoute(deleted, context: ""), ours: table),
        ]
    }

    private static var neighbours: [Golden] {
        var v4 = NeighbourMessage()
        v4.family = 2
        v4.index = 2
        v4.state = NeighbourMessage.permanent
        v4.destination = [10, 244, 1, 1]
        v4.hardwareAddress = [2, 0, 0, 0, 0, 1]
        var v6 = v4
        v6.family = 10
        v6.destination = hostOne
        return [
            Golden(captured: .replaceNeighbour4Request, request: .replaceNeighbour(v4, context: "")),
            Golden(captured: .replaceNeighbour6Request, request: .replaceNeighbour(v6, context: "")),
            Golden(
                captured: .announceRequest, request: Request.announce([10, 0, 0, 5], index: 2, context: "")[0]),
        ]
    }

    @Test(arguments: golden)
    func sameAsIP(_ golden: Golden) throws {
        let theirs = try golden.captured.message
        #expect(golden.request.type == theirs.type)
        #expect(
            golden.request.flags | UInt16(NLM_F_REQUEST | NLM_F_ACK) == theirs.flags | UInt16(golden.flags))
        let (ourHeader, ourTree) = try AttributeTree.read(golden.request.body[...], type: theirs.type)
        let (theirHeader, theirTree) = try AttributeTree.read(theirs.body, type: theirs.type)
        #expect(ourHeader == theirHeader)
        #expect(Set(ourTree.keys).subtracting(theirTree.keys) == golden.ours)
        #expect(Set(theirTree.keys).subtracting(ourTree.keys) == golden.theirs)
        for (path, payload) in theirTree where !golden.theirs.contains(path) {
            #expect(ourTree[path] == payload, "attribute \(path)")
        }
    }

    @Test func goldenRequestsAreAllThere() {
        #expect(Self.golden.count == 23)
    }
}
