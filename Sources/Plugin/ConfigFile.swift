internal import FoundationEssentials

/// The configuration as it is written: one struct a JSON object, every key that we know, nothing checked but types.
struct ConfigFile: Decodable {
    var cniVersion: String?
    var name: String?
    var type: String?
    var dataDir: String?
    var subnets: [String]?
    var bridge: String?
    var isGateway: Bool?
    var isDefaultGateway: Bool?
    var hairpinMode: Bool?
    var mtu: Int?
    var repairPod: String?
    var ipam: IPAM?
    // Known, and not enforced yet.
    var forceAddress: Bool?
    var ipMasq: Bool?
    var ipMasqBackend: String?
    var nonMasqueradeCIDRs: [String]?
    var promiscMode: Bool?
    var portIsolation: Bool?
    var macspoofchk: Bool?
    var vlan: Int?
    var vlanTrunk: [VLANTrunk]?
    var preserveDefaultVlan: Bool?
    var enabledad: Bool?
    var disableContainerInterface: Bool?
    var bridgeNetfilter: Bool?
    var dns: DNS?
    var logFile: String?
    var logLevel: String?

    struct IPAM: Decodable {
        var type: String?
        var subnet: String?
        var rangeStart: String?
        var rangeEnd: String?
        var gateway: String?
        var ranges: [[Range]]?
        var routes: [Route]?
        var resolvConf: String?
        var dataDir: String?
    }

    struct Range: Decodable {
        var subnet: String?
        var rangeStart: String?
        var rangeEnd: String?
        var gateway: String?
    }

    struct Route: Decodable {
        var dst: String
        var gw: String?
        var mtu: UInt32?
        var advmss: UInt32?
        var priority: UInt32?
        var table: UInt32?
        var scope: UInt8?
    }

    struct VLANTrunk: Decodable {
        var minID: Int?
        var maxID: Int?
        var id: Int?
    }

    struct DNS: Decodable {
        var nameservers: [String]?
        var domain: String?
        var search: [String]?
        var options: [String]?
    }
}

extension ConfigFile {
    /// - Throws: `.undecodable` for what is no JSON object, `.invalidConfig` for a value of a wrong type, with its key.
    static func decode(_ bytes: [UInt8]) throws(PluginError) -> ConfigFile {
        do {
            return try JSONDecoder().decode(ConfigFile.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw describe(error, size: bytes.count)
        } catch {
            throw PluginError(.undecodable, "the configuration on stdin cannot be decoded: \(error)")
        }
    }

    private static func describe(_ error: DecodingError, size: Int) -> PluginError {
        switch error {
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            guard !context.codingPath.isEmpty else {
                return PluginError(.undecodable, "the configuration on stdin is no JSON object")
            }
            return PluginError(.invalidConfig, "key \(path(context.codingPath)): a value of type \(type) is needed")
        case .keyNotFound(let key, let context):
            return PluginError(.invalidConfig, "key \(path(context.codingPath + [key])) is missing")
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            return PluginError(.invalidConfig, "key \(path(context.codingPath)): \(context.debugDescription)")
        default:
            return PluginError(
                .undecodable, size == 0 ? "there is no configuration on stdin" : "the configuration on stdin is no JSON"
            )
        }
    }

    /// `ipam.ranges[0][1].subnet`.
    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce("") { path, key in
            if let index = key.intValue { return "\(path)[\(index)]" }
            return path.isEmpty ? key.stringValue : "\(path).\(key.stringValue)"
        }
    }
}
