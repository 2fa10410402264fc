internal import Store

/// A picture on paper: the host's uplink above, a panel for each bridge, its pods on rails that branch off it.
struct Drawing {
    private let picture: Picture
    private let theme: Theme
    private let grid: Grid
    private var svg = SVG()
    private var y = 0

    /// How pods are laid out: many of them get smaller cards.
    private struct Grid {
        var columns: Int
        var cardWidth: Int
        var cardHeight: Int
        var gap: Int
        /// Above each row: the rail, and the ports' names where there is room for them.
        var lead: Int
        var isDense: Bool

        init(pods: Int) {
            isDense = pods > 40
            let wished = isDense ? 8 : 4
            columns = max(isDense ? 8 : 3, min(wished, pods))
            cardWidth = isDense ? 138 : 206
            cardHeight = isDense ? 40 : 76
            gap = isDense ? 10 : 18
            lead = isDense ? 20 : 34
        }

        var width: Int { columns * cardWidth + (columns - 1) * gap }
        var rowHeight: Int { lead + cardHeight }
    }

    private static let margin = 28
    /// From a panel's edge to its first card: room for the bridge's trunk.
    private static let trunk = 44
    private static let padding = 20

    private var panelWidth: Int { Drawing.trunk + grid.width + Drawing.padding }
    private var width: Int { panelWidth + 2 * Drawing.margin + Drawing.hostTrunk }
    /// Left of the panels: the host's own line to the bridges.
    private static let hostTrunk = 26

    init(_ picture: Picture, theme: Theme) {
        self.picture = picture
        self.theme = theme
        grid = Grid(pods: picture.bridges.map(\.pods.count).max() ?? 0)
    }

    var document: String {
        var copy = self
        copy.draw()
        return copy.svg.document(width: copy.width, height: copy.y + Drawing.margin, theme: theme)
    }

    private mutating func draw() {
        y = Drawing.margin
        drawHeader()
        let hostBottom = drawHost()
        var joints: [Int] = []
        for bridge in picture.bridges { joints.append(drawBridge(bridge)) }
        if picture.bridges.isEmpty {
            svg.text(
                Drawing.margin, y + 24, "No network yet: the first pod or `plumbctl network add` brings one.",
                style: "muted", size: 13)
            y += 40
        }
        if let last = joints.last {
            let x = Drawing.margin + 10
            svg.path("M \(x) \(hostBottom) V \(last)", style: "rail")
            for joint in joints {
                svg.path("M \(x) \(joint) H \(Drawing.margin + Drawing.hostTrunk + 14)", style: "rail")
            }
        }
        drawFooter()
    }

    private mutating func drawHeader() {
        svg.text(Drawing.margin, y + 16, picture.node, style: "strong", size: 20, width: width / 2)
        let pods = picture.bridges.map(\.pods.count).reduce(0, +)
        let summary =
            "\(Terminal.count(pods, "interface")) on \(Terminal.count(picture.bridges.count, "bridge"))"
        svg.text(Drawing.margin, y + 36, summary, style: "muted", size: 13)
        let drift = picture.drift.count
        svg.text(
            width - Drawing.margin, y + 16, drift == 0 ? "no drift" : "\(drift) to mend",
            style: drift == 0 ? "ok" : "drift", size: 15, anchor: "end")
        y += 56
    }

    /// The uplinks, in one box; answers where the line to the bridges begins.
    private mutating func drawHost() -> Int {
        let uplinks = picture.uplinks.map { uplink in
            uplink.device + (uplink.gateway.map { " → \($0)" } ?? "")
        }
        let lines = [uplinks.isEmpty ? "no default route" : uplinks.joined(separator: "   ")] + picture.routes.prefix(6)
        let box = Box(x: Drawing.margin, y: y, width: panelWidth + Drawing.hostTrunk, height: 20 + 18 * lines.count)
        svg.rect(box, style: "panel")
        for (index, line) in lines.enumerated() {
            let place = y + 23 + 18 * index
            svg.text(box.x + 14, place, index == 0 ? "uplink" : "route", style: "muted", size: 12)
            svg.text(box.x + 70, place, line, style: index == 0 ? "strong" : "text", size: 13, width: box.width - 90)
        }
        y += box.height
        let bottom = y
        y += 22
        return bottom
    }

    /// Answers at which height the host's line reaches the bridge.
    private mutating func drawBridge(_ bridge: Picture.BridgeBox) -> Int {
        let rows = (bridge.pods.count + grid.columns - 1) / grid.columns
        let pools = max(1, bridge.pools.count)
        let head = max(64, 18 + pools * 24 + 4)
        let panel = Box(
            x: Drawing.margin + Drawing.hostTrunk, y: y, width: panelWidth,
            height: head + rows * grid.rowHeight + (rows == 0 ? 8 : Drawing.padding) + max(0, rows - 1) * grid.gap)
        svg.rect(panel, radius: 10, style: "panel")
        let isBroken = !bridge.reasons.isEmpty || !bridge.state.hasPrefix("up")
        let pill = Box(x: panel.x + 14, y: y + 16, width: max(70, bridge.name.count * 9 + 24), height: 28)
        svg.rect(
            pill, radius: 14, style: isBroken ? "drift" : "bridge",
            title: (["bridge \(bridge.name): \(bridge.state)"] + bridge.reasons).joined(separator: "\n"))
        svg.text(pill.x + pill.width / 2, pill.y + 19, bridge.name, style: "onBridge", size: 13, anchor: "middle")
        let textX = pill.x + pill.width + 14
        let poolX = panel.x + panel.width - Drawing.padding - 300
        let gateways = bridge.gateways.isEmpty ? "no gateway" : "gateway " + bridge.gateways.joined(separator: "  ")
        svg.text(textX, y + 28, gateways, style: "text", size: 12, width: poolX - textX - 10)
        let networks =
            bridge.networks.isEmpty ? "no network any more" : "network " + bridge.networks.joined(separator: ", ")
        let state = bridge.state == "up" ? "" : " · \(bridge.state)"
        svg.text(
            textX, y + 45, (bridge.reasons.first ?? networks + state), style: isBroken ? "drift" : "muted", size: 12,
            width: poolX - textX - 10)
        for (index, pool) in bridge.pools.enumerated() { draw(pool, x: poolX, y: y + 18 + index * 24) }
        drawPods(bridge.pods, panel: panel, from: pill, top: y + head)
        y += panel.height + 20
        return pill.y + pill.height / 2
    }

    private mutating func draw(_ pool: PoolLine, x: Int, y: Int) {
        let style = pool.state == "ok" ? "ok" : pool.state == "full" ? "drift" : "pending"
        let percent = min(100, max(0, pool.percent.value ?? 0))
        svg.text(x, y + 10, pool.subnet, style: "mono", size: 11, width: 146)
        svg.rect(
            Box(x: x + 150, y: y + 2, width: 80, height: 9), radius: 4, style: "bar",
            title: "\(pool.used) of \(pool.size.text)")
        let filled = Int(percent * 0.8 + 0.5)
        if pool.used > 0 {
            svg.rect(Box(x: x + 150, y: y + 2, width: max(4, filled), height: 9), radius: 4, style: style)
        }
        let size = pool.size.text.count > 7 || pool.size.value > 9_999_999 ? "many" : pool.size.text
        svg.text(
            x + 300, y + 11, "\(pool.used)/\(size)", style: pool.state == "ok" ? "muted" : style, size: 11,
            anchor: "end"
        )
    }

    private mutating func drawPods(_ pods: [Picture.Pod], panel: Box, from pill: Box, top: Int) {
        guard !pods.isEmpty else { return }
        let trunkX = pill.x + 14
        var lastRail = pill.y + pill.height
        for row in stride(from: 0, to: pods.count, by: grid.columns) {
            let line = pods[row..<min(row + grid.columns, pods.count)]
            let railY = top + row / grid.columns * (grid.rowHeight + grid.gap) + 4
            let lastX = panel.x + Drawing.trunk + (line.count - 1) * (grid.cardWidth + grid.gap) + 18
            svg.path("M \(trunkX) \(railY) H \(lastX)", style: "rail")
            for (column, pod) in line.enumerated() {
                let card = Box(
                    x: panel.x + Drawing.trunk + column * (grid.cardWidth + grid.gap),
                    y: railY - 4 + grid.lead, width: grid.cardWidth, height: grid.cardHeight)
                draw(pod, card, railY: railY)
            }
            lastRail = railY
        }
        svg.path("M \(trunkX) \(pill.y + pill.height) V \(lastRail)", style: "rail")
    }

    private mutating func draw(_ pod: Picture.Pod, _ card: Box, railY: Int) {
        let condition = pod.condition.rawValue
        let portX = card.x + 18
        let isCut = pod.condition == .gone || pod.reasons.contains { $0.contains(" link \(pod.port)") }
        svg.path("M \(portX) \(railY) V \(card.y)", style: isCut ? "cut" : "rail")
        let title = [
            "\(pod.namespace.isEmpty ? "" : pod.namespace + "/")\(pod.name) \(pod.interface)", "port \(pod.port)",
            pod.addresses.joined(separator: ", "),
        ]
        svg.rect(
            card, style: pod.condition == .ok ? "card" : "cardOf\(condition)",
            title: (title + pod.reasons).joined(separator: "\n"))
        svg.dot(card.x + card.width - 14, card.y + (grid.isDense ? 12 : 16), radius: 4, style: condition)
        let x = card.x + 10
        let room = card.width - 36
        if grid.isDense {
            svg.text(x, card.y + 16, pod.name, style: "strong", size: 11, width: room)
            svg.text(
                x, card.y + 31, pod.note.isEmpty ? pod.addresses.first ?? "no address" : pod.note,
                style: pod.note.isEmpty ? "mono" : condition, size: 10, width: room + 16)
            return
        }
        svg.text(portX + 8, card.y - 9, pod.port, style: "mono", size: 10, width: card.width - 30)
        svg.text(x, card.y + 20, pod.name, style: "strong", size: 13, width: room)
        var lines = pod.addresses.prefix(2).map { ($0, "mono") }
        if lines.isEmpty { lines = [("no address", "muted")] }
        lines.append((pod.note.isEmpty ? pod.namespace : pod.note, pod.condition == .ok ? "muted" : condition))
        for (index, line) in lines.enumerated() {
            svg.text(x, card.y + 37 + index * 15, line.0, style: line.1, size: 11, width: card.width - 20)
        }
    }

    private mutating func drawFooter() {
        let lines =
            picture.drift.prefix(12)
            + picture.orphans.prefix(6).map { "? \($0): carries Plumb's mark, nobody knows it" }
        if !lines.isEmpty {
            svg.text(Drawing.margin, y + 12, "What is not as it should be", style: "strong", size: 14)
            y += 20
            for line in lines {
                svg.text(Drawing.margin, y + 14, line, style: "drift", size: 12, width: width - 2 * Drawing.margin)
                y += 18
            }
            let more = picture.drift.count - 12
            if more > 0 {
                svg.text(Drawing.margin, y + 14, "and \(more) more: plumbctl plan", style: "muted", size: 12)
                y += 18
            }
            y += 14
        }
        var x = Drawing.margin
        for (style, label) in [
            ("ok", "as it should be"), ("pending", "being added"), ("drift", "drift"), ("gone", "gone"),
        ] {
            svg.dot(x + 4, y + 8, style: style)
            svg.text(x + 14, y + 12, label, style: "muted", size: 12)
            x += 14 + label.count * 7 + 22
        }
        y += 14
    }
}
