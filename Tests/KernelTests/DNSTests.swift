import Testing

/// What ADD answers in `dns`, and whose word it is.
@Suite struct DNSTests {
    static let file = "nameserver 10.0.0.53\\nsearch file.example\\n"
    static let fromFile = #"{"nameservers": ["10.0.0.53"], "search": ["file.example"]}"#
    static let ipam = #""ipam": {"subnet": "10.9.0.0/24", "resolvConf": "/run/resolv"}"#
    static let configured = #""dns": {"nameservers": ["10.0.0.54"], "domain": "b.example", "options": ["ndots:5"]}"#
    static let asked =
        #""runtimeConfig": {"dns": {"Servers": ["10.0.0.55"], "Searches": ["c.example"], "Options": null}}"#

    static let ranks: [(members: String, dns: String)] = [
        (ipam, fromFile),
        ("\(ipam), \"dns\": {}", fromFile),
        (
            "\(ipam), \(configured)",
            #"{"nameservers": ["10.0.0.54"], "domain": "b.example", "options": ["ndots:5"]}"#
        ),
        ("\(ipam), \(configured), \(asked)", #"{"nameservers": ["10.0.0.55"], "search": ["c.example"]}"#),
    ]

    /// GET says it again and CHECK is content with it, in each version, whatever became of the file since.
    @Test(arguments: ranks, ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
    func ofWhomItIs(rank: (members: String, dns: String), version: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("printf '\(DNSTests.file)' > /run/resolv")
        let output = try node.call(Call(version: version, members: rank.members))
        #expect(output.status == 0 && output.stderr.isEmpty, "\(output.all)")
        #expect(try JSON(output.stdout)["dns"] == JSON(rank.dns))
        try node.run("rm /run/resolv")
        let again = try node.call(Call(verb: "GET", version: version, members: rank.members))
        #expect(again.stdout == output.stdout && again.stderr.isEmpty, "\(again.all)")
        if version >= "0.4.0" {
            let check = try node.call(
                Call(verb: "CHECK", version: version, members: #"\#(rank.members), "prevResult": \#(output.stdout)"#))
            #expect(check.status == 0 && check.stdout.isEmpty, "\(check.all)")
        }
        let deletion = try node.call(Call(verb: "DEL", version: version, members: rank.members))
        #expect(deletion.status == 0 && deletion.stdout.isEmpty && deletion.stderr.isEmpty, "\(deletion.all)")
        try node.expectNothingLeft()
    }

    @Test func nothingIsLeftOut() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run("printf '# nothing\\n' > /run/resolv")
        let result = try node.add("pod1", DNSTests.ipam)
        #expect(result.keys == ["cniVersion", "interfaces", "ips", "routes"])
        #expect(try node.sql("SELECT dns IS NULL FROM attachments") == "1")
    }

    /// resolv.conf(5): lines of a kind add up, the last domain counts, comments and what is unknown do not.
    @Test func whatAFileSays() throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(
            """
            printf '%s\\n' '# nameserver 9' 'nameserver 10.0.0.53' '; search no' 'domain a.test' 'search b.test c.test' \\
                'nameserver fd00::53' 'sortlist 10.0.0.0' 'options ndots:2' 'domain d.test' 'search e.test' > /run/resolv
            """)
        let dns = try node.add("pod1", DNSTests.ipam)["dns"]
        #expect(dns.keys == ["nameservers", "domain", "search", "options"])
        #expect(dns["nameservers"] == .array(["10.0.0.53", "fd00::53"]) && dns["domain"] == "d.test", "\(dns)")
        #expect(dns["search"] == .array(["b.test", "c.test", "e.test"]) && dns["options"] == .array(["ndots:2"]))
    }

    /// The configuration's word goes before another IPAM plugin's, as with the reference; that one's own file is its own.
    @Test func beforeAnotherPlugins() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.installDelegate()
        let members = #""bridge": "br0", "ipam": {"type": "giver", "resolvConf": "/nowhere"}"#
        let given = try JSON(try node.call(.delegated(members: members)).stdout)
        #expect(given["dns"]["nameservers"] == .array(["10.9.0.53"]))
        try node.run("sed -i s/0.7/0.8/g\\;s/9::7/9::8/g /run/answer")
        let ruled = try node.call(.delegated(pod: "pod2", members: "\(members), \(DNSTests.configured)"))
        #expect(try JSON(ruled.stdout)["dns"]["nameservers"] == .array(["10.0.0.54"]), "\(ruled.all)")
        #expect(try node.call(.delegated("GET", pod: "pod2", members: members)).stdout == ruled.stdout)
    }

    /// STATUS says beforehand that an ADD would fail for it, and only then.
    @Test func aFileThatWillBeNeeded() throws {
        let node = try TestNode()
        let members = #""ipam": {"subnet": "10.9.0.0/24", "resolvConf": "/run/resolv"}"#
        try node.expectError(.status(members), code: 50, saying: ["network pods", "ipam.resolvConf", "/run/resolv"])
        try node.expectWell(.status("\(members), \(DNSTests.configured)"))
        try node.expectWell(.status(#"\#(members), "capabilities": {"dns": true}"#))
        try node.expectError(
            .status(#"\#(members), "capabilities": {"dns": false}"#), code: 50, saying: ["/run/resolv"])
        try node.run("touch /run/resolv")
        try node.expectWell(.status(members))
    }

    @Test(arguments: [("/run/nobody", "No such file"), ("/run", "directory"), ("/dev/zero", "longer than")])
    func aFileThatCannotBeRead(path: String, told: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        let members = #""ipam": {"subnet": "10.9.0.0/24", "resolvConf": "\#(path)"}"#
        try node.expectError(Call(members: members), code: 7, saying: ["ipam.resolvConf", path, told])
        #expect(try node.attempt(#"test -e "$DATA""#).status == 1)
        // Nobody needs it.
        #expect(try node.call(Call(members: "\(members), \(DNSTests.configured)")).status == 0)
        try node.delete("pod1", members)
    }
}
