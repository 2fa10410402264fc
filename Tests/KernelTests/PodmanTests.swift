import Testing

/// podman with its CNI backend.
@Suite struct PodmanTests {
    private static let plugins = """
        {"type": "plumb", "isGateway": true, "ipMasq": true, "capabilities": {"ips": true, "mac": true}, "ipam": {
            "type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}], [{"subnet": "fd00:10:244::/64"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}, "dataDir": "/run/plumb"},
        {"type": "portmap", "capabilities": {"portMappings": true}}, {"type": "tuning"}
        """
    private static let other = """
        {"cniVersion": "0.4.0", "name": "other", "plugins": [
            {"type": "plumb", "bridge": "cni1", "subnets": ["10.245.0.0/24"], "dataDir": "/run/plumb"}]}
        """
    private static let container = "--rootfs /run/rootfs /bin/sleep 600"

    private func node() throws -> TestNode {
        try TestNode(plugins: PodmanTests.plugins, more: ["20-other.conflist": PodmanTests.other])
    }

    /// In the order of their texts: podman makes several interfaces in any.
    private func addresses(_ node: TestNode, _ container: String) throws -> String {
        let leases = try node.run(
            "sqlite3 $DATA/state.db \"SELECT ip FROM v_leases WHERE pod_name = '\(container)'\" | LC_ALL=C sort | xargs"
        )
        let inside = try node.runtime(
            """
            podman exec \(container) /bin/ip -o addr | awk '$2 != "lo" { sub("/.*", "", $4); print $4 }' | LC_ALL=C sort | xargs
            """)
        #expect(inside == leases)
        return leases
    }

    private func expectPing(_ node: TestNode, from container: String, to addresses: String...) throws {
        for address in addresses {
            let output = try node.attemptRuntime("podman exec \(container) /bin/ping -c 1 -W 2 \(address)")
            #expect(output.status == 0, "\(container) to \(address): \(output.all)")
        }
    }

    @Test func aContainersLife() throws {
        let node = try node()
        let run = "podman run --detach --network pods"
        try node.runtime(
            "\(run) --name web --ip 10.244.0.77 --mac-address 02:00:00:00:00:77 -p 8080:80 \(PodmanTests.container)")
        try node.runtime("\(run) --name client \(PodmanTests.container)")
        #expect(try addresses(node, "web") == "10.244.0.77 fd00:10:244::2")
        #expect(try addresses(node, "client") == "10.244.0.2 fd00:10:244::3")
        let told = try node.runtime(
            "podman inspect -f '{{with .NetworkSettings.Networks.pods}}{{.IPAddress}} {{.Gateway}} {{.MacAddress}}{{end}}' web"
        )
        #expect(told == "10.244.0.77 10.244.0.1 02:00:00:00:00:77")
        try expectPing(node, from: "client", to: "10.244.0.1", "fd00:10:244::1", "10.244.0.77", "fd00:10:244::2")

        let taken = try node.attemptRuntime("\(run) --name late --ip 10.244.0.77 \(PodmanTests.container)")
        #expect(taken.status != 0 && taken.stderr.contains("10.244.0.77 that was asked for is taken: pod web has it"))
        try node.expectRest()

        try node.run("ip link del cni0")
        #expect(try node.plumbctl("apply").status == 0)
        try expectPing(node, from: "client", to: "10.244.0.1", "fd00:10:244::1", "10.244.0.77", "fd00:10:244::2")

        // What an admin does after a firewall was reloaded: DEL and ADD, with the addresses and the MAC that there are.
        for container in ["web", "client"] { try node.runtime("podman network reload \(container)") }
        #expect(try addresses(node, "web") == "10.244.0.77 fd00:10:244::2")
        #expect(try addresses(node, "client") == "10.244.0.2 fd00:10:244::3")
        try node.runtime("podman restart -t 0 web")
        #expect(try addresses(node, "web").hasPrefix("10.244.0.77 "))
        // Its addresses come back with it, or go before.
        try node.runtime(
            """
            kill -9 $(podman inspect -f '{{.State.Pid}}' client)
            for i in $(seq 100); do [ "$(podman inspect -f '{{.State.Status}}' client)" = running ] || break; sleep 0.05; done
            podman start client
            """)
        let newborn = try addresses(node, "client")
        #expect(newborn.hasPrefix("10.244.0."))
        try expectPing(node, from: "client", to: "10.244.0.1", "10.244.0.77")
        try node.expectRest()

        try node.runtime("podman rm --force -t 0 --all")
        try node.expectNothingLeft()
        try node.expectRest()
    }

    @Test func severalNetworks() throws {
        let node = try node()
        try node.runtime("podman run --detach --name both --network pods,other \(PodmanTests.container)")
        #expect(try addresses(node, "both") == "10.244.0.2 10.245.0.2 fd00:10:244::2")
        try node.runtime("podman network disconnect other both")
        #expect(try addresses(node, "both") == "10.244.0.2 fd00:10:244::2")
        try node.expectRest()
        try node.runtime("podman network connect other both")
        #expect(try addresses(node, "both") == "10.244.0.2 10.245.0.3 fd00:10:244::2")
        try expectPing(node, from: "both", to: "10.244.0.1", "fd00:10:244::1", "10.245.0.1")
        try node.expectRest()
        try node.runtime("podman rm --force -t 0 both")
        try node.expectNothingLeft()
    }
}
