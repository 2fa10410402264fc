internal import Reconciler
internal import Store

extension Plugin {
    /// GET: ADD's answer once more, from what was recorded. The name that CHECK had in drafts of the specification, with
    /// what they said of it; no version of the specification has it, and every version may ask.
    static func get(_ variables: [String: String], _ input: [UInt8]) throws(PluginError) -> String {
        let environment = try Environment(variables, requiresNamespace: false)
        let verb = try VerbInput(input, verb: "GET")
        let (intent, attachment, _) = try recorded(environment, verb.network)
        try checkDNS(of: attachment)
        let observed = try reconciling { () throws(ReconcilerError) in
            var kernel = try LiveKernel(bootID: Boot.currentID())
            var desired = KernelState()
            desired.insert(Bridge(ifname: attachment.bridge), in: .host)
            var observed = KernelState()
            try kernel.observe(.host, .attachment, desired: desired, into: &observed)
            return observed
        }
        return try AddResult.json(
            attachment, bridgeMAC: intent.bridgeMAC(of: attachment, observed), version: verb.version)
    }

    /// It goes into the answer as it stands, and anybody with a shell may have written it.
    private static func checkDNS(of attachment: Attachment) throws(PluginError) {
        guard let text = attachment.dns else { return }
        do throws(PluginError) {
            _ = try ConfigObject(Array(text.utf8), what: "dns")
        } catch {
            throw PluginError(
                .database,
                "network \(attachment.network), \(attachment.label): attachments row \(attachment.id): \(error.message); "
                    + "correct it, or set it to NULL")
        }
    }
}
