internal import Reconciler
internal import Store

extension Plugin {
    /// GC: takes away every attachment of the network that the runtime does not name.
    ///
    /// Only an explicit list is an order. What cannot be taken away stops nothing else, and is told at the end.
    static func collectGarbage(
        _ variables: [String: String], _ input: [UInt8], _ talk: inout [String]
    ) throws(PluginError) {
        let verb = try VerbInput(input, verb: "GC", since: .v1_1_0)
        guard let valid = try ValidAttachment.list(verb.object) else {
            talk.append(
                "plumb: GC of network \(verb.network.name): the configuration has no list of valid attachments "
                    + "(\(ValidAttachment.keys.joined(separator: ", "))), so nothing was collected; "
                    + "an empty list would take away all")
            return
        }
        let failure = try collectRecorded(verb.network, valid, &talk)
        do throws(PluginError) {
            // It may know of more than was recorded here, and of what we could not take away.
            try forward("GC", to: verb.network.delegate, input, variables)
        } catch {
            guard let failure else { throw error }
            throw PluginError(
                failure.code, "\(failure.message); \(error.message)", details: "\(failure.details)\n\(error.message)")
        }
        if let failure { throw failure }
    }

    private static func collectRecorded(
        _ network: Config.Reference, _ valid: Set<ValidAttachment>, _ talk: inout [String]
    ) throws(PluginError) -> PluginError? {
        // Nothing was ever recorded here.
        guard Store.exists(network.dataDirectory) else { return nil }
        do throws(StoreError) {
            let store = try Store.open(directory: network.dataDirectory, access: .write)
            return try collectGarbage(network.name, valid, store, &talk)
        } catch {
            return PluginError(error)
        }
    }

    private static func collectGarbage(
        _ network: String, _ valid: Set<ValidAttachment>, _ store: borrowing Store, _ talk: inout [String]
    ) throws(StoreError) -> PluginError? {
        var failures: [String] = []
        let recorded = try store.attachments(network: network, problems: &failures)
        var doomed: [Doomed] = []
        for attachment in recorded {
            let name = ValidAttachment(containerID: attachment.containerID, ifname: attachment.ifname)
            if valid.contains(name) { continue }
            doomed.append(Doomed(attachment: attachment, reason: "GC: the runtime does not know it", isOrdered: true))
        }
        // Of a file that could not be understood, nobody knows whose it is.
        let held = try store.held(network: network).filter { lease in
            !lease.containerID.isEmpty
                && !valid.contains {
                    $0.containerID == lease.containerID && ["", $0.ifname].contains(lease.ifname)
                }
        }
        try store.release(held, reason: "GC: the runtime does not know it")
        let bootID = Boot.currentID()
        if !doomed.isEmpty {
            do throws(ReconcilerError) {
                var kernel = try LiveKernel(bootID: bootID)
                let collected = collect(doomed, cause: "GC", store, &kernel)
                failures += collected.failures
                for attachment in collected.skipped {
                    talk.append(
                        "plumb: GC of network \(network): another process is working on \(attachment.ifname) of "
                            + "\(attachment.label), which was left alone")
                }
            } catch {
                failures.append(error.description)
            }
        }
        guard !failures.isEmpty else { return nil }
        return PluginError(
            .kernel,
            "GC of network \(network): not all could be taken away, and the next GC or `plumbctl apply` tries again: "
                + failures.joined(separator: "; "), details: failures.joined(separator: "\n"))
    }
}

/// An attachment that the runtime names: what it does not name is gone to it.
struct ValidAttachment: Hashable {
    var containerID: String
    var ifname: String

    /// The key of the specification, then the one that libcni wrote before.
    static let keys = ["cni.dev/valid-attachments", "cni.dev/attachments"]

    /// `nil` if there is no list: no key, or Go's nil list, which is written `null`.
    ///
    /// - Throws: `.invalidConfig` for an entry that cannot be read. It might be one that lives.
    static func list(_ object: ConfigObject) throws(PluginError) -> Set<ValidAttachment>? {
        for key in keys {
            guard let entries = try object.objects(key) else { continue }
            var valid: Set<ValidAttachment> = []
            for entry in entries {
                guard let containerID = try entry.string("containerID"), !containerID.isEmpty,
                    let ifname = try entry.string("ifname"), !ifname.isEmpty
                else {
                    throw PluginError(
                        .invalidConfig, "key \(entry.path): containerID and ifname are needed; nothing was collected")
                }
                valid.insert(ValidAttachment(containerID: containerID, ifname: ifname))
            }
            return valid
        }
        return nil
    }
}
