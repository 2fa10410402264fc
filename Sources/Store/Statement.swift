internal import CSQLite

/// A value to bind.
package enum SQLValue: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    case null
    case int64(Int64)
    case real(Double)
    case text(String)

    package init(integerLiteral value: Int64) { self = .int64(value) }
    package init(stringLiteral value: String) { self = .text(value) }

    package static func integer(_ value: some BinaryInteger) -> Self { .int64(Int64(truncatingIfNeeded: value)) }
    package static func optional(_ value: (some BinaryInteger)?) -> Self { value.map { .integer($0) } ?? .null }
    package static func optional(_ value: String?) -> Self { value.map(Self.text) ?? .null }
    package static func bool(_ value: Bool) -> Self { .int64(value ? 1 : 0) }
}

/// Compiled statements by their text, as long as their connection lives. A few dozen long texts, of which hardly two are of
/// one length: to look through them costs less than to hash one.
final class StatementCache {
    private struct Entry {
        var length: Int
        var sql: String
        var statement: Statement
    }

    private var entries: [Entry] = []

    init() { entries.reserveCapacity(32) }

    func find(_ sql: String) -> Statement? {
        let length = sql.utf8.count
        for entry in entries where entry.length == length && entry.sql == sql { return entry.statement }
        return nil
    }

    func insert(_ sql: String, _ statement: Statement) {
        entries.append(Entry(length: sql.utf8.count, sql: sql, statement: statement))
    }

    /// Before the connection closes.
    func removeAll() {
        for entry in entries { entry.statement.finalize() }
        entries.removeAll()
    }
}

/// A compiled statement; its connection's cache owns it.
package struct Statement {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    func finalize() { sqlite3_finalize(handle) }

    /// Lets go of the rows and locks of a run that is over.
    func reset() { sqlite3_reset(handle) }

    /// Binding fails only for an index that the statement does not have, and then its
    /// step says so.
    func bind(_ values: [SQLValue]) {
        for (index, value) in values.enumerated() {
            let position = Int32(index + 1)
            switch value {
            case .null: sqlite3_bind_null(handle, position)
            case .int64(let integer): sqlite3_bind_int64(handle, position, integer)
            case .real(let real): sqlite3_bind_double(handle, position, real)
            case .text(let text): sqlite3_bind_text(handle, position, text, -1, transient)
            }
        }
    }

    func step() -> Int32 { sqlite3_step(handle) }

    package func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    package func optionalInteger(_ column: Int32) -> Int64? {
        sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : sqlite3_column_int64(handle, column)
    }

    var columnNames: [String] {
        (0..<sqlite3_column_count(handle)).map { sqlite3_column_name(handle, $0).map { String(cString: $0) } ?? "" }
    }

    /// It changes nothing in the database.
    var isReadOnly: Bool { sqlite3_stmt_readonly(handle) != 0 }

    /// A column as it is stored; bytes as an SQL literal of them.
    func value(_ column: Int32) -> SQLValue {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return .int64(sqlite3_column_int64(handle, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, column))
        case SQLITE_NULL: return .null
        case SQLITE_BLOB:
            let count = Int(sqlite3_column_bytes(handle, column))
            let bytes = UnsafeRawBufferPointer(start: sqlite3_column_blob(handle, column), count: count)
            return .text("x'" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'")
        default: return .text(text(column))
        }
    }

    package func bool(_ column: Int32) -> Bool { integer(column) != 0 }

    package func text(_ column: Int32) -> String { optionalText(column) ?? "" }

    package func optionalText(_ column: Int32) -> String? {
        sqlite3_column_text(handle, column).map { String(cString: $0) }
    }

    /// A column whose text must be a `T`; an admin may have written anything there.
    package func parsed<T>(
        _ column: Int32, _ what: String, _ parse: (String) -> T?
    ) throws(StoreError) -> T {
        let text = text(column)
        guard let value = parse(text) else { throw StoreError(.invalid, "\(what) \"\(text)\" in the database is none") }
        return value
    }
}

extension Statement {
    /// As ``parsed(_:_:_:)``; NULL is `nil`.
    package func parsedIfPresent<T>(
        _ column: Int32, _ what: String, _ parse: (String) -> T?
    ) throws(StoreError) -> T? {
        optionalText(column) == nil ? nil : try parsed(column, what, parse)
    }

    /// A column whose number must be a link's MTU, in bytes; NULL is `nil`. The least of IPv4 (RFC 791), the most that an
    /// Ethernet device takes (ETH_MAX_MTU of include/uapi/linux/if_ether.h).
    func mtu(_ column: Int32) throws(StoreError) -> Int? {
        try parsedIfPresent(column, "mtu") { Int($0).flatMap { (68...65535).contains($0) ? $0 : nil } }
    }

    /// A column whose number must fit in 32 bits; NULL is `nil`.
    func word(_ column: Int32, _ what: String) throws(StoreError) -> UInt32? {
        try parsedIfPresent(column, what) { UInt32($0) }
    }

    /// A column whose text must do as a link's name: up to 15 bytes (IFNAMSIZ of include/uapi/linux/if.h).
    func linkName(_ column: Int32, _ what: String) throws(StoreError) -> String {
        try parsed(column, what) { (1...15).contains($0.utf8.count) ? $0 : nil }
    }
}

/// SQLITE_TRANSIENT: SQLite copies the text before the call returns.
private let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
