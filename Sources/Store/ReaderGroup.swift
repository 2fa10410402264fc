internal import Glibc

/// Who may read without being root.
package enum ReaderGroup {
    package static let name = "plumb"

    /// Its number, if this machine has the group: from /etc/group itself, because a static binary must not ask glibc's name
    /// service, which loads libraries.
    package static var id: UInt32? {
        guard let file = fopen("/etc/group", "re") else { return nil }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, file) > 0, let text = line {
            let fields = String(cString: text).split(separator: ":", omittingEmptySubsequences: false)
            if fields.count >= 3, fields[0] == name { return UInt32(fields[2]) }
        }
        return nil
    }

    /// Lets the group look into a new directory. What is made in there belongs to it too (the setgid bit), and SQLite gives
    /// its log and index the owner of the database. A directory that somebody else made stays as he made it.
    static func admit(to directory: String) {
        // Only readers are the worse for a failure, and `plumbctl check` tells them.
        guard let id, chown(directory, uid_t.max, id) == 0 else { return }
        _ = chmod(directory, 0o2750)
    }
}
