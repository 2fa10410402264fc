import Foundation

/// A conflist, played as libcni plays it: every plugin gets its own object with the list's name and version, what it declared
/// of the runtime's capabilities, and the result of the one before; CHECK and DEL get ADD's last one, DEL from the end.
struct Chain {
    /// The plugins' objects, in order; of `plumb`, dataDir comes by itself.
    var plugins: [String]
    /// The newest that Debian's plugins speak.
    var version = "1.0.0"
    /// What the runtime offers to whom declares it.
    var capabilities = "{}"
    var pod = "pod1"

    private func input(_ plugin: String, _ previous: String?, _ node: TestNode) throws -> (type: String, text: String) {
        guard var object = try JSONSerialization.jsonObject(with: Data(plugin.utf8)) as? [String: Any],
            let offered = try JSONSerialization.jsonObject(with: Data(capabilities.utf8)) as? [String: Any],
            let type = object["type"] as? String
        else { throw Failure(description: "no plugin: \(plugin)") }
        object["name"] = "pods"
        object["cniVersion"] = version
        if type == "plumb" { object["dataDir"] = node.dataDirectory }
        let declared = object["capabilities"] as? [String: Bool] ?? [:]
        let asked = offered.filter { declared[$0.key] == true }
        if !asked.isEmpty { object["runtimeConfig"] = asked }
        if let previous { object["prevResult"] = try JSONSerialization.jsonObject(with: Data(previous.utf8)) }
        return (type, String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self))
    }

    /// Calls one plugin of the chain.
    func call(_ verb: String, _ plugin: String, _ previous: String?, _ node: TestNode) throws -> Output {
        let (type, text) = try input(plugin, previous, node)
        let directory = InstallTests.root + "/.build/reference/usr/lib/cni"
        let program = type == "plumb" ? node.binaries + "/plumb" : "\(directory)/\(type)"
        var call = Call(pod: pod)
        call.variables["CNI_COMMAND"] = verb
        call.variables["CNI_PATH"] = directory
        return try node.start([program], environment: call.environment, input: text, in: node.host).wait()
    }

    /// ADD; answers with the last result.
    func add(_ node: TestNode, after earlier: String? = nil) throws -> String {
        var previous = earlier
        for plugin in plugins {
            let output = try call("ADD", plugin, previous, node)
            guard output.status == 0 else { throw Failure(description: "ADD of \(plugin): \(output.all)") }
            previous = output.stdout
        }
        return previous ?? ""
    }

    /// What plugins said that failed, one text each.
    func check(_ result: String, _ node: TestNode) throws -> [String] {
        try plugins.compactMap { plugin in
            let output = try call("CHECK", plugin, result, node)
            return output.status == 0 ? nil : "CHECK of \(plugin): \(output.all)"
        }
    }

    /// As ``check(_:_:)``; libcni would stop at the first.
    func delete(_ result: String?, _ node: TestNode) throws -> [String] {
        try plugins.reversed().compactMap { plugin in
            let output = try call("DEL", plugin, result, node)
            return output.status == 0 ? nil : "DEL of \(plugin): \(output.all)"
        }
    }
}
