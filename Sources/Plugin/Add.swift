internal import Addressing
package import Reconciler
internal import Store

extension Plugin {
    /// ADD: record the attachment, make the kernel agree, answer with what was promised. On failure nothing is left.
    static func add(
        _ variables: [String: String], _ input: [UInt8], _ talk: inout [String]
    ) throws(PluginError) -> String {
        let environment = try Environment(variables, requiresNamespace: true)
        let config = try Config(input)
        for key in config.unenforced {
            talk.append("plumb: network \(config.network.name): key \(key) is known, but not enforced yet")
        }
        for note in config.notes { talk.append("plumb: network \(config.network.name): \(note)") }
        // Before 0.3.0 there were no chains.
        let earlier = config.isChained && config.version >= .v0_3_0 ? try EarlierResult(input) : nil
        if config.version < .v0_3_0, config.delegate == nil {
            try AddResult.check(
                addresses: config.network.rangeSets.compactMap(\.first?.subnet.family), routes: config.routes,
                config.version)
        }
        let bootID = Boot.currentID()
        let namespace = try openSandbox(environment.netns, bootID: bootID)
        var kernel = try reconciling { () throws(ReconcilerError) in try LiveKernel(bootID: bootID) }
        if !environment.allowsHostNamespace, kernel.isHost(namespace.identity) {
            throw PluginError(
                .hostNamespace,
                "CNI_NETNS \(environment.netns) is the host's own network namespace; nothing was done "
                    + "(CNI_NETNS_OVERRIDE=1 insists)")
        }
        try refuseToForget(config, kernel)
        let delegate = try delegate(config.delegate, input, variables)
        var dns = config.dns
        if dns == nil, let path = config.resolvConf { dns = try DNS.read(resolvConf: path).json }
        let wishes = config.wishes.over(environment.wishes)
        let addresses = delegate == nil ? try wishes.requestedAddresses(config.network.rangeSets) : []
        let mac = try wishes.requestedMAC()
        let store = try storing { () throws(StoreError) in
            try Store.open(directory: config.dataDirectory, access: .create, endsWithProcess: true)
        }
        let request = AttachmentRequest(
            network: config.network, containerID: environment.containerID, ifname: environment.ifname,
            namespace: namespace.identity, pod: environment.pod, cniVersion: config.version.rawValue,
            mac: mac, addresses: addresses, routes: config.routes, dns: dns, delegate: delegate, linkUp: config.linkUp,
            hostLocal: config.hostLocal)
        var (intent, attachment) = try record(request, variables, store, &kernel)
        kernel.adopt(namespace, as: attachment.pod)
        var isUntouched = false
        let bridgeMAC: MACAddress
        do throws(PluginError) {
            bridgeMAC = try undoing(&attachment, variables, store, &kernel) {
                (attachment, kernel) throws(PluginError) in
                let isDelegated = attachment.delegate != nil
                if isDelegated {
                    try connect(&attachment, intent, store, &kernel, &isUntouched)
                    try assignDelegated(&attachment, config, variables, store)
                    intent.attachments = [attachment]
                }
                // Before the kernel hears of it, and after all who give addresses have spoken.
                if config.version < .v0_3_0 {
                    try AddResult.check(
                        addresses: attachment.leases.map(\.address.family), routes: attachment.routes, config.version)
                }
                return try build(
                    intent, attachment, extent: isDelegated ? .attachment : .newAttachment, store, &kernel,
                    &isUntouched, &talk)
            }
        } catch {
            if isUntouched, let network = intent.networks.first, network.isNew { forget(network, store) }
            throw error
        }
        let answer = try AddResult.json(attachment, bridgeMAC: bridgeMAC, version: config.version)
        return try earlier?.joined(with: answer) ?? answer
    }

    /// A new database knows of no lease. While pods of a lost one live on the bridge, it would hand out their addresses a
    /// second time.
    package static func refuseToForget(_ config: Config, _ kernel: borrowing LiveKernel) throws(PluginError) {
        guard !Store.exists(config.dataDirectory) else { return }
        let bridge = config.network.bridge
        let ports = try reconciling { () throws(ReconcilerError) in try kernel.markedPorts(of: bridge) }
        // Another first ADD may have made the database since, and its pair.
        guard !ports.isEmpty, !Store.exists(config.dataDirectory) else { return }
        throw PluginError(
            .database,
            "there is no database in \(config.dataDirectory), yet \(bridge) has ports that Plumb made (\(ports.count)): their "
                + "pods' addresses would be handed out again. Restore state.db, or drain the node first"
        )
    }

    private static func openSandbox(_ path: String, bootID: String) throws(PluginError) -> NetworkNamespace {
        do throws(ReconcilerError) {
            return try NetworkNamespace.open(path: path, bootID: bootID)
        } catch {
            throw PluginError(.invalidEnvironment, "CNI_NETNS: \(error)")
        }
    }

    /// Records the attachment. What a died ADD or an unfinished DEL of the same one left is taken away first.
    private static func record(
        _ request: AttachmentRequest, _ variables: [String: String], _ store: borrowing Store,
        _ kernel: inout LiveKernel
    ) throws(PluginError) -> (Intent, Attachment) {
        for _ in 0..<3 {
            let recorded = try storing { () throws(StoreError) in try store.record(request) }
            switch recorded {
            case .new(let intent):
                guard let attachment = intent.attachments.first else { continue }
                return (intent, attachment)
            case .existing(let found):
                try refuse(found, ifLivingIn: request.namespace)
                guard try storing({ () throws(StoreError) in try store.tryLock(attachment: found.id) }) else {
                    throw PluginError(.tryAgain, "another process is working on \(found.ifname) of \(found.label)")
                }
                // Whoever worked on it may have ended in between, and well.
                let current = try storing { () throws(StoreError) in try store.intent(attachment: found.id) }
                guard let attachment = current.attachments.first else { continue }
                try refuse(attachment, ifLivingIn: request.namespace)
                try dismantle(attachment, reason: "ADD began anew", variables, store, &kernel)
            }
        }
        throw PluginError(
            .tryAgain, "\(request.ifname) of container \(request.containerID) keeps being added by another process")
    }

    private static func refuse(
        _ attachment: Attachment, ifLivingIn namespace: NamespaceIdentity
    ) throws(PluginError) {
        guard attachment.state == .ready, attachment.namespace.cookie == namespace.cookie else { return }
        throw PluginError(
            .exists,
            "network \(attachment.network): \(attachment.ifname) of \(attachment.label) was added before, with "
                + attachment.leases.map(\.address.description).joined(separator: ", ") + "; DEL it first")
    }

    /// Makes the pair, still without addresses: the plugin that gives them may have to speak through it, as dhcp does.
    private static func connect(
        _ attachment: inout Attachment, _ intent: Intent, _ store: borrowing Store, _ kernel: inout LiveKernel,
        _ isUntouched: inout Bool
    ) throws(PluginError) {
        let delegate = attachment.delegate
        // As long as it was not asked, it has nothing to take back.
        attachment.delegate = nil
        let report = try reconciling { () throws(ReconcilerError) in
            try reconcile(intent, store, &kernel, extent: .newAttachment)
        }
        guard report.failures.isEmpty else {
            isUntouched = report.leavesHostUntouched
            throw kernelFailure(attachment, report)
        }
        try storing { () throws(StoreError) in try store.record(report.events(for: attachment, cause: "ADD")) }
        attachment.delegate = delegate
    }

    /// Makes the kernel agree and says so in the database.
    private static func build(
        _ intent: Intent, _ attachment: Attachment, extent: Extent, _ store: borrowing Store,
        _ kernel: inout LiveKernel, _ isUntouched: inout Bool, _ talk: inout [String]
    ) throws(PluginError) -> MACAddress {
        let report = try reconciling { () throws(ReconcilerError) in
            try reconcile(intent, store, &kernel, extent: extent, isNew: true)
        }
        guard report.failures.isEmpty else {
            isUntouched = report.leavesHostUntouched
            throw kernelFailure(attachment, report)
        }
        if let bridge = intent.networks.first?.formerBridge {
            let report = try reconciling { () throws(ReconcilerError) in try leave(bridge, store, &kernel) }
            talk += report.failures.map { "plumb: network \(attachment.network) left bridge \(bridge): \($0)" }
        }
        try reconciling { () throws(ReconcilerError) in try settle(attachment, &kernel) }
        if intent.isReuse, let reason = kernel.announce(attachment) { talk.append("plumb: \(reason)") }
        try storing { () throws(StoreError) in
            try store.markReady(attachment.id, events: report.events(for: attachment, cause: "ADD"))
        }
        return intent.bridgeMAC(of: attachment, report.observed)
    }

    /// A network that an ADD made for nothing: by its row, apply would go on to try what was refused.
    private static func forget(_ network: Network, _ store: borrowing Store) {
        do throws(StoreError) {
            try store.forget(network)
        } catch {
            // The ADD's own failure is what counts, and apply tells of the network.
        }
    }

    /// Runs `body`; if it fails, nothing of the attachment is left.
    private static func undoing(
        _ attachment: inout Attachment, _ variables: [String: String], _ store: borrowing Store,
        _ kernel: inout LiveKernel,
        _ body: (inout Attachment, inout LiveKernel) throws(PluginError) -> MACAddress
    ) throws(PluginError) -> MACAddress {
        do throws(PluginError) {
            return try body(&attachment, &kernel)
        } catch {
            do throws(PluginError) {
                try dismantle(attachment, reason: "ADD failed", because: error, variables, store, &kernel)
            } catch let second {
                throw PluginError(
                    error.code, error.message,
                    details: "and what was done could not be undone (\(abandon(attachment, store))): \(second.message)")
            }
            throw error
        }
    }

    /// Leaves it to apply to undo an ADD, which else would complete what the runtime was told had failed. Says so.
    private static func abandon(_ attachment: Attachment, _ store: borrowing Store) -> String {
        do throws(StoreError) {
            try store.markDeleting(attachment.id)
            return "apply will"
        } catch {
            return "and DEL must: \(error)"
        }
    }

    /// Takes an attachment out of the kernel and out of the database. Its lock is held.
    static func dismantle(
        _ attachment: Attachment, reason: String, because failure: PluginError? = nil, _ variables: [String: String],
        _ store: borrowing Store, _ kernel: inout LiveKernel
    ) throws(PluginError) {
        let report = try disconnect(attachment, variables, store, &kernel)
        var events = report.events(for: attachment, cause: reason)
        if let failure {
            events.insert(Event(kind: .failed, object: failure.message, reason: "ADD", attachment: attachment), at: 0)
        }
        try storing { () throws(StoreError) in try store.release(attachment, reason: reason, events: events) }
    }
}

extension Plugin {
    /// Has another IPAM plugin take back what it gave, and takes the pair out of the kernel, whatever that one says.
    ///
    /// In this order, for some give an address back through the interface that has it (dhcp). Nobody gets it meanwhile:
    /// the attachment's row keeps it on this bridge.
    ///
    /// - Parameter configuration: see ``takeBack(_:_:configuration:)``.
    static func disconnect(
        _ attachment: Attachment, _ variables: [String: String], configuration: DelegatedIPAM? = nil,
        _ store: borrowing Store, _ kernel: inout LiveKernel
    ) throws(PluginError) -> Report {
        var failure: PluginError?
        do throws(PluginError) {
            try takeBack(attachment, variables, configuration: configuration)
        } catch {
            failure = error
        }
        let report = try reconciling { () throws(ReconcilerError) in try remove(attachment, store, &kernel) }
        guard report.failures.isEmpty else { throw kernelFailure(attachment, report) }
        if let failure { throw failure }
        return report
    }
}

extension Report {
    /// The pod's own goes again, and that the host forwards is nothing that anybody takes back.
    fileprivate var leavesHostUntouched: Bool {
        done.allSatisfy { change in
            if case .sysctl = change.object { true } else { change.attachment != nil }
        }
    }
}

/// Calls into the store, with its errors as the protocol's.
func storing<T: ~Copyable>(_ body: () throws(StoreError) -> T) throws(PluginError) -> T {
    do throws(StoreError) { return try body() } catch { throw PluginError(error) }
}

/// Calls into the reconciler, with its errors as the protocol's.
func reconciling<T: ~Copyable>(_ body: () throws(ReconcilerError) -> T) throws(PluginError) -> T {
    do throws(ReconcilerError) { return try body() } catch { throw PluginError(error) }
}
