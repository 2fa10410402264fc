import Foundation
import Testing

@testable import plumbctl

/// On a root of the test's own, with the drop-ins as they are packaged.
@Suite struct NeighboursTests {
    private static let neighbours =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path + "/packaging/neighbours"

    private func gaps(
        _ files: [String: String], installed: [String: String] = [:], bridges: [String] = ["cni0"], routes: Bool = false
    ) throws -> [Neighbours.Gap] {
        let root = NSTemporaryDirectory() + "plumb-neighbours-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: root) }  // left over, it harms nobody
        var all = files
        for (path, name) in installed {
            all[path] = try String(contentsOfFile: NeighboursTests.neighbours + "/" + name, encoding: .utf8)
        }
        for (path, text) in all {
            let url = URL(fileURLWithPath: root + path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        return Neighbours.gaps(bridges: bridges, hasRoutes: routes, root: root)
    }

    private static let networkd = "/run/systemd/netif/state"
    private static let greedy = "/etc/systemd/network/50-all.network"

    @Test func `nothing matters where nothing runs`() throws {
        #expect(try gaps([NeighboursTests.greedy: "[Match]\nName=*\n[Network]\nDHCP=yes\n"], routes: true) == [])
    }

    @Test func `networkd manages what the first file says that is about a link`() throws {
        let greedy = "# every link\n[Match]\nName = en* * \n[Network]\nDHCP=yes\n"
        let found = try gaps([NeighboursTests.networkd: "", NeighboursTests.greedy: greedy], bridges: ["cni0", "br1"])
        #expect(
            found.map(\.finding) == [
                "manages the host's ends of pods (plumb*), by /etc/systemd/network/50-all.network",
                "manages the bridge cni0, by /etc/systemd/network/50-all.network",
                "manages the bridge br1, by /etc/systemd/network/50-all.network",
            ])
        #expect(found[0].remedy.contains("Name=plumb* cni0 br1"))
        let installed = ["/usr/lib/systemd/network/05-plumb.network": "05-plumb.network"]
        #expect(
            try gaps([NeighboursTests.networkd: "", NeighboursTests.greedy: greedy], installed: installed) == [])
        // A file that is hidden by another of its name, and one that comes too late.
        #expect(
            try gaps(
                [
                    NeighboursTests.networkd: "", NeighboursTests.greedy: greedy,
                    "/etc/systemd/network/05-plumb.network": "",
                ],
                installed: installed
            ).count == 2)
        #expect(
            try gaps(
                [NeighboursTests.networkd: "", "/run/systemd/network/00-all.network": greedy], installed: installed
            )
            .count == 2)
    }

    @Test(arguments: [
        "Name=eth*", "Name=!plumb* cni*", "MACAddress=02:00:00:00:00:01", "Type=wlan", "Driver=virtio_net\nName=*",
    ]) func `a file about other links is none of ours`(match: String) throws {
        #expect(try gaps([NeighboursTests.networkd: "", NeighboursTests.greedy: "[Match]\n\(match)\n"]) == [])
    }

    @Test func `foreign routes matter to who has routes`() throws {
        #expect(try gaps([NeighboursTests.networkd: ""]) == [])
        #expect(try gaps([NeighboursTests.networkd: ""], routes: true).count == 1)
        let installed = ["/usr/lib/systemd/networkd.conf.d/plumb.conf": "networkd.conf"]
        #expect(try gaps([NeighboursTests.networkd: ""], installed: installed, routes: true) == [])
        let overruled = ["/etc/systemd/networkd.conf.d/zz.conf": "[Network]\nManageForeignRoutes=yes\n"]
        #expect(
            try gaps(
                overruled.merging([NeighboursTests.networkd: ""]) { $1 }, installed: installed, routes: true
            ).count == 1)
    }

    @Test func `NetworkManager manages what no list has`() throws {
        let runs = ["/run/NetworkManager/state": ""]
        #expect(try gaps(runs).map(\.software) == ["NetworkManager", "NetworkManager"])
        #expect(
            try gaps(runs, installed: ["/usr/lib/NetworkManager/conf.d/plumb.conf": "NetworkManager.conf"]) == [])
        let found = try gaps(
            runs, installed: ["/usr/lib/NetworkManager/conf.d/plumb.conf": "NetworkManager.conf"], bridges: ["br1"])
        #expect(found.map(\.finding) == ["manages the bridge br1"])
        for list in [
            "[keyfile]\nunmanaged-devices=interface-name:plumb*;interface-name:cni0", "[keyfile]\nunmanaged-devices=*",
            "[keyfile]\nunmanaged-devices=type:veth\nunmanaged-devices+=type:bridge",
            "[device]\nmanaged=false\nmatch-device=driver:veth,cni0",
        ] {
            #expect(try gaps(runs.merging(["/etc/NetworkManager/conf.d/a.conf": list]) { $1 }) == [], "\(list)")
        }
        let except = "[keyfile]\nunmanaged-devices=*;except:interface-name:cni*"
        #expect(try gaps(runs.merging(["/etc/NetworkManager/conf.d/a.conf": except]) { $1 }).count == 1)
    }

    @Test func `udev matters only where it ignores who set a MAC`() throws {
        let runs = ["/run/udev/control": ""]
        let file = "/etc/systemd/network/10-a.link"
        #expect(
            try gaps(runs.merging([file: "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent"]) { $1 }) == [])
        let random = runs.merging([file: "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=random"]) { $1 }
        #expect(try gaps(random).map(\.software) == ["udev", "udev"])
        #expect(try gaps(random, installed: ["/usr/lib/systemd/network/05-plumb.link": "05-plumb.link"]) == [])
    }
}
