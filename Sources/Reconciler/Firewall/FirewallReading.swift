internal import Netlink
internal import Store
internal import SystemPackage

/// What was read of nf_tables.
struct FirewallState {
    var tables: [FirewallTable] = []
    var elements: [FirewallElement] = []
}

/// The conversation with nf_tables. Opened when it is needed first, in the namespace in which the process runs.
final class FirewallSocket {
    var socket: NetlinkSocket
    /// What was read last was made by this transaction.
    var generation: NFGeneration?

    init() throws(NetlinkError) { socket = try NetlinkSocket(.netfilter) }
}

extension NamespaceReader {
    /// How often a reading is begun again that others' transactions came between.
    private static let readingAttempts = 8

    /// What is desired of nf_tables, as far as it is there; on the whole node also what else is in our tables, and tables
    /// with our mark.
    func firewall(_ desired: KernelState) throws(NetlinkError) -> FirewallState {
        if let firewallState { return firewallState }
        let state = try readFirewall(desired, extent)
        firewallState = state
        return state
    }

    func readFirewall(_ desired: KernelState, _ extent: Extent) throws(NetlinkError) -> FirewallState {
        var tables: [FirewallTable] = []
        var elements: [FirewallElement] = []
        for object in desired.all(in: .host) {
            switch object {
            case .firewallTable(let table): tables.append(table)
            case .firewallElement(let element): elements.append(element)
            default: break
            }
        }
        guard extent == .node || !tables.isEmpty || !elements.isEmpty else { return FirewallState() }
        do throws(NetlinkError) {
            let connection = try firewallSocket()
            guard extent == .node else {
                return try FirewallReading(connection, quick: extent == .newAttachment).some(tables, elements)
            }
            for _ in 0..<NamespaceReader.readingAttempts {
                let reading = FirewallReading(connection, quick: false)
                let state = try reading.all(tables)
                let generation = connection.generation
                if try reading.readGeneration() == generation { return state }
            }
            throw NetlinkError(.interrupted, context: "read nf_tables")
        } catch  where error.isLackOfNFTables {
            // Nothing of ours can be in there; who wants something is told why it cannot.
            return FirewallState(
                tables: tables.map { FirewallTable(table: $0.table, key: $0.key, obstacle: Firewall.obstacle(error)) })
        }
    }

    func firewallSocket() throws(NetlinkError) -> FirewallSocket {
        if let firewallConnection { return firewallConnection }
        let connection = try FirewallSocket()
        firewallConnection = connection
        return connection
    }
}

enum Firewall {
    static func obstacle(_ error: NetlinkError) -> String {
        "the kernel has no nf_tables: load its modules (CONFIG_NF_TABLES, for ipMasq also _INET, CONFIG_NFT_NAT, "
            + "CONFIG_NFT_MASQ, for macspoofchk _BRIDGE), or take the key out (\(error))"
    }
}

extension NetlinkError {
    /// No socket of that subsystem, or nobody there who knows its messages (nfnetlink_rcv_msg answers EINVAL, a
    /// transaction EOPNOTSUPP; net/netfilter/nfnetlink.c).
    var isLackOfNFTables: Bool {
        switch (code, errno) {
        case (.socket, .protocolNotSupported?), (.socket, .addressFamilyNotSupported?): true
        case (.refused, .invalidArgument?): context == FirewallReading.generationContext
        case (.refused, .notSupportedOnSocket?): true
        default: false
        }
    }
}

/// One look at nf_tables.
struct FirewallReading {
    let connection: FirewallSocket
    /// A table that has the chains and rules that it should have is believed to have its sets, which they name.
    let quick: Bool

    static let generationContext = "read nf_tables' generation"

    init(_ connection: FirewallSocket, quick: Bool) {
        self.connection = connection
        self.quick = quick
    }

    func readGeneration() throws(NetlinkError) -> NFGeneration? {
        let answer = try connection.socket.perform(.getGeneration(context: FirewallReading.generationContext))
        return try answer.first.map { (message) throws(NetlinkError) in try NFGeneration(parsing: message.body) }
    }

    /// Certain tables and elements, object by object: what it costs does not depend on what else there is.
    func some(
        _ wanted: [FirewallTable], _ elements: [FirewallElement]
    ) throws(NetlinkError) -> FirewallState {
        var requests: [Request] = [.getGeneration(context: FirewallReading.generationContext)]
        for table in wanted {
            let (family, name) = (table.table.family, table.table.name)
            requests.append(.getTable(family, name, context: "read table \(name)"))
            for chain in table.chains {
                requests.append(.getChain(family, name, chain.name, context: "read chain \(chain.name)"))
            }
        }
        for element in elements {
            requests.append(.getElements(element.elements(nil), context: "read \(element.name)"))
        }
        var replies = try connection.socket.perform(requests)[...]
        if let message = try FirewallReading.answer(replies.popFirst()) {
            connection.generation = try NFGeneration(parsing: message.body)
        }
        var state = FirewallState()
        for table in wanted {
            var found: FirewallTable?
            if let message = try FirewallReading.answer(replies.popFirst()) {
                found = try FirewallReading.table(message)
            }
            for _ in table.chains {
                guard let message = try FirewallReading.answer(replies.popFirst()) else { continue }
                found?.chains.append(try FirewallReading.chain(message))
            }
            guard var found else { continue }
            do throws(NetlinkError) {
                if found.table.use.map(Int.init) != table.chains.count + table.sets.count {
                    // Something is missing, or there is something beside it.
                    try readChains(of: &found)
                }
                try readContent(of: &found, wanted: table)
            } catch  where error.errno == .noSuchFileOrDirectory {
                // Somebody takes it away meanwhile.
                continue
            }
            state.tables.append(found)
        }
        for element in elements {
            let reply = replies.popFirst()
            // A set of that name may have keys of another length, and none of these.
            let message =
                reply?.error?.errno == .invalidArgument ? nil : try FirewallReading.answer(reply)
            if let found = try match(message, element) { state.elements.append(found) }
        }
        return state
    }

    /// What is in an element's place: itself, one that covers it, or such as keep it from being added.
    private func match(
        _ message: Message?, _ wanted: FirewallElement
    ) throws(NetlinkError) -> FirewallElement? {
        var found = wanted
        let others = try message.map { (message) throws(NetlinkError) in
            try NFElements(parsing: message.body).elements
        }
        if let other = others?.first.map(wanted.like), other.covers(wanted) {
            found.comment = other.comment
            return found
        }
        guard wanted.element.keyEnd != nil else { return nil }
        found.overlapping = try dump(wanted).map(wanted.like).filter { $0.overlaps(wanted) }
        return found.overlapping.isEmpty ? nil : found
    }

    /// All of the sets of some tables, and every table with our mark.
    func all(_ wanted: [FirewallTable]) throws(NetlinkError) -> FirewallState {
        connection.generation = try readGeneration()
        var state = FirewallState()
        for message in try connection.socket.dump(.dumpTables(context: "read tables")) {
            var found = try FirewallReading.table(message)
            let table = found.table
            guard let ours = wanted.first(where: { $0.name == found.name }) else {
                if found.mark == true { state.tables.append(found) }
                continue
            }
            do throws(NetlinkError) {
                try readChains(of: &found)
                try readContent(of: &found, wanted: ours)
            } catch  where error.errno == .noSuchFileOrDirectory {
                // Somebody takes it away meanwhile.
                continue
            }
            state.tables.append(found)
            for set in ours.sets where found.sets.contains(set) {
                for element in try dump(table.family, table.name, set.name) {
                    state.elements.append(FirewallElement(element, of: set))
                }
            }
        }
        return state
    }

    private func readContent(of found: inout FirewallTable, wanted: FirewallTable) throws(NetlinkError) {
        let (family, name) = (found.table.family, found.table.name)
        for message in try connection.socket.dump(.dumpRules(family, table: name, context: "read rules")) {
            var rule = try NFRule(parsing: message.body)
            rule.handle = nil
            found.rules.append(FirewallRule(rule: rule))
        }
        found.sets = wanted.sets
        if quick, found.table.use.map(Int.init) == wanted.chains.count + wanted.sets.count,
            wanted.drift(from: found).isEmpty
        {
            return
        }
        found.sets = []
        for message in try connection.socket.dump(.dumpSets(family, table: name, context: "read sets")) {
            var set = try NFSet(parsing: message.body)
            set.handle = nil
            if !set.isAnonymous { found.sets.append(set) }
        }
    }

    /// The kernel knows no way to ask for those of one table.
    private func readChains(of found: inout FirewallTable) throws(NetlinkError) {
        found.chains = []
        let table = found.table
        for message in try connection.socket.dump(.dumpChains(table.family, context: "read chains")) {
            let chain = try FirewallReading.chain(message)
            if chain.table == table.name { found.chains.append(chain) }
        }
    }

    private func dump(_ element: FirewallElement) throws(NetlinkError) -> [NFElement] {
        try dump(element.family, element.table, element.set)
    }

    private func dump(_ family: NFFamily, _ table: String, _ set: String) throws(NetlinkError) -> [NFElement] {
        do throws(NetlinkError) {
            return try connection.socket.elements(family, table: table, set: set, context: "read elements of \(set)")
        } catch  where error.errno == .noSuchFileOrDirectory {
            return []
        }
    }

    private static func table(_ message: Message) throws(NetlinkError) -> FirewallTable {
        var table = try NFTable(parsing: message.body)
        table.handle = nil
        return FirewallTable(table: table)
    }

    private static func chain(_ message: Message) throws(NetlinkError) -> NFChain {
        var chain = try NFChain(parsing: message.body)
        chain.handle = nil
        return chain
    }

    /// `nil`: there is none.
    private static func answer(_ reply: Reply?) throws(NetlinkError) -> Message? {
        if let error = reply?.error {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return nil
        }
        return reply?.messages.first
    }
}

extension FirewallElement {
    /// Another element of the same set.
    fileprivate func like(_ element: NFElement) -> FirewallElement {
        var other = self
        other.element = element
        other.element.comment = nil
        other.comment = element.comment
        other.owner = nil
        other.overlapping = []
        if other.element != self.element { other.text = FirewallElement.text(element, types) }
        return other
    }

    private var types: [NFDataType] {
        let address: NFDataType = element.key.count == 16 + 8 ? .ipv4Address : .ipv6Address
        return [.interfaceName, address, address]
    }
}
