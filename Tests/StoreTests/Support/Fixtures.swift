import Addressing
import Store
import Testing

// Testing has an Attachment too.
import struct Store.Attachment

extension RangeSpec {
    /// `10.0.0.0/29`, `10.0.0.0/29 10.0.0.3-10.0.0.4`, `10.0.0.0/29 via 10.0.0.6`, `10.0.0.0/28 without 10.0.0.4/30
    /// 10.0.0.9/32`, or all of it. What is left out is what a
    /// CNI configuration means by leaving it out: the second address as gateway, everything but network and broadcast.
    init(_ text: String) throws {
        let words = text.split(separator: " ")
        let subnet = try #require(CIDR(String(words[0])))
        let second = try #require(subnet.first.advanced(by: 1))
        let last = subnet.family == .v4 ? try #require(subnet.last.retreated(by: 1)) : subnet.last
        self.init(subnet: subnet, first: second, last: last, gateway: second)
        if let span = words.first(where: { $0.contains("-") }) {
            let ends = span.split(separator: "-")
            first = try #require(IPAddress(ends[0]))
            self.last = try #require(IPAddress(ends[1]))
        }
        if let without = words.firstIndex(of: "without") {
            exclude = try words[(without + 1)...].prefix { $0 != "via" }.map { try #require(CIDR(String($0))) }
        }
        if let via = words.firstIndex(of: "via") { gateway = try #require(IPAddress(words[via + 1])) }
    }

    /// Everything that it can ever hand out, in order.
    var usable: [IPAddress] {
        get throws {
            try (0...(last.bits - first.bits)).map { try #require(first.advanced(by: $0)) }.filter { address in
                address != gateway && !exclude.contains { $0.contains(address) }
            }
        }
    }
}

extension NetworkSpec {
    init(
        _ name: String = "pods", bridge: String = "plumb0", isGateway: Bool = true, sets: [[String]]
    ) throws {
        self.init(
            name: name, bridge: bridge, mtu: 1400, isGateway: isGateway,
            rangeSets: try sets.map { try $0.map { try RangeSpec($0) } })
    }
}

extension AttachmentRequest {
    init(_ network: NetworkSpec, _ container: String, bootID: String = "boot-1", routes: [RouteSpec] = []) {
        self.init(
            network: network, containerID: container, ifname: "eth0",
            namespace: NamespaceIdentity(
                path: "/run/netns/\(container)", cookie: .max, device: 4, inode: 4_026_532_000, bootID: bootID),
            pod: PodIdentity(namespace: "default", name: "web-\(container)", uid: "u-\(container)"),
            cniVersion: "1.1.0", routes: routes)
    }
}

extension Store {
    /// Records an attachment that must be new.
    func add(_ request: AttachmentRequest) throws -> Attachment {
        guard case .new(let intent) = try record(request) else {
            throw CommandFailed(description: "\(request.containerID) is there already")
        }
        return try #require(intent.attachments.first)
    }

    /// The attachments of a container's interface: one a network at most.
    func attachments(containerID: String, ifname: String) throws -> [Attachment] {
        let attachments = try intent().attachments.filter { $0.containerID == containerID && $0.ifname == ifname }
        for attachment in attachments {
            let id = try attachmentID(containerID: containerID, ifname: ifname, network: attachment.network)
            #expect(id == attachment.id)
            #expect(try intent(attachment: attachment.id).attachments == [attachment])
        }
        return attachments
    }

    /// Records attachments until no address is left.
    func drain(_ network: NetworkSpec, _ prefix: String) throws -> [Attachment] {
        var all: [Attachment] = []
        while true {
            do {
                all.append(try add(AttachmentRequest(network, "\(prefix)\(all.count)")))
            } catch let error as StoreError where error.code == .exhausted {
                return all
            }
        }
    }

    func releaseAll() throws {
        for attachment in try intent().attachments { try release(attachment, reason: "test") }
    }
}

extension Attachment {
    var addresses: [IPAddress] { leases.map(\.address.address) }
}

/// Texts, because a failed comparison of them can be read.
func texts(_ addresses: some Sequence<IPAddress>) -> [String] { addresses.map(\.description) }
