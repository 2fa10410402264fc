/// Metrics in Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats).
struct MetricsText {
    enum Kind: String { case counter, gauge }

    private(set) var text = ""
    /// What an earlier text said, by name and labels.
    private let earlier: [Substring: Double]

    /// - Parameter earlier: the text that this one replaces; its counters go on.
    init(after earlier: String) {
        var values: [Substring: Double] = [:]
        for line in earlier.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            values[line[..<space]] = value
        }
        self.earlier = values
    }

    /// - Parameter samples: by labels as they are written, `result="success"`; empty is none. Of counters, what is to be
    ///   added.
    mutating func add(_ kind: Kind, _ name: String, _ help: String, _ samples: [(labels: String, value: Double)]) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        var values: [Substring: Double] = [:]
        for sample in samples { values[MetricsText.series(name, sample.labels)] = sample.value }
        if kind == .counter {
            for (series, value) in earlier where series == name || series.hasPrefix("\(name){") {
                values[series, default: 0] += value
            }
        }
        for (series, value) in values.sorted(by: { $0.key < $1.key }) {
            text += "\(series) \(MetricsText.number(value))\n"
        }
    }

    /// The value of a gauge before.
    func before(_ name: String) -> Double? { earlier[name[...]] }

    private static func series(_ name: String, _ labels: String) -> Substring {
        labels.isEmpty ? name[...] : "\(name){\(labels)}"[...]
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }

    /// A label and its value, quoted.
    static func label(_ name: String, _ value: String) -> String {
        let quoted = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        return "\(name)=\"\(quoted)\""
    }
}
