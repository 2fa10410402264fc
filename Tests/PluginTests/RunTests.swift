import Foundation
import Testing

@testable import Plugin

@Suite struct RunTests {
    private func run(_ variables: [String: String], _ input: [UInt8] = []) -> Response {
        Plugin.run(variables) { () throws(PluginError) in input }
    }

    @Test func `VERSION lists what is spoken`() {
        let response = run(["CNI_COMMAND": "VERSION"])
        #expect(
            response.stdout
                == #"{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"#
        )
        #expect(response.exitCode == 0 && response.stderr.isEmpty)
    }

    @Test func `without a command it says what it is`() {
        let response = run([:])
        #expect(response.stdout.isEmpty && response.exitCode == 0 && response.stderr == [Plugin.about])
    }

    @Test func `an unknown command is an error in the newest version`() {
        let response = run(["CNI_COMMAND": "MOVE"])
        #expect(response.exitCode == 1)
        #expect(response.stdout.hasPrefix(#"{"cniVersion":"1.1.0","code":4,"msg":"CNI_COMMAND \"MOVE\""#))
    }

    static let add = [
        "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/nonexistent",
        "CNI_PATH": "/bin",
    ]

    @Test(arguments: ["0.1.0", "0.3.1", "1.0.0", "9.9.9"])
    func `an error answers in the caller's version`(version: String) {
        let response = run(Self.add, config(#""subnets":["10.1.0.0/24"]"#, version: version))
        #expect(response.exitCode == 1)
        #expect(response.stdout.hasPrefix(#"{"cniVersion":"\#(version)","code":\#(version == "9.9.9" ? 1 : 4)"#))
    }

    /// Bytes of a valid configuration changed, taken out, doubled: whatever comes, one JSON object.
    @Test(arguments: UInt64(0)..<300)
    func `a mangled configuration gets one JSON object`(seed: UInt64) throws {
        let keys =
            #""bridge":"b","mtu":1400,"dataDir":"/nonexistent","ipam":{"ranges":[[{"subnet":"10.1.0.0/24"}]],"#
            + #""routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1","mtu":1300}]}"#
        var bytes = config(keys)
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0...next(6) where !bytes.isEmpty {
            let place = next(bytes.count)
            switch next(4) {
            case 0: bytes[place] = UInt8(next(256))
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: bytes[place..<min(place + 9, bytes.count)], at: place)
            default: bytes[place] = Array(#"{}[]",:0-9e"#.utf8)[next(12) % 11]
            }
        }
        let response = run(Self.add, bytes)
        #expect(response.exitCode == 1)
        let object = try JSONSerialization.jsonObject(with: Data(response.stdout.utf8)) as? [String: Any]
        #expect(object?["code"] is Int && object?["msg"] is String, "seed \(seed): \(response.stdout)")
    }
}
