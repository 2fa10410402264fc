import Testing

@testable import Plugin

@Suite struct LogTests {
    private let call = ["CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0"]

    @Test func `a configuration names the file and the level`() throws {
        let log = try #require(Log(config(#""logFile":"/var/log/plumb.log","logLevel":"debug""#)))
        #expect(log.path == "/var/log/plumb.log" && log.level == .debug)
        #expect(Log(config(#""logFile":"/l""#))?.level == .warn)
        #expect(Log(config(#""LOGFILE":"/l""#))?.path == "/l")
        #expect(Log(config(#""logFile":"/l","logLevel":"chatty""#))?.level == .warn)
    }

    @Test(arguments: [
        #""logFile":7"#, #""logFile":"relative""#, #""x":"\"logFile\"""#, #""y":{"logFile":"/l"}"#, "\"logFile",
    ])
    func `anything else names none`(keys: String) {
        #expect(Log(config(keys)) == nil)
        #expect(Log([]) == nil)
    }

    @Test func `an event is a line`() {
        let events = [
            Log.Event(level: .debug, text: "a"), Log.Event(level: .info, text: "b"),
            Log.Event(level: .warn, text: "c\n2026 error\u{7f}"), Log.Event(level: .error, text: "d €"),
        ]
        let at: Int64 = 951_782_399_007
        let stamp = "2000-02-28T23:59:59.007Z"
        #expect(
            Log(path: "/l", level: .warn).lines(events, call, atMilliseconds: at)
                == "\(stamp) warn ADD c1 eth0 c\\n2026 error\\u{7F}\n\(stamp) error ADD c1 eth0 d €\n")
        #expect(Log(path: "/l", level: .error).lines(Array(events[..<3]), call, atMilliseconds: at).isEmpty)
        #expect(
            Log(path: "/l", level: .debug).lines(events, [:], atMilliseconds: at).hasPrefix("\(stamp) debug - - - a\n"))
        let odd = ["CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c 1\n", "CNI_IFNAME": ""]
        #expect(
            Log(path: "/l", level: .error).lines(events, odd, atMilliseconds: at)
                == "\(stamp) error ADD c\\u{20}1\\n - d €\n")
    }
}
