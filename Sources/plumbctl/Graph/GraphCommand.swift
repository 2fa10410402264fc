internal import Addressing
internal import ArgumentParser
internal import CKernel
internal import Glibc
internal import Netlink
internal import Reconciler
internal import Store

struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Draws the node as an SVG: bridges, ports, pods, addresses, uplink and drift.",
        discussion: """
            It goes to stdout unless a file is named, follows the reader's light or dark theme, and tells more where the mouse \
            rests. JSON is what it shows.

              plumbctl graph > node.svg
              plumbctl graph --theme dark --file node.svg
              plumbctl graph -o json --file node.json

            Exit status: 0, whatever is to be seen; 1 an error.
            """)

    @Option(help: ArgumentHelp("Where to write it; written over.", valueName: "path"), completion: .file())
    var file: String?

    @Option(help: "auto follows the reader's, light and dark are fixed.")
    var theme = Theme.auto

    @OptionGroup var options: CommonOptions

    func run() throws {
        let picture = try examining(options, access: .read) { store, _, examination in
            try Picture(examination, pools: store.pools(), uplinks: Uplink.all(), node: GraphCommand.nodeName())
        }
        let text =
            switch options.output {
            case .json: try Terminal.json(picture)
            case .table: Drawing(picture, theme: theme).document
            }
        guard let file else { return Terminal.say(text) }
        if let problem = TextFile.put(text + "\n", at: file) {
            Terminal.talk("plumbctl: cannot write \(file): \(problem)")
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

/// A default route of the host's main table.
struct Uplink: Hashable, Encodable {
    var device: String
    var gateway: String?

    static func all() throws(ReconcilerError) -> [Uplink] {
        var found: [Uplink] = []
        do throws(NetlinkError) {
            var socket = try NetlinkSocket()
            for family in [AF_INET, AF_INET6] {
                let request = Request.dumpRoutes(family: UInt8(family), isUnicast: true, context: "read routes")
                for message in try socket.dump(request) {
                    let route = try RouteMessage(parsing: message.body)
                    for uplink in all(of: route) where !found.contains(uplink) { found.append(uplink) }
                }
            }
        } catch {
            throw ReconcilerError(error)
        }
        return found
    }

    /// None, if it is no default route.
    private static func all(of route: RouteMessage) -> [Uplink] {
        guard route.destinationLength == 0, route.isUnicast, route.table == UInt32(RT_TABLE_MAIN.rawValue) else {
            return []
        }
        let ways =
            route.nextHops.isEmpty
            ? [(index: route.outputIndex, gateway: route.gateway)]
            : route.nextHops.map { (index: UInt32($0.outputIndex), gateway: $0.gateway) }
        return ways.compactMap { way in
            var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
            guard let index = way.index, let device = if_indextoname(index, &name) else { return nil }
            let gateway = way.gateway.flatMap { IPAddress(networkBytes: $0) }
            return Uplink(device: String(cString: device), gateway: gateway?.description)
        }
    }
}
