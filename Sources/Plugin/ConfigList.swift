extension Config {
    /// Reads a file of /etc/cni/net.d as a runtime would: a list (`.conflist`), of which our plugin's entry counts, or one
    /// plugin's configuration.
    ///
    /// - Throws: as ``init(_:)``; `.invalidConfig` for a file that is not about us.
    package init(ofFile bytes: [UInt8]) throws(PluginError) {
        let file = try ConfigObject(bytes, what: "the file")
        guard let entries = try file.objects("plugins") else {
            let type = try file.string("type") ?? ""
            guard type == "plumb" else {
                throw PluginError(.invalidConfig, "key type: \"\(type)\" is another plugin's; plumb is needed")
            }
            try self.init(try ConfigFile(file))
            return
        }
        var ours: [ConfigObject] = []
        var types: [String] = []
        for entry in entries {
            let type = try entry.string("type") ?? ""
            types.append(type)
            if type == "plumb" { ours.append(entry) }
        }
        guard let entry = ours.first, ours.count == 1 else {
            throw PluginError(
                .invalidConfig,
                "key plugins: one entry of type plumb is needed, there are \(ours.count) among: "
                    + types.joined(separator: ", "))
        }
        try self.init(try ConfigFile(try entry.taking(["name", "cniVersion"], from: file)))
    }
}
