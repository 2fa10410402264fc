internal import Glibc
internal import Reconciler
internal import Store

extension Plugin {
    /// STATUS: whether an ADD of this network could be served now (code 50), and whether the pods that it has still get
    /// what they were promised of the host (code 51). Writes nothing, and makes no database.
    ///
    /// Another IPAM plugin is asked after us, and its answer is passed on.
    static func status(_ variables: [String: String], _ input: [UInt8]) throws(PluginError) {
        let config = try Config(input)
        try config.version.require(.v1_1_0, verb: "STATUS")
        do throws(PluginError) {
            try assess(config)
        } catch  where error.code == .cutOff {
            // An ADD or an apply may be about to put it right, and a node that is not ready costs more than a moment.
            usleep(100_000)
            try assess(config)
        }
        try checkDNS(config, input)
        try forward("STATUS", to: config.delegate, input, variables)
    }

    /// The file that an ADD would have to read, unless the runtime says what it should find in there.
    private static func checkDNS(_ config: Config, _ input: [UInt8]) throws(PluginError) {
        guard config.dns == nil, let path = config.resolvConf else { return }
        do throws(PluginError) {
            _ = try DNS.read(resolvConf: path)
        } catch {
            if try ConfigObject(input).object("capabilities")?.bool("dns") == true { return }
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
                return try judge(NetworkUsage(), [], config, &kernel) { 0 }
            }
            let store = try storing { () throws(StoreError) in
                try Store.open(directory: config.dataDirectory, access: .probe, endsWithProcess: true)
            }
            let usage = try storing { () throws(StoreError) in try store.usage(config.network, bootID: bootID) }
            var elsewhere: [Attachment] = []
            for example in usage.elsewhere {
                elsewhere += try storing { () throws(StoreError) in try store.promise(attachment: example).attachments }
            }
            try judge(usage, elsewhere, config, &kernel) { () throws(PluginError) in
                guard let network = usage.network?.id else { return 0 }
                return try storing { () throws(StoreError) in try store.living(network: network, bootID: bootID) }
            }
        } catch {
            guard error.code != .cutOff else { throw error }
            throw PluginError(.unavailable, error.message, details: error.details)
        }
    }

    /// - Parameters:
    ///   - elsewhere: one attachment for each bridge that the network has left, and pods of it have not.
    ///   - count: how many pods the network has; asked only if they lack something.
    private static func judge(
        _ usage: NetworkUsage, _ elsewhere: [Attachment], _ config: Config, _ kernel: inout LiveKernel,
        count: () throws(PluginError) -> Int
    ) throws(PluginError) {
        let network = "network \(config.network.name)"
        var reasons = usage.exhausted.map { "\(network): no address is left in \($0)" }
        if usage.ports >= PortCount.limit {
            reasons.append(
                "\(network): bridge \(config.network.bridge) has \(usage.ports) ports, and takes \(PortCount.limit): use more "
                    + "networks on this node")
        }
        let needsFirewall = config.network.masquerade != nil ? "ipMasq" : config.network.checksMAC ? "macspoofchk" : nil
        if let key = needsFirewall, let obstacle = kernel.firewallObstacle() {
            reasons.append("\(network): key \(key): \(obstacle)")
        }
        let plan = try reconciling { () throws(ReconcilerError) in
            try hostPlan(usage.isInUse ? usage.network : nil, elsewhere, bridge: config.network.bridge, &kernel)
        }
        let lacking = usage.isInUse ? plan.changes.compactMap(\.lack) : []
        let conflicts = plan.conflicts.map(\.reason)
        if !lacking.isEmpty || usage.isInUse && !conflicts.isEmpty {
            let pods = try count()
            // What is not ours says itself how it is put right; apply does the rest.
            let ways = [conflicts.isEmpty ? nil : "that is put right", lacking.isEmpty ? nil : "`plumbctl apply`"]
            let cut =
                "\(network): \(pods == 1 ? "1 pod is" : "\(pods) pods are") cut off, in part at least, until "
                + ways.compactMap { $0 }.joined(separator: ", and ") + ": "
                + (conflicts + lacking).joined(separator: "; ")
            throw PluginError(.cutOff, ([cut] + reasons).joined(separator: "; "))
        }
        reasons += conflicts.map { "\(network): \($0)" }
        guard reasons.isEmpty else { throw PluginError(.unavailable, reasons.joined(separator: "; ")) }
    }

    /// What the host should have for pods that live, and what stands in the way of the next.
    private static func hostPlan(
        _ network: Network?, _ elsewhere: [Attachment], bridge: String, _ kernel: inout LiveKernel
    ) throws(ReconcilerError) -> Plan {
        var desired = render(Intent(networks: network.map { [$0] } ?? [], attachments: elsewhere))
        for attachment in elsewhere {
            desired.remove(attachment.pod)
            desired[.host, Veth.name(attachment.hostIfname)] = nil
        }
        if desired[.host, Bridge.name(bridge)] == nil { desired.insert(Bridge(ifname: bridge), in: .host) }
        var observed = KernelState()
        try kernel.observe(.host, .attachment, desired: desired, into: &observed)
        return diff(desired: desired, observed: observed)
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
