internal import Addressing
internal import Netlink

extension FirewallElement {
    /// An element as nft(8) writes it, by the types of its key.
    static func text(_ element: NFElement, _ types: [NFDataType]) -> String {
        var words: [String] = []
        var start = 0
        for type in types {
            // A set of our name may have another's key.
            guard start < element.key.count else { break }
            let field = start..<min(start + Int(type.length), element.key.count)
            guard !field.isEmpty, element.keyEnd.map({ $0.count >= field.upperBound }) ?? true else { break }
            words.append(text(element.key[field], element.keyEnd.map { $0[field] }, type))
            start += (Int(type.length) + 3) / 4 * 4
        }
        return words.joined(separator: " . ")
    }

    private static func text(
        _ first: ArraySlice<UInt8>, _ last: ArraySlice<UInt8>?, _ type: NFDataType
    ) -> String {
        let start = text(first, type)
        guard let last, !last.elementsEqual(first) else { return start }
        guard let low = IPAddress(networkBytes: Array(first)), let high = IPAddress(networkBytes: Array(last)) else {
            return "\(start)-\(text(last, type))"
        }
        let bits = (low.bits ^ high.bits).leadingZeroBitCount - (128 - low.family.bitWidth)
        if let block = CIDR(low, prefixLength: max(0, bits)), block.first == low, block.last == high {
            return block.description
        }
        return "\(low)-\(high)"
    }

    private static func text(_ bytes: ArraySlice<UInt8>, _ type: NFDataType) -> String {
        switch type {
        case .ipv4Address, .ipv6Address:
            return IPAddress(networkBytes: Array(bytes))?.description ?? ""
        case .etherAddress: return MACAddress(bytes: Array(bytes))?.description ?? ""
        default: return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
