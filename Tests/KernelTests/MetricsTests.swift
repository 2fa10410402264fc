import Foundation
import Testing

/// What apply writes for Prometheus.
@Suite struct MetricsTests {
    private static let file = "/run/plumb.prom"

    private func metrics(_ node: TestNode) throws -> [Substring: Double] {
        var values: [Substring: Double] = [:]
        let text = try node.run("cat \(MetricsTests.file)")
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let place = try #require(line.lastIndex(of: " "))
            values[line[..<place]] = Double(line[line.index(after: place)...])
        }
        return values
    }

    private func apply(_ node: TestNode) throws -> Int32 {
        try node.attempt("$PLUMBCTL apply --data-dir $DATA --metrics \(MetricsTests.file)").status
    }

    @Test func countersGoOn() throws {
        let node = try TestNode()
        try node.addPods(3)
        for pod in 1...3 { try node.add("pod\(pod)", #""subnets": ["10.244.0.0/29"]"#) }
        #expect(try apply(node) == 0)
        #expect(try node.run("stat -c %a \(MetricsTests.file); ls /run/plumb.prom*") == "644\n\(MetricsTests.file)")
        var values = try metrics(node)
        #expect(values[#"plumb_runs_total{result="success"}"#] == 1)
        #expect(values[#"plumb_attachments{state="ready"}"#] == 3)
        #expect(values[#"plumb_pool_addresses{network="pods",subnet="10.244.0.0/29"}"#] == 5)
        #expect(values[#"plumb_pool_free_addresses{network="pods",subnet="10.244.0.0/29"}"#] == 2)
        #expect(values[#"plumb_changes_total{action="add",kind="route"}"#] == nil)
        for turn in 1...2 {
            try node.run("ip -n pod1 route del default")
            #expect(try apply(node) == 0)
            values = try metrics(node)
            #expect(values[#"plumb_changes_total{action="add",kind="route"}"#] == Double(turn))
        }
        try node.run("ip netns del pod3")
        try node.waitUntilGone(try node.sql("SELECT max(host_ifname) FROM attachments"))
        let before = try #require(values["plumb_last_success_timestamp_seconds"])
        try node.run("ip link del cni0; ip link add cni0 type veth peer name other; sleep 1")
        #expect(try apply(node) == 1)
        values = try metrics(node)
        #expect(values["plumb_last_success_timestamp_seconds"] == before)
        #expect(try #require(values["plumb_last_run_timestamp_seconds"]) > before)
        #expect(try #require(values["plumb_last_run_failures"]) > 0)
        #expect(values[#"plumb_runs_total{result="failure"}"#] == 1)
        #expect(values[#"plumb_runs_total{result="success"}"#] == 3)
        #expect(values["plumb_released_addresses_total"] == 1)
    }

    /// Every series has its HELP and TYPE before it, once; counters end in _total, and nothing else does.
    @Test func asTheFormatHasIt() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        #expect(try apply(node) == 0)
        var kinds: [Substring: Substring] = [:]
        var helped: Set<Substring> = []
        for line in try node.run("cat \(MetricsTests.file)").split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                #expect(helped.insert(words[2]).inserted && words[3].hasSuffix("."), "\(line)")
            } else if line.hasPrefix("# TYPE ") {
                #expect(helped.contains(words[2]) && kinds.updateValue(words[3], forKey: words[2]) == nil, "\(line)")
                #expect((words[3] == "counter") == words[2].hasSuffix("_total"), "\(line)")
            } else {
                #expect(kinds[line.prefix { $0 != "{" && $0 != " " }] != nil, "\(line)")
            }
        }
        #expect(kinds.count >= 12 && kinds.count == helped.count)
    }

    @Test func whatCannotBeWrittenFailsNothing() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.add("pod1")
        let output = try node.attempt("$PLUMBCTL apply --data-dir $DATA --metrics /run/nowhere/plumb.prom")
        #expect(output.status == 0 && output.stderr.contains("/run/nowhere/plumb.prom"), "\(output.all)")
    }
}
