import Foundation

/// One call that a real runtime made of a reference plugin (Tests/Recordings), and what that answered.
struct Recording: Decodable {
    var plugin: String
    var env: [String: String]
    var stdin: String
    var stdout: String
    var exit: Int32

    static let files = [
        "containerd-1.6.20-cni1.0.0", "containerd-2.3.4-cni1.1.0", "crio-1.36.3-cni1.1.0", "podman-4.3.1-cni1.0.0",
    ]

    static func calls(of plugin: String, in file: String) throws -> [Recording] {
        let path = InstallTests.root + "/Tests/Recordings/\(file).jsonl"
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .map { try JSONDecoder().decode(Recording.self, from: Data($0.utf8)) }.filter { $0.plugin == plugin }
    }

    var verb: String { env["CNI_COMMAND"] ?? "" }
    var netns: String { env["CNI_NETNS"] ?? "" }

    /// stdin with members put in place of its own; `nil` takes one out.
    func input(with members: [String: JSON?]) throws -> String {
        guard case .object(var object) = try JSON(stdin) else { throw Failure(description: "no object: \(stdin)") }
        for (key, value) in members { object[key] = value }
        return JSON.object(object).description
    }
}

extension JSON: CustomStringConvertible {
    /// The same as text, for the plugin's stdin.
    var description: String {
        switch self {
        case .null: "null"
        case .bool(let bool): String(bool)
        case .number(let number): number == number.rounded() ? String(Int(number)) : String(number)
        case .string(let string): JSON.quoted(string)
        case .array(let elements): "[\(elements.map(\.description).joined(separator: ","))]"
        case .object(let members):
            "{\(members.sorted { $0.key < $1.key }.map { "\(JSON.quoted($0.key)):\($0.value)" }.joined(separator: ","))}"
        }
    }

    private static func quoted(_ string: String) -> String {
        guard let data = try? JSONEncoder().encode(string) else { return "\"\"" }
        return String(decoding: data, as: UTF8.self)
    }
}
