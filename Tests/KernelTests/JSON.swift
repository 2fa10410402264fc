import Foundation

/// Any JSON value, to be looked into: `result["ips"][0]["address"]`. What is not there is `.null`.
enum JSON: Hashable, Sendable, Decodable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    /// Exactly one value; anything beside it is an error.
    init(_ text: String) throws {
        do {
            self = try JSONDecoder().decode(JSON.self, from: Data(text.utf8))
        } catch {
            throw Failure(description: "no JSON: \"\(text)\"")
        }
    }

    subscript(_ key: String) -> JSON {
        if case .object(let members) = self { members[key] ?? .null } else { .null }
    }

    subscript(_ index: Int) -> JSON {
        elements.indices.contains(index) ? elements[index] : .null
    }

    var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }
    var keys: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var number: Int? { if case .number(let number) = self { Int(number) } else { nil } }

    /// Of a link as `ip -j addr` tells it: `10.244.0.2/24`.
    var addresses: Set<String> {
        Set(self["addr_info"].elements.map { "\($0["local"].text ?? "")/\($0["prefixlen"].number ?? 0)" })
    }

    /// The same without the members of these names, however deep, and without the {} that `ip` says for each element
    /// that its filter leaves out.
    func without(_ names: Set<String>) -> JSON {
        switch self {
        case .array(let elements): .array(elements.filter { $0 != .object([:]) }.map { $0.without(names) })
        case .object(let members):
            .object(members.filter { !names.contains($0.key) }.mapValues { $0.without(names) })
        default: self
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
}
