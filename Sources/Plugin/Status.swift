internal import Addressing
internal import Glibc
internal import Reconciler
internal import Store

extension Plugin {
    /// STATUS: whether an ADD of this network could be served now (code 50), and whether the pods that it has still get
    /// what they were promised of the host (code 51). Writes nothing, and makes no database.
    ///
    /// Another IPAM plugin is asked after us, and its answer is passed on.
    static func status(_ variables: [String: String], _ input: [UInt8]) throws(PluginError) {
        let object = try ConfigObject(input)
        var file = try ConfigFile(object)
        if file.ipRanges.isEmpty { file.awaitsRanges = try declares("ipRanges", object) }
        let config = try Config(file)
        try config.version.require(.v1_1_0, verb: "STATUS")
        do throws(PluginError) {
            try assess(config)
        } catch  where error.code == .cutOff {
            // An ADD or an apply may be about to put it right, and a node that is not ready costs more than a moment.
            usleep(100_000)
            try assess(config)
        }
        try checkDNS(config, object)
        try forward("STATUS", to: config.delegate, input, variables)
    }

    /// What a runtime says with an ADD it does not with STATUS (libcni's GetStatusNetworkList).
    private static func declares(_ capability: String, _ object: ConfigObject) throws(PluginError) -> Bool {
        try object.object("capabilities")?.bool(capability) == true
    }

    /// The file that an ADD would have to read, unless the runtime says what it should find in there.
    private static func checkDNS(_ config: Config, _ object: ConfigObject) throws(PluginError) {
        guard config.dns == nil, let path = config.resolvConf else { return }
        do throws(PluginError) {
            _ = try DNS.read(resolvConf: path)
        } catch {
            if try declares("dns", object) { return }
            throw PluginError(.unavailable, "network \(config.network.name): \(error.message)")
        }
    }

    private static func assess(_ config: Config) throws(PluginError) {
        let bootID = Boot.currentID()
        do throws(PluginError) {
            try storing { () throws(StoreError) in try Store.checkRoom(directory: config.dataDirectory) }
            var kernel = try reconciling { () throws(ReconcilerError) in try LiveKernel(bootID: bootID) }
            guard Store.exists(config.dataDirectory) else {
                // The first ADD makes it, unless it is one that was lost.
                try refuseToForget(config, kernel)
                return try judge(NetworkUsage(), [], config, &kernel, count: { 0 }, own: { _ in [] })
            }
            let store = try storing { () throws(StoreError) in
                try Store.open(directory: config.dataDirectory, access: .probe, endsWithProcess: true)
            }
            let usage = try storing { () throws(StoreError) in try store.usage(config.network, bootID: bootID) }
            var elsewhere: [Attachment] = []
            for example in usage.elsewhere {
                elsewhere += try storing { () throws(StoreError) in try store.promise(attachment: example).attachments }
            }
            try judge(
                usage, elsewhere, config, &kernel,
                count: { () throws(PluginError) in
                    guard let network = usage.network?.id else { return 0 }
                    return try storing { () throws(StoreError) in try store.living(network: network, bootID: bootID) }
                },
                own: { (bridge) throws(ReconcilerError) in
                    try mapped { () throws(StoreError) in try store.gatewayNames(on: bridge) }
                })
        } catch {
            guard error.code != .cutOff else { throw error }
            throw PluginError(.unavailable, error.message, details: error.details)
        }
    }

    /// - Parameters:
    ///   - elsewhere: one attachment for each bridge that the network has left, and pods of it have not.
    ///   - count: how many pods the network has; asked only if they lack something.
    ///   - own: see ``outlook(living:next:_:own:)``.
    private static func judge(
        _ usage: NetworkUsage, _ elsewhere: [Attachment], _ config: Config, _ kernel: inout LiveKernel,
        count: () throws(PluginError) -> Int, own: (String) throws(ReconcilerError) -> Set<String>
    ) throws(PluginError) {
        let network = "network \(config.network.name)"
        var reasons = usage.exhausted.map { "\(network): no address is left in \($0)" }
        if let contradiction = usage.contradiction { reasons.append(contradiction) }
        let outlook = try reconciling { () throws(ReconcilerError) in
            try look(usage, elsewhere, config.network, &kernel, own: own)
        }
        let bridge = config.network.bridge
        let ports = try reconciling { () throws(ReconcilerError) in try kernel.ports(of: bridge) } ?? 0
        if max(ports, usage.ports) >= PortCount.limit {
            reasons.append(
                "\(network): bridge \(bridge) has \(max(ports, usage.ports)) ports, and takes \(PortCount.limit): use more "
                    + "networks on this node")
        }
        let needsFirewall = config.network.masquerade != nil ? "ipMasq" : config.network.checksMAC ? "macspoofchk" : nil
        if let key = needsFirewall, let obstacle = kernel.firewallObstacle() {
            reasons.append("\(network): key \(key): \(obstacle)")
        }
        if config.network.bridgeNetfilter, let obstacle = kernel.bridgeNetfilterObstacle() {
            reasons.append("\(network): \(obstacle)")
        }
        let lacking = outlook.living.changes.compactMap(\.lack)
        let conflicts = outlook.living.conflicts.map(\.reason)
        for conflict in outlook.next.conflicts where !conflicts.contains(conflict.reason) {
            reasons.append("\(network): \(conflict.reason)")
        }
        if !lacking.isEmpty || !conflicts.isEmpty {
            let pods = try count()
            // What is not ours says itself how it is put right; apply does the rest.
            let ways = [conflicts.isEmpty ? nil : "that is put right", lacking.isEmpty ? nil : "`plumbctl apply`"]
            let cut =
                "\(network): \(pods == 1 ? "1 pod is" : "\(pods) pods are") cut off, in part at least, until "
                + ways.compactMap { $0 }.joined(separator: ", and ") + ": "
                + (conflicts + lacking).joined(separator: "; ")
            throw PluginError(.cutOff, ([cut] + reasons).joined(separator: "; "))
        }
        guard reasons.isEmpty else { throw PluginError(.unavailable, reasons.joined(separator: "; ")) }
    }

    /// How the host is for pods that live, and for the next.
    private static func look(
        _ usage: NetworkUsage, _ elsewhere: [Attachment], _ spec: NetworkSpec, _ kernel: inout LiveKernel,
        own: (String) throws(ReconcilerError) -> Set<String>
    ) throws(ReconcilerError) -> Outlook {
        var living = KernelState()
        if usage.isInUse, let network = usage.network {
            living = render(Intent(networks: [network], attachments: elsewhere))
            for attachment in elsewhere {
                living.remove(attachment.pod)
                living[.host, Veth.name(attachment.hostIfname)] = nil
            }
        }
        var generator = SystemRandomNumberGenerator()
        var next = usage.network ?? Network(id: 0, spec: spec, bridgeMAC: .random(using: &generator))
        next.spec = spec
        next.bridgeMAC = usage.sharedMAC ?? next.bridgeMAC
        return try outlook(living: living, next: next, &kernel, own: own)
    }
}

extension Change {
    /// What a pod misses by it; `nil` for what none notices, as another MTU or MAC of the bridge.
    fileprivate var lack: String? {
        switch (object, observed) {
        case (.bridge, .bridge(let bridge)?) where bridge.isUp: nil
        case (.bridge, _), (.address, _), (.sysctl, _), (.firewallTable, _): "\(name): \(reason)"
        default: nil
        }
    }
}
