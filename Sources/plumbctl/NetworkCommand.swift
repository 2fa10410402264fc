internal import ArgumentParser
internal import Plugin
internal import Reconciler
internal import Store

struct NetworkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network",
        abstract: "Adds, lists and removes networks.",
        discussion: """
              plumbctl network add /etc/cni/net.d/10-plumb.conflist
              plumbctl network list
              plumbctl network remove pods

            Exit status: 0 done, 1 an error, which stderr names.
            """,
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Makes a network's bridge before its first pod comes, from the runtime's own file.",
            discussion: """
                Reads the file as ADD would, records the network and makes its bridge, gateways and forwarding. Doing so again \
                brings the network up to what the file says now; pods that live keep what they were promised.

                  plumbctl network add /etc/cni/net.d/10-plumb.conflist
                """)

        @Argument(
            help: ArgumentHelp("A .conflist, or one plugin's configuration.", valueName: "file"), completion: .file())
        var file: String

        @OptionGroup var options: CommonOptions

        func run() throws {
            let config = try config()
            try refuseToForget(config)
            let report = try opening(config.dataDirectory, access: .create) { store, kernel in
                let network = try store.ensure(
                    config.network, hostLocal: config.hostLocal, bootID: Boot.currentID())
                var hasFailed = true
                defer { if hasFailed, network.isNew { undo(network, store, &kernel) } }
                let report = try reconcile(network, cause: "network add", store, &kernel)
                hasFailed = !report.failures.isEmpty
                return report
            }
            for key in config.unenforced { Terminal.talk("plumbctl: key \(key) is known, but not enforced yet") }
            try NetworkCommand.show(report, of: config.network.name, options.output)
        }

        /// A network that cannot stand is none; its first ADD would say the same. Why it cannot is what the admin has to
        /// know, whatever becomes of this.
        private func undo(_ network: Network, _ store: borrowing Store, _ kernel: inout LiveKernel) {
            do {
                try withdraw(network, store)
                _ = try applyHost(store, &kernel)
            } catch {
                Terminal.talk("plumbctl: network \(network.spec.name) is still recorded: \(error)")
            }
        }

        private func withdraw(_ network: Network, _ store: borrowing Store) throws(StoreError) {
            do throws(StoreError) {
                try store.removeNetwork(network.spec.name)
            } catch  where error.code == .taken {
                // By leases of host-local that were read with the network's row, and will be again; or by a pod whose ADD
                // came meanwhile, and then it stays.
                try store.forget(network)
            }
        }

        /// While pods of a lost database live on the bridge, a new one would have their addresses handed out again.
        private func refuseToForget(_ config: Config) throws {
            do {
                let kernel = try LiveKernel(bootID: Boot.currentID())
                try Plugin.refuseToForget(config, kernel)
            } catch let error as ReconcilerError {
                Terminal.talk("plumbctl: \(error)" + (error.code == .kernel ? Privilege.advice : ""))
                throw ExitCode(1)
            } catch let error as PluginError {
                Terminal.talk("plumbctl: \(error.message)")
                throw ExitCode(1)
            }
        }

        private func config() throws -> Config {
            do throws(PluginError) {
                let config = try Config(ofFile: try Input.file(file))
                if let given = options.givenDirectory, given != config.dataDirectory {
                    throw PluginError(
                        .invalidConfig,
                        "key dataDir: its pods are recorded in \(config.dataDirectory), not in \(given): leave --data-dir out"
                    )
                }
                return config
            } catch {
                Terminal.talk("plumbctl: \(file): \(error.message)")
                throw ExitCode(1)
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists networks: as `plumbctl get networks`.",
            discussion: "  plumbctl network list")

        @OptionGroup var options: CommonOptions

        func run() throws {
            let table = try reading(options) { (store) throws(StoreError) in try store.list(.networks) }
            try Listing.networks.show(table, options.output)
        }
    }

    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Forgets a network and takes its bridge away, unless pods live on it.",
            discussion: """
                A bridge that Plumb found and adopted stays, without the gateway. An ADD makes the network again: take its file \
                out of /etc/cni/net.d first.

                  plumbctl network remove pods
                """)

        @Argument(help: ArgumentHelp("The network's name.", valueName: "name"))
        var name: String

        @OptionGroup var options: CommonOptions

        func run() throws {
            let result = try engaging(options, access: .write) { store, kernel in
                try store.removeNetwork(name)
                return try applyHost(store, &kernel)
            }
            var report = Report()
            report.done = result.done
            report.failures = result.failures
            report.notices = result.examination.plan.notices.filter { $0.attachment == nil }.map(\.text)
            try NetworkCommand.show(report, of: name, options.output)
        }
    }

    /// What was done to the host for a network.
    private struct Outcome: Encodable {
        var network: String
        var changes: [PlanLine]
        var failures: [String]
    }

    fileprivate static func show(_ report: Report, of network: String, _ output: OutputFormat) throws {
        let changes = report.done.map(PlanLines(Intent()).line)
        switch output {
        case .json: try Terminal.sayJSON(Outcome(network: network, changes: changes, failures: report.failures))
        case .table:
            for line in changes { line.say() }
            for notice in report.notices { Terminal.say("note: \(notice)") }
            if changes.isEmpty, report.failures.isEmpty {
                Terminal.say("Network \(network): the kernel agrees already.")
            }
        }
        for failure in report.failures { Terminal.talk("plumbctl: network \(network): \(failure)") }
        if !report.failures.isEmpty { throw ExitCode(1) }
    }
}
