internal import Addressing
internal import Delegation
internal import Store

/// Another IPAM plugin in our service: its calls, with its errors as ours.
extension Plugin {
    /// Has the plugin that the configuration names give addresses, and records them. Called with the attachment's row
    /// committed and locked, and no transaction open.
    static func assignDelegated(
        _ attachment: inout Attachment, _ config: Config, _ variables: [String: String], _ store: borrowing Store
    ) throws(PluginError) {
        guard let plugin = attachment.delegate else { return }
        let output: [UInt8]
        do throws(DelegationError) {
            output = try Delegate(plugin).run("ADD", variables)
        } catch {
            // It holds nothing, says its error; DEL all the same (SPEC.md section 4).
            do throws(DelegationError) {
                _ = try Delegate(plugin).run("DEL", variables)
            } catch {
                // The first error counts, and a plugin that can do neither must not keep our row for ever.
            }
            attachment.delegate = nil
            throw PluginError(error)
        }
        let assignment = try DelegateResult.parse(output, plugin: plugin.type, network: config.network)
        attachment = try storing { () throws(StoreError) in
            try store.assign(assignment, to: attachment, network: config.network)
        }
    }

    /// The plugin that a configuration names, as it must be called for an attachment; it is there.
    static func delegate(
        _ type: String?, _ input: [UInt8], _ variables: [String: String]
    ) throws(PluginError) -> DelegatedIPAM? {
        guard let type else { return nil }
        let plugin = DelegatedIPAM(
            type: type, configuration: String(decoding: input, as: UTF8.self), path: variables["CNI_PATH", default: ""])
        _ = try delegating { () throws(DelegationError) in try Delegate(plugin).locate() }
        return plugin
    }

    /// Has the plugin that gave an attachment's addresses take them back. As often as it is asked: DEL may be repeated.
    ///
    /// - Parameter configuration: what the runtime says now; the row's serves where it names no plugin, or another one.
    static func takeBack(
        _ attachment: Attachment, _ variables: [String: String], configuration: DelegatedIPAM? = nil
    ) throws(PluginError) {
        guard var plugin = attachment.delegate else { return }
        if let configuration, configuration.type == plugin.type, !configuration.path.isEmpty { plugin = configuration }
        try takeBack(from: plugin, variables)
    }

    /// Asks the plugin that the configuration names what we were asked, after our own part.
    static func forward(
        _ verb: String, to type: String?, _ input: [UInt8], _ variables: [String: String]
    ) throws(PluginError) {
        guard let plugin = try delegate(type, input, variables) else { return }
        _ = try delegating { () throws(DelegationError) in try Delegate(plugin).run(verb, variables) }
    }

    static func takeBack(from plugin: DelegatedIPAM, _ variables: [String: String]) throws(PluginError) {
        _ = try delegating { () throws(DelegationError) in try Delegate(plugin).run("DEL", variables) }
    }
}

/// Calls another plugin. What it answers with when it fails is passed on, its code and its words.
func delegating<T>(_ body: () throws(DelegationError) -> T) throws(PluginError) -> T {
    do throws(DelegationError) { return try body() } catch { throw PluginError(error) }
}

extension PluginError {
    init(_ error: DelegationError) {
        if error.code == .refused, let told = PluginError(answer: error.answer) {
            self.init(told.code, "\(error.message): \(told.message)", details: told.details)
        } else {
            self.init(error.code == .notFound ? .invalidConfig : .io, error.description)
        }
    }

    /// An error object as another plugin writes it; `nil` for anything else.
    private init?(answer: [UInt8]) {
        do throws(PluginError) {
            let object = try ConfigObject(answer)
            guard let code: Int = try object.integer("code"), let words = try object.string("msg") else { return nil }
            self.init(Code(rawValue: code), words, details: try object.string("details") ?? "")
        } catch {
            return nil
        }
    }
}
