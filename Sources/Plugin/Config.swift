internal import Addressing
package import Store

/// A configuration that was understood: the network that it describes, and where its database is.
package struct Config: Hashable, Sendable {
    package var version: ProtocolVersion
    package var network: NetworkSpec
    /// `ipam.routes`.
    package var routes: [RouteSpec]
    /// Another IPAM plugin that gives the addresses: `ipam.type`.
    package var delegate: String?
    /// The pod's interface is brought up.
    package var linkUp: Bool
    /// Where host-local keeps the network's leases, if it served it before; `nil` if the addresses are not ours to give.
    package var hostLocal: String?
    package var dataDirectory: String
    package var wishes: Wishes
    /// The `dns` object of the answer, as JSON.
    package var dns: String?
    /// `ipam.resolvConf`: the file that says it where nobody else does.
    package var resolvConf: String?
    /// Plugins before us in the chain have answered: ``EarlierResult``.
    var isChained: Bool
    /// Keys that were given and have no effect yet.
    package var unenforced: [String]
    /// What else a person should know of the keys that were given.
    package var notes: [String]
}

extension Config {
    /// Reads the short form (`subnets`), or the reference bridge plugin's with its keys and its defaults.
    ///
    /// - Throws: `.undecodable`, `.incompatibleVersion`, `.invalidConfig`.
    package init(_ bytes: [UInt8]) throws(PluginError) { try self.init(try ConfigFile.decode(bytes)) }

    init(_ file: ConfigFile) throws(PluginError) {
        version = try ProtocolVersion.parse(file.cniVersion)
        let name = try Config.networkName(file.name)
        let short = file.subnets != nil
        if short, file.ipam != nil {
            throw PluginError(.invalidConfig, "keys subnets and ipam exclude each other: network \(name) has both")
        }
        let bridge = file.bridge ?? "cni0"
        if let reason = Name.faultOfInterface(bridge) ?? Name.faultInCommands(bridge) {
            throw PluginError(.invalidConfig, "key bridge: \"\(bridge)\" \(reason)")
        }
        if let mtu = file.mtu, mtu != 0, !(68...65535).contains(mtu) {
            throw PluginError(.invalidConfig, "key mtu: \(mtu) bytes is not within 68–65535")
        }
        guard let repairPod = RepairPod(rawValue: file.repairPod ?? "all") else {
            throw PluginError(
                .invalidConfig, "key repairPod: \"\(file.repairPod ?? "")\" is none of all, missing-link, none")
        }
        let isDefaultGateway = file.isDefaultGateway ?? (short && file.isGateway != false)
        let promiscuous = file.promiscMode ?? false
        if promiscuous, file.hairpinMode == true {
            throw PluginError(
                .invalidConfig,
                "keys hairpinMode and promiscMode exclude each other: network \(name) has both, and a pod would get frames "
                    + "twice")
        }
        network = NetworkSpec(
            name: name, bridge: bridge, mtu: file.mtu == 0 ? nil : file.mtu,
            isGateway: file.isGateway ?? false || isDefaultGateway, isDefaultGateway: isDefaultGateway,
            hairpin: file.hairpinMode ?? (short && !promiscuous), repairPod: repairPod,
            forceAddress: file.forceAddress ?? false, promiscuous: promiscuous,
            link: LinkOptions(
                isIsolated: file.portIsolation ?? false, vlans: try Config.vlans(file),
                detectsDuplicates: file.enabledad ?? false),
            bridgeNetfilter: file.bridgeNetfilter ?? false, rangeSets: try RangeSets.parse(file, network: name),
            masquerade: try Config.masquerade(file), checksMAC: file.macspoofchk ?? false)
        if let mtu = network.mtu, mtu < 1280, network.rangeSets.joined().contains(where: { $0.subnet.family == .v6 }) {
            throw PluginError(
                .invalidConfig, "key mtu: \(mtu) bytes are too few for IPv6, which needs 1280 (RFC 8200 section 5)")
        }
        delegate = file.ipam?.delegate
        linkUp = file.disableContainerInterface != true
        guard linkUp || network.rangeSets.isEmpty && delegate == nil else {
            throw PluginError(
                .invalidConfig,
                "key disableContainerInterface: network \(name) gives addresses, which need an interface that is up")
        }
        hostLocal = try Config.hostLocal(file.ipam?.dataDir, name: name, delegate: delegate)
        var routes: [RouteSpec] = []
        for route in file.ipam?.routes ?? [] { routes.append(try RouteSpec(route)) }
        self.routes = try RouteSpec.distinct(routes)
        dataDirectory = try Config.dataDirectory(file.dataDir)
        wishes = file.wishes
        dns = file.dns.json
        resolvConf = file.ipam?.resolvConf.flatMap { $0.isEmpty ? nil : $0 }
        if let path = file.logFile, !path.isAbsolutePath {
            throw PluginError(.invalidConfig, "key logFile: \"\(path)\" is not an absolute path")
        }
        if let level = file.logLevel, Log.Level(rawValue: level) == nil {
            throw PluginError(.invalidConfig, "key logLevel: \"\(level)\" is none of debug, info, warn, error")
        }
        isChained = file.isChained
        unenforced = file.unenforced
        notes = []
        if file.ipMasq == true, file.ipMasqBackend == "iptables" {
            notes.append("key ipMasqBackend: nf_tables masquerades, not iptables; both may be in use on one node")
        }
    }

    private static func masquerade(_ file: ConfigFile) throws(PluginError) -> Masquerade? {
        if let backend = file.ipMasqBackend, !["", "iptables", "nftables"].contains(backend) {
            throw PluginError(.invalidConfig, "key ipMasqBackend: \"\(backend)\" is neither iptables nor nftables")
        }
        var blocks: [CIDR] = []
        for (place, text) in file.nonMasqueradeCIDRs.enumerated() {
            guard let block = CIDR(text) else {
                throw PluginError(
                    .invalidConfig, "key nonMasqueradeCIDRs[\(place)]: \"\(text)\" is no prefix, as 10.0.0.0/8 is")
            }
            blocks.append(block)
        }
        return file.ipMasq == true ? Masquerade(exceptions: CIDR.outermost(blocks)) : nil
    }

    /// DEL and the like need to know only which network, and where it is recorded; nothing else can fail them.
    package struct Reference: Hashable, Sendable {
        package var name: String
        package var dataDirectory: String
        /// Another IPAM plugin that gives the addresses: `ipam.type`.
        package var delegate: String?
        /// Where host-local keeps the network's leases.
        package var hostLocal: String?

        package init(_ bytes: [UInt8]) throws(PluginError) {
            try self.init(try ConfigObject(bytes))
        }

        init(_ object: ConfigObject) throws(PluginError) {
            name = try Config.networkName(try object.string("name"))
            dataDirectory = try Config.dataDirectory(try object.string("dataDir"))
            delegate = Config.delegate(in: object)
            hostLocal = Config.hostLocal(in: object, name: name, delegate: delegate)
        }
    }

    /// What cannot be read names none: the row knows then.
    private static func delegate(in object: ConfigObject) -> String? {
        do throws(PluginError) {
            return try object.object("ipam")?.string("type").flatMap(ConfigFile.IPAM.delegate)
        } catch {
            return nil
        }
    }

    /// What is wrong with the key is ADD's to tell.
    private static func hostLocal(in object: ConfigObject, name: String, delegate: String?) -> String? {
        do throws(PluginError) {
            return try hostLocal(try object.object("ipam")?.string("dataDir"), name: name, delegate: delegate)
        } catch {
            return nil
        }
    }

    private static func hostLocal(
        _ dataDir: String?, name: String, delegate: String?
    ) throws(PluginError) -> String? {
        guard delegate == nil else { return nil }
        let given = dataDir ?? ""
        let directory = given.isEmpty ? "/var/lib/cni/networks" : given
        guard directory.isAbsolutePath else {
            throw PluginError(.invalidConfig, "key ipam.dataDir: \"\(directory)\" is not an absolute path")
        }
        return "\(directory)/\(name)"
    }

    private static func networkName(_ given: String?) throws(PluginError) -> String {
        guard let name = given, !name.isEmpty else { throw PluginError(.invalidConfig, "key name is missing") }
        guard Name.isValid(name) else {
            throw PluginError(
                .invalidConfig,
                "key name: \"\(name)\" must begin with a letter or digit, and hold only letters, digits, "
                    + "'_', '.' and '-'")
        }
        return name
    }

    private static func dataDirectory(_ given: String?) throws(PluginError) -> String {
        let directory = given ?? Store.defaultDirectory
        guard directory.isAbsolutePath else {
            throw PluginError(.invalidConfig, "key dataDir: \"\(directory)\" is not an absolute path")
        }
        return directory
    }
}

extension RouteSpec {
    /// A route as configurations and results write it.
    init(_ object: ConfigObject) throws(PluginError) { try self.init(try ConfigFile.Route(object)) }

    fileprivate init(_ route: ConfigFile.Route) throws(PluginError) {
        guard let destination = CIDR(route.dst) else {
            throw PluginError(.invalidConfig, "key \(route.path).dst: \"\(route.dst)\" is no prefix, as 10.0.0.0/8 is")
        }
        var gateway: IPAddress?
        if let text = route.gw {
            gateway = try IPAddress(nextHop: text, key: "\(route.path).gw", destination.family)
        }
        // 0 is the kernel's word for "none was asked for" (RT_TABLE_UNSPEC of include/uapi/linux/rtnetlink.h).
        self.init(
            destination: destination.network, gateway: gateway, metric: route.priority ?? 0,
            table: route.table.flatMap { $0 == 0 ? nil : $0 } ?? 254,
            mtu: route.mtu.flatMap(RouteSpec.keptMTU), advertisedMSS: route.advmss.flatMap(RouteSpec.keptAdvertisedMSS),
            scope: route.scope)
    }

    /// Each once.
    ///
    /// - Throws: `.invalidConfig` for two of which the kernel would keep one.
    static func distinct(_ routes: [RouteSpec]) throws(PluginError) -> [RouteSpec] {
        guard routes.count > 1 else { return routes }
        var distinct: [RouteSpec] = []
        for route in routes where !distinct.contains(route) {
            if distinct.contains(where: { $0.hasPlace(of: route) }) {
                throw PluginError(
                    .invalidConfig,
                    "key routes: two routes to \(route.destination) have the priority \(route.metric), of which the kernel "
                        + "would keep one: give each a priority of its own")
            }
            distinct.append(route)
        }
        return distinct
    }
}

extension IPAddress {
    /// - Throws: `.invalidConfig` for what nobody can route by.
    init(nextHop text: String, key: String, _ family: IPFamily) throws(PluginError) {
        guard let address = IPAddress(text), address.family == family else {
            throw PluginError(.invalidConfig, "key \(key): \"\(text)\" is no IPv\(family.version) address")
        }
        guard !address.isUnspecified, !address.isMulticast else {
            throw PluginError(.invalidConfig, "key \(key): nobody can route by \(address)")
        }
        self = address
    }
}
