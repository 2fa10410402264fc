import CKernel
import Netlink
import Testing

/// What the kernel sent is understood, and survives being written and read again.
@Suite struct CapturedMessageTests {
    @Test func bridge() throws {
        let link = try LinkMessage(parsing: Captured.bridge.message.body)
        #expect(link.index == 2)
        #expect(link.hardwareType == 1)
        #expect(link.name == "plumb0")
        #expect(link.isUp)
        #expect(link.hardwareAddress == [2, 0, 0, 0, 0, 1])
        #expect(link.mtu == 1450)
        #expect(link.group == 77)
        #expect(link.kind == "bridge")
        #expect(link.master == nil && link.link == nil && link.linkNamespaceID == nil && link.alias == nil)
        #expect(link.port == nil && link.portKind == nil)
        #expect(link.addressGeneration == .eui64)
        guard case .other(let data) = link.kindData else {
            Issue.record("no data of the bridge")
            return
        }
        #expect(data.contains { $0.type == Int(IFLA_BR_FORWARD_DELAY) })
    }

    @Test func bridgePort() throws {
        let link = try LinkMessage(parsing: Captured.bridgePort.message.body)
        #expect(link.index == 3)
        #expect(link.name == "veth7")
        #expect(link.kind == "veth" && link.kindData == nil)
        #expect(link.alias == "plumb:7")
        #expect(link.master == 2)
        #expect(link.link == 2)
        #expect(link.linkNamespaceID == 0)
        #expect(link.portKind == "bridge")
        #expect(link.port?.hairpin == true)
        #expect(link.addressGeneration == AddressGeneration.none)
        #expect(link.group == 0)
    }

    @Test func podLink() throws {
        let link = try LinkMessage(parsing: Captured.podLink.message.body)
        #expect(link.index == 2)
        #expect(link.name == "eth0")
        #expect(link.kind == "veth")
        #expect(link.hardwareAddress == [2, 0, 0, 0, 0, 7])
        #expect(link.mtu == 1450)
        #expect(link.link == 3)
        #expect(link.linkNamespaceID == 0)
        #expect(link.master == nil && link.port == nil)
    }

    @Test func addresses() throws {
        let v4 = try AddressMessage(parsing: Captured.address4.message.body)
        #expect(v4.family == 2 && v4.prefixLength == 24 && v4.index == 2 && v4.scope == 0)
        #expect(v4.address == [10, 244, 1, 1] && v4.local == [10, 244, 1, 1] && v4.broadcast == [10, 244, 1, 255])
        #expect(v4.flags == UInt32(IFA_F_PERMANENT) && !v4.isUnusable)

        let v6 = try AddressMessage(parsing: Captured.address6.message.body)
        #expect(v6.family == 10 && v6.prefixLength == 64 && v6.index == 2 && v6.scope == 0)
        #expect(v6.address == [0xfd, 0, 0, 0x10, 2, 0x44, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(v6.local == nil && v6.broadcast == nil)
        #expect(v6.flags == UInt32(IFA_F_PERMANENT) | AddressMessage.noDuplicateDetection && !v6.isUnusable)

        let tentative = try AddressMessage(parsing: Captured.linkLocal6.message.body)
        #expect(tentative.scope == 253 && tentative.isUnusable)
    }

    @Test func routes4() throws {
        let standard = try RouteMessage(parsing: Captured.defaultRoute4.message.body)
        #expect(standard.family == 2 && standard.destinationLength == 0 && standard.destination == nil)
        #expect(standard.gateway == [10, 244, 1, 1] && standard.outputIndex == 2)
        #expect(standard.table == 254 && standard.routeProtocol == 3 && standard.priority == nil)
        #expect(standard.isUnicast && !standard.isCloned && standard.scope == RouteMessage.scopeUniverse)

        let direct = try RouteMessage(parsing: Captured.linkRoute4.message.body)
        #expect(direct.destination == [169, 254, 1, 1] && direct.destinationLength == 32 && direct.gateway == nil)
        #expect(direct.scope == RouteMessage.scopeLink)

        let onLink = try RouteMessage(parsing: Captured.onLinkRoute4.message.body)
        #expect(onLink.table == 1000)
        #expect(onLink.flags & RouteMessage.onLink != 0)

        let metrics = try RouteMessage(parsing: Captured.metricsRoute4.message.body)
        #expect(metrics.destination == [192, 0, 2, 0] && metrics.destinationLength == 24)
        #expect(metrics.preferredSource == [10, 244, 1, 7] && metrics.routeProtocol == 99 && metrics.priority == 50)
        #expect(metrics.mtu == 1400 && metrics.advertisedMSS == 1360)
    }

    @Test func routes6() throws {
        let gateway: [UInt8] = [0xfd, 0, 0, 0x10, 2, 0x44, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
        let standard = try RouteMessage(parsing: Captured.defaultRoute6.message.body)
        #expect(standard.family == 10 && standard.destinationLength == 0 && standard.destination == nil)
        #expect(standard.gateway == gateway && standard.outputIndex == 2 && standard.priority == 1024)

        let metrics = try RouteMessage(parsing: Captured.metricsRoute6.message.body)
        #expect(metrics.destination == [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 12))
        #expect(metrics.destinationLength == 32 && metrics.gateway == gateway)
        #expect(metrics.priority == 70 && metrics.mtu == 1300 && metrics.advertisedMSS == nil)

        let two = try RouteMessage(parsing: Captured.twoRoutes6.message.body)
        #expect(two.gateway == nil && two.outputIndex == nil && two.routeProtocol == 80)
        #expect(two.nextHops.map(\.gateway) == [gateway, gateway.dropLast() + [2]])
        #expect(two.nextHops.allSatisfy { $0.outputIndex == 3 && $0.hops == 0 })
    }

    @Test func neighbours() throws {
        let v4 = try NeighbourMessage(parsing: Captured.neighbour4.message.body)
        #expect(v4.family == 2 && v4.index == 2 && v4.state == NeighbourMessage.permanent)
        #expect(v4.destination == [10, 244, 1, 1] && v4.hardwareAddress == [2, 0, 0, 0, 0, 1])
        let v6 = try NeighbourMessage(parsing: Captured.neighbour6.message.body)
        #expect(v6.family == 10 && v6.destination?.count == 16 && v6.hardwareAddress == v4.hardwareAddress)
    }

    @Test(arguments: Captured.links)
    func linkSurvivesBeingWritten(_ captured: Captured) throws {
        let link = try LinkMessage(parsing: captured.message.body)
        #expect(try LinkMessage(parsing: link.encoded[...]) == link)
    }

    @Test(arguments: Captured.addresses)
    func addressSurvivesBeingWritten(_ captured: Captured) throws {
        let address = try AddressMessage(parsing: captured.message.body)
        #expect(try AddressMessage(parsing: address.encoded[...]) == address)
    }

    @Test(arguments: Captured.routes)
    func routeSurvivesBeingWritten(_ captured: Captured) throws {
        let route = try RouteMessage(parsing: captured.message.body)
        #expect(try RouteMessage(parsing: route.encoded[...]) == route)
    }

    @Test(arguments: Captured.neighbours)
    func neighbourSurvivesBeingWritten(_ captured: Captured) throws {
        let neighbour = try NeighbourMessage(parsing: captured.message.body)
        #expect(try NeighbourMessage(parsing: neighbour.encoded[...]) == neighbour)
    }
}
