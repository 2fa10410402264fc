internal import FoundationEssentials

/// What the runtime gets: one JSON object or nothing on stdout, talk on stderr, an exit code.
package struct Response: Hashable, Sendable {
    package var stdout = ""
    package var stderr: [String] = []
    package var exitCode: Int32 = 0

    package init() {}
}

/// The CNI protocol: from variables and stdin to a response.
package enum Plugin {
    /// - Parameter readInput: reads stdin to its end; not called for a verb that has none.
    package static func run(
        _ variables: [String: String], readInput: () throws(PluginError) -> [UInt8]
    ) -> Response {
        var response = Response()
        let command = variables["CNI_COMMAND", default: ""]
        guard !command.isEmpty else {
            response.stderr = [about]
            return response
        }
        var input: [UInt8] = []
        do throws(PluginError) {
            switch command {
            case "VERSION":
                response.stdout = try JSONText.encode(Versions())
            case "ADD":
                input = try readInput()
                response.stdout = try add(variables, input, &response.stderr)
            case "DEL":
                input = try readInput()
                try delete(variables, input, &response.stderr)
            default:
                throw PluginError(.invalidEnvironment, "CNI_COMMAND \"\(command)\" is not one of ADD, DEL, VERSION")
            }
        } catch {
            response.stdout = report(error, version: versionNamed(in: input) ?? ProtocolVersion.newest.rawValue)
            response.exitCode = 1
        }
        return response
    }

    package static let about = """
        plumb is a CNI plugin; a container runtime calls it with CNI_COMMAND and a configuration on stdin.
        CNI versions: \(ProtocolVersion.allCases.map(\.rawValue).joined(separator: ", "))
        Administration is plumbctl's: plumbctl --help
        """

    private struct Versions: Encodable {
        var cniVersion = ProtocolVersion.newest.rawValue
        var supportedVersions = ProtocolVersion.allCases.map(\.rawValue)
    }

    private struct ErrorObject: Encodable {
        var cniVersion: String
        var code: Int
        var msg: String
        var details: String?
    }

    private static func report(_ error: PluginError, version: String) -> String {
        let object = ErrorObject(
            cniVersion: version, code: error.code.rawValue, msg: error.message,
            details: error.details.isEmpty ? nil : error.details)
        do throws(PluginError) {
            return try JSONText.encode(object)
        } catch {
            return #"{"code":5,"msg":"an error occurred, and so did one in telling it"}"#
        }
    }

    private struct VersionOnly: Decodable { var cniVersion: String? }

    /// An error answers in the caller's version, even where the rest of its configuration is nonsense.
    private static func versionNamed(in input: [UInt8]) -> String? {
        // Whatever does not decode here is told by the verb itself.
        (try? JSONDecoder().decode(VersionOnly.self, from: Data(input)))?.cniVersion
    }
}
