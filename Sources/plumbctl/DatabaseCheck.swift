internal import Glibc
internal import Store

/// The file: sound, readable by whom it should be, its log short.
enum DatabaseCheck {
    static func findings(_ directory: String) -> [Finding] {
        do throws(StoreError) {
            let store = try Store.open(directory: directory, access: .read)
            let health = try store.health()
            return soundness(health) + room(directory) + [log(health, directory), readers(directory)]
        } catch {
            return [Finding(.error, "database", error.description)]
        }
    }

    private static func soundness(_ health: Health) -> [Finding] {
        var findings: [Finding] = []
        if !health.damage.isEmpty {
            findings.append(
                Finding(
                    .error, "database", "damaged: " + health.damage.joined(separator: "; "),
                    remedy: "restore a snapshot, or drain the node and start with no database"))
        }
        if !health.dangling.isEmpty {
            findings.append(
                Finding(
                    .warning, "database", health.dangling.prefix(5).joined(separator: "; "),
                    remedy:
                        "`plumbctl apply` takes them out, and gives leases back; a shell leaves such rows unless told "
                        + "PRAGMA foreign_keys=ON"
                ))
        }
        if health.withoutNetwork > 0 {
            findings.append(
                Finding(
                    .warning, "database",
                    "attachments of a network whose row is gone: \(health.withoutNetwork); their pods keep what their own "
                        + "rows say",
                    remedy: "nothing has to be done: each goes with its pod"))
        }
        if findings.isEmpty {
            findings.append(
                Finding(
                    .ok, "database",
                    "sound; \(health.databaseBytes >> 10) KiB, \(health.events) events"))
        }
        return findings
    }

    private static func room(_ directory: String) -> [Finding] {
        wantOfRoom(directory).map { [Finding(.error, "database", $0)] } ?? []
    }

    /// Why no ADD could be recorded. Of whom is not root nothing can be told: nobody else may write.
    static func wantOfRoom(_ directory: String) -> String? {
        guard Privilege.isRoot else { return nil }
        do throws(StoreError) {
            try Store.checkRoom(directory: directory)
            return nil
        } catch {
            return "no pod can be added: \(error)"
        }
    }

    private static func log(_ health: Health, _ directory: String) -> Finding {
        let size = "state.db-wal has \(health.logBytes >> 10) KiB"
        guard health.logBytes > Health.logLimit else { return Finding(.ok, "log", size) }
        let holders = Process.holding("\(directory)/state.db")
        let names = holders.map { "\($0.name) (pid \($0.id), \($0.seconds) s)" }.joined(separator: ", ")
        return Finding(
            .warning, "log",
            "\(size): it cannot be emptied while a SELECT is open. The database is open in \(names.isEmpty ? "no process now" : names)",
            remedy: names.isEmpty ? "the next ADD or DEL empties it" : "end that query")
    }

    /// The group that may read, where this machine has it, and nobody else.
    private static func readers(_ directory: String) -> Finding {
        if let finding = strangers(directory) { return finding }
        guard let group = ReaderGroup.id else {
            return Finding(.ok, "readers", "root only: this machine has no group \(ReaderGroup.name)")
        }
        for path in [directory, "\(directory)/state.db"] {
            var info = stat()
            guard stat(path, &info) == 0 else { continue }
            let needed = path == directory ? S_IRGRP | S_IXGRP : S_IRGRP
            guard info.st_gid == group, info.st_mode & needed == needed else {
                return Finding(
                    .warning, "readers", "members of group \(ReaderGroup.name) cannot read \(path)",
                    remedy:
                        "chgrp -R \(ReaderGroup.name) \(directory) && chmod 2750 \(directory) && chmod 640 \(directory)/*"
                )
            }
        }
        return Finding(.ok, "readers", "root and members of group \(ReaderGroup.name)")
    }

    /// What the mode bits of others let everybody do. As far as they get there: of the directories above nothing is asked.
    private static func strangers(_ directory: String) -> Finding? {
        func others(_ path: String) -> mode_t {
            var info = stat()
            return stat(path, &info) == 0 ? info.st_mode & S_IRWXO : 0
        }
        let (folder, file) = (others(directory), others("\(directory)/state.db"))
        guard folder & S_IXOTH != 0 else { return nil }
        let writes = (folder | file) & S_IWOTH != 0
        guard writes || file & S_IROTH != 0 else { return nil }
        return Finding(
            .warning, "readers", "everybody may \(writes ? "write" : "read") what is in \(directory)",
            remedy: "chmod -R o= \(directory)")
    }
}

/// A process that has a file open.
struct Process {
    var id: Int
    var name: String
    /// Since it started.
    var seconds: Int

    /// As far as this process may see: all, as root.
    static func holding(_ path: String) -> [Process] {
        var wanted = stat()
        guard stat(path, &wanted) == 0 else { return [] }
        return Folder.names(in: "/proc").compactMap { Int($0) }.filter { id in
            id != Int(getpid())
                && Folder.names(in: "/proc/\(id)/fd").contains { name in
                    var info = stat()
                    return stat("/proc/\(id)/fd/\(name)", &info) == 0 && info.st_dev == wanted.st_dev
                        && info.st_ino == wanted.st_ino
                }
        }
        .map { id in
            Process(id: id, name: TextFile.line("/proc/\(id)/comm") ?? "?", seconds: age(id))
        }
    }

    private static func age(_ id: Int) -> Int {
        // After the name in parentheses, which may hold anything: field 22 of proc(5), clock ticks after the boot.
        guard let text = TextFile.line("/proc/\(id)/stat"), let end = text.lastIndex(of: ")"),
            let uptime = TextFile.line("/proc/uptime")?.split(separator: ".").first.flatMap({ Int($0) })
        else { return 0 }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let started = Int(fields[19]) else { return 0 }
        return max(0, uptime - started / max(1, sysconf(Int32(_SC_CLK_TCK))))
    }
}
