internal import Reconciler
internal import Store
internal import SystemPackage

extension Plugin {
    /// DEL: takes the pair away and gives the addresses back, in whatever state either is. Repeating it is no error.
    ///
    /// A database that cannot be read or written stops nothing: the link goes, and the lease is collected by the first
    /// apply that can. A runtime that sees DEL fail would keep the pod, and everybody else's state with it.
    static func delete(
        _ variables: [String: String], _ input: [UInt8], _ talk: inout [String]
    ) throws(PluginError) {
        let environment = try Environment(variables, requiresNamespace: false)
        let config = try Config.Reference(input)
        let bootID = Boot.currentID()
        // What the configuration says now; where it names none, or another one, the row knows.
        let delegate = config.delegate.map {
            DelegatedIPAM(
                type: $0, configuration: String(decoding: input, as: UTF8.self),
                path: variables["CNI_PATH", default: ""])
        }
        var failure: PluginError?
        var isRecorded = false
        do throws(StoreError) {
            let store = try Store.open(
                directory: config.dataDirectory, access: .write, endsWithProcess: true, forDeletion: true)
            if let attachment = try lockedAttachment(environment, network: config.name, store) {
                isRecorded = true
                failure = deleteRecorded(attachment, variables, delegate, store, bootID: bootID, &talk)
            } else {
                failure = deleteTakenOver(environment, config, store, bootID: bootID, &talk)
            }
        } catch {
            switch error.code {
            // Nothing was ever recorded here: nothing of ours is to be taken away.
            case .missing: try deleteBeforeUs(environment, config, bootID: bootID, &talk)
            case .locked: throw PluginError(error)
            // This machine has no more to give for a moment, and nobody knows what there is to take away.
            case .io where [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory].contains(error.errno):
                throw PluginError(error)
            case .readOnly, .full, .io:
                isRecorded = try deleteReadOnly(environment, config, variables, delegate, bootID, because: error, &talk)
                if !isRecorded { try deleteUnrecorded(environment, bootID: bootID, because: error, &talk) }
            default: try deleteUnrecorded(environment, bootID: bootID, because: error, &talk)
            }
        }
        if let failure { throw failure }
        // It may know of an attachment that the database does not, and its DEL can be repeated like ours.
        if !isRecorded, let delegate { try takeBack(from: delegate, variables) }
    }

    private static func deleteRecorded(
        _ attachment: Attachment, _ variables: [String: String], _ delegate: DelegatedIPAM?,
        _ store: borrowing Store, bootID: String, _ talk: inout [String]
    ) -> PluginError? {
        do throws(PluginError) {
            try note(&talk) { () throws(StoreError) in try store.markDeleting(attachment.id) }
            var kernel = try reconciling { () throws(ReconcilerError) in try LiveKernel(bootID: bootID) }
            let report = try disconnect(attachment, variables, configuration: delegate, store, &kernel)
            try note(&talk) { () throws(StoreError) in
                try store.release(attachment, reason: "DEL", events: report.events(for: attachment, cause: "DEL"))
            }
            return nil
        } catch {
            return error
        }
    }

    /// The attachment as it is once its lock is ours; `nil` if there is none, or none any more.
    private static func lockedAttachment(
        _ environment: Environment, network: String, _ store: borrowing Store
    ) throws(StoreError) -> Attachment? {
        for _ in 0..<3 {
            guard let id = try recordedID(environment, network: network, store) else { return nil }
            try store.lock(attachment: id)
            if let current = try store.attachment(id, isEnd: true) { return current }
            // Whoever worked on it has ended it: a DEL, or an ADD that began anew with another row.
        }
        throw StoreError(
            .locked,
            "\(environment.ifname) of container \(environment.containerID) keeps being added by another process")
    }

    private static func recordedID(
        _ environment: Environment, network: String, _ store: borrowing Store
    ) throws(StoreError) -> Int64? {
        try store.attachmentID(
            containerID: environment.containerID, ifname: environment.ifname, network: network, orOnlyOne: true)
    }

    /// Writes to the database; what the disk refuses is told and made up for by apply.
    static func note(
        _ talk: inout [String], _ body: () throws(StoreError) -> Void
    ) throws(PluginError) {
        do throws(StoreError) {
            try body()
        } catch {
            guard error.code != .locked else { throw PluginError(error) }
            talk.append(
                "plumb: DEL goes on, and the first `plumbctl apply` after the pod's namespace is gone collects the lease: \(error)"
            )
        }
    }

    /// On a file system that cannot be written, or not be locked, the row still says what must go; `false` if none can be read.
    private static func deleteReadOnly(
        _ environment: Environment, _ config: Config.Reference, _ variables: [String: String],
        _ delegate: DelegatedIPAM?, _ bootID: String, because error: StoreError, _ talk: inout [String]
    ) throws(PluginError) -> Bool {
        var failure: PluginError?
        do throws(StoreError) {
            let store = try Store.open(directory: config.dataDirectory, access: .read, endsWithProcess: true)
            guard let id = try recordedID(environment, network: config.name, store),
                let recorded = try store.attachment(id, isEnd: true)
            else { return false }
            talk.append(
                "plumb: DEL goes on, and the first `plumbctl apply` after the pod's namespace is gone collects the lease: "
                    + "\(error)")
            do throws(PluginError) {
                var kernel = try reconciling { () throws(ReconcilerError) in try LiveKernel(bootID: bootID) }
                _ = try disconnect(recorded, variables, configuration: delegate, store, &kernel)
            } catch {
                failure = error
            }
        } catch {
            return false
        }
        if let failure { throw failure }
        return true
    }

    /// Without a readable database, what CNI_NETNS holds under CNI_IFNAME with our mark is what must go.
    private static func deleteUnrecorded(
        _ environment: Environment, bootID: String, because error: StoreError, _ talk: inout [String]
    ) throws(PluginError) {
        let condition = error.code == .invalid ? ", once that row is put right" : ""
        talk.append(
            "plumb: DEL without its database, whose lease `plumbctl apply` collects later\(condition): \(error)")
        guard !environment.netns.isEmpty else { return }
        do throws(ReconcilerError) {
            let namespace = try NetworkNamespace.open(path: environment.netns, bootID: bootID)
            try removeFromInside(environment.ifname, namespace)
        } catch  where error.code == .namespaceGone || error.code == .namespaceUnusable {
            // The namespace took its links along, or is none.
        } catch {
            throw PluginError(error)
        }
    }

    static func kernelFailure(_ attachment: Attachment, _ report: Report) -> PluginError {
        PluginError(
            ReconcilerError(
                report.failureCode,
                "network \(attachment.network), \(attachment.label): " + report.failures.joined(separator: "; ")))
    }
}
