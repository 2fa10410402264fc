internal import Reconciler
internal import Store

extension Plugin {
    /// GET: ADD's answer once more, from what was recorded. The name that CHECK had in drafts of the specification, with
    /// what they said of it; no version of the specification has it, and every version may ask.
    static func get(_ variables: [String: String], _ input: [UInt8]) throws(PluginError) -> String {
        let environment = try Environment(variables, requiresNamespace: false)
        let verb = try VerbInput(input, verb: "GET")
        let (intent, attachment) = try recorded(environment, verb.network)
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
}
