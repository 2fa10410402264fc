/// The configuration as it is written: one struct a JSON object, every key that we know, nothing checked but types.
struct ConfigFile {
    var cniVersion: String?
    var name: String?
    var dataDir: String?
    var subnets: [String]?
    var bridge: String?
    var isGateway: Bool?
    var isDefaultGateway: Bool?
    var hairpinMode: Bool?
    /// Bytes; 0 is as good as none.
    var mtu: Int?
    var repairPod: String?
    var disableContainerInterface: Bool?
    var forceAddress: Bool?
    var ipMasq: Bool?
    var ipMasqBackend: String?
    var nonMasqueradeCIDRs: [String]
    var macspoofchk: Bool?
    var promiscMode: Bool?
    var portIsolation: Bool?
    var vlan: Int?
    var vlanTrunk: [Trunk]
    var preserveDefaultVlan: Bool?
    var enabledad: Bool?
    var bridgeNetfilter: Bool?
    var ipam: IPAM?
    /// What the runtime adds to the ranges.
    var ipRanges: [[Range]]
    /// The runtime adds some, but did not say them with this.
    var awaitsRanges = false
    var wishes: Wishes
    /// The runtime's wish, or the configuration's.
    var dns: DNS
    /// Plugins before us in the chain have answered.
    var isChained: Bool
    var logFile: String?
    var logLevel: String?
    /// Keys that are given, say something else than what happens anyway, and have no effect yet.
    var unenforced: [String]

    struct IPAM {
        var type: String?
        /// The plugin that gives the addresses; `nil`: we do. What else is in here is then its own, and not looked at.
        var delegate: String?
        /// Where host-local kept its leases.
        var dataDir: String?
        /// A file as resolv.conf.
        var resolvConf: String?
        /// `subnet` and its companions beside `ranges`.
        var single: Range
        var ranges: [[Range]]
        var routes: [Route]
    }

    struct Range {
        var subnet: String?
        var rangeStart: String?
        var rangeEnd: String?
        var gateway: String?
        /// Addresses and blocks that are never handed out.
        var exclude: [String] = []
        /// For errors: `ipam.ranges[0][1]`.
        var path: String
    }

    /// VLANs with their tags: one, or some.
    struct Trunk {
        var id: Int?
        var minID: Int?
        var maxID: Int?
        /// For errors: `vlanTrunk[0]`.
        var path: String
    }

    struct Route {
        var dst: String
        var gw: String?
        var mtu: UInt32?
        var advmss: UInt32?
        var priority: UInt32?
        var table: UInt32?
        var scope: UInt8?
        var path: String
    }
}

extension ConfigFile {
    /// - Throws: `.undecodable` for what is no JSON object, `.invalidConfig` for a value of a wrong type, with its key.
    static func decode(_ bytes: [UInt8]) throws(PluginError) -> ConfigFile {
        try ConfigFile(try ConfigObject(bytes))
    }

    init(_ object: ConfigObject) throws(PluginError) {
        cniVersion = try object.string("cniVersion")
        name = try object.string("name")
        _ = try object.string("type")
        dataDir = try object.string("dataDir")
        subnets = try object.strings("subnets")
        bridge = try object.string("bridge")
        isGateway = try object.bool("isGateway")
        isDefaultGateway = try object.bool("isDefaultGateway")
        hairpinMode = try object.bool("hairpinMode")
        mtu = try object.integer("mtu")
        repairPod = try object.string("repairPod")
        disableContainerInterface = try object.bool("disableContainerInterface")
        forceAddress = try object.bool("forceAddress")
        ipMasq = try object.bool("ipMasq")
        ipMasqBackend = try object.string("ipMasqBackend")
        nonMasqueradeCIDRs = try object.strings("nonMasqueradeCIDRs") ?? []
        macspoofchk = try object.bool("macspoofchk")
        promiscMode = try object.bool("promiscMode")
        portIsolation = try object.bool("portIsolation")
        vlan = try object.integer("vlan")
        vlanTrunk = []
        for trunk in try object.objects("vlanTrunk") ?? [] { vlanTrunk.append(try Trunk(trunk)) }
        preserveDefaultVlan = try object.bool("preserveDefaultVlan")
        enabledad = try object.bool("enabledad")
        bridgeNetfilter = try object.bool("bridgeNetfilter")
        ipam = try object.object("ipam").mapTyped { (ipam) throws(PluginError) in try IPAM(ipam) }
        let asked = try object.runtimeConfig()
        ipRanges = try ConfigFile.ranges(asked, "ipRanges")
        wishes = try Wishes(object, asked)
        dns = try asked?.object("dns").mapTyped { (dns) throws(PluginError) in try DNS(dns, ofRuntime: true) } ?? DNS()
        if let configured = try object.object("dns") {
            let configured = try DNS(configured)
            if dns == DNS() { dns = configured }
        }
        isChained = object.has("prevResult")
        logFile = try object.string("logFile")
        logLevel = try object.string("logLevel")
        unenforced = ConfigFile.capabilities.filter { asked?.asks(for: $0) == true }.map { "runtimeConfig.\($0)" }
    }

    /// What a runtime may ask for and does not get yet (CONVENTIONS.md); it asks whom declares the capability.
    private static let capabilities = [
        "aliases", "bandwidth", "cgroupPath", "deviceID", "infinibandGUID", "portMappings",
    ]
}

extension ConfigFile {
    fileprivate static func ranges(_ object: ConfigObject?, _ key: String) throws(PluginError) -> [[Range]] {
        var sets: [[Range]] = []
        for list in try object?.objectLists(key) ?? [] {
            var set: [Range] = []
            for range in list { set.append(try Range(range)) }
            sets.append(set)
        }
        return sets
    }
}

extension ConfigFile.IPAM {
    /// Whose plugin a type is, if not ours.
    static func delegate(_ type: String) -> String? { ["", "plumb", "host-local"].contains(type) ? nil : type }

    fileprivate init(_ object: ConfigObject) throws(PluginError) {
        type = try object.string("type")
        delegate = type.flatMap(ConfigFile.IPAM.delegate)
        ranges = []
        routes = []
        guard delegate == nil else {
            single = ConfigFile.Range(path: object.path)
            return
        }
        dataDir = try object.string("dataDir")
        resolvConf = try object.string("resolvConf")
        single = try ConfigFile.Range(object)
        ranges = try ConfigFile.ranges(object, "ranges")
        for route in try object.objects("routes") ?? [] { routes.append(try ConfigFile.Route(route)) }
    }
}

extension ConfigFile.Range {
    fileprivate init(_ object: ConfigObject) throws(PluginError) {
        subnet = try object.string("subnet")
        rangeStart = try object.word("rangeStart")
        rangeEnd = try object.word("rangeEnd")
        gateway = try object.word("gateway")
        exclude = try object.strings("exclude") ?? []
        path = object.path
    }
}

extension ConfigFile.Trunk {
    fileprivate init(_ object: ConfigObject) throws(PluginError) {
        id = try object.integer("id")
        minID = try object.integer("minID")
        maxID = try object.integer("maxID")
        path = object.path
    }
}

extension ConfigFile.Route {
    init(_ object: ConfigObject) throws(PluginError) {
        guard let dst = try object.string("dst") else {
            throw PluginError(.invalidConfig, "key \(object.path).dst is missing")
        }
        self.dst = dst
        gw = try object.word("gw")
        mtu = try object.integer("mtu")
        advmss = try object.integer("advmss")
        priority = try object.integer("priority")
        table = try object.integer("table")
        scope = try object.integer("scope")
        path = object.path
    }
}

extension Optional {
    /// `map`, with the error's type kept.
    func mapTyped<T, E: Error>(_ body: (Wrapped) throws(E) -> T) throws(E) -> T? {
        if let self { try body(self) } else { nil }
    }
}
