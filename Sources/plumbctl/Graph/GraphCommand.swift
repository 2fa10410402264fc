internal import ArgumentParser
internal import Glibc
internal import Plugin
internal import Reconciler
internal import Store

struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Draws the node as an SVG: bridges, ports, pods, addresses, uplink and drift.",
        discussion: """
            It goes to stdout unless a file is named, follows the reader's light or dark theme, and tells more where the mouse \
            rests.

              plumbctl graph > node.svg
              plumbctl graph --theme dark --file node.svg

            Exit status: 0, whatever is to be seen; 1 an error.
            """)

    @Option(help: ArgumentHelp("Where to write it; written over.", valueName: "path"))
    var file: String?

    @Option(help: "auto follows the reader's, light and dark are fixed.")
    var theme = Theme.auto

    @OptionGroup var options: CommonOptions

    func run() throws {
        let picture = try examining(options, access: .read) { store, _, examination in
            try Picture(examination, pools: store.pools(), uplinks: Uplink.all(), node: GraphCommand.nodeName())
        }
        if options.output == .json { return try Terminal.sayJSON(picture) }
        let svg = Drawing(picture, theme: theme).document
        guard let file else { return Terminal.say(svg) }
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0, ProcessIO.write(svg, to: descriptor), close(descriptor) == 0 else {
            Terminal.talk("plumbctl: cannot write \(file): \(String(cString: strerror(errno)))")
            throw ExitCode(1)
        }
    }

    private static func nodeName() -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "node" }
        return withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

enum Theme: String, ExpressibleByArgument, CaseIterable { case auto, light, dark }

/// A default route of the host, as /proc tells it.
struct Uplink: Hashable, Encodable {
    var device: String
    var gateway: String?

    static func all() -> [Uplink] {
        var found: [Uplink] = []
        for line in (File.text("/proc/net/route") ?? "").split(separator: "\n").dropFirst() {
            let fields = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
            // The address in network order, as a number of this machine.
            guard fields.count > 7, fields[1] == "00000000", fields[7] == "00000000",
                let gateway = UInt32(fields[2], radix: 16)
            else { continue }
            let bytes = withUnsafeBytes(of: gateway) { $0.map { String($0) } }
            found.append(Uplink(device: String(fields[0]), gateway: gateway == 0 ? nil : bytes.joined(separator: ".")))
        }
        return found.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
