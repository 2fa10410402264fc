/// Writes SVG, element by element.
struct SVG {
    private(set) var body: [String] = []

    static func escape(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            // XML has no such characters at all, and anybody may name a pod.
            case _ where character.unicodeScalars.contains { $0.value < 32 }: escaped += " "
            default: escaped.append(character)
            }
        }
        return escaped
    }

    mutating func rect(_ box: Box, radius: Int = 6, style: String, title: String? = nil) {
        let place = "x=\"\(box.x)\" y=\"\(box.y)\" width=\"\(box.width)\" height=\"\(box.height)\" rx=\"\(radius)\""
        body.append(
            title.map { "<rect \(place) class=\"\(style)\"><title>\(SVG.escape($0))</title></rect>" }
                ?? "<rect \(place) class=\"\(style)\"/>")
    }

    /// Horizontal and vertical pieces, as `M 1 2 H 3 V 4`.
    mutating func path(_ steps: String, style: String) {
        body.append("<path d=\"\(steps)\" class=\"\(style)\"/>")
    }

    mutating func dot(_ x: Int, _ y: Int, radius: Int = 4, style: String) {
        body.append("<circle cx=\"\(x)\" cy=\"\(y)\" r=\"\(radius)\" class=\"\(style)\"/>")
    }

    /// - Parameter width: in pixels; what is longer ends in an ellipsis.
    mutating func text(
        _ x: Int, _ y: Int, _ text: String, style: String, size: Int = 12, width: Int = .max, anchor: String = "start"
    ) {
        // An average of what sans-serif and monospaced letters take.
        let letters = max(1, width == .max ? .max : width * 100 / (size * (style.contains("mono") ? 61 : 58)))
        let fitted = text.count > letters ? text.prefix(letters - 1) + "…" : text[...]
        let place =
            "x=\"\(x)\" y=\"\(y)\" font-size=\"\(size)\"" + (anchor == "start" ? "" : " text-anchor=\"\(anchor)\"")
        body.append("<text \(place) class=\"\(style)\">\(SVG.escape(String(fitted)))</text>")
    }

    func document(width: Int, height: Int, theme: Theme) -> String {
        let size = "width=\"\(width)\" height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\""
        return """
            <svg xmlns="http://www.w3.org/2000/svg" \(size) font-family="system-ui, 'DejaVu Sans', 'Segoe UI', sans-serif">
            <style>
            \(Palette.style(theme))
            </style>
            <rect width="\(width)" height="\(height)" class="page"/>
            \(body.joined(separator: "\n"))
            </svg>
            """
    }
}

struct Box {
    var x: Int
    var y: Int
    var width: Int
    var height: Int
}

/// Colours of the two themes, readable on their page: every text has a contrast of at least 4.5.
enum Palette {
    private static let light = [
        "page": "#ffffff", "panel": "#f6f8fa", "edge": "#d1d9e0", "text": "#1f2328", "muted": "#59636e",
        "rail": "#818b98",
        "ok": "#1a7f37", "pending": "#9a6700", "drift": "#cf222e", "accent": "#0969da", "card": "#ffffff",
        "alarm": "#fff1f0",
    ]
    private static let dark = [
        "page": "#0d1117", "panel": "#151b23", "edge": "#3d444d", "text": "#f0f6fc", "muted": "#9198a1",
        "rail": "#656c76",
        "ok": "#3fb950", "pending": "#d29922", "drift": "#f85149", "accent": "#4493f8", "card": "#0d1117",
        "alarm": "#2d1517",
    ]

    static func style(_ theme: Theme) -> String {
        switch theme {
        case .light: rules(light)
        case .dark: rules(dark)
        case .auto: rules(light) + "\n@media (prefers-color-scheme: dark) {\n" + rules(dark) + "\n}"
        }
    }

    private static func rules(_ colours: [String: String]) -> String {
        func colour(_ name: String) -> String { colours[name] ?? "#000" }
        var rules = [
            ".page { fill: \(colour("page")) }",
            ".panel { fill: \(colour("panel")); stroke: \(colour("edge")) }",
            ".card { fill: \(colour("card")); stroke: \(colour("edge")) }",
            ".bar { fill: \(colour("edge")) }",
            ".bridge { fill: \(colour("accent")) }",
            ".onBridge { fill: \(colour("page")); font-weight: 600 }",
            ".text { fill: \(colour("text")) }",
            ".strong { fill: \(colour("text")); font-weight: 600 }",
            ".muted { fill: \(colour("muted")) }",
            ".mono { fill: \(colour("muted")); font-family: ui-monospace, 'DejaVu Sans Mono', monospace }",
            ".rail { fill: none; stroke: \(colour("rail")); stroke-width: 2; stroke-linejoin: round }",
            ".cut { fill: none; stroke: \(colour("drift")); stroke-width: 2; stroke-dasharray: 3 3 }",
        ]
        for name in ["ok", "pending", "drift"] {
            rules.append(".\(name) { fill: \(colour(name)) }")
        }
        rules.append(".gone { fill: \(colour("muted")) }")
        rules.append(".cardOfdrift { fill: \(colour("alarm")); stroke: \(colour("drift")); stroke-width: 1.5 }")
        rules.append(".cardOfpending { fill: \(colour("card")); stroke: \(colour("pending")) }")
        rules.append(".cardOfgone { fill: \(colour("card")); stroke: \(colour("muted")); stroke-dasharray: 4 3 }")
        return rules.joined(separator: "\n")
    }
}
