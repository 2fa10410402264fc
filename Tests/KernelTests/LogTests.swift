import Testing

/// `logFile` and `logLevel`.
@Suite struct LogTests {
    /// With a key that has no effect, and is named.
    private let unheard = #""runtimeConfig": {"aliases": ["a"]}, \#(dualStack)"#

    private func members(_ file: String, _ level: String? = nil, _ more: String = dualStack) -> String {
        #""logFile": "\#(file)"\#(level.map { #", "logLevel": "\#($0)""# } ?? ""), \#(more)"#
    }

    /// Time, level, verb, container, interface and text of each line; empty where there is less.
    private func lines(_ node: TestNode) throws -> [[Substring]] {
        try node.run("cat /run/log").split(separator: "\n").map {
            let words = $0.split(separator: " ", maxSplits: 5)
            return words + Array(repeating: "", count: 6 - words.count)
        }
    }

    /// A line an event, appended; stderr as without it.
    @Test func anEventIsALine() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("echo before > /run/log")
        let added = try node.call(Call(members: members("/run/log", "info", unheard)))
        #expect(added.status == 0 && added.stderr.contains("key runtimeConfig.aliases"), "\(added.all)")
        try node.expectError(Call(members: members("/run/log", "info")), code: 102, saying: ["added before"])
        try node.expectError(
            Call(verb: "CHECK", members: members("/run/log", "info"), variables: ["CNI_IFNAME": ""]), code: 4,
            saying: ["CNI_IFNAME"])
        try node.delete("pod1", members("/run/log", "info"))

        let said = try lines(node)
        #expect(said.first?.first == "before")
        try #require(said.count == 6)
        #expect(
            said.dropFirst().map { $0[1...4].joined(separator: " ") } == [
                "warn ADD c-pod1 eth0", "info ADD c-pod1 eth0", "error ADD c-pod1 eth0", "error CHECK c-pod1 -",
                "info DEL c-pod1 eth0",
            ])
        #expect(
            said[1][5].contains("key runtimeConfig.aliases")
                && said[3][5].contains("code 102: network pods: eth0 of pod default/pod1"))
        let now = try node.run("date -u +%Y-%m-%dT%H:")
        for line in said.dropFirst() {
            #expect(line[0].hasPrefix(now) || now.hasSuffix("T00:"))
            #expect(line[0].hasSuffix("Z") && line[0].utf8.count == 24)
        }
        #expect(try node.run("stat -c %a /run/log") == "644", "what was there keeps its mode")
    }

    @Test(arguments: [
        ("debug", ["debug", "warn", "info", "debug"]), ("info", ["warn", "info"]), ("warn", ["warn"]), ("error", []),
        (nil, ["warn"]),
    ])
    func aLevelLeavesOutWhatIsBelow(level: String?, levels: [String]) throws {
        let node = try TestNode()
        try node.addPods(1)
        let output = try node.call(Call(members: members("/run/log", level, unheard)))
        #expect(output.status == 0, "\(output.all)")
        guard !levels.isEmpty else {
            #expect(try node.attempt("test -e /run/log").status == 1)
            return
        }
        #expect(try lines(node).map { String($0[1]) } == levels)
        #expect(try node.run("stat -c %a /run/log") == "640")
    }

    /// STATUS and its reasons too, and a DEL whose `logLevel` nobody knows.
    @Test func otherVerbs() throws {
        let node = try TestNode()
        try node.run("ip link add cni0 type veth peer name q")
        try node.expectError(Call(verb: "STATUS", members: members("/run/log")), code: 50, saying: ["cni0"])
        try node.expectError(Call(members: members("/run/log", "chatty")), code: 7, saying: ["logLevel", "chatty"])
        #expect(try node.call(Call(verb: "DEL", members: members("/run/log", "chatty"))).status == 0)
        #expect(try lines(node).map { "\($0[1]) \($0[2])" } == ["error STATUS", "error ADD"])
    }

    /// Also what an error tells in `details`, on the one line.
    @Test func detailsAreToldToo() throws {
        let node = try TestNode()
        try node.addPods(1)
        let previous = try node.answer()
        try node.run("ip addr flush dev cni0")
        let check = Call.check(previous, members: members("/run/log"))
        try node.expectError(check, code: 104, saying: ["10.244.0.1/24"])
        let said = try lines(node)
        #expect(said.count == 1 && said[0][1] == "error")
        #expect(
            said[0][5].hasSuffix(
                #"(address 10.244.0.1/24 on cni0: missing\naddress fd00:10:244::1/64 on cni0: missing)"#),
            "\(said)")
    }

    /// A file that cannot be written is a warning, whatever is the matter with it, and nothing waits for it.
    @Test(arguments: [
        ("/nowhere/log", "No such file"), ("/run", "directory"), ("/dev/full", "No space left"),
        ("/run/pipe", "No such device"),
    ])
    func aFileThatCannotBeWritten(file: String, reason: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("mkfifo /run/pipe")
        let output = try node.call(Call(members: members(file, "info")))
        #expect(output.status == 0, "\(output.all)")
        #expect(try JSON(output.stdout)["ips"].elements.count == 2)
        #expect(output.stderr.contains("logFile") && output.stderr.contains(file), "\(output.stderr)")
        #expect(output.stderr.contains(reason) && output.stderr.split(separator: "\n").count == 1, "\(output.stderr)")
        let deletion = try node.call(Call(verb: "DEL", members: members(file, "info")))
        #expect(deletion.status == 0 && deletion.stdout.isEmpty && deletion.stderr.contains(file), "\(deletion.all)")
        try node.expectNothingLeft()
    }

    /// Each line whole, whoever else writes.
    @Test func linesDoNotMix() throws {
        let node = try TestNode()
        try node.addPods(8)
        let calls = try (1...8).map { try node.start(Call(pod: "pod\($0)", members: members("/run/log", "debug"))) }
        for call in calls { #expect(call.wait().status == 0) }
        let said = try lines(node)
        #expect(said.count == 24)
        for pod in 1...8 {
            let own = said.filter { $0[3] == "c-pod\(pod)" }
            #expect(own.map { $0[1] } == ["debug", "info", "debug"])
        }
    }
}
