/// An object of the configuration, read key by key. A value of a wrong type is an error that names its key; `null` is as
/// good as nothing.
struct ConfigObject {
    private let members: [String: JSONValue]
    /// How the object is reached, `ipam.ranges[0]`; empty for the whole.
    let path: String

    /// - Parameter what: what is read, for errors.
    /// - Throws: `.undecodable` for what is no JSON object.
    init(_ bytes: [UInt8], what: String = "the configuration on stdin") throws(PluginError) {
        do throws(JSONReader.Failure) {
            guard case .object(let members) = try JSONReader.read(bytes) else {
                throw JSONReader.Failure(offset: 0, reason: "it is no object")
            }
            self.members = members
            path = ""
        } catch {
            throw PluginError(
                .undecodable,
                bytes.isEmpty
                    ? "\(what) is empty" : "\(what) is no JSON object: \(error.reason) (byte \(error.offset))")
        }
    }

    private init(_ value: JSONValue, path: String) throws(PluginError) {
        guard case .object(let members) = value else { throw ConfigObject.mismatch(path, "an object", value) }
        self.members = members
        self.path = path
    }

    /// This object with members of another, as libcni hands a plugin the name and version of its list.
    func taking(_ keys: [String], from other: ConfigObject) throws(PluginError) -> ConfigObject {
        var all = members
        for key in keys { all[key] = other.members[key] ?? all[key] }
        return try ConfigObject(.object(all), path: "")
    }

    private static func mismatch(_ path: String, _ needed: String, _ value: JSONValue) -> PluginError {
        PluginError(.invalidConfig, "key \(path): \(needed) is needed, not \(value.kind)")
    }

    private func keyPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// In whatever case its key is written, as Go's encoding/json finds it, and so all that was written for the reference
    /// plugins.
    private func value(_ key: String) -> JSONValue? {
        if let value = members[key], value != .null { return value }
        var found: (key: String, value: JSONValue)?
        // The order in which they were written is lost by now; one that is the same every time serves.
        for (other, value) in members where other.isFolded(key) && value != .null {
            if found.map({ other < $0.key }) ?? true { found = (other, value) }
        }
        return found?.value
    }

    /// What the runtime asks for, by the capabilities that the configuration declares (CONVENTIONS.md, "Dynamic
    /// Plugin specific fields"). containerd sends the names of its Go fields, `HostPort`, `IngressRate`, `Servers`.
    func runtimeConfig() throws(PluginError) -> ConfigObject? {
        guard let value = value("runtimeConfig") else { return nil }
        return try ConfigObject(value, path: keyPath("runtimeConfig"))
    }

    /// An array's elements as they were read.
    func elements(_ key: String) throws(PluginError) -> [JSONValue] {
        try elements(value(key), keyPath(key))?.map(\.value) ?? []
    }

    /// A value as it was read.
    func raw(_ key: String) -> JSONValue? { value(key) }

    func has(_ key: String) -> Bool { value(key) != nil }

    /// Whether there is anything in it: neither nothing nor an empty text or list, nor an object of such or of zeros, as
    /// Go writes what was not set.
    func asks(for key: String) -> Bool { value(key).map { !$0.isEmpty } ?? false }

    func string(_ key: String) throws(PluginError) -> String? {
        switch value(key) {
        case nil: return nil
        case .string(let string)?: return string
        case let other?: throw ConfigObject.mismatch(keyPath(key), "a string", other)
        }
    }

    /// A text; an empty one is as good as nothing, as Go reads an address.
    func word(_ key: String) throws(PluginError) -> String? {
        try string(key).flatMap { $0.isEmpty ? nil : $0 }
    }

    func bool(_ key: String) throws(PluginError) -> Bool? {
        switch value(key) {
        case nil: return nil
        case .bool(let bool)?: return bool
        case let other?: throw ConfigObject.mismatch(keyPath(key), "true or false", other)
        }
    }

    func integer<T: FixedWidthInteger>(_ key: String, as type: T.Type = T.self) throws(PluginError) -> T? {
        switch value(key) {
        case nil: return nil
        case .number(let digits)?:
            guard let integer = T(digits) else {
                throw PluginError(
                    .invalidConfig, "key \(keyPath(key)): \(digits) is no integer within \(T.min)–\(T.max)")
            }
            return integer
        case let other?: throw ConfigObject.mismatch(keyPath(key), "a number", other)
        }
    }

    func object(_ key: String) throws(PluginError) -> ConfigObject? {
        guard let value = value(key) else { return nil }
        return try ConfigObject(value, path: keyPath(key))
    }

    func strings(_ key: String) throws(PluginError) -> [String]? {
        try elements(value(key), keyPath(key))?.mapTyped { (path, value) throws(PluginError) in
            guard case .string(let string) = value else { throw ConfigObject.mismatch(path, "a string", value) }
            return string
        }
    }

    func objects(_ key: String) throws(PluginError) -> [ConfigObject]? {
        try elements(value(key), keyPath(key))?.mapTyped { (path, value) throws(PluginError) in
            try ConfigObject(value, path: path)
        }
    }

    /// An array of arrays of objects, as `ipam.ranges` is.
    func objectLists(_ key: String) throws(PluginError) -> [[ConfigObject]]? {
        try elements(value(key), keyPath(key))?.mapTyped { (path, value) throws(PluginError) in
            try elements(value, path)?.mapTyped { (path, value) throws(PluginError) in
                try ConfigObject(value, path: path)
            } ?? []
        }
    }

    private func elements(
        _ value: JSONValue?, _ path: String
    ) throws(PluginError) -> [(path: String, value: JSONValue)]? {
        guard let value else { return nil }
        guard case .array(let elements) = value else { throw ConfigObject.mismatch(path, "an array", value) }
        return elements.enumerated().map { ("\(path)[\($0)]", $1) }
    }
}

extension Array {
    /// `map`, with the error's type kept.
    fileprivate func mapTyped<T, P, V>(
        _ body: (P, V) throws(PluginError) -> T
    ) throws(PluginError) -> [T] where Element == (path: P, value: V) {
        var result: [T] = []
        result.reserveCapacity(count)
        for element in self { result.append(try body(element.path, element.value)) }
        return result
    }
}

extension String {
    /// The same but for the case of ASCII letters. Most keys differ in length, which costs nothing to see.
    fileprivate func isFolded(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return zip(utf8, other.utf8).allSatisfy { left, right in
            left == right || left ^ right == 0x20 && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(left | 0x20)
        }
    }
}
