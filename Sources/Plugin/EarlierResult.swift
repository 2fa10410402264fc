/// `prevResult` of an ADD: what the plugins before us in the chain answered. A plugin that gets one must pass it on (SPEC.md,
/// section 2, "ADD"); the reference bridge does not, and the chain forgets whatever was before it.
struct EarlierResult {
    private let members: ConfigObject

    /// - Throws: `.invalidConfig`, naming the key, for what is no result.
    init?(_ configuration: [UInt8]) throws(PluginError) {
        guard let object = try ConfigObject(configuration).object("prevResult") else { return nil }
        members = object
        for key in EarlierResult.lists { _ = try object.elements(key) }
    }

    /// In this order because the indexes of `ips` count in `interfaces`.
    private static let lists = ["interfaces", "ips", "routes"]

    /// Our answer with that one before it: interfaces keep their places, and ours come behind them. Its `dns` stands where we
    /// have none.
    func joined(with answer: String) throws(PluginError) -> String {
        let ours = try ConfigObject(Array(answer.utf8), what: "our own answer")
        let interfaces = try members.elements("interfaces").count
        var result = [JSONWriter.Member("cniVersion", ours.raw("cniVersion").map { .read($0) })]
        for key in EarlierResult.lists {
            var elements = try members.elements(key)
            for element in try ours.elements(key) {
                elements.append(key == "ips" ? EarlierResult.moved(element, by: interfaces) : element)
            }
            result.append(.init(key, .read(.array(elements))))
        }
        let dns = ours.raw("dns") ?? members.raw("dns").flatMap { $0.isEmpty ? nil : $0 }
        result.append(.init("dns", dns.map { .read($0) }))
        return JSONWriter.write(.object(result))
    }

    private static func moved(_ ip: JSONValue, by interfaces: Int) -> JSONValue {
        guard case .object(var members) = ip, case .number(let digits)? = members["interface"], let index = Int(digits)
        else { return ip }
        members["interface"] = .number(String(index + interfaces))
        return .object(members)
    }
}
