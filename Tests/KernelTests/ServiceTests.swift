import Foundation
import Testing

/// The units as they are packaged, run by the real systemd (see scripts/boot): what they are forbidden is really so.
@Suite(.serialized) struct ServiceTests {
    /// In the node: `$PID` is a process of another user whose namespace has no name below /run/netns.
    private static let holder = """
        unshare --net setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all sleep 600 </dev/null \
            >/dev/null 2>&1 &
        for i in $(seq 200); do PID=$(pgrep -u 65534 -x sleep) && break; sleep 0.02; done
        """

    private func node() throws -> TestNode { try TestNode(bootedFrom: InstallTests.root) }

    /// Two pods: one below /run/netns, whose mount comes after the services' own mounts were made, and one by a path
    /// below /proc.
    private func addPods(_ node: TestNode) throws -> String {
        let pid = try node.run(ServiceTests.holder + "\necho $PID")
        try node.run("ip netns add pod1; ip -n pod1 link set lo up")
        let first = try node.call(Call(pod: "pod1"))
        #expect(first.status == 0, "\(first.all)")
        let second = try node.call(Call(pod: "pod2", variables: ["CNI_NETNS": "/proc/\(pid)/ns/net"]))
        #expect(second.status == 0, "\(second.all)")
        return pid
    }

    private static let sabotage = """
        ip -n pod1 route del default
        nsenter --net=/proc/$PID/ns/net ip addr flush dev eth0
        ip link del cni0
        sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
        """

    private func expectFilesOfTheGroup(_ node: TestNode) throws {
        let files = try node.run("stat -c '%n %U %G %a' /var/lib/plumb /var/lib/plumb/*")
        #expect(
            files.split(separator: "\n") == [
                "/var/lib/plumb root plumb 2750", "/var/lib/plumb/lock root plumb 640",
                "/var/lib/plumb/state.db root plumb 640", "/var/lib/plumb/state.db-shm root plumb 640",
                "/var/lib/plumb/state.db-wal root plumb 640",
            ])
    }

    @Test func apply() throws {
        let node = try node()
        // Nothing to do for a node that never had a pod.
        try node.run("systemctl start plumb-apply.service")
        let pid = try addPods(node)
        for _ in 0..<2 {
            try node.run(ServiceTests.sabotage, environment: ["PID": pid])
            try node.run("systemctl start plumb-apply.service || { journalctl -u plumb-apply -o cat; exit 1; }")
            try node.expectRest()
        }
        try expectFilesOfTheGroup(node)
        #expect(try node.run("stat -c %a /run/plumb/plumb.prom") == "644")
        // What fails is seen in the unit's state, and told.
        try node.run("ip link del cni0; ip link add cni0 type veth peer name other")
        #expect(try node.attempt("systemctl start plumb-apply.service").status != 0)
        let said = try node.run("journalctl -u plumb-apply -o cat")
        #expect(said.contains("cni0"), "\(said)")
        #expect(try node.run("grep -c '^plumb_last_run_failures [1-9]' /run/plumb/plumb.prom") == "1")
    }

    @Test func watch() throws {
        let node = try node()
        // Started before there is a pod, a database, or anything at /run/netns. Ready once it hears.
        try node.run("systemctl start plumb-watch.service")
        let process = try node.run("systemctl show -P MainPID plumb-watch.service")
        let confinement = try node.run("grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/\(process)/status")
        #expect(
            confinement.split(separator: "\n").map { $0.split(separator: "\t").last ?? "" } == [
                "0000000000281800", "0000000000281800", "1", "2",
            ])
        let pid = try addPods(node)
        try node.run(ServiceTests.sabotage, environment: ["PID": pid])
        try node.run(
            "for i in $(seq 200); do plumbctl plan && exit; sleep 0.05; done; journalctl -u plumb-watch; exit 1")
        // Told after it was done, and the journal has it some time after that.
        for line in [
            "+ route 0.0.0.0/0 of pod default/pod1: missing",
            "+ address 10.244.0.3/24 on eth0 of pod default/pod2: missing", "+ bridge cni0: missing",
            "~ sysctl net.ipv4.ip_forward: is 0",
        ] {
            try node.run(
                #"""
                journal() { journalctl -u plumb-watch.service -o cat; }
                for i in $(seq 200); do [[ $(journal) == *"$LINE"* ]] && exit; sleep 0.05; done; journal; exit 1
                """#, environment: ["LINE": line])
        }
        let mended = try node.run("journalctl -u plumb-watch.service -o cat")
        #expect(!mended.contains("CAP_NET_BROADCAST"), "\(mended)")
        try expectFilesOfTheGroup(node)
        #expect(try node.run("systemctl show -P StatusText plumb-watch.service") == "Watching 2 pods")
        try node.run("systemctl stop plumb-watch.service")
        #expect(
            try node.run("systemctl show -P Result -P ExecMainStatus -P ActiveState plumb-watch.service")
                .split(separator: "\n").sorted() == ["0", "inactive", "success"])
    }

    /// systemd's own opinion: nothing is wrong, and little is left to take.
    @Test func verified() throws {
        let node = try node()
        let output = try node.attempt(
            """
            # It calls man for each page that a unit names: on a bare system there is none.
            man=$(command -v man >/dev/null && echo yes || echo no)
            cd /usr/lib/systemd/system
            systemd-analyze verify --man=$man plumb-apply.service plumb-apply.timer plumb-watch.service
            systemd-analyze security --offline=true --threshold=30 plumb-apply.service plumb-watch.service >&2
            """)
        #expect(output.status == 0 && output.stdout.isEmpty, "\(output.all)")
        try node.run("systemctl enable --now plumb-apply.timer; systemctl is-active plumb-apply.timer")
        #expect(
            try node.run("systemctl list-timers --all --no-legend plumb-apply.timer").contains("plumb-apply.service"))
    }

    /// A networkd that was told to manage every link manages none of ours.
    @Test func networkdKeepsOff() throws {
        let node = try node()
        _ = try addPods(node)
        // What it takes, begun anew, once it has taken `$LINK`. It takes them in the order in which they were made.
        let hears = """
            printf '[Match]\\nName=*\\n[Network]\\nLinkLocalAddressing=no\\n' >/etc/systemd/network/50-all.network
            ip link add other type bridge 2>/dev/null || true
            systemctl restart systemd-networkd.service
            pid=$(systemctl show -P MainPID systemd-networkd.service)
            taken() { journalctl -o cat _PID=$pid | sed -n 's/: Configuring with .*//p' | sort -u; }
            for i in $(seq 200); do taken | grep -x "$LINK" >/dev/null && break; sleep 0.05; done
            taken
            """
        let told = try node.run(hears, environment: ["LINK": "other"])
        #expect(told.split(separator: "\n").contains("other"))
        #expect(!told.contains("cni0") && !told.contains("plumb"), "\(told)")
        try node.expectRest()
        try node.run("rm /usr/lib/systemd/network/05-plumb.network")
        let untold = try node.run(hears, environment: ["LINK": "cni0"])
        #expect(untold.split(separator: "\n").contains("cni0"), "\(untold)")
        // And undoes what it did not make.
        try node.run(
            "for i in $(seq 200); do s=0; plumbctl plan || s=$?; [ $s = 2 ] && exit; sleep 0.05; done; exit 1")
    }
}
