package import Addressing

/// What an admin asks about.
package enum Subject: Hashable, Sendable {
    case address(IPAddress)
    case pod(namespace: String, name: String)
    /// A pod's name, a container's id or the beginning of it, or the host's end of a pair.
    case word(String)

    package init(_ text: String) {
        if let address = IPAddress(text) ?? CIDR(text)?.address {
            self = .address(address)
        } else if let slash = text.firstIndex(of: "/") {
            self = .pod(namespace: String(text[..<slash]), name: String(text[text.index(after: slash)...]))
        } else {
            self = .word(text)
        }
    }

    package func matches(_ attachment: Attachment) -> Bool {
        switch self {
        case .address(let address): attachment.leases.contains { $0.address.address == address }
        case .pod(let namespace, let name): attachment.pod.namespace == namespace && attachment.pod.name == name
        case .word(let word):
            attachment.pod.name == word || attachment.hostIfname == word
                || Subject.isID(word, of: attachment.containerID)
        }
    }

    /// What host-local gave is told by its container alone; of an address, `explain` says who has it.
    package func matches(_ lease: HeldLease) -> Bool {
        if case .word(let word) = self { Subject.isID(word, of: lease.containerID) } else { false }
    }

    private static func isID(_ word: String, of containerID: String) -> Bool {
        containerID == word || word.utf8.count >= shortestID && containerID.hasPrefix(word)
    }

    /// A shorter beginning of a container's id would be anybody's.
    private static let shortestID = 6

    /// On rows of events and of v_address_history alike.
    fileprivate var condition: (sql: String, values: [SQLValue]) {
        switch self {
        case .address(let address): ("address = ?1", [.text(address.description)])
        case .pod(let namespace, let name):
            ("pod_namespace = ?1 AND pod_name = ?2", [.text(namespace), .text(name)])
        case .word(let word):
            (
                word.utf8.count >= Subject.shortestID
                    ? "(pod_name = ?1 OR substr(container_id, 1, length(?1)) = ?1)"
                    : "(pod_name = ?1 OR container_id = ?1)", [.text(word)]
            )
        }
    }
}

extension Store {
    /// Who had an address from when to when, or which addresses a pod had.
    ///
    /// - Parameters:
    ///   - since: leases that ended before are left out; milliseconds.
    ///   - until: leases that began after are left out; milliseconds.
    package func history(
        of subject: Subject, since: Int64? = nil, until: Int64? = nil
    ) throws(StoreError) -> Table {
        var (condition, values) = subject.condition
        if let since {
            values.append(.int64(since))
            condition +=
                " AND (until IS NULL OR until >= strftime('%Y-%m-%dT%H:%M:%SZ', ?\(values.count) / 1000, 'unixepoch'))"
        }
        if let until {
            values.append(.int64(until))
            condition +=
                " AND (since IS NULL OR since <= strftime('%Y-%m-%dT%H:%M:%SZ', ?\(values.count) / 1000, 'unixepoch'))"
        }
        return try database.table(
            """
            SELECT address, network, pod_namespace, pod_name, container_id, ifname, since, until, reason AS ended
            FROM v_address_history WHERE \(condition) ORDER BY since, address
            """, values)
    }

    /// The newest events about it, oldest first.
    package func events(of subject: Subject, limit: Int) throws(StoreError) -> Table {
        var (condition, values) = subject.condition
        if case .address = subject { condition = "object = ?1 AND kind IN ('assigned', 'released')" }
        values.append(.integer(limit))
        return try database.table(
            """
            SELECT at, kind, object, reason, container_id, detail FROM (
                SELECT * FROM v_events WHERE \(condition) ORDER BY id DESC LIMIT ?\(values.count)) ORDER BY id
            """, values)
    }
}
