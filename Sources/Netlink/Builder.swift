internal import CKernel

/// Appends fixed headers and attributes in host byte order, each padded to four bytes.
package struct Builder {
    package private(set) var bytes: [UInt8] = []

    package init() { bytes.reserveCapacity(256) }

    package mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }

    package mutating func append(contentsOf other: some Sequence<UInt8>) {
        bytes.append(contentsOf: other)
    }

    package mutating func put<T: FixedWidthInteger>(_ type: Int, _ value: T) {
        attribute(type) { $0.append(value) }
    }

    package mutating func put(_ type: Int, bytes payload: some Sequence<UInt8>) {
        attribute(type) { $0.append(contentsOf: payload) }
    }

    /// Text with its terminating NUL, as the kernel's NLA_NUL_STRING policies want it.
    package mutating func put(_ type: Int, string: String) {
        attribute(type) {
            $0.append(contentsOf: string.utf8)
            $0.append(UInt8(0))
        }
    }

    package mutating func put(_ attribute: Attribute) {
        self.attribute(attribute.type | (attribute.isFlaggedNested ? Int(NLA_F_NESTED) : 0)) {
            $0.append(contentsOf: attribute.payload)
        }
    }

    /// An attribute of attributes. Marked NLA_F_NESTED, as strict checking asks.
    package mutating func nest(_ type: Int, _ content: (inout Builder) -> Void) {
        attribute(type | Int(NLA_F_NESTED), content)
    }

    /// An attribute whose payload `content` appends; the length is set when that is known.
    package mutating func attribute(_ type: Int, _ content: (inout Builder) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(UInt16(type))
        content(&self)
        let length = UInt16(bytes.count - start)
        withUnsafeBytes(of: length) { bytes.replaceSubrange(start..<(start + 2), with: $0) }
        bytes.append(contentsOf: repeatElement(0, count: align4(bytes.count) - bytes.count))
    }
}
