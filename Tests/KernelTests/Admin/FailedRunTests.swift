import Testing

/// What an apply that could not even begin leaves for Prometheus.
@Suite struct FailedRunTests {
    @Test(arguments: [
        ("a damaged database", #"printf x | dd of="$DATA/state.db" bs=1 conv=notrunc 2>/dev/null"#),
        ("no database", #"rm "$DATA"/state.db*"#),
        ("a full disk", #"cat /dev/zero > "$DATA/ballast" 2> /run/said || true"#),
    ]) func isCounted(what: String, spoil: String) throws {
        let node = try TestNode()
        try node.addPods(1)
        try node.run(#"mkdir -m 0750 "$DATA"; mount -t tmpfs -o size=1m,mode=0750 tmpfs "$DATA""#)
        try node.add("pod1")
        func apply() throws -> Output {
            try node.attempt("$PLUMBCTL apply --data-dir $DATA --metrics /run/plumb.prom")
        }
        func value(_ series: String) throws -> String {
            try node.run("grep -F '\(series) ' /run/plumb.prom | grep -v '^#' | sed 's/.* //'")
        }
        #expect(try apply().status == 0)
        #expect(try value("plumb_last_run_failures") == "0")
        let success = try value("plumb_last_success_timestamp_seconds")
        _ = try node.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        try node.run(spoil)
        try node.run("sleep 1")
        let failed = try apply()
        #expect(failed.status == 1 && failed.stderr.split(separator: "\n").count == 1, "\(failed.all)")
        #expect(try value("plumb_last_run_failures") == "1")
        #expect(try value("plumb_last_success_timestamp_seconds") == success)
        #expect(try value("plumb_last_run_timestamp_seconds") > success)
        #expect(try value(#"plumb_runs_total{result="failure"}"#) == "1")
        #expect(try value(#"plumb_runs_total{result="success"}"#) == "1")
        #expect(try value("plumb_failures_total") == "1")
    }
}
