internal import Glibc

/// A file of sections and keys, as systemd and NetworkManager read them.
struct SettingsFile {
    struct Setting {
        var section: String
        /// Without the `+` that appends to a list.
        var key: String
        var value: String
        var appends: Bool
    }

    var path: String
    var settings: [Setting] = []

    init(path: String, text: String) {
        self.path = path
        var section = ""
        for raw in text.split(whereSeparator: \.isNewline) {
            let line = raw.trimmed
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), line.hasSuffix("]") {
                section = String(line.dropFirst().dropLast())
            } else if let place = line.firstIndex(of: "=") {
                let key = line[..<place].trimmed
                settings.append(
                    Setting(
                        section: section, key: key.hasSuffix("+") ? key.dropLast().trimmed : key,
                        value: line[line.index(after: place)...].trimmed, appends: key.hasSuffix("+")))
            }
        }
    }

    /// What counts of a key that is given more than once.
    func value(_ section: String, _ key: String) -> String? {
        settings.last { $0.section == section && $0.key == key }?.value
    }

    /// The files with an ending in folders, each name once, from the first folder that has it; in the order of their
    /// names. What is a link to /dev/null is empty.
    ///
    /// - Parameter root: before every path.
    static func all(_ ending: String, in folders: [String], root: String) -> [SettingsFile] {
        var paths: [String: String] = [:]
        for folder in folders {
            for name in Folder.names(in: root + folder) where name.hasSuffix(ending) && paths[name] == nil {
                paths[name] = "\(folder)/\(name)"
            }
        }
        return paths.sorted { $0.key < $1.key }.map {
            SettingsFile(path: $0.value, text: TextFile.read(root + $0.value) ?? "")
        }
    }
}

extension String {
    /// As a shell's pattern, of the whole name.
    func matches(glob: String) -> Bool { fnmatch(glob, self, 0) == 0 }

    /// `yes`, `true`, `on` and 1, as systemd and NetworkManager take them.
    var isYes: Bool { ["1", "yes", "true", "on", "y", "t"].contains(lowercased()) }
    var isNo: Bool { ["0", "no", "false", "off", "n", "f"].contains(lowercased()) }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
