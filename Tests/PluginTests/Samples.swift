import Testing

@testable import Plugin

/// What a call that must fail fails with.
func failure<T>(_ body: () throws(PluginError) -> T) throws -> PluginError {
    var caught: PluginError?
    do throws(PluginError) {
        _ = try body()
    } catch {
        caught = error
    }
    return try #require(caught, "it did not fail")
}

/// A configuration with these keys beside version and name.
func config(_ keys: String, version: String = "1.1.0") -> [UInt8] {
    Array(#"{"cniVersion":"\#(version)","name":"pods",\#(keys)}"#.utf8)
}
