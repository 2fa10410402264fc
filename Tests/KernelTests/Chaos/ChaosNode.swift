/// A node to which steps happen, and what must be so after each.
final class ChaosNode {
    let node: TestNode
    let shell: NodeShell
    var model = ChaosModel()
    var backup: ChaosModel?
    private var foreign = ""

    init() throws {
        node = try TestNode()
        shell = try NodeShell(node)
        _ = try shell.run(
            """
            echo boot-1 > /run/boot; mount --bind /run/boot /proc/sys/kernel/random/boot_id
            wait_gone() { for i in $(seq 400); do ip -o link show type veth | grep -Eq " ($1)@" || return 0; sleep 0.01; done; }
            """)
        try bootNetwork()
    }

    /// What a machine has of others when it comes up.
    func bootNetwork() throws {
        _ = try shell.run(
            """
            echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding
            ip link add foreign0 type dummy; ip link set foreign0 address 02:00:00:00:00:01 up
            ip addr add 198.51.100.1/24 dev foreign0; ip route add 192.0.2.0/24 via 198.51.100.2 proto static
            ip link add foreign1 address 02:00:00:00:00:02 type bridge; ip link set foreign1 up
            ip link set foreign0 group 77
            nft 'add table inet plumb; add chain inet plumb c { type filter hook forward priority 0; }; add rule inet plumb c accept'
            """)
        foreign = try foreignObjects()
    }

    private func foreignObjects() throws -> String {
        try shell.run(
            """
            ip -o -d link show foreign0; ip -o -d link show foreign1; ip -o -4 addr show dev foreign0
            ip route show 192.0.2.0/24; nft list table inet plumb
            """
            // The bridge's timers run.
        ).replacing(#/(hello|tcn|topology_change|gc)_timer +[0-9.]+/#, with: "")
    }

    func fail(_ text: String) -> Failure { Failure(description: text) }

    /// Lets a step happen. Throws what must not be.
    func happen(_ step: ChaosStep) throws {
        switch step {
        case .add, .delete, .check, .get, .status, .collect, .apply, .killed, .atOnce: try runProcesses(step)
        default: try breakThings(step)
        }
        try expectModel()
        if case .apply = step, try hasDatabase { try expectConvergence() }
    }

    /// After every step, however broken the kernel is.
    private func expectModel() throws {
        guard model.shared.isEmpty else { throw fail("two pods have \(model.shared)") }
        let found = try foreignObjects()
        guard found == foreign else { throw fail("foreign objects changed:\n\(foreign)\n\(found)") }
        let rows = try self.rows()
        for (place, answer) in model.living {
            let key = "\(model.container(place.pod)) \(model.interface(place))"
            guard let row = rows[key], row.state == "ready", Set(row.addresses) == Set(answer.addresses) else {
                throw fail(
                    "\(place) was promised \(answer.addresses), and the database has \(rows[key].debugDescription)")
            }
        }
    }

    /// Before the first ADD there is none.
    var hasDatabase: Bool { get throws { try shell.run("[ -e $DATA/state.db ] && echo yes") == "yes" } }

    struct Row {
        var state: String
        var hostEnd: String
        var addresses: [String]
    }

    /// Attachments by container and interface.
    func rows() throws -> [String: Row] {
        let text = try shell.run(
            """
            [ ! -e $DATA/state.db ] || sqlite3 -cmd '.timeout 5000' $DATA/state.db "SELECT container_id || ' ' || ifname, state,
            host_ifname, (SELECT group_concat(address || '/' || prefix_length) FROM addresses WHERE attachment_id = a.id)
            FROM attachments AS a"
            """)
        var rows: [String: Row] = [:]
        for line in text.split(separator: "\n") {
            let columns = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            guard columns.count == 4 else { throw fail("the database says \(text)") }
            rows[columns[0]] = Row(
                state: columns[1], hostEnd: columns[2],
                addresses: columns[3].split(separator: ",").map(String.init))
        }
        return rows
    }

    /// After an apply that succeeded: nothing to do, nothing left over, and every pod answers.
    func expectConvergence() throws {
        let plan = try shell.run("$PLUMBCTL plan --data-dir $DATA; echo $?")
        guard plan.hasSuffix("nothing to do.\n0") else { throw fail("plan after apply: \(plan)") }
        model.isBroken = false
        var rows = try self.rows()
        let ends = Set(rows.values.map(\.hostEnd))
        for place in Array(model.beliefs.keys) {
            let row = rows.removeValue(forKey: "\(model.container(place.pod)) \(model.interface(place))")
            guard case .unknown? = model.beliefs[place] else { continue }
            guard let row, model.isThere(place.pod) else {
                model.beliefs[place] = nil
                if let row { throw fail("\(place) is gone, and the database has \(row)") }
                continue
            }
            guard row.state == "ready" else { throw fail("\(place) is \(row.state) after apply") }
            var answer = try ChaosAnswer("{}")
            answer.addresses = row.addresses
            answer.hostEnd = row.hostEnd
            model.beliefs[place] = .live(answer)
        }
        guard rows.isEmpty else { throw fail("nobody knows of \(rows)") }
        let links = try shell.run("ip -o link show group 7586 type veth | sed 's/^[0-9]*: //; s/@.*//'")
        guard Set(links.split(separator: "\n").map(String.init)) == ends else {
            throw fail("links \(links.split(separator: "\n")), and the database has \(ends)")
        }
        try expectMasquerade()
        try expectAnswers()
    }

    /// Every address of a pod that is promised it, and no other, has its element.
    private func expectMasquerade() throws {
        let wanted = try shell.run(
            """
            sqlite3 $DATA/state.db "SELECT l.address FROM addresses AS l JOIN attachments AS a ON a.id = l.attachment_id
            WHERE a.masquerade IS NOT NULL" | sort
            """)
        let found = try shell.run(
            """
            nft list ruleset | sed -n 's/.*"cni[01]" . \\([0-9a-f.:]*\\) comment ".*, plumb.*/\\1/p' | sort
            """)
        guard wanted == found else {
            throw fail("masqueraded are \(found.split(separator: "\n")), not \(wanted.split(separator: "\n"))")
        }
    }

    private func expectAnswers() throws {
        let addresses = model.living.flatMap(\.answer.addresses).map { $0.prefix { $0 != "/" } }
        guard !addresses.isEmpty else { return }
        // Who had an address before may be in the host's neighbour table for some seconds yet: a database that an older copy
        // replaced, or a range that was configured anew, does not know that another had it, and ADD does not announce it.
        let silent = try shell.run(
            """
            ip neigh flush all
            for a in \(addresses.joined(separator: " ")); do
                { ping -q -c 1 -W 1 $a >/dev/null 2>&1 || ping -q -c 2 -W 2 $a >/dev/null 2>&1 || echo $a; } &
            done; wait
            """)
        guard silent.isEmpty else {
            let look = "for p in $(ip netns list | cut -d' ' -f1); do echo $p; ip -n $p -br addr; ip -n $p route; done"
            throw fail("no answer from \(silent.split(separator: "\n"))\n\(try shell.run("ip -br addr; \(look)"))")
        }
    }
}
