/// For commands that root pastes. What a configuration names was looked at; a link that was renamed may be called `$(x)`.
extension String {
    /// One word to a shell: as it is, where that will do.
    var shellWord: String { utf8.contains { !String.isPlain($0) } ? shellQuoted : self }

    /// One word to a shell, between quotation marks.
    var shellQuoted: String {
        utf8.contains(UInt8(ascii: "'")) ? "'\(replacing("'", with: #"'\''"#))'" : "'\(self)'"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "+"), UInt8(ascii: "@"), UInt8(ascii: ","), 0x80...:
            true
        default: false
        }
    }
}
