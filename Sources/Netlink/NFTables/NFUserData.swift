/// What nft(8) keeps with an object and the kernel only stores: entries of a type, a length and so many bytes
/// (libnftnl's udata.h).
struct NFUserData {
    /// By their types, in the order in which they are written.
    var entries: [(type: UInt8, bytes: [UInt8])] = []

    init() {}

    /// Entries as far as they can be read; whoever wrote something else here means nobody else to understand it.
    init(_ payload: ArraySlice<UInt8>) {
        var rest = payload
        while let type = rest.first, let length = rest.dropFirst().first, rest.count >= 2 + Int(length) {
            entries.append((type, Array(rest.dropFirst(2).prefix(Int(length)))))
            rest = rest.dropFirst(2 + Int(length))
        }
    }

    var bytes: [UInt8] { entries.flatMap { [$0.type, UInt8(truncatingIfNeeded: $0.bytes.count)] + $0.bytes } }

    func text(_ type: UInt8) -> String? {
        entries.first { $0.type == type }.map { String(decoding: $0.bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Text with its NUL; nft(8) takes comments of up to 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN).
    mutating func append(_ type: UInt8, _ text: String?) {
        guard let text else { return }
        entries.append((type, Array(text.utf8.prefix(127)) + [0]))
    }

    /// A number in the machine's byte order.
    mutating func append(_ type: UInt8, _ number: UInt32) {
        entries.append((type, withUnsafeBytes(of: number) { Array($0) }))
    }

    /// Of tables, chains, rules and elements (NFTNL_UDATA_TABLE_COMMENT and its like).
    static let comment: UInt8 = 0
    /// Of sets (NFTNL_UDATA_SET_COMMENT, NFTNL_UDATA_SET_KEYBYTEORDER, …_DATABYTEORDER).
    static let commentOfSet: UInt8 = 7
    static let keyByteOrder: UInt8 = 0
    static let dataByteOrder: UInt8 = 1
}

extension Attribute {
    /// Of a table, a chain, a rule or an element.
    func comment() -> String? { NFUserData(payload).text(NFUserData.comment) }
}

extension Builder {
    /// Of a table, a chain, a rule or an element; none is no attribute.
    mutating func put(_ type: some RawRepresentable<UInt32>, comment: String?) {
        guard comment != nil else { return }
        var data = NFUserData()
        data.append(NFUserData.comment, comment)
        put(type, bytes: data.bytes)
    }
}
