import Foundation
import Testing

/// One thing to be interrupted at its system calls: an entry in ``all`` takes part in every torture.
struct Subject: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// In bash, before each attempt; `add` is an ADD that must succeed.
    var prepare = ""
    /// The program and its environment, `CNI_COMMAND=ADD "$PLUMB"`; it reads the configuration.
    var run: String
    /// After the attempt, before anybody looks.
    var after = ""
    var members = dualStack
    /// What `SELECT` must answer at the end of each attempt.
    var invariant = ("SELECT 1", "1")

    static let all = [
        Subject(testDescription: "ADD", run: #"CNI_COMMAND=ADD "$PLUMB""#),
        Subject(testDescription: "first ADD", prepare: #"rm -rf "$DATA""#, run: #"CNI_COMMAND=ADD "$PLUMB""#),
        Subject(
            testDescription: "ADD that fails", prepare: "ip -n pod1 link add eth0 type bridge",
            run: #"CNI_COMMAND=ADD "$PLUMB""#, after: "ip -n pod1 link del eth0"),
        // It is announced to who knew the one before.
        Subject(
            testDescription: "ADD of a reused address", prepare: "add; del", run: #"CNI_COMMAND=ADD "$PLUMB""#,
            members:
                #""isDefaultGateway": true, "ipam": {"ranges": [[{"subnet": "10.9.0.0/30"}], [{"subnet": "fd00:9::/126"}]]}"#
        ),
        Subject(
            testDescription: "ADD with options", prepare: #"rm -rf "$DATA"; ip link del cni0 2>/dev/null || true"#,
            run: #"CNI_COMMAND=ADD "$PLUMB""#,
            members: #""mtu": 1400, "promiscMode": true, "portIsolation": true, "subnets": ["10.244.0.0/24"]"#),
        Subject(testDescription: "DEL", prepare: "add", run: #"CNI_COMMAND=DEL "$PLUMB""#),
        Subject(
            testDescription: "DEL without namespace", prepare: "add", run: #"CNI_COMMAND=DEL CNI_NETNS= "$PLUMB""#),
        Subject(
            testDescription: "GC", prepare: "add", run: #"CNI_COMMAND=GC "$PLUMB""#,
            members: #"\#(dualStack), "cni.dev/valid-attachments": []"#),
        Subject(
            testDescription: "CHECK", prepare: "add", run: #"CNI_COMMAND=CHECK "$PLUMB""#,
            members: #"\#(dualStack), "prevResult": {"interfaces": [{"name": "eth0", "sandbox": "/run/netns/pod1"}]}"#),
        Subject(testDescription: "STATUS", prepare: "add", run: #"CNI_COMMAND=STATUS "$PLUMB""#),
        Subject(
            testDescription: "ADD with masquerade", run: #"CNI_COMMAND=ADD "$PLUMB""#, members: TestNode.masqueraded),
        Subject(
            testDescription: "first ADD with masquerade", prepare: "nft flush ruleset",
            run: #"CNI_COMMAND=ADD "$PLUMB""#, members: TestNode.masqueraded),
        Subject(
            testDescription: "DEL with masquerade", prepare: "add", run: #"CNI_COMMAND=DEL "$PLUMB""#,
            members: TestNode.masqueraded),
        Subject(
            testDescription: "apply of a flushed ruleset", prepare: "add; nft flush ruleset",
            run: #""$PLUMBCTL" apply --data-dir "$DATA""#, members: TestNode.masqueraded),
        Subject(
            testDescription: "apply", prepare: "add; ip -n pod1 link del eth0; ip addr flush dev cni0",
            run: #""$PLUMBCTL" apply --data-dir "$DATA""#),
        Subject(
            testDescription: "apply after a boot", prepare: #"add; sql "UPDATE attachments SET boot_id = 'before'""#,
            run: #""$PLUMBCTL" apply --data-dir "$DATA""#),
        Subject(
            testDescription: "import",
            prepare:
                #"rm -rf "$DATA"; mkdir -p /run/cni/pods; printf 'c-old\r\neth0' | tee /run/cni/pods/10.9.0.2 > /run/cni/pods/10.9.0.4"#,
            run: #"CNI_COMMAND=ADD "$PLUMB""#,
            members: #""isGateway": true, "ipam": {"subnet": "10.9.0.0/29", "dataDir": "/run/cni"}"#,
            invariant: (
                "SELECT group_concat(address) FROM (SELECT address FROM held ORDER BY address)", "10.9.0.2,10.9.0.4"
            )),
        Subject(
            testDescription: "migration", prepare: "old_database",
            run: #"CNI_COMMAND=ADD "$PLUMB""#, invariant: ("SELECT user_version > 1002 FROM pragma_user_version", "1")),
    ]
}

/// Interrupts a subject at its system calls, one after the other, each time on the node that the one before left.
struct Torture: Sendable {
    enum Means: Sendable {
        /// SIGKILL instead of the call.
        case kill
        /// The call is not made, and says that it failed.
        case fail
    }

    var means: Means
    var subject: Subject

    /// All of them if `PLUMB_TORTURE` is set, and otherwise as many, spread evenly.
    static func limit(_ count: Int) -> Int {
        ProcessInfo.processInfo.environment["PLUMB_TORTURE"] == nil ? count : .max
    }

    struct Report {
        /// Attempts, and of these the ones that ended otherwise than without interruption.
        var attempts = 0
        var interrupted = 0
        /// What must not be, a line each.
        var faults: [String] = []
    }

    func run(limit: Int) throws -> Report {
        let node = try TestNode()
        try node.addPods(1)
        var call = Call(members: subject.members)
        call.variables["CNI_COMMAND"] = ""
        let environment = call.environment.merging([
            "CONFIG": call.configuration(node.dataDirectory), "SCHEMA": InstallTests.root + "/schema/version_1.sql",
            "QUERY": subject.invariant.0, "ANSWER": subject.invariant.1,
        ]) { $1 }
        try node.run("\(Torture.functions)\nadd; del", environment: environment)
        // The second finds the log as long as the attempts do, of which each comes after one like it.
        let trace = try node.run(
            """
            \(Torture.functions)
            for turn in 1 2; do
            \(subject.prepare)
            \(subject.run.replacing("\"$PLUMB", with: "strace -f -qq -o /run/trace \"$PLUMB")) <<< "$CONFIG" >/run/out 2>&1 || true
            \(subject.after)
            recover uninterrupted
            done
            cat /run/trace
            """, environment: environment)
        let places = Torture.places(trace, means)
        let step = max(1, places.count / max(1, min(limit, places.count)))
        var report = Report()
        for index in stride(from: 0, to: places.count, by: step) {
            let place = places[index]
            let traced =
                "strace -f -qq -o /run/trace -e trace=\(place.name) -e inject=\(place.name):\(place.effect):when=\(place.turn)"
            let output = try node.attempt(
                """
                \(Torture.functions)
                \(subject.prepare)
                status=0
                timeout 40 env \(subject.run.replacing("\"$PLUMB", with: "\(traced) \"$PLUMB")) <<< "$CONFIG" >/run/out 2>/run/err || status=$?
                \(subject.after)
                \(means == .fail ? "judge '\(subject.run)'" : "")
                recover
                echo "status $status"
                """, environment: environment)
            report.attempts += 1
            if !output.stdout.hasSuffix("status 0\n") { report.interrupted += 1 }
            if output.status != 0 || !output.stdout.contains("status ") {
                report.faults.append("\(subject.testDescription), \(place): \(output.all)")
                _ = try node.attempt(
                    "\(Torture.functions)\nfor link in $(pairs | sed 's/^[0-9]*: \\([^@]*\\)@.*/\\1/'); do ip link del $link || true; done; rm -rf \"$DATA\"; add; del",
                    environment: environment)
            }
        }
        return report
    }
}

extension Torture {
    /// What the scripts share. `fail` ends an attempt; a status of `recover` that is not 0 does too.
    fileprivate static let functions = #"""
        set -euo pipefail
        fail() { echo "$@"; exit 1; }
        sql() { sqlite3 -cmd '.timeout 5000' "$DATA/state.db" "$1"; }
        add() { CNI_COMMAND=ADD "$PLUMB" <<< "$CONFIG" > /run/said || fail "ADD: $(cat /run/said)"; }
        del() { CNI_COMMAND=DEL "$PLUMB" <<< "$CONFIG" > /run/said || fail "DEL: $(cat /run/said)"; }
        old_database() {
            rm -rf "$DATA"; mkdir "$DATA"
            { echo 'PRAGMA application_id=1349283170; PRAGMA user_version=1000;'; cat "$SCHEMA"
              echo "INSERT INTO store (id, tag, created_ms) VALUES (1, 'abcd', 1); PRAGMA journal_mode=WAL;"
            } | sqlite3 -bail "$DATA/state.db" > /dev/null
        }
        # Elements of pods in nf_tables.
        elements() { nft list ruleset | grep -F 'pod default' || true; }
        pairs() { ip -o link show group 7586 type veth; ip -o -n pod1 link show type veth; }
        # What one apply and the runtime's DEL make of it: nothing of the pod is left, and nothing else is lost.
        recover() {
            if [ -e "$DATA/state.db" ]; then
                "$PLUMBCTL" apply --data-dir "$DATA" > /run/said 2>&1 || fail "apply: $(cat /run/said)"
                "$PLUMBCTL" plan --data-dir "$DATA" > /run/said 2>&1 || fail "plan after apply: $(cat /run/said)"
                if [ "$(sql 'SELECT count(*) FROM attachments')" != 0 ]; then
                    [ "$(sql 'SELECT count(*) FROM attachments')" = 1 ] || fail "more than one attachment"
                    gateway=$(sql 'SELECT gateway FROM v_leases LIMIT 1')
                    ip netns exec pod1 ping -n -c 1 -W 2 "$gateway" > /run/said || fail "no answer: $(cat /run/said)"
                fi
            fi
            del
            [ -z "$(pairs)" ] || fail "left: $(pairs)"
            [ ! -e "$DATA/state.db" ] || [ -z "$(elements)" ] || fail "left: $(elements)"
            # Whoever comes next notices nothing.
            add
            del
            [ -z "$(pairs)$(elements)" ] || fail "left by the next: $(pairs)$(elements)"
            [ "$(sql 'SELECT (SELECT count(*) FROM attachments) + (SELECT count(*) FROM addresses)')" = 0 ] || fail rows
            [ "$(sql 'PRAGMA integrity_check')" = ok ] || fail integrity_check
            [ "$(sql "$QUERY")" = "$ANSWER" ] || fail "$QUERY: $(sql "$QUERY")"
        }
        # What a call may say: its answer, or one error object. What failed left nothing.
        judge() {
            case $status in
            0) ;;
            1) case $1 in *PLUMBCTL*) ;; *)
                   [ "$(grep -c '"code":' /run/out)" = 1 ] || fail "status 1 and no error: $(cat /run/out /run/err)"
               esac ;;
            *) fail "status $status: $(cat /run/out /run/err)" ;;
            esac
            # Whose undoing was interrupted says so.
            if grep -q 'could not be undone' /run/out; then return; fi
            case $1 in
            *=ADD*) [ $status = 0 ] || [ -z "$(pairs)$(elements)" ] || fail "a failed ADD left $(pairs)$(elements)"
                    [ $status = 0 ] || [ ! -e "$DATA/state.db" ] || [ "$(sql 'SELECT count(*) FROM attachments')" = 0 ] \
                        || fail "a failed ADD left its row: $(cat /run/out /run/err)" ;;
            # Without namespace and without database nobody knows where to look; then the kernel took the pair along.
            *CNI_NETNS=*) ;;
            # Without its database DEL knows the pair, not the address: apply takes what the row says.
            *=DEL*) [ $status = 1 ] || [ -z "$(pairs)" ] || fail "DEL left $(pairs)"
                    [ $status = 1 ] || grep -q apply /run/err || [ -z "$(elements)" ] || fail "DEL left $(elements)" ;;
            esac
        }
        """#

    struct Place: Sendable, CustomStringConvertible {
        var name: String
        /// Which of the calls of that name, from 1.
        var turn: Int
        /// strace's: `signal=KILL`, `error=EIO`.
        var effect: String

        var description: String { "\(effect) at \(name) \(turn)" }
    }

    /// Errors of a call that may occur on a node whose disk, memory or kernel is at its end.
    private static let errors: [String: [String]] = [
        "openat": ["EIO", "ENOMEM", "EROFS", "ENFILE"], "read": ["EIO", "EINTR"], "pread64": ["EIO", "EINTR"],
        "write": ["EIO", "EINTR"], "pwrite64": ["ENOSPC", "EIO", "EINTR"], "fsync": ["EIO", "ENOSPC"],
        "fdatasync": ["EIO", "ENOSPC"], "ftruncate": ["EIO", "ENOSPC"], "mkdir": ["ENOSPC", "EROFS"],
        "rename": ["ENOSPC", "EIO"], "unlink": ["EIO", "EROFS"], "fcntl": ["EAGAIN", "EINTR", "ENOLCK"],
        "socket": ["ENOBUFS", "ENOMEM", "EMFILE"], "setsockopt": ["ENOBUFS"], "getsockopt": ["ENOBUFS"],
        "sendmsg": ["ENOBUFS", "EPERM"], "sendto": ["ENOBUFS", "ENOMEM", "EINTR", "EAGAIN", "EBUSY"],
        "recvfrom": ["ENOBUFS", "ENOMEM", "EINTR", "EAGAIN"], "setns": ["ENOMEM"], "newfstatat": ["EIO", "ENOMEM"],
        "close": ["EIO", "EINTR"], "getrandom": ["EINTR", "EAGAIN"], "fchown": ["EROFS"], "chmod": ["EROFS"],
        "fchmod": ["EROFS"], "getdents64": ["EIO"], "link": ["EIO", "ENOSPC"],
    ]

    /// In the order of the trace. What the program's start does before it reads its input fails without us.
    static func places(_ trace: String, _ means: Means) -> [Place] {
        var places: [Place] = []
        var turns: [Substring: Int] = [:]
        var isOurs = false
        for line in trace.split(separator: "\n") {
            guard let call = line.firstMatch(of: /^[0-9]+ +([a-z0-9_]+)\(/)?.1 else { continue }
            turns[call, default: 0] += 1
            let turn = turns[call] ?? 1
            switch means {
            case .kill:
                places.append(Place(name: String(call), turn: turn, effect: "signal=KILL"))
            case .fail:
                if line.contains("read(0,") || line.contains("state.db") { isOurs = true }
                guard isOurs, !line.contains(#/ (read\(0|write\([12]),/#) else { continue }
                // Unlocking does not fail, and looking at a lock is not waiting for one.
                guard call != "fcntl" || line.contains("F_WRLCK") || line.contains("F_RDLCK") else { continue }
                for error in errors[String(call)] ?? [] {
                    places.append(Place(name: String(call), turn: turn, effect: "error=\(error)"))
                }
            }
        }
        // execve itself is strace's.
        return places.filter { $0.name != "execve" && $0.name != "exit_group" }
    }
}

@Suite struct TortureTests {
    /// The rest is `make torture`'s.
    private static let bound = 8

    @Test(arguments: Subject.all) func killedAnywhere(_ subject: Subject) throws {
        let report = try Torture(means: .kill, subject: subject).run(limit: Torture.limit(TortureTests.bound))
        expect(report, "killed", subject)
        #expect(report.interrupted * 10 >= report.attempts * 7)
    }

    @Test(arguments: Subject.all) func anyCallFails(_ subject: Subject) throws {
        let report = try Torture(means: .fail, subject: subject).run(limit: Torture.limit(TortureTests.bound))
        expect(report, "made to fail", subject)
    }

    /// A disk that fails is not a database that never was: DEL would leave the link, and ADD make a new database.
    @Test func aDatabaseThatCannotBeLookedAt() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        let blind =
            #"strace -f -qq -o /run/trace -P "$DATA/state.db" -e inject=newfstatat:error=EIO "$PLUMB" <<< "$CONFIG""#
        func attempt(_ call: Call) throws -> Output {
            let configuration = ["CONFIG": call.configuration(node.dataDirectory)]
            return try node.attempt(blind, environment: call.environment.merging(configuration) { $1 })
        }
        let addition = try attempt(Call(pod: "pod2"))
        #expect(
            addition.status == 1 && addition.stdout.contains("cannot look at /run/plumb/state.db"), "\(addition.all)")
        let deletion = try attempt(Call(verb: "DEL"))
        #expect(deletion.status == 0, "\(deletion.all)")
        #expect(try node.ourLinks() == ["cni0"])
        try node.expectConvergence()
    }

    /// The way back from the pod's namespace needs memory, too.
    @Test func theWayBackIsTriedAgain() throws {
        let node = try TestNode()
        try node.addPods(1)
        let call = Call()
        let output = try node.attempt(
            #"strace -f -qq -o /run/trace -e inject=setns:error=ENOMEM:when=2..5 "$PLUMB" <<< "$CONFIG""#,
            environment: call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 })
        #expect(output.status == 0, "\(output.all)")
        try node.expectPing(from: "pod1", to: "10.244.0.1")
    }

    private func expect(_ report: Torture.Report, _ what: String, _ subject: Subject) {
        for fault in report.faults { Issue.record("\(fault)") }
        print(
            "torture: \(subject.testDescription) \(what) \(report.attempts) times, \(report.interrupted) did not succeed"
        )
    }
}
