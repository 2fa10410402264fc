import Testing

/// containerd, asked by the CRI as a kubelet asks it.
@Suite struct ContainerdTests {
    private static func plugins(_ subnets: String) -> String {
        #"{"type": "plumb", "subnets": [\#(subnets)], "dataDir": "/run/plumb"}, "#
            + #"{"type": "portmap", "capabilities": {"portMappings": true}}"#
    }

    private func node(_ subnets: String = #""10.244.0.0/24", "fd00:10:244::/64""#) throws -> TestNode {
        let node = try TestNode(plugins: ContainerdTests.plugins(subnets))
        try node.startContainerd()
        return node
    }

    private static let kubelet = "$KUBELET /run/containerd/socket"

    private func expectPings(_ node: TestNode) throws {
        try node.run(
            """
            path=$(sqlite3 $DATA/state.db "SELECT netns_path FROM attachments WHERE pod_name = 'pod1'")
            for address in $(sqlite3 $DATA/state.db "SELECT ip FROM v_leases UNION SELECT gateway FROM v_leases"); do
                nsenter --net=$path ping -q -c 1 -W 2 $address
            done
            """)
    }

    @Test func sandboxes() throws {
        let node = try node()
        try node.runtime("\(ContainerdTests.kubelet) ready")
        try node.runtime(
            """
            for i in $(seq 6); do \(ContainerdTests.kubelet) run pod$i uid$i >/run/pod$i & jobs="${jobs:-} $!"; done
            for job in $jobs; do wait $job; done
            """)
        for pod in 1...6 {
            let told = try node.runtime("\(ContainerdTests.kubelet) addresses $(cat /run/pod\(pod)) | xargs")
            let leases = try node.sql(
                """
                SELECT group_concat(ip, ' ') FROM v_leases JOIN attachments USING (container_id)
                WHERE v_leases.pod_name = 'pod\(pod)' AND pod_uid = 'uid\(pod)' AND container_id = '\(try node.run("cat /run/pod\(pod)"))'
                """)
            #expect(told == leases && told.split(separator: " ").count == 2)
        }
        try expectPings(node)
        try node.expectRest()
        try node.run(
            """
            ip link del cni0
            nsenter --net=$(sqlite3 $DATA/state.db "SELECT netns_path FROM attachments WHERE pod_name = 'pod1'") \\
                ip addr flush dev eth0
            """)
        #expect(try node.plumbctl("apply").status == 0)
        try expectPings(node)
        // A kubelet asks twice.
        for pod in 1...6 {
            for verb in ["stop", "stop", "remove"] {
                try node.runtime("\(ContainerdTests.kubelet) \(verb) $(cat /run/pod\(pod))")
            }
        }
        try node.expectNothingLeft()
        try node.expectRest()
    }

    @Test func aPoolThatIsUsedUp() throws {
        let node = try node(#""10.244.0.0/30""#)
        try node.runtime("\(ContainerdTests.kubelet) run pod1 uid1 >/run/pod1")
        let refused = try node.attemptRuntime("\(ContainerdTests.kubelet) run pod2 uid2")
        #expect(refused.status != 0 && refused.stderr.contains("1 of 1 addresses in use"), "\(refused.all)")
        try node.runtime("\(ContainerdTests.kubelet) stop $(cat /run/pod1)")
        try node.runtime("\(ContainerdTests.kubelet) run pod3 uid3")
        #expect(try node.sql("SELECT pod_name, ip FROM v_leases") == "pod3|10.244.0.2")
        try node.expectRest()
    }

    /// Killed while pods start: what it knows of is stopped by the kubelet, and the rest is collected.
    @Test(arguments: [1, 3, 6]) func killed(afterAdditions count: Int) throws {
        let node = try node()
        try node.runtime(
            """
            \(ContainerdTests.kubelet) run pod0 uid0
            for i in $(seq 6); do \(ContainerdTests.kubelet) run pod$i uid$i >/dev/null 2>&1 & jobs="${jobs:-} $!"; done
            until [ $(sqlite3 $DATA/state.db 'SELECT count(*) FROM attachments') -gt \(count) ]; do sleep 0.005; done
            pkill -9 -x containerd
            for job in $jobs; do wait $job || true; done
            """)
        try node.startContainerd()
        try node.runtime(
            """
            # What it was killed over before it wrote a word keeps it from stopping that pod for ever.
            find /var/lib/cni/results -size 0 -delete
            for id in $(\(ContainerdTests.kubelet) list); do
                for verb in stop remove; do \(ContainerdTests.kubelet) $verb $id; done
            done
            # Which namespaces it does not know of any more.
            for path in $(sqlite3 $DATA/state.db 'SELECT netns_path FROM attachments'); do umount $path; rm $path; done
            for i in $(seq 100); do $PLUMBCTL apply --data-dir $DATA | grep -q lingering || exit 0; sleep 0.05; done
            """)
        try node.expectNothingLeft()
        try node.expectRest()
    }
}
