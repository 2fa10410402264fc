internal import Addressing
internal import Store

/// The result of another IPAM plugin, in the shape of any version of the protocol (SPEC.md section 5).
enum DelegateResult {
    /// - Throws: `.undecodable` for what is no JSON object, `.invalidConfig` for one that says nothing sensible.
    static func parse(
        _ bytes: [UInt8], plugin: String, network: NetworkSpec
    ) throws(PluginError) -> Assignment {
        do throws(PluginError) {
            let result = try ConfigObject(bytes, what: "it")
            var leases: [Lease] = []
            var routes: [RouteSpec] = []
            for ip in try result.objects("ips") ?? [] {
                leases.append(try lease(ip, addressKey: "address", network))
            }
            for route in try result.objects("routes") ?? [] { routes.append(try RouteSpec(route)) }
            // Before 0.3.0: one address a family, with its routes.
            for key in ["ip4", "ip6"] {
                guard let ip = try result.object(key) else { continue }
                leases.append(try lease(ip, addressKey: "ip", network))
                for route in try ip.objects("routes") ?? [] { routes.append(try RouteSpec(route)) }
            }
            guard !leases.isEmpty else { throw PluginError(.invalidConfig, "it holds no address") }
            for (place, lease) in leases.enumerated()
            where leases[..<place].contains(where: { $0.address.address == lease.address.address }) {
                throw PluginError(.invalidConfig, "it holds \(lease.address.address) twice")
            }
            var dns: String?
            if let told = try result.object("dns") { dns = try DNS(told).json }
            return Assignment(leases: leases, routes: try RouteSpec.distinct(routes), dns: dns)
        } catch {
            throw PluginError(
                error.code, "network \(network.name): the answer of IPAM plugin \(plugin): \(error.message)")
        }
    }

    private static func lease(
        _ ip: ConfigObject, addressKey: String, _ network: NetworkSpec
    ) throws(PluginError) -> Lease {
        let text = try ip.string(addressKey) ?? ""
        guard let address = CIDR(text) else {
            throw PluginError(.invalidConfig, "key \(ip.path).\(addressKey): \"\(text)\" is no address with prefix")
        }
        guard let word = try ip.word("gateway") else {
            // As the reference: the bridge holds the subnet's first address where nobody says which.
            return Lease(address: address, gateway: network.isGateway ? address.network.address.advanced(by: 1) : nil)
        }
        let gateway = try IPAddress(nextHop: word, key: "\(ip.path).gateway", address.address.family)
        return Lease(address: address, gateway: gateway)
    }
}
