internal import Reconciler
internal import Store

/// Pods that the reference bridge plugin and host-local added before the network was ours.
extension Plugin {
    /// DEL of a container that no ADD of ours made: if host-local had given it addresses, they come back, and the link
    /// that has them goes, as the reference plugin's DEL would have done.
    static func deleteTakenOver(
        _ environment: Environment, _ config: Config.Reference, _ store: borrowing Store, bootID: String,
        _ talk: inout [String]
    ) -> PluginError? {
        do throws(PluginError) {
            var leases: [HeldLease] = []
            try note(&talk) { () throws(StoreError) in
                leases = try store.held(containerID: environment.containerID, ifname: environment.ifname)
                if leases.isEmpty, try !store.knows(network: config.name) { leases = try onDisk(environment, config) }
            }
            guard !leases.isEmpty else { return nil }
            try removeLink(environment, leases, bootID: bootID)
            try note(&talk) { () throws(StoreError) in try store.release(leases, reason: "DEL") }
            return nil
        } catch {
            return error
        }
    }

    /// The same where there is no database yet.
    static func deleteBeforeUs(
        _ environment: Environment, _ config: Config.Reference, bootID: String, _ talk: inout [String]
    ) throws(PluginError) {
        var leases: [HeldLease] = []
        try note(&talk) { () throws(StoreError) in leases = try onDisk(environment, config) }
        guard !leases.isEmpty else { return }
        try removeLink(environment, leases, bootID: bootID)
        for lease in leases { lease.removeFile() }
    }

    private static func onDisk(
        _ environment: Environment, _ config: Config.Reference
    ) throws(StoreError) -> [HeldLease] {
        guard let directory = config.hostLocal else { return [] }
        return try HeldLease.onDisk(
            directory, network: config.name, containerID: environment.containerID, ifname: environment.ifname)
    }

    private static func removeLink(
        _ environment: Environment, _ leases: [HeldLease], bootID: String
    ) throws(PluginError) {
        guard !environment.netns.isEmpty else { return }
        do throws(ReconcilerError) {
            let namespace = try NetworkNamespace.open(path: environment.netns, bootID: bootID)
            try removeFromInside(environment.ifname, namespace, holding: leases.map(\.address))
        } catch  where error.code == .namespaceGone || error.code == .namespaceUnusable {
            // The namespace took its links along, or is none.
        } catch {
            throw PluginError(error)
        }
    }
}
