import CKernel
import Glibc
import SystemPackage
import Testing

@testable import Netlink

/// The kernel's own answers, in namespaces that end with the test.
@Suite(.serialized, .enabled(if: canMakeNamespaces, "network namespaces need root"))
struct KernelObjectTests {
    static let host6: [UInt8] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    static let pod6: [UInt8] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
    static let net6: [UInt8] = [0xfd, 1] + [UInt8](repeating: 0, count: 14)

    @Test func theSocketStaysInTheNamespaceInWhichItWasOpened() async throws {
        try await inNewNamespace {
            let first = try NetlinkSocket()
            let cookie = try first.namespaceCookie()
            try Namespace.enterNew()
            let second = try NetlinkSocket()
            #expect(try first.namespaceCookie() == cookie)
            #expect(try second.namespaceCookie() != cookie)
        }
    }

    /// A dump tells them, and the kernel finds the link by them.
    @Test func furtherNames() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            var link = LinkMessage()
            link.index = world.bridge
            link.alternativeNames = ["a", "a-name-longer-than-a-link-may-have"]
            let addition = Request(
                type: Int(RTM_NEWLINKPROP), flags: NLM_F_CREATE | NLM_F_EXCL, body: link.encoded, context: "")
            try world.socket.perform(addition)
            let links = try world.socket.dump(.dumpLinks(context: "links")).map { try LinkMessage(parsing: $0.body) }
            #expect(links.first { $0.index == world.bridge }?.alternativeNames.sorted() == link.alternativeNames)
            #expect(try Self.get(.getLink(name: "a", context: ""), &world.socket).name == "plumb0")
            let removal = try Request.deleteAlternativeName("a", index: world.bridge, context: "")
            #expect(removal.isDeletion)
            try world.socket.perform(removal)
            let rest = try Self.get(.getLink(name: "plumb0", context: ""), &world.socket)
            #expect(rest.alternativeNames == ["a-name-longer-than-a-link-may-have"])
            #expect(try world.socket.perform([removal])[0].error?.errno == .noSuchFileOrDirectory)
        }
    }

    @Test func linksAndTheirOptions() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            let replies = try world.socket.perform([
                KernelWorld.set(world.veth) {
                    $0.master = UInt32(world.bridge)
                    $0.alias = "plumb:7"
                    $0.addressGeneration = AddressGeneration.none
                },
                KernelWorld.set(world.veth) {
                    $0.portKind = "bridge"
                    $0.port = BridgePort(hairpin: true)
                },
                KernelWorld.set(world.bridge) { $0.group = 77 },
                KernelWorld.up(world.bridge), KernelWorld.up(world.veth),
            ])
            #expect(replies.compactMap(\.error) == [])

            let links = try world.socket.dump(.dumpLinks(context: "links")).map { try LinkMessage(parsing: $0.body) }
            #expect(Set(links.compactMap(\.name)).isSuperset(of: ["lo", "plumb0", "veth7"]))
            let bridge = try #require(links.first { $0.index == world.bridge })
            #expect(bridge.kind == "bridge" && bridge.group == 77 && bridge.isUp && bridge.master == nil)
            let veth = try #require(links.first { $0.index == world.veth })
            #expect(veth.kind == "veth" && veth.mtu == 1450 && veth.isUp && veth.alias == "plumb:7")
            #expect(veth.master == UInt32(world.bridge) && veth.port?.hairpin == true && veth.portKind == "bridge")
            #expect(veth.addressGeneration == AddressGeneration.none)
            #expect(veth.linkNamespaceID != nil)

            // By name and by index alike; and the other end, seen from where it is.
            #expect(try Self.get(.getLink(name: "veth7", context: ""), &world.socket).index == world.veth)
            #expect(try Self.get(.getLink(index: world.veth, context: ""), &world.socket).name == "veth7")
            try Namespace.enter(world.pod.rawValue)
            var podSocket = try NetlinkSocket()
            let peer = try Self.get(.getLink(name: "eth0", context: ""), &podSocket)
            #expect(peer.link == UInt32(world.veth) && UInt32(peer.index) == veth.link)
            #expect(peer.linkNamespaceID != nil && peer.master == nil)

            // One end takes the other with it, and a group what is in it.
            try world.socket.perform(.deleteLink(index: world.veth, context: ""))
            #expect(throws: NetlinkError(.refused, errno: Errno(rawValue: ENODEV), context: "")) {
                try podSocket.perform(.getLink(name: "eth0", context: ""))
            }
            try world.socket.perform(.deleteLinks(group: 77, context: ""))
            let rest = try world.socket.dump(.dumpLinks(context: "links")).map { try LinkMessage(parsing: $0.body) }
            #expect(!rest.contains { $0.index == world.bridge || $0.index == world.veth })
        }
    }

    private static func get(_ request: Request, _ socket: inout NetlinkSocket) throws -> LinkMessage {
        let message = try #require(try socket.perform(request).first)
        return try LinkMessage(parsing: message.body)
    }

    @Test("a refusal in the middle of a batch stops nothing behind it")
    func batchWithARefusal() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            try world.socket.perform(KernelWorld.up(world.bridge))
            try world.socket.perform(KernelWorld.up(world.veth))
            let tooLong = KernelWorld.address([10, 0, 1, 1], 33, on: world.bridge)
            var route = KernelWorld.route([192, 0, 2, 0], 24, via: [10, 0, 0, 9], on: world.bridge)
            route.mtu = 1400
            route.advertisedMSS = 1360
            let neighbour = KernelWorld.neighbour([10, 0, 0, 7], on: world.bridge)
            let replies = try world.socket.perform([
                .addAddress(KernelWorld.address([10, 0, 0, 1], 24, on: world.bridge), context: "first"),
                .addAddress(KernelWorld.address(Self.host6, 64, on: world.bridge), context: "second"),
                .addAddress(tooLong, context: "third"),
                .addRoute(KernelWorld.route([10, 9, 0, 7], 32, via: nil, on: world.veth), context: "fourth"),
                .addRoute(route, context: "fifth"),
                .addRoute(KernelWorld.route(Self.net6, 16, via: Self.pod6, on: world.bridge), context: "sixth"),
                .replaceNeighbour(neighbour, context: "seventh"),
                .replaceNeighbour(KernelWorld.neighbour(Self.pod6, on: world.bridge), context: "eighth"),
            ])
            #expect(replies.count == 8)
            #expect(
                replies.map(\.error) == [
                    nil, nil,
                    NetlinkError(
                        .refused, errno: .invalidArgument, context: "third", kernelText: "ipv4: Invalid prefix length"),
                    nil, nil, nil, nil, nil,
                ])

            let addresses = try world.socket.dump(.dumpAddresses(index: world.bridge, context: ""))
                .map { try AddressMessage(parsing: $0.body) }
            #expect(Set(addresses.compactMap(\.address)).isSuperset(of: [[10, 0, 0, 1], Self.host6]))
            #expect(!addresses.contains { $0.address == [10, 0, 1, 1] || $0.isUnusable && $0.scope == 0 })

            let routes = try [2, 10].flatMap { family in
                try world.socket.dump(.dumpRoutes(family: family, routeProtocol: 99, context: ""))
            }.map { try RouteMessage(parsing: $0.body) }
            #expect(Set(routes.map(\.destination)) == [[10, 9, 0, 7], [192, 0, 2, 0], Self.net6])
            #expect(routes.allSatisfy { $0.routeProtocol == 99 && $0.table == 254 })
            let withMetrics = try #require(routes.first { $0.destination == [192, 0, 2, 0] })
            #expect(withMetrics.mtu == 1400 && withMetrics.advertisedMSS == 1360)
            #expect(withMetrics.gateway == [10, 0, 0, 9])

            let neighbours = try world.socket.dump(.dumpNeighbours(family: 2, context: ""))
                .map { try NeighbourMessage(parsing: $0.body) }
            let found = try #require(neighbours.first { $0.destination == [10, 0, 0, 7] })
            #expect(found.hardwareAddress == neighbour.hardwareAddress && found.state == NeighbourMessage.permanent)
            #expect(found.index == world.bridge)
        }
    }

    @Test("what is there twice, or not at all, has an errno of its own")
    func refusals() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            try world.socket.perform(KernelWorld.up(world.bridge))
            let address = KernelWorld.address([10, 0, 0, 1], 24, on: world.bridge)
            let route = KernelWorld.route([192, 0, 2, 0], 24, via: [10, 0, 0, 9], on: world.bridge)
            let neighbour = KernelWorld.neighbour([10, 0, 0, 7], on: world.bridge)
            var again = LinkMessage()
            again.name = "plumb0"
            again.kind = "bridge"
            var unreachable = route
            unreachable.gateway = [10, 99, 0, 1]
            let steps: [(Request, Int32, String?)] = [
                (.addAddress(address, context: "add address"), 0, nil),
                (.addAddress(address, context: "add address twice"), EEXIST, "ipv4: Address already assigned"),
                (.addRoute(route, context: "add route"), 0, nil),
                (.addRoute(route, context: "add route twice"), EEXIST, nil),
                (
                    .addRoute(unreachable, context: "add unreachable"), ENETUNREACH, "Nexthop has invalid gateway"
                ),
                (try .createLink(again, context: "create twice"), EEXIST, nil),
                (try KernelWorld.up(4242), ENODEV, nil),
                (try .deleteLink(index: 4242, context: "delete absent link"), ENODEV, nil),
                (.getLink(name: "absent", context: "get absent link"), ENODEV, nil),
                (.deleteRoute(route, context: "delete route"), 0, nil),
                (.deleteRoute(route, context: "delete route twice"), ESRCH, nil),
                (.deleteAddress(address, context: "delete address"), 0, nil),
                (
                    .deleteAddress(address, context: "delete address twice"), EADDRNOTAVAIL,
                    "ipv4: Address not found"
                ),
                (.replaceNeighbour(neighbour, context: "add neighbour"), 0, nil),
                (.replaceNeighbour(neighbour, context: "replace neighbour"), 0, nil),
                (.deleteNeighbour(neighbour, context: "delete neighbour"), 0, nil),
                (.deleteNeighbour(neighbour, context: "delete neighbour twice"), ENOENT, nil),
            ]
            for (request, errno, text) in steps {
                let error = try world.socket.perform([request])[0].error
                #expect(error?.errno?.rawValue ?? 0 == errno, "\(request.context): \(String(describing: error))")
                // The kernel's words for other refusals are its own affair; these we show to people.
                if let text { #expect(error?.kernelText == text) }
            }
        }
    }

    @Test("a batch of links, each echoed, fits the receive buffer", arguments: ["bridge", "veth"])
    func manyLinksInOneBatch(kind: String) async throws {
        try await inNewNamespace {
            var socket = try NetlinkSocket()
            let names = (0..<NetlinkSocket.batchLimit + 3).map { "veth\($0)" }
            let replies = try socket.perform(
                names.map { name in
                    var peer = LinkMessage()
                    peer.name = "peer-\(name)"
                    var link = LinkMessage()
                    link.name = name
                    link.kind = kind
                    link.alias = String(repeating: "a", count: 200)
                    if kind == "veth" { link.kindData = .veth(peer: peer) }
                    return try .createLink(link, context: "create \(name)")
                })
            #expect(replies.compactMap(\.error) == [])
            let echoes = try replies.map { try LinkMessage(parsing: #require($0.messages.first).body).name }
            #expect(echoes == names)
        }
    }
}
