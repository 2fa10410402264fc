internal import Glibc
internal import Reconciler
internal import Store

/// Other software on the node that changes or drops what is ours.
///
/// Each is one function that looks and answers with findings.
enum ForeignSoftware {
    static func findings(_ intent: Intent) -> [Finding] {
        let bridges = Set(intent.networks.map(\.spec.bridge) + intent.attachments.map(\.bridge)).sorted()
        var findings = forwarding(intent) + bridgeNetfilter(intent) + firewalld(bridges)
        findings += Neighbours.gaps(bridges: bridges, hasRoutes: !intent.hostRoutes.isEmpty).map {
            Finding(.warning, $0.software, $0.finding, remedy: $0.remedy)
        }
        if findings.isEmpty { findings.append(Finding(.ok, "others", "nothing that interferes was found")) }
        return findings
    }

    /// Forward chains of other tables whose policy is drop win over any accept of ours.
    private static func forwarding(_ intent: Intent) -> [Finding] {
        do throws(ReconcilerError) {
            let facts = ForwardingFacts.read(try LiveKernel(bootID: Boot.currentID()))
            return forwardingObstacles(intent, facts).map {
                Finding(.warning, "forwarding", $0.reason, remedy: $0.command)
            } + facts.unread.map { Finding(.warning, "forwarding", "cannot be told in full: \($0)") }
        } catch {
            return [Finding(.warning, "forwarding", "cannot be told: \(error)")]
        }
    }

    private static func bridgeNetfilter(_ intent: Intent) -> [Finding] {
        // Somebody wants it so.
        if intent.networks.contains(where: \.spec.bridgeNetfilter) { return [] }
        let switches = ["iptables", "ip6tables"].map { "bridge-nf-call-\($0)" }
            .filter { TextFile.line("/proc/sys/net/bridge/\($0)") == "1" }
        guard !switches.isEmpty else { return [] }
        // No warning: what drops packets by it is one, under "forwarding", and kube-proxy's nodes have it on for good.
        return [
            Finding(
                .ok, "br_netfilter",
                "\(switches.joined(separator: " and ")) on: the host's rules also see what goes from pod to pod on one bridge",
                remedy: "as kube-proxy in iptables mode needs it; else "
                    + "`sysctl -w \(switches.map { "net.bridge.\($0)=0" }.joined(separator: " "))`")
        ]
    }

    private static func firewalld(_ bridges: [String]) -> [Finding] {
        guard access("/run/firewalld", F_OK) == 0 || isRunning("firewalld") else { return [] }
        let trusted = TextFile.read("/etc/firewalld/zones/trusted.xml") ?? ""
        let missing = bridges.filter { !trusted.contains("name=\"\($0)\"") }
        guard !missing.isEmpty else { return [] }
        return [
            Finding(
                .warning, "firewalld",
                "runs, and \(missing.joined(separator: ", ")) is in no trusted zone: it rejects pods",
                remedy: missing.map { "firewall-cmd --permanent --zone=trusted --add-interface=\($0)" }.joined(
                    separator: " && ") + " && firewall-cmd --reload")
        ]
    }

    /// The kernel keeps 15 characters of a name.
    private static func isRunning(_ name: String) -> Bool {
        Folder.names(in: "/proc").contains {
            Int($0) != nil && TextFile.line("/proc/\($0)/comm") == String(name.prefix(15))
        }
    }
}
