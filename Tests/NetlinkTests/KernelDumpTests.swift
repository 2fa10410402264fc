import CKernel
import Glibc
import SystemPackage
import Testing

@testable import Netlink

/// Dumps of the real kernel: whole, filtered, and of what changes meanwhile.
@Suite(.serialized, .enabled(if: canMakeNamespaces, "network namespaces need root"))
struct KernelDumpTests {
    /// 10.1.0.0 and on.
    private static func address(_ number: Int, on index: Int32) -> AddressMessage {
        KernelWorld.address([10, 1, UInt8(number >> 8), UInt8(number & 0xff)], 32, on: index)
    }

    private static func add(_ numbers: Range<Int>, on index: Int32, by socket: inout NetlinkSocket) throws {
        let requests = numbers.map { Request.addAddress(address($0, on: index), context: "add \($0)") }
        #expect(try socket.perform(requests).compactMap(\.error) == [])
    }

    private static func dump(index: Int32 = 0, _ socket: inout NetlinkSocket) throws -> [AddressMessage] {
        try socket.dump(.dumpAddresses(index: index, context: "addresses")).map { try AddressMessage(parsing: $0.body) }
    }

    @Test func aThousandAddressesOfSeveralDatagrams() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            try Self.add(0..<1000, on: world.bridge, by: &world.socket)
            let found = try Self.dump(&world.socket).compactMap(\.local)
            #expect(found.count == 1000)
            #expect(Set(found) == Set((0..<1000).map { Self.address($0, on: 0).local }))
        }
    }

    @Test("filtered by the kernel, as strict checking makes it")
    func filters() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            try Self.add(0..<5, on: world.bridge, by: &world.socket)
            try Self.add(5..<8, on: world.veth, by: &world.socket)
            let ofBridge = try Self.dump(index: world.bridge, &world.socket)
            #expect(ofBridge.count == 5 && ofBridge.allSatisfy { $0.index == UInt32(world.bridge) })
            let ofVeth = try Self.dump(index: world.veth, &world.socket)
            #expect(ofVeth.count == 3 && ofVeth.allSatisfy { $0.index == UInt32(world.veth) })
            #expect(throws: NetlinkError(.refused, errno: Errno(rawValue: ENODEV), context: "addresses")) {
                try Self.dump(index: 4242, &world.socket)
            }

            try world.socket.perform(KernelWorld.up(world.bridge))
            var foreign = KernelWorld.route([10, 8, 0, 0], 16, via: nil, on: world.bridge)
            try world.socket.perform(.addRoute(foreign, context: ""))
            foreign.routeProtocol = 98
            foreign.destination = [10, 7, 0, 0]
            foreign.table = 1000
            try world.socket.perform(.addRoute(foreign, context: ""))
            let routes = try world.socket.dump(.dumpRoutes(family: 2, routeProtocol: 98, context: ""))
                .map { try RouteMessage(parsing: $0.body) }
            #expect(routes.map(\.destination) == [[10, 7, 0, 0]])
            #expect(routes.map(\.table) == [1000])
        }
    }

    @Test("a link whose one message is larger than our buffer")
    func largerThanTheBuffer() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            // More links behind it, so that the dump is not over when the large message comes.
            for number in 0..<40 {
                var link = LinkMessage()
                link.name = "bridge\(number)"
                link.kind = "bridge"
                _ = try KernelWorld.create(link, by: &world.socket)
            }
            let names = (0..<490).map { "plumb-\($0)-" + String(repeating: "x", count: 110) }
            for name in names {
                var builder = Builder()
                var header = LinkMessage()
                header.index = world.bridge
                builder.append(contentsOf: header.encoded)
                builder.nest(Int(IFLA_PROP_LIST)) { $0.put(Int(IFLA_ALT_IFNAME), string: name) }
                try world.socket.perform(
                    Request(
                        type: Int(RTM_NEWLINKPROP), flags: NLM_F_CREATE | NLM_F_EXCL, body: builder.bytes,
                        context: "name"))
            }
            let links = try world.socket.dump(.dumpLinks(context: "links"))
            #expect(links.count >= 43)
            let bridge = try #require(links.first { try LinkMessage(parsing: $0.body).index == world.bridge })
            // Behind struct ifinfomsg.
            var cursor = Cursor(bridge.body.dropFirst(16))
            let list = try #require(try cursor.readAttributes().first { $0.type == Int(IFLA_PROP_LIST) })
            let properties = try list.nested()
            #expect(properties.map { $0.string() } == names)
        }
    }
}
