import Foundation
import Testing

/// What a later plugin of the chain changed is in prevResult, and no drift.
@Suite struct CheckChainTests {
    /// `prevResult` as a later plugin left it.
    private static func edited(_ answer: String, _ edit: (inout [String: Any]) -> Void) throws -> String {
        guard var object = try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any] else {
            throw Failure(description: "no result: \(answer)")
        }
        edit(&object)
        return String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
    }

    private static func edited(
        _ answer: String, interface: Int, _ edit: (inout [String: Any]) -> Void
    ) throws -> String {
        try edited(answer) {
            guard var interfaces = $0["interfaces"] as? [[String: Any]] else { return }
            edit(&interfaces[interface])
            $0["interfaces"] = interfaces
        }
    }

    @Test(arguments: ["0.4.0", "1.0.0", "1.1.0"]) func anotherMAC(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let answer = try node.answer(Call(version: version))
        let tuned = try CheckChainTests.edited(answer, interface: 2) { $0["mac"] = "02:00:00:00:00:99" }
        try node.expectError(
            .check(tuned, version: version), code: 104, saying: ["pod link eth0: its MAC is"])
        try node.run("ip -n pod1 link set eth0 address 02:00:00:00:00:99")
        try node.expectCheck(.check(tuned, version: version))
    }

    /// Only 1.1.0 can say it.
    @Test func anotherMTU() throws {
        let node = try TestNode()
        try node.addPods(1)
        for members in [dualStack, #""mtu": 1400, \#(dualStack)"#] {
            let answer = try node.answer(Call(members: members))
            let tuned = try CheckChainTests.edited(answer, interface: 2) { $0["mtu"] = 1300 }
            try node.expectError(.check(tuned, members: members), code: 104, saying: ["pod link eth0: its MTU is"])
            try node.run("ip -n pod1 link set eth0 mtu 1300")
            try node.expectCheck(.check(tuned, members: members))
            try node.delete("pod1")
        }
    }

    @Test(arguments: ["0.4.0", "1.0.0", "1.1.0"]) func withoutOneOfOurRoutes(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let answer = try node.answer(Call(version: version))
        try node.run("ip -n pod1 route replace default via 10.244.0.77; ip -n pod1 -6 route del default")
        try node.expectError(
            .check(answer, version: version), code: 104,
            saying: [
                "0.0.0.0/0 has a route already, via 10.244.0.77 and not Plumb's",
                "route ::/0 metric 0 table 254: missing",
            ])
        let without = try CheckChainTests.edited(answer) {
            $0["routes"] = [["dst": "0.0.0.0/0", "gw": "10.244.0.77"]]
        }
        try node.expectCheck(.check(without, version: version))
        let none = try CheckChainTests.edited(answer) { $0["routes"] = nil }
        try node.expectCheck(.check(none, version: version))
    }

    @Test(arguments: ["0.4.0", "1.0.0", "1.1.0"]) func anotherAddress(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let answer = try node.answer(Call(version: version))
        let moved = try CheckChainTests.edited(answer) {
            guard var ips = $0["ips"] as? [[String: Any]] else { return }
            ips[0]["address"] = "10.244.0.99/24"
            $0["ips"] = ips
        }
        try node.expectError(
            .check(moved, version: version), code: 104, saying: ["address 10.244.0.99/24 on eth0: missing"])
        try node.run(
            """
            ip -n pod1 addr del 10.244.0.2/24 dev eth0; ip -n pod1 addr add 10.244.0.99/24 dev eth0
            ip -n pod1 route replace default via 10.244.0.1 proto 80
            """)
        try node.expectCheck(.check(moved, version: version))
        try node.expectError(
            .check(answer, version: version), code: 104, saying: ["address 10.244.0.2/24 on eth0: missing"])
    }

    /// Where another priority or table is told it is another route by now; only 1.1.0 can tell.
    @Test(arguments: ["priority", "table"]) func anotherPlaceOfARoute(member: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let answer = try node.answer()
        let moved = try CheckChainTests.edited(answer) {
            guard var routes = $0["routes"] as? [[String: Any]] else { return }
            routes[0][member] = 77
            $0["routes"] = routes
        }
        try node.expectCheck(.check(moved))
        try node.run("ip -n pod1 route del default")
        try node.expectCheck(.check(moved))
        try node.expectError(.check(answer), code: 104, saying: ["route 0.0.0.0/0 metric 0 table 254: missing"])
    }

    /// An address that says of no interface is ours as long as we have it.
    @Test(arguments: ["0.4.0", "1.0.0", "1.1.0"]) func addressesOfNoInterface(version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let answer = try node.answer(Call(version: version))
        let loose = try CheckChainTests.edited(answer) {
            guard let ips = $0["ips"] as? [[String: Any]] else { return }
            $0["ips"] = ips.map { $0.filter { $0.key != "interface" } } + [["address": "192.0.2.1/32", "version": "4"]]
        }
        try node.expectCheck(.check(loose, version: version))
        try node.run("ip -n pod1 addr del fd00:10:244::2/64 dev eth0")
        try node.expectError(
            .check(loose, version: version), code: 104, saying: ["address fd00:10:244::2/64 on eth0: missing"])
    }

    /// Another interface took its place: the inside of the pod is that plugin's, the outside still ours.
    @Test func withoutTheInterface() throws {
        let node = try TestNode()
        try node.addPods(1)
        let answer = try node.answer()
        let without = try CheckChainTests.edited(answer) {
            $0["interfaces"] = ($0["interfaces"] as? [Any])?.prefix(2).map { $0 }
        }
        try node.run("ip -n pod1 addr flush dev eth0; ip -n pod1 link set eth0 down")
        try node.expectCheck(.check(without))
        try node.run("ip addr del 10.244.0.1/24 dev cni0")
        try node.expectError(.check(without), code: 104, saying: ["address 10.244.0.1/24 on cni0: missing"])
    }

    /// Interfaces before ours move its index.
    @Test func interfacesInAnotherOrder() throws {
        let node = try TestNode()
        try node.addPods(1)
        let answer = try node.answer()
        let reordered = try CheckChainTests.edited(answer) {
            guard let interfaces = $0["interfaces"] as? [Any], let ips = $0["ips"] as? [[String: Any]] else { return }
            $0["interfaces"] = [["name": "eth0"]] + interfaces.reversed() as [Any]
            $0["ips"] = ips.map { $0.merging(["interface": 1]) { $1 } } + [["address": "192.0.2.1/32", "interface": 0]]
        }
        try node.expectCheck(.check(reordered))
        try node.run("ip -n pod1 addr del fd00:10:244::2/64 dev eth0")
        try node.expectError(.check(reordered), code: 104, saying: ["address fd00:10:244::2/64 on eth0: missing"])
    }
}
