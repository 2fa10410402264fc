internal import CKernel

/// An element of a set or a map.
package struct NFElement: Hashable, Sendable {
    /// The key, each field of a concatenation padded to four bytes; of a range its first.
    package var key: [UInt8]
    /// Of a range in a concatenation its last, inclusive.
    package var keyEnd: [UInt8]?
    /// Of a set of intervals that is no concatenation: here a range ends, exclusive.
    package var isEnd = false
    /// Of a map.
    package var data: NFData?
    package var comment: String?

    package init(key: [UInt8], keyEnd: [UInt8]? = nil, data: NFData? = nil, comment: String? = nil) {
        self.key = key
        self.keyEnd = keyEnd
        self.data = data
        self.comment = comment
    }

    fileprivate init(_ nest: Attribute) throws(NetlinkError) {
        key = []
        for attribute in try nest.nested() {
            switch attribute.type {
            case NFTA_SET_ELEM_KEY.number: key = try NFData.bytes(attribute)
            case NFTA_SET_ELEM_KEY_END.number: keyEnd = try NFData.bytes(attribute)
            case NFTA_SET_ELEM_DATA.number: data = try NFData(attribute)
            case NFTA_SET_ELEM_FLAGS.number:
                isEnd = try attribute.bigUInt32() & NFT_SET_ELEM_INTERVAL_END.rawValue != 0
            case NFTA_SET_ELEM_USERDATA.number: comment = attribute.comment()
            default: break
            }
        }
    }

    fileprivate func encode(into builder: inout Builder) {
        builder.nest(NFTA_LIST_ELEM) {
            if isEnd { $0.putBig(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END.rawValue) }
            $0.nest(NFTA_SET_ELEM_KEY, NFData.value(key).encode(into:))
            if let keyEnd { $0.nest(NFTA_SET_ELEM_KEY_END, NFData.value(keyEnd).encode(into:)) }
            if let data { $0.nest(NFTA_SET_ELEM_DATA, data.encode(into:)) }
            $0.put(NFTA_SET_ELEM_USERDATA, comment: comment)
        }
    }
}

/// Elements of one set, as they are sent.
package struct NFElements: Hashable, Sendable {
    package var family: NFFamily
    package var table: String
    package var set: String
    package var elements: [NFElement]

    package init(family: NFFamily, table: String, set: String, elements: [NFElement]) {
        self.family = family
        self.table = table
        self.set = set
        self.elements = elements
    }

    /// Reads the body of NFT_MSG_NEWSETELEM.
    package init(parsing body: ArraySlice<UInt8>) throws(NetlinkError) {
        let (family, attributes) = try NFMessage.parse(body)
        self.init(family: family, table: "", set: "", elements: [])
        for attribute in attributes {
            switch attribute.type {
            case NFTA_SET_ELEM_LIST_TABLE.number: table = attribute.string()
            case NFTA_SET_ELEM_LIST_SET.number: set = attribute.string()
            case NFTA_SET_ELEM_LIST_ELEMENTS.number:
                for nest in try attribute.nested() where nest.type == NFTA_LIST_ELEM.number {
                    elements.append(try NFElement(nest))
                }
            default: break
            }
        }
    }

    package var encoded: [UInt8] {
        NFMessage.body(family) {
            $0.put(NFTA_SET_ELEM_LIST_TABLE, string: table)
            $0.put(NFTA_SET_ELEM_LIST_SET, string: set)
            if !elements.isEmpty {
                $0.nest(NFTA_SET_ELEM_LIST_ELEMENTS) { for element in elements { element.encode(into: &$0) } }
            }
        }
    }

    /// The ranges of a set of intervals that is no concatenation: where each begins and, exclusive, ends; `nil` is the
    /// end of all keys. The kernel sends both as elements, in any order, and one more at the least key if no range begins
    /// there.
    package static func ranges(_ elements: [NFElement]) -> [(first: [UInt8], end: [UInt8]?)] {
        var ranges: [(first: [UInt8], end: [UInt8]?)] = []
        var first: [UInt8]?
        // Of two at one key the end comes first: one range stops where another starts.
        func rank(_ element: NFElement) -> Int { element.isEnd ? 0 : 1 }
        let ordered = elements.sorted {
            $0.key == $1.key ? rank($0) < rank($1) : $0.key.lexicographicallyPrecedes($1.key)
        }
        for element in ordered {
            if let start = first { ranges.append((start, element.key)) }
            first = element.isEnd ? nil : element.key
        }
        if let start = first { ranges.append((start, nil)) }
        return ranges
    }
}

extension Request {
    /// NFT_MSG_NEWSETELEM with NLM_F_CREATE (`nft add element`). One that is there already is no error. ENOENT: there is
    /// no such set. EEXIST, ENOTEMPTY: it overlaps another range, or the key is there with another value.
    package static func addElements(_ elements: NFElements, context: String) -> Request {
        .nfTables(NFT_MSG_NEWSETELEM, NLM_F_CREATE, body: elements.encoded, context: context)
    }

    /// NFT_MSG_DELSETELEM. ENOENT: one of them is not there, or the set.
    package static func deleteElements(_ elements: NFElements, context: String) -> Request {
        .nfTables(NFT_MSG_DELSETELEM, body: elements.encoded, context: context)
    }

    /// NFT_MSG_GETSETELEM of certain keys, one message an element in answer. ENOENT: one of them is not there, or the set.
    package static func getElements(_ elements: NFElements, context: String) -> Request {
        .nfTables(NFT_MSG_GETSETELEM, body: elements.encoded, context: context)
    }

    /// NFT_MSG_GETSETELEM for ``NetlinkSocket/dump(_:)``: all of one set. ENOENT: there is none.
    package static func dumpElements(
        _ family: NFFamily, table: String, set: String, context: String
    ) -> Request {
        let all = NFElements(family: family, table: table, set: set, elements: [])
        return .nfTables(NFT_MSG_GETSETELEM, body: all.encoded, context: context)
    }
}

extension NetlinkSocket {
    /// All elements of one set. ENOENT: there is none.
    ///
    /// A large set's table is made larger in the background, and a dump goes on by count after each message
    /// (nft_rhash_walk of net/netfilter/nft_set_hash.c): over such a change, which no flag tells of, it gives some elements
    /// twice and leaves out as many. It is begun again then.
    package mutating func elements(
        _ family: NFFamily, table: String, set: String, context: String
    ) throws(NetlinkError) -> [NFElement] {
        let request = Request.dumpElements(family, table: table, set: set, context: context)
        for _ in 0..<NetlinkSocket.dumpAttempts {
            var elements: [NFElement] = []
            for message in try dump(request) { elements += try NFElements(parsing: message.body).elements }
            if Set(elements).count == elements.count { return elements }
        }
        throw NetlinkError(.interrupted, context: context)
    }
}
