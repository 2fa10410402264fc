import Testing

/// What containerd, CRI-O and podman sent to the reference bridge, sent to us: only `prevResult` is what we answered, as
/// the runtime would remember it. Their namespaces are where they had them, and the database is where it is by default.
@Suite struct RecordingTests {
    enum Way: String, CaseIterable, Sendable { case asRecorded, everyDELTwice, afterTheNamespace }

    private func node() throws -> TestNode {
        let node = try TestNode(dataDirectory: "/var/lib/plumb")
        try node.run("mount -t tmpfs tmpfs /var/lib")
        return node
    }

    private func call(_ node: TestNode, _ environment: [String: String], _ input: String) throws -> Output {
        try node.start([node.binaries + "/plumb"], environment: environment, input: input).wait()
    }

    @Test(arguments: Recording.files, Way.allCases)
    func playsBack(file: String, way: Way) throws {
        let node = try node()
        var answer = JSON.null
        var sandbox = ""
        var verbs: [String] = []
        for recording in try Recording.calls(of: "bridge", in: file) {
            verbs.append(recording.verb)
            var environment = recording.env
            var members: [String: JSON?] = [:]
            let previous = try JSON(recording.stdin)["prevResult"]
            if previous != .null {
                // libcni 1.0 writes an empty dns into what it remembers.
                members["prevResult"] = previous["dns"] == .null ? answer : answer.with("dns", .object([:]))
            }
            if recording.verb == "ADD" {
                sandbox = recording.netns
                try node.run(
                    #"mkdir -p "$(dirname "$NS")"; touch "$NS"; unshare --net="$NS" true"#, environment: ["NS": sandbox]
                )
            }
            if recording.verb == "DEL", way == .afterTheNamespace {
                // As after a reboot: no namespace, and nothing known of it.
                try node.run(#"! [ -e "$NS" ] || { umount "$NS" && rm "$NS"; }"#, environment: ["NS": sandbox])
                environment["CNI_NETNS"] = ""
                members["prevResult"] = .some(nil)
            }
            let input = try recording.input(with: members)
            for _ in 0..<(recording.verb == "DEL" && way == .everyDELTwice ? 2 : 1) {
                let output = try call(node, environment, input)
                #expect(output.status == recording.exit, "\(recording.verb): \(output.all)")
                switch recording.verb {
                case "ADD":
                    answer = try JSON(output.stdout)
                    try expectSame(answer, try JSON(recording.stdout))
                    try expectWorks(node, sandbox, answer)
                case "VERSION":
                    let versions = try JSON(output.stdout)["supportedVersions"]
                    #expect(versions == (try JSON(recording.stdout))["supportedVersions"])
                default: #expect(output.stdout.isEmpty && recording.stdout.isEmpty, "\(output.all)")
                }
            }
        }
        #expect(verbs.contains("ADD") && verbs.contains("DEL"))
        try node.expectNothingLeft()
        #expect(try node.ourLinks() == [answer["interfaces"][0]["name"].text ?? ""])
    }

    /// All that does not depend on who answers.
    private func expectSame(_ answer: JSON, _ recorded: JSON) throws {
        #expect(answer.keys == recorded.keys && answer["cniVersion"] == recorded["cniVersion"])
        let names = [0, 2].map { answer["interfaces"][$0].without(["mac"]) }
        #expect(names == [0, 2].map { recorded["interfaces"][$0].without(["mac"]) })
        #expect(answer["ips"].without(["address"]) == recorded["ips"].without(["address"]))
        #expect(answer["routes"].without(["gw"]) == recorded["routes"].without(["gw"]))
    }

    private func expectWorks(_ node: TestNode, _ sandbox: String, _ answer: JSON) throws {
        let gateway = try #require(answer["ips"][0]["gateway"].text)
        try node.run(#"nsenter --net="$NS" ping -c 1 -W 2 \#(gateway)"#, environment: ["NS": sandbox])
        #expect(try node.plumbctl("plan").status == 0)
    }

    /// What runtimes ask `portmap` for, asked of us because our configuration declares it: named, whatever its case.
    @Test(arguments: Recording.files) func whatIsAskedForIsNamed(file: String) throws {
        let node = try node()
        let portmap = try #require(try Recording.calls(of: "portmap", in: file).first)
        let asked = try JSON(portmap.stdin)["runtimeConfig"]
        let recording = try #require(try Recording.calls(of: "bridge", in: file).first { $0.verb == "ADD" })
        try node.run(
            #"mkdir -p "$(dirname "$NS")"; touch "$NS"; unshare --net="$NS" true"#, environment: ["NS": recording.netns]
        )
        let capabilities = JSON.object(["portMappings": true])
        let output = try call(
            node, recording.env, try recording.input(with: ["capabilities": capabilities, "runtimeConfig": asked]))
        #expect(output.status == 0, "\(output.all)")
        #expect(output.stderr.contains("runtimeConfig.portMappings") == (asked != .null), "\(output.all)")
    }
}

extension JSON {
    fileprivate func with(_ key: String, _ value: JSON) -> JSON {
        guard case .object(var members) = self else { return self }
        members[key] = value
        return .object(members)
    }
}
