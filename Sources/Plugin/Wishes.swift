internal import Addressing
internal import Store

/// What a runtime asks for one pod: addresses and a MAC. Who asks last in this order is heard, alone: CNI_ARGS,
/// `args.cni`, `runtimeConfig` (CONVENTIONS.md).
package struct Wishes: Hashable, Sendable {
    package struct Wish: Hashable, Sendable {
        /// For errors: `runtimeConfig.ips[0]`.
        var key: String
        var text: String
        var code: PluginError.Code = .invalidConfig
    }

    var addresses: [Wish] = []
    var mac: Wish?

    /// These, and what they leave open as the lower ranks have it.
    func over(_ lower: Wishes) -> Wishes {
        Wishes(addresses: addresses.isEmpty ? lower.addresses : addresses, mac: mac ?? lower.mac)
    }
}

extension Wishes {
    /// `args.cni` and `runtimeConfig` of a configuration.
    init(_ object: ConfigObject, _ asked: ConfigObject?) throws(PluginError) {
        let upper = try asked.mapTyped { (asked) throws(PluginError) in try Wishes(asked) }
        let arguments = try object.object("args")?.object("cni")
        let lower = try arguments.mapTyped { (arguments) throws(PluginError) in try Wishes(arguments) }
        self = (upper ?? Wishes()).over(lower ?? Wishes())
    }

    private init(_ object: ConfigObject) throws(PluginError) {
        for (index, text) in (try object.strings("ips") ?? []).enumerated() {
            addresses.append(Wish(key: "\(object.path).ips[\(index)]", text: text))
        }
        if let text = try object.string("mac"), !text.isEmpty { mac = Wish(key: "\(object.path).mac", text: text) }
    }

    /// `IP` and `MAC` of CNI_ARGS; several addresses with commas between them.
    init(ip: String?, mac: String?) {
        for text in (ip ?? "").utf8.split(separator: UInt8(ascii: ",")) {
            addresses.append(Wish(key: "CNI_ARGS: IP", text: String(Substring(text)), code: .invalidEnvironment))
        }
        if let mac, !mac.isEmpty { self.mac = Wish(key: "CNI_ARGS: MAC", text: mac, code: .invalidEnvironment) }
    }
}

extension Wishes {
    func requestedMAC() throws(PluginError) -> MACAddress? {
        guard let mac else { return nil }
        guard let address = MACAddress(mac.text) else {
            throw mac.error("is no MAC address, as 0a:58:0a:f4:01:05 is")
        }
        guard address.isUnicast else { throw mac.error("names no single interface: it is a group's, or zero") }
        return address
    }

    /// One a range set at most, and of what the set offers. One that is asked for twice is asked for: `podman network
    /// reload` says both what the container was made with and what it has.
    ///
    /// - Parameter sets: empty if the network gives no addresses.
    func requestedAddresses(_ sets: [[RangeSpec]]) throws(PluginError) -> [IPAddress] {
        var addresses: [IPAddress] = []
        var taken: [Int: Wish] = [:]
        for wish in self.addresses {
            let (address, set) = try place(wish, sets)
            if addresses.contains(address) { continue }
            if let other = taken[set] {
                throw wish.error(
                    "is of range set \(set), which gives one address a pod: \(other.text) is asked for too")
            }
            taken[set] = wish
            addresses.append(address)
        }
        return addresses
    }

    private func place(_ wish: Wish, _ sets: [[RangeSpec]]) throws(PluginError) -> (IPAddress, set: Int) {
        let cidr = CIDR(wish.text)
        guard let address = cidr?.address ?? IPAddress(wish.text) else {
            throw wish.error("is no address, as 10.244.1.5 or 10.244.1.5/24 is")
        }
        for (index, set) in sets.enumerated() {
            guard let range = set.first(where: { $0.contains(address) }) else { continue }
            if address == range.gateway { throw wish.error("is the gateway of \(range.subnet)") }
            if let block = range.exclusion(of: address) {
                throw wish.error("is excluded from \(range.subnet): \(block)")
            }
            if let cidr, cidr.prefixLength != range.subnet.prefixLength {
                throw wish.error(
                    "is of \(range.subnet), whose pods have the prefix length \(range.subnet.prefixLength)")
            }
            return (address, index)
        }
        guard !sets.isEmpty else { throw wish.error("cannot be given: the network gives no addresses") }
        let ranges = sets.joined().map { "\($0.first)–\($0.last) in \($0.subnet)" }.joined(separator: ", ")
        throw wish.error("is in no range of the network: \(ranges)")
    }
}

extension Wishes.Wish {
    fileprivate func error(_ reason: String) -> PluginError { PluginError(code, "\(key): \(text) \(reason)") }
}
