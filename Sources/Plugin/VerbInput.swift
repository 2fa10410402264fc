/// What verbs other than ADD need to know of their configuration: which network, and where it is recorded. The rest of
/// it is none of their business, and cannot fail them.
struct VerbInput {
    let object: ConfigObject
    let version: ProtocolVersion
    let network: Config.Reference

    /// - Parameter since: the version that the verb came with.
    init(_ input: [UInt8], verb: String, since: ProtocolVersion? = nil) throws(PluginError) {
        object = try ConfigObject(input)
        version = try ProtocolVersion.parse(try object.string("cniVersion"))
        if let since { try version.require(since, verb: verb) }
        network = try Config.Reference(object)
    }
}

extension ProtocolVersion {
    /// A configuration of an older version knows no such verb: an incompatible version, as libcni's own plugins answer
    /// (pkg/skel, "config version does not allow CHECK"), not a bad environment. The verb itself is one that we speak.
    func require(_ since: ProtocolVersion, verb: String) throws(PluginError) {
        guard self >= since else {
            throw PluginError(
                .incompatibleVersion,
                "cniVersion \"\(rawValue)\" has no \(verb): it came with \(since.rawValue)")
        }
    }
}
