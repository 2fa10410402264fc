internal import Addressing
internal import ArgumentParser
internal import Reconciler
internal import Store

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tells all about a pod, an address, a container or a bridge: intent, kernel, drift and history.",
        discussion: """
              plumbctl explain default/web-0
              plumbctl explain 10.244.1.17
              plumbctl explain 3f1c9a7e0b52      the beginning of a container's id
              plumbctl explain plumbzb1r1        the host's end of a pair
              plumbctl explain cni0              a bridge, or a network's

            Exit status: 0 it is as it should be, 2 it is not, 1 nothing is known of it.
            """)

    @Argument(
        help: ArgumentHelp(
            "A pod, namespace/pod, address, container id, host interface, bridge or network.", valueName: "what"))
    var subject: String

    @OptionGroup var options: CommonOptions

    func run() throws {
        let explanation = try examining(options, access: .read) { store, _, examination in
            try Explanation(subject, examination, store)
        }
        guard explanation.isKnown else {
            Terminal.talk(
                "plumbctl: nothing is known of \(subject): it is no pod, address, container, bridge or interface of this node, "
                    + "now or in the last 30 days. `plumbctl get pods` lists what there is")
            throw ExitCode(1)
        }
        switch options.output {
        case .json: try Terminal.sayJSON(explanation)
        case .table: explanation.print()
        }
        if !explanation.isClean { throw ExitCode(2) }
    }
}

/// Everything that is known of a thing.
struct Explanation: Encodable {
    struct Found: Encodable {
        var pod: String
        var podNamespace: OrNull<String>
        var podName: OrNull<String>
        var state: String
        var network: String
        var bridge: String
        var addresses: [String]
        var gateways: [String]
        var routes: [String]
        var interface: String
        var hostInterface: String
        var mac: String
        var mtu: OrNull<Int>
        var containerId: String
        var namespace: String
        var repairPod: String
        var masquerade: Bool
        var macCheck: Bool
        var isolated: Bool
        var ipam: String
        var kernel: [KernelObject]
        var drift: [PlanLine]
        var notes: [String]
    }

    struct KernelObject: Encodable {
        var object: String
        var detail: String
    }

    var subject: String
    /// What an address is, whoever has it.
    var address: [String]
    var attachments: [Found]
    /// What a word may name beside a pod; empty, or one.
    var bridges: [BridgeExplanation]
    /// Of a container that another plugin added, before the network was ours: what it holds.
    var held: [String]
    /// Rows that say nothing sensible, where no other tells of it: one of them may.
    var problems: [String]
    var history: [[String: JSONCell]]
    var events: [[String: JSONCell]]

    private var historyRows: Rows
    private var eventRows: Rows

    private enum CodingKeys: String, CodingKey {
        case subject, address, attachments, bridges, held, problems, history, events
    }

    private static let eventLimit = 30

    init(_ text: String, _ examination: Examination, _ store: borrowing Store) throws(StoreError) {
        let subject = Subject(text)
        self.subject = text
        attachments = examination.intent.attachments.filter(subject.matches).map { Found($0, examination) }
        address =
            if case .address(let address) = subject { try Explanation.place(of: address, examination, store) } else {
                []
            }
        bridges =
            if case .word(let word) = subject { [BridgeExplanation(word, examination)].compactMap(\.self) } else { [] }
        held = try store.held().filter(subject.matches).map { lease in
            "\(lease.address) on bridge \(lease.bridge), \(lease.ifname) of container \(lease.containerID), network "
                + "\(lease.network): by host-local (\(lease.path))"
        }
        problems = attachments.isEmpty && held.isEmpty && bridges.isEmpty ? examination.intent.problems : []
        var known = subject
        var ofLink = Table(columns: [])
        // All events are looked at, for none is found by its object: only for what may be a link's name.
        if case .word = subject, Attachment.tag(ofHostIfname: text) != nil {
            // Of a host's end that is gone, what was done to it tells whose it was.
            ofLink = try store.events(ofLink: text, limit: Explanation.eventLimit)
            let living = examination.intent.attachments.first { $0.hostIfname == text }
            if let container = living?.containerID ?? ofLink.texts("container_id").last { known = .word(container) }
        }
        historyRows = Rows(try store.history(of: known))
        let isLink = !ofLink.rows.isEmpty
        eventRows = Rows(isLink ? ofLink : try store.events(of: known, limit: Explanation.eventLimit))
        history = historyRows.objects
        events = eventRows.objects
    }

    var isKnown: Bool {
        !address.isEmpty || !attachments.isEmpty || !bridges.isEmpty || !held.isEmpty || !historyRows.rows.isEmpty
            || !eventRows.rows.isEmpty || !problems.isEmpty
    }
    var isClean: Bool {
        problems.isEmpty && attachments.allSatisfy { $0.drift.isEmpty && $0.notes.isEmpty }
            && bridges.allSatisfy(\.drift.isEmpty)
    }

    /// Which pools an address belongs to, and what it is to them.
    private static func place(
        of address: IPAddress, _ examination: Examination, _ store: borrowing Store
    ) throws(StoreError) -> [String] {
        var lines: [String] = []
        for network in examination.intent.networks {
            for range in network.spec.rangeSets.joined() where range.subnet.contains(address) {
                let pool = "pool \(range.subnet) of network \(network.spec.name)"
                if address == range.gateway {
                    lines.append("the gateway of \(pool), on bridge \(network.spec.bridge)")
                } else if range.exclusion(of: address) != nil {
                    lines.append("in \(pool), excluded: never handed out")
                } else if !range.contains(address) {
                    lines.append("in the subnet of \(pool), outside of \(range.first)–\(range.last): never handed out")
                } else {
                    lines.append("in \(pool)")
                }
            }
        }
        let holders = try store.held().filter { $0.address == address }
        for held in holders {
            lines.append("held for container \(held.containerID.prefix(12)), by host-local (\(held.path))")
        }
        if holders.isEmpty, lines.contains(where: { $0.hasPrefix("in pool") && !$0.hasSuffix("handed out") }),
            !examination.intent.attachments.contains(where: { $0.leases.contains { $0.address.address == address } })
        {
            lines.append(
                examination.intent.isWhole ? "no pod has it now" : "no pod whose rows can be read has it now")
        }
        return lines
    }

    func print() {
        if !address.isEmpty {
            Terminal.heading("address \(subject)")
            for line in address { Terminal.say("  \(line)") }
        }
        if !held.isEmpty {
            Terminal.heading("held, not by a pod that Plumb added")
            for line in held { Terminal.say("  \(line)") }
        }
        if address.isEmpty, attachments.isEmpty, bridges.isEmpty, held.isEmpty {
            Terminal.say(
                problems.isEmpty
                    ? "\(subject) is no pod, container or interface of now; it was:"
                    : "\(subject) is no pod, container or interface of now whose rows can be read.")
        }
        for problem in problems { Terminal.say("note: \(problem)") }
        for bridge in bridges { bridge.print() }
        for (index, found) in attachments.enumerated() {
            if index > 0 || !address.isEmpty || !bridges.isEmpty { Terminal.say("") }
            found.print()
        }
        show(historyRows, "history")
        let isCut = eventRows.rows.count == Explanation.eventLimit
        show(
            eventRows.only(["at", "kind", "object", "reason"]),
            isCut ? "the last \(Explanation.eventLimit) events" : "events")
    }

    /// What is there of a thing, and what is otherwise than it should be.
    static func print(_ kernel: [KernelObject], _ drift: [PlanLine], notes: [String]) {
        Terminal.heading("kernel")
        if kernel.isEmpty { Terminal.say("  nothing of it") }
        for object in kernel { Terminal.say("  \(object.object)\(object.detail.isEmpty ? "" : ": \(object.detail)")") }
        Terminal.heading("drift")
        if drift.isEmpty, notes.isEmpty { Terminal.say("  " + Terminal.coloured("none", .green)) }
        for line in drift { line.say(namesOwner: false, indent: "  ") }
        for note in notes { Terminal.say("  note: \(note)") }
    }

    private func show(_ rows: Rows, _ heading: String) {
        guard !rows.rows.isEmpty else { return }
        Terminal.say("")
        Terminal.heading(heading)
        Terminal.table(rows.header, rows.cells)
    }
}

extension Explanation.Found {
    init(_ attachment: Attachment, _ examination: Examination) {
        pod = attachment.label
        podNamespace = OrNull(attachment.pod.namespace)
        podName = OrNull(attachment.pod.name)
        state = attachment.state.rawValue
        network = attachment.network
        bridge = attachment.bridge
        addresses = attachment.leases.map(\.address.description)
        gateways = attachment.leases.compactMap { $0.gateway?.description }
        routes = attachment.routes.map { route in
            route.destination.description + (route.gateway.map { " via \($0)" } ?? "")
        }
        interface = attachment.ifname
        hostInterface = attachment.hostIfname
        mac = attachment.mac.description
        mtu = OrNull(attachment.mtu)
        containerId = attachment.containerID
        namespace = attachment.namespace.path
        repairPod = attachment.repairPod.rawValue
        masquerade = attachment.unmasqueraded != nil
        macCheck = attachment.checksMAC
        isolated = attachment.link.isIsolated
        ipam = attachment.delegate?.type ?? (attachment.leases.isEmpty ? "none" : "plumb")
        let inside = examination.observed.all(in: attachment.pod)
        let link = examination.observed[.host, Veth.name(attachment.hostIfname)]
        let objects = [link].compactMap(\.self) + inside
        kernel = objects.map { object in
            Explanation.KernelObject(object: object.resource.name, detail: object.summary)
        }
        .sorted { $0.object < $1.object }
        let plan = PlanView(examination)
        drift = (plan.changes + plan.conflicts).filter { $0.attachment == attachment.id }
        notes = examination.plan.notices.filter { $0.attachment == attachment.id }.map(\.text)
    }

    func print() {
        Terminal.heading(pod)
        let gateway = gateways.isEmpty ? "" : ", gateway \(gateways.joined(separator: " and "))"
        for (name, value) in [
            ("state", state), ("network", "\(network), bridge \(bridge)"),
            ("addresses", addresses.isEmpty ? "none" : addresses.joined(separator: ", ") + gateway),
            ("routes", routes.isEmpty ? "none" : routes.joined(separator: ", ")),
            ("interface", "\(interface) \(mac)" + (mtu.value.map { " mtu \($0)" } ?? "")), ("host end", hostInterface),
            ("container", containerId), ("namespace", namespace), ("ipam", ipam), ("repair", repairPod),
            ("masquerade", masquerade ? "on" : "off"), ("MAC check", macCheck ? "on" : "off"),
            ("isolation", isolated ? "on" : "off"),
        ] {
            Terminal.say("  " + name.padded(to: 11) + value)
        }
        Explanation.print(kernel, drift, notes: notes)
    }
}

extension Table {
    /// What a column holds, where it holds something.
    fileprivate func texts(_ column: String) -> [String] {
        guard let place = columns.firstIndex(of: column) else { return [] }
        return rows.compactMap { if case .text(let text) = $0[place] { text } else { nil } }
    }
}

extension Object {
    /// What was read of it, in a few words.
    var summary: String {
        switch self {
        case .veth(let veth):
            (veth.isUp ? "up" : "down") + (veth.bridge.map { ", a port of \($0)" } ?? ", no port of a bridge")
                + (veth.hairpin == true ? ", hairpin on" : "")
        case .podLink(let link):
            (link.isUp ? "up" : "down") + (link.mac.map { ", MAC \($0)" } ?? "")
                + (link.mtu.map { ", mtu \($0)" } ?? "")
        case .route(let route):
            (route.gateway.map { "via \($0)" } ?? "on the link") + (route.link.map { " dev \($0)" } ?? "")
        case .bridge(let bridge): (bridge.isUp ? "up" : "down") + (bridge.kind == "bridge" ? "" : ", a \(bridge.kind)")
        default: ""
        }
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
