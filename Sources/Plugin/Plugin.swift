/// What the runtime gets: one JSON object or nothing on stdout, talk on stderr, an exit code.
package struct Response: Hashable, Sendable {
    package var stdout = ""
    package var stderr: [String] = []
    package var exitCode: Int32 = 0
    /// Of an ADD that succeeded: what undoes it, should nobody hear of that.
    var input: [UInt8]?

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
        var failure: PluginError?
        do throws(PluginError) {
            switch command {
            case "VERSION":
                response.stdout = versions(readInput)
            case "ADD":
                input = try readInput()
                response.stdout = try add(variables, input, &response.stderr)
                response.input = input
            case "DEL":
                input = try readInput()
                try delete(variables, input, &response.stderr)
            case "CHECK":
                input = try readInput()
                try check(variables, input)
            case "GET":
                input = try readInput()
                response.stdout = try get(variables, input)
            case "GC":
                input = try readInput()
                try collectGarbage(variables, input, &response.stderr)
            case "STATUS":
                input = try readInput()
                try status(variables, input)
            default:
                throw PluginError(
                    .invalidEnvironment,
                    "CNI_COMMAND \"\(command)\" is not one of ADD, CHECK, DEL, GC, GET, STATUS, VERSION")
            }
        } catch {
            response.stdout = report(error, version: versionNamed(in: input) ?? ProtocolVersion.newest.rawValue)
            response.exitCode = 1
            failure = error
        }
        Log.record(&response, failure, variables, input)
        return response
    }

    package static let about = """
        plumb is a CNI plugin; a container runtime calls it with CNI_COMMAND and a configuration on stdin.
        CNI versions: \(ProtocolVersion.allCases.map(\.rawValue).joined(separator: ", "))
        Administration is plumbctl's: plumbctl --help
        """

    /// The version that was asked with, whatever it is (SPEC.md, "VERSION Success"). Before 1.0.0 the verb had no input;
    /// libcni always gives it one.
    private static func versions(_ readInput: () throws(PluginError) -> [UInt8]) -> String {
        var input: [UInt8] = []
        do throws(PluginError) {
            input = try readInput()
        } catch {
            // Who gives none that can be read is told what we speak all the same.
        }
        return JSONWriter.write(
            .object([
                .init("cniVersion", .string(versionNamed(in: input) ?? ProtocolVersion.newest.rawValue)),
                .init("supportedVersions", .array(ProtocolVersion.allCases.map { .string($0.rawValue) })),
            ]))
    }

    private static func report(_ error: PluginError, version: String) -> String {
        JSONWriter.write(
            .object([
                .init("cniVersion", .string(version)), .init("code", .integer(error.code.rawValue)),
                .init("msg", .string(error.message)),
                .init("details", error.details.isEmpty ? nil : .string(error.details)),
            ]))
    }

    /// An error answers in the caller's version, even where the rest of its configuration is nonsense; `nil` if nothing
    /// can be known of it.
    private static func versionNamed(in input: [UInt8]) -> String? {
        // Whatever does not decode here is told by the verb itself.
        do throws(PluginError) {
            let version = try ConfigObject(input).string("cniVersion") ?? ""
            return version.isEmpty ? ProtocolVersion.v0_1_0.rawValue : version
        } catch {
            return nil
        }
    }
}
