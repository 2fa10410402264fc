internal import FoundationEssentials
internal import Glibc
internal import Store

/// Rows as they are shown: one place for tables and JSON.
struct Rows {
    var columns: [String]
    var rows: [[SQLValue]]

    init(_ table: Table) {
        columns = table.columns
        rows = table.rows
    }

    /// - Parameter columns: as in SQL, `pod_name`.
    init(columns: [String], _ rows: [[SQLValue]]) {
        self.columns = columns
        self.rows = rows
    }

    /// - Parameter none: what a person is told instead of a table without rows.
    func show(_ output: OutputFormat, none: String = "None.") throws {
        switch output {
        case .json: try Terminal.sayJSON(objects)
        case .table where rows.isEmpty: Terminal.talk(none)
        case .table: Terminal.table(header, cells)
        }
    }

    /// Some of the columns, for where there is no room for all.
    func only(_ names: [String]) -> Rows {
        let places = names.compactMap { columns.firstIndex(of: $0) }
        return Rows(columns: places.map { columns[$0] }, rows.map { row in places.map { row[$0] } })
    }

    /// `POD-NAME`, so that a header is one word.
    var header: [String] { columns.map { $0.uppercased().replacing("_", with: "-") } }

    var cells: [[String]] {
        rows.map { row in zip(columns, row).map { Rows.cell($1, column: $0) } }
    }

    /// Keys as in all our JSON: `podName`.
    var objects: [[String: JSONCell]] {
        rows.map { row in
            Dictionary(
                zip(columns.map(Rows.camelCase), row.map(JSONCell.init)), uniquingKeysWith: { first, _ in first })
        }
    }

    private static func cell(_ value: SQLValue, column: String) -> String {
        switch value {
        case .null, .text(""): "-"
        // What a route has unless told otherwise.
        case .int64(0) where column == "metric", .int64(254) where column == "table": "-"
        case .int64(let integer): String(integer)
        case .real(let real): short(real)
        case .text(let text) where column == "container_id": String(text.prefix(12))
        // Control characters of whoever wrote the row are not the terminal's business.
        case .text(let text): String(text.map { $0.isNewline || $0 == "\t" || $0 == "\u{1b}" ? " " : $0 })
        }
    }

    /// A size that nobody reads to its last digit: `1.8e+19`.
    static func short(_ number: Double) -> String {
        guard abs(number) >= 1e15, number.isFinite else { return String(number) }
        let power = Int(log10(abs(number)).rounded(.down))
        return "\((number / pow(10, Double(power)) * 10).rounded() / 10)e+\(power)"
    }

    static func camelCase(_ name: String) -> String {
        let words = name.split(separator: "_")
        return words.enumerated().map { $0 == 0 ? String($1) : $1.prefix(1).uppercased() + $1.dropFirst() }.joined()
    }
}

/// A value that JSON always has, be it null: whoever reads it finds the same keys each time.
struct OrNull<Value: Encodable>: Encodable {
    var value: Value?

    init(_ value: Value?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

/// A value in JSON, of the type that it has in the database.
struct JSONCell: Encodable {
    var value: SQLValue

    init(_ value: SQLValue) { self.value = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch value {
        case .null: try container.encodeNil()
        case .int64(let integer): try container.encode(integer)
        case .real(let real): try container.encode(real)
        case .text(let text): try container.encode(text)
        }
    }
}
