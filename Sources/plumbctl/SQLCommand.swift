internal import ArgumentParser
internal import Glibc
internal import Store

struct SQLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sql",
        abstract: "Runs SQL as Plumb itself would: one writer at a time, foreign keys on, on the disk at once.",
        discussion: """
            All statements given are one transaction: all of them happen, or none. Those that only read take no lock. Without \
            an argument they are read from stdin. `plumbctl apply` then makes the kernel agree.

              plumbctl sql "SELECT * FROM v_leases"
              plumbctl sql "INSERT INTO routes (dst, gateway) VALUES ('10.244.2.0/24', '192.168.0.12')"
              plumbctl sql < changes.sql

            JSON is one list of rows for each statement that gives some, with columns as SQL names them; of two with one name \
            the second is name:1, as in a subquery. stderr says how many rows were written. Exit status: 0 done, 1 an error, and \
            nothing was changed.
            """)

    @Argument(help: ArgumentHelp("SQL statements.", valueName: "statements"))
    var script: String?

    @OptionGroup var options: CommonOptions

    func run() throws {
        let text = try script ?? SQLCommand.standardInput()
        let answer = try reading(options) { (store) throws(StoreError) in
            store.isReadOnly(text) ? try store.read(script: text) : nil
        }
        // A statement without rows gives no table, so that JSON is one list where one statement is given.
        if let answer {
            for table in answer { try show(table) }
            return
        }
        let (tables, changes) = try storing(options, access: .write) { (store) throws(StoreError) in
            try store.write(script: text)
        }
        for table in tables { try show(table) }
        Terminal.talk("Wrote \(Terminal.count(changes, "row")).")
    }

    private func show(_ table: Table) throws {
        switch options.output {
        case .table: Terminal.table(table.columns, Rows(table).cells)
        case .json:
            let keys = SQLCommand.apart(table.columns)
            try Terminal.sayJSON(
                table.rows.map { row in Dictionary(uniqueKeysWithValues: zip(keys, row.map(JSONCell.init))) })
        }
    }

    /// `a`, `a:1` for two of one name: as SQLite calls the columns of a subquery. Two `id` are what a join has, and each
    /// counts.
    private static func apart(_ names: [String]) -> [String] {
        var taken = Set(names)
        var seen: Set<String> = []
        return names.map { name in
            if seen.insert(name).inserted { return name }
            var number = 1
            while !taken.insert("\(name):\(number)").inserted { number += 1 }
            return "\(name):\(number)"
        }
    }

    private static func standardInput() throws -> String {
        if isatty(STDIN_FILENO) == 1 { Terminal.talk("Type SQL; end with control-D:") }
        var input: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            if count == 0 { return String(decoding: input, as: UTF8.self) }
            guard count > 0 else {
                if errno == EINTR { continue }
                Terminal.talk("plumbctl: cannot read stdin: errno \(errno)")
                throw ExitCode(1)
            }
            input += chunk[..<count]
        }
    }
}
