internal import Reconciler
internal import Store

extension Plugin {
    /// CHECK: the plan of one attachment is empty, or the error names all that it would change. Changes nothing.
    ///
    /// What a later plugin of the chain changed is in `prevResult`, and that rules over what we recorded.
    static func check(_ variables: [String: String], _ input: [UInt8]) throws(PluginError) {
        let environment = try Environment(variables, requiresNamespace: true)
        let verb = try VerbInput(input, verb: "CHECK", since: .v0_4_0)
        guard let given = try verb.object.object("prevResult") else {
            throw PluginError(
                .invalidConfig, "key prevResult is missing: CHECK compares with the result of the ADD before it")
        }
        let previous = try PreviousResult(given, ifname: environment.ifname, version: verb.version)
        var (intent, attachment, bridgeMTU) = try recorded(environment, verb.network)

        let bootID = Boot.currentID()
        var kernel = try reconciling { () throws(ReconcilerError) in try LiveKernel(bootID: bootID) }
        kernel.adopt(try openRecorded(environment.netns, attachment, bootID: bootID), as: attachment.pod)

        intent.attachments = [previous.expected(of: attachment)]
        // Its network went to another bridge, and this pod stayed: what that one looks like is nothing to it.
        if intent.networks.first?.spec.bridge != attachment.bridge { intent.networks = [] }
        let plan = try reconciling { () throws(ReconcilerError) in
            try Reconciler.plan(intent, includesPods: previous.listsInterface, bridgeMTU: bridgeMTU, &kernel)
        }
        let drift = plan.drift
        guard drift.isEmpty else { throw drifted(attachment, drift) }
        try forward("CHECK", to: verb.network.delegate, input, variables)
    }

    private static func openRecorded(
        _ path: String, _ attachment: Attachment, bootID: String
    ) throws(PluginError) -> NetworkNamespace {
        let recorded = attachment.namespace
        let namespace: NetworkNamespace
        do throws(ReconcilerError) {
            namespace = try NetworkNamespace.open(path: path, bootID: bootID)
        } catch  where error.code == .namespaceGone {
            throw drifted(attachment, ["its network namespace is gone: CNI_NETNS: \(error)"])
        } catch {
            throw PluginError(.invalidEnvironment, "CNI_NETNS: \(error)")
        }
        guard recorded.bootID.isEmpty || bootID.isEmpty || recorded.bootID == bootID else {
            throw drifted(attachment, ["the machine booted since its ADD, and its network namespace went with that"])
        }
        guard namespace.identity.cookie == recorded.cookie else {
            throw drifted(
                attachment, ["CNI_NETNS \(path) is another network namespace than ADD's, which was \(recorded.path)"])
        }
        return namespace
    }

    private static func drifted(_ attachment: Attachment, _ drift: [String]) -> PluginError {
        PluginError(
            .drift,
            "network \(attachment.network), \(attachment.label): \(attachment.ifname) is not as ADD left it "
                + "(see `plumbctl plan`): " + drift.joined(separator: "; "), details: drift.joined(separator: "\n"))
    }
}

extension Plan {
    /// All that is not as it should be, one text a thing; and what could not be read, for nobody can vouch for that.
    fileprivate var drift: [String] {
        var drift: [String] = []
        for change in changes {
            let text = "\(change.name): \(change.reason)"
            // A pair that lost an end is deleted and made again.
            if !drift.contains(text) { drift.append(text) }
        }
        return drift + conflicts.map(\.reason) + notices.filter(\.leavesDoubt).map(\.text)
    }
}
