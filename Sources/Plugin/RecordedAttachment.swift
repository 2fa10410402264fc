internal import Addressing
internal import Reconciler
internal import Store

extension Plugin {
    /// The attachment that an ADD made, with its network, and what the MTU of its bridge should be, whoever asks for it.
    ///
    /// - Throws: `.unknownContainer` if there is none of that network, container and interface, or not as yet, or not any
    ///   more: the runtime then has nothing to clean up but what its next DEL takes away.
    static func recorded(
        _ environment: Environment, _ network: Config.Reference
    ) throws(PluginError) -> (Intent, Attachment, bridgeMTU: Int?) {
        let what = "\(environment.ifname) of container \(environment.containerID)"
        guard Store.exists(network.dataDirectory) else {
            throw PluginError(
                .unknownContainer,
                "network \(network.name): \(what) was never added: there is no database in \(network.dataDirectory)")
        }
        let (intent, bridgeMTU) = try storing { () throws(StoreError) -> (Intent, Int?) in
            let store = try Store.open(directory: network.dataDirectory, access: .read)
            let id = try store.attachmentID(
                containerID: environment.containerID, ifname: environment.ifname, network: network.name)
            guard let id else { return (Intent(), nil) }
            let intent = try store.intent(attachment: id)
            return (
                intent,
                try intent.attachments.first.flatMap { (attachment) throws(StoreError) in
                    try store.mtu(ofBridge: attachment.bridge)
                }
            )
        }
        guard let attachment = intent.attachments.first else {
            throw PluginError(
                .unknownContainer, "network \(network.name): \(what) was never added, or it was deleted since")
        }
        switch attachment.state {
        case .ready: return (intent, attachment, bridgeMTU)
        case .adding:
            throw PluginError(.unknownContainer, "network \(network.name): the ADD of \(what) has not answered yet")
        case .deleting:
            throw PluginError(.unknownContainer, "network \(network.name): \(what) is being deleted")
        }
    }
}

extension Intent {
    /// What a result says of the bridge: the pinned MAC of ours, or the one that an adopted bridge has.
    func bridgeMAC(of attachment: Attachment, _ observed: KernelState) -> MACAddress {
        if case .bridge(let bridge) = observed[.host, Bridge.name(attachment.bridge)], let mac = bridge.mac,
            !bridge.isMarked || networks.first?.spec.bridge != attachment.bridge
        {
            return mac
        }
        return networks.first?.bridgeMAC ?? attachment.hostMAC
    }
}
