import CKernel
import Glibc
import SystemPackage
import Testing

@testable import Netlink

/// nf_tables on the real kernel: what we make reads well in nft(8), and what that makes is understood.
@Suite(.serialized, .enabled(if: canMakeNamespaces, "network namespaces need root"))
struct NFTablesKernelTests {
    /// What a script says in the calling thread's namespace; its first line of stderr too.
    private static func shell(_ script: String) throws -> String {
        let stream = try #require(popen("exec 2>&1\n\(script)", "r"))
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&chunk, 1, chunk.count, stream)
            if count == 0 { break }
            output += chunk[..<count]
        }
        pclose(stream)
        return String(decoding: output, as: UTF8.self)
    }

    private static let name: NFExpression = .meta(.inputName, into: .first)
    private static func isFamily(_ number: UInt8) -> [NFExpression] {
        [.meta(.networkProtocol, into: .first), .compare(.first, .equal, [number])]
    }

    private static func port(_ name: String) -> [UInt8] {
        Array(name.utf8) + [UInt8](repeating: 0, count: 16 - name.utf8.count)
    }

    /// A table with one of each.
    struct World {
        let table = NFTable(family: .inet, name: "t-1", comment: "ours: a \"test\"")
        let chain = NFChain(
            family: .inet, table: "t-1", name: "post",
            base: NFChain.Base(type: "nat", hook: .postrouting, priority: 100))
        let inner = NFChain(family: .inet, table: "t-1", name: "inner")
        let pods = NFSet(
            family: .inet, table: "t-1", name: "pods", keys: [.interfaceName, .ipv6Address], comment: "all pods")
        let near = NFSet(
            family: .inet, table: "t-1", name: "near", keys: [.interfaceName, .ipv4Address, .ipv4Address],
            hasIntervals: true)
        let plain = NFSet(family: .inet, table: "t-1", name: "plain", keys: [.ipv4Address], hasIntervals: true)
        let macs = NFSet(family: .inet, table: "t-1", name: "macs", keys: [.interfaceName], values: .etherAddress)
        let rules = [
            NFRule(
                family: .inet, table: "t-1", chain: "post",
                expressions: isFamily(2) + [
                    .payload(.network, offset: 16, length: 4, into: .first),
                    .mask(.first, mask: [240, 0, 0, 0], flip: [0, 0, 0, 0], into: .first),
                    .compare(.first, .equal, [224, 0, 0, 0]), .verdict(.return),
                ], comment: "multicast"),
            NFRule(
                family: .inet, table: "t-1", chain: "post",
                expressions: isFamily(2) + [
                    name, .payload(.network, offset: 12, length: 4, into: .fifth),
                    .payload(.network, offset: 16, length: 4, into: NFRegister(rawValue: 5)),
                    .lookup(set: "near", .first, isInverted: true), .verdict(.jump("inner")),
                ]),
            NFRule(
                family: .inet, table: "t-1", chain: "post",
                expressions: isFamily(10) + [
                    name, .payload(.network, offset: 8, length: 16, into: .fifth),
                    .lookup(set: "pods", .first), .masquerade(),
                ]),
        ]

        var elements: [NFElements] {
            var end = NFElement(key: [11, 0, 0, 0])
            end.isEnd = true
            var least = NFElement(key: [0, 0, 0, 0])
            least.isEnd = true
            return [
                NFElements(
                    family: .inet, table: "t-1", set: "pods",
                    elements: [NFElement(key: port("cni0") + [0xfd] + [UInt8](repeating: 0, count: 14) + [2])]),
                NFElements(
                    family: .inet, table: "t-1", set: "near",
                    elements: [
                        NFElement(
                            key: port("cni0") + [10, 1, 0, 0, 10, 0, 0, 0],
                            keyEnd: port("cni0") + [10, 1, 0, 255, 10, 255, 255, 255], comment: "pods")
                    ]),
                NFElements(
                    family: .inet, table: "t-1", set: "plain",
                    elements: [least, NFElement(key: [10, 0, 0, 0]), end]),
                NFElements(
                    family: .inet, table: "t-1", set: "macs",
                    elements: [NFElement(key: port("eth0"), data: .value([2, 0, 0, 0, 0, 1]))]),
            ]
        }

        var requests: [Request] {
            [
                .addTable(table, context: "table"), .addChain(chain, context: "chain"),
                .addChain(inner, context: "inner"),
            ]
                + [pods, near, plain, macs].map { .addSet($0, context: "set \($0.name)") }
                + rules.map { .appendRule($0, context: "rule") }
                + elements.map { .addElements($0, context: "elements of \($0.set)") }
        }
    }

    private static let listing = """
        table inet t-1 {
        \tcomment "ours: a "test""
        \tset pods {
        \t\ttype ifname . ipv6_addr
        \t\tcomment "all pods"
        \t\telements = { "cni0" . fd00::2 }
        \t}

        \tset near {
        \t\ttype ifname . ipv4_addr . ipv4_addr
        \t\tflags interval
        \t\telements = { "cni0" . 10.1.0.0/24 . 10.0.0.0/8 comment "pods" }
        \t}

        \tset plain {
        \t\ttype ipv4_addr
        \t\tflags interval
        \t\telements = { 10.0.0.0/8 }
        \t}

        \tmap macs {
        \t\ttype ifname : ether_addr
        \t\telements = { "eth0" : 02:00:00:00:00:01 }
        \t}

        \tchain post {
        \t\ttype nat hook postrouting priority srcnat; policy accept;
        \t\tip daddr 224.0.0.0/4 return comment "multicast"
        \t\tiifname . ip saddr . ip daddr != @near jump inner
        \t\tiifname . ip6 saddr @pods masquerade
        \t}

        \tchain inner {
        \t}
        }

        """

    private static func read(_ socket: inout NetlinkSocket) throws -> (
        table: NFTable, chains: [NFChain], sets: [NFSet], rules: [NFRule]
    ) {
        var table = try NFTable(
            parsing: try #require(try socket.perform(.getTable(.inet, "t-1", context: "")).first).body)
        table.handle = nil
        #expect(table.use == 6)
        table.use = nil
        let chains = try socket.dump(.dumpChains(.inet, context: "")).map {
            var chain = try NFChain(parsing: $0.body)
            chain.handle = nil
            return chain
        }
        let sets = try socket.dump(.dumpSets(.inet, table: "t-1", context: "")).map {
            var set = try NFSet(parsing: $0.body)
            set.handle = nil
            return set
        }
        let rules = try socket.dump(.dumpRules(.inet, table: "t-1", context: "")).map {
            var rule = try NFRule(parsing: $0.body)
            rule.handle = nil
            return rule
        }
        return (table, chains, sets, rules)
    }

    private static func elements(_ set: String, _ socket: inout NetlinkSocket) throws -> [NFElement] {
        try socket.elements(.inet, table: "t-1", set: set, context: "")
    }

    @Test("what we make is what we asked for, and nft(8) lists it so") func ours() async throws {
        try await inNewNamespace {
            let world = World()
            var socket = try NetlinkSocket(.netfilter)
            #expect(try socket.commit(world.requests) == .committed)
            #expect(try Self.shell("nft list ruleset") == Self.listing)
            let (table, chains, sets, rules) = try Self.read(&socket)
            #expect(table == world.table)
            #expect(Set(chains) == [world.chain, world.inner])
            #expect(Set(sets) == [world.pods, world.near, world.plain, world.macs])
            #expect(rules == world.rules)
            for wanted in world.elements {
                #expect(Set(try Self.elements(wanted.set, &socket)) == Set(wanted.elements), "\(wanted.set)")
            }
            // The same once more changes nothing, but for the rules.
            let again = world.requests.filter { $0.context != "rule" }
            #expect(try socket.commit(again) == .committed)
            #expect(try Self.shell("nft list ruleset") == Self.listing)
        }
    }

    @Test("what nft(8) makes of its own listing is the same to us") func theirs() async throws {
        try await inNewNamespace {
            let world = World()
            let text = Self.listing.replacing("ours: a \"test\"", with: "ours")
            #expect(try Self.shell("nft -f - <<'END'\n\(text)END") == "")
            var socket = try NetlinkSocket(.netfilter)
            let (table, chains, sets, rules) = try Self.read(&socket)
            #expect(table.comment == "ours")
            #expect(Set(chains) == [world.chain, world.inner])
            #expect(Set(sets) == [world.pods, world.near, world.plain, world.macs])
            #expect(rules == world.rules)
            for wanted in world.elements {
                #expect(Set(try Self.elements(wanted.set, &socket)) == Set(wanted.elements), "\(wanted.set)")
            }
        }
    }

    @Test func oneRefusalUndoesAllAndNamesWhoIsToBlame() async throws {
        try await inNewNamespace {
            let world = World()
            var socket = try NetlinkSocket(.netfilter)
            var requests = world.requests
            let bad = NFElements(family: .inet, table: "t-1", set: "nosuch", elements: [NFElement(key: [1, 2, 3, 4])])
            requests.insert(.addElements(bad, context: "add to nosuch"), at: 8)
            requests.append(.deleteTable(.inet, "other", context: "delete other"))
            guard case .refused(let blamed, let first) = try socket.commit(requests) else {
                Issue.record("it was committed")
                return
            }
            #expect(blamed.indices.filter { blamed[$0].error != nil } == [8, requests.count - 1])
            #expect(first.errno == .noSuchFileOrDirectory && first.context == "add to nosuch")
            #expect(blamed.last?.error?.context == "delete other")
            #expect(try Self.shell("nft list ruleset") == "")
            // The socket is none the worse for it.
            #expect(try socket.commit(world.requests) == .committed)
        }
    }

    @Test func aTransactionMadeFromOldRulesIsRefused() async throws {
        try await inNewNamespace {
            let world = World()
            var socket = try NetlinkSocket(.netfilter)
            func generation() throws -> NFGeneration {
                let answer = try socket.perform(.getGeneration(context: "generation"))
                return try NFGeneration(parsing: try #require(answer.first).body)
            }
            let before = try generation()
            #expect(try Self.shell("nft add table ip foreign") == "")
            #expect(try socket.commit(world.requests, generation: before) == .outdated)
            #expect(try Self.shell("nft list tables") == "table ip foreign\n")
            let now = try generation()
            #expect(now.rawValue > before.rawValue)
            #expect(try socket.commit(world.requests, generation: now) == .committed)
        }
    }

    @Test("one element is asked for by its key, or by a key within its range") func oneElement() async throws {
        try await inNewNamespace {
            let world = World()
            var socket = try NetlinkSocket(.netfilter)
            #expect(try socket.commit(world.requests) == .committed)
            for wanted in world.elements where wanted.set != "plain" {
                let answer = try socket.perform(.getElements(wanted, context: "get"))
                let found = try answer.flatMap { try NFElements(parsing: $0.body).elements }
                #expect(found == wanted.elements)
            }
            var absent = world.elements[0]
            absent.elements[0].key[31] = 3
            #expect(throws: NetlinkError(.refused, errno: .noSuchFileOrDirectory, context: "get")) {
                try socket.perform(.getElements(absent, context: "get"))
            }
            #expect(try socket.commit([.deleteElements(world.elements[0], context: "delete")]) == .committed)
            #expect(try Self.elements("pods", &socket).isEmpty)
        }
    }

    @Test("thousands of elements in one transaction, and in one dump") func many() async throws {
        try await inNewNamespace {
            let world = World()
            var socket = try NetlinkSocket(.netfilter)
            #expect(try socket.commit(world.requests) == .committed)
            let keys = (0..<5000).map {
                Self.port("cni0") + [0xfc] + [UInt8](repeating: 0, count: 13) + [UInt8($0 >> 8), UInt8($0 & 255)]
            }
            let requests = keys.map {
                Request.addElements(
                    NFElements(family: .inet, table: "t-1", set: "pods", elements: [NFElement(key: $0)]), context: "")
            }
            #expect(try socket.commit(requests) == .committed)
            let found = try Self.elements("pods", &socket).map(\.key)
            #expect(found.count == 5001 && Set(found).isSuperset(of: keys))
        }
    }

    @Test func repairsLeaveElementsWhereTheyAre() async throws {
        try await inNewNamespace {
            let world = World()
            var socket = try NetlinkSocket(.netfilter)
            #expect(try socket.commit(world.requests) == .committed)
            #expect(
                try Self.shell(
                    "nft insert rule inet t-1 post drop; nft chain inet t-1 post '{ policy drop; }'; nft add table inet t-1 '{ flags dormant; }'"
                ) == "")
            let broken = try Self.read(&socket)
            #expect(broken.table.isDormant && broken.rules.count == 4)
            #expect(broken.chains.first { $0.name == "post" }?.base?.accepts == false)
            let repair: [Request] =
                [
                    .addTable(world.table, context: ""), .addChain(world.chain, context: ""),
                    .flushChain(.inet, "t-1", "post", context: ""),
                ] + world.rules.map { .appendRule($0, context: "") }
            #expect(try socket.commit(repair) == .committed)
            #expect(try Self.shell("nft list ruleset") == Self.listing)
        }
    }
}
