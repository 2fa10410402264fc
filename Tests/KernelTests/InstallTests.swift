import Foundation
import Testing

@Suite struct InstallTests {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test(arguments: ["plumb", "plumbctl"]) func binaryNeedsNothing(name: String) throws {
        let binary = try TestNode().binaries + "/" + name
        let sections = try Command.run(["/usr/bin/readelf", "--wide", "--sections", "--dynamic", "--segments", binary])
        #expect(sections.status == 0, "\(sections.all)")
        #expect(sections.stdout.contains(".text"))
        for needless in ["(NEEDED)", "INTERP", ".symtab", ".debug_info"] {
            #expect(!sections.stdout.contains(needless), "\(needless) in \(name)")
        }
        let libraries = try Command.run(["/usr/bin/ldd", binary])
        #expect(!libraries.stdout.contains("=>"), "\(libraries.all)")
    }

    /// Beside the binaries.
    private static let companions = [
        "etc/NetworkManager/conf.d/plumb.conf", "etc/iproute2/rt_protos.d/plumb.conf",
        "usr/local/lib/systemd/network/05-plumb.link", "usr/local/lib/systemd/network/05-plumb.network",
        "usr/local/lib/systemd/networkd.conf.d/plumb.conf", "usr/local/lib/systemd/system/plumb-apply.service",
        "usr/local/lib/systemd/system/plumb-apply.timer", "usr/local/lib/systemd/system/plumb-watch.service",
        "usr/local/lib/sysusers.d/plumb.conf", "usr/local/lib/tmpfiles.d/plumb.conf",
        "usr/local/share/bash-completion/completions/plumbctl",
        "usr/local/share/fish/vendor_completions.d/plumbctl.fish", "usr/local/share/man/man8/plumb.8.gz",
        "usr/local/share/man/man8/plumbctl.8.gz", "usr/local/share/zsh/site-functions/_plumbctl",
    ]

    @Test func installationLeavesNothingElse() throws {
        let target = FileManager.default.temporaryDirectory.appendingPathComponent("plumb-\(UUID().uuidString)").path
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: target) } }
        for _ in 0..<2 {
            // What `make test` has built is not to be built again while it tests.
            let output = try Command.run(
                ["/usr/bin/make", "-C", InstallTests.root, "-o", "all", "install", "DESTDIR=\(target)"])
            #expect(output.status == 0, "\(output.all)")
            let files = try Command.run(["/usr/bin/find", target, "-not", "-type", "d", "-printf", "%P %m\n"])
            let expected =
                InstallTests.companions.map { $0 + " 644" } + ["opt/cni/bin/plumb 755", "usr/local/bin/plumbctl 755"]
            #expect(files.stdout.split(separator: "\n").map(String.init).sorted() == expected.sorted())
        }
        let services = target + "/usr/local/lib/systemd/system"
        let apply = try String(contentsOfFile: services + "/plumb-apply.service", encoding: .utf8)
        #expect(apply.contains("\nExecStart=/usr/local/bin/plumbctl apply "))
        let watch = try String(contentsOfFile: services + "/plumb-watch.service", encoding: .utf8)
        #expect(watch.contains("\nExecStart=/usr/local/bin/plumbctl watch "))
        #expect(watch.contains(" if=/opt/cni/bin/plumb "))
        let completions = target + "/usr/local/share/bash-completion/completions/plumbctl"
        #expect(try Command.run(["/bin/bash", "-n", completions]).all == "exit 0\n\n")
        let said = try Command.run([target + "/opt/cni/bin/plumb"])
        #expect(said.status == 0 && said.stdout.isEmpty && said.stderr.contains("CNI plugin"), "\(said.all)")
        let version = try Command.run([target + "/usr/local/bin/plumbctl", "--version"])
        #expect(version.status == 0 && !version.stdout.isEmpty, "\(version.all)")
    }
}
