internal import Addressing
internal import Netlink
package import Store
internal import SystemPackage

/// The kernel of this machine: the namespace in which the process runs, and one pod's at a time.
package struct LiveKernel: Kernel, ~Copyable {
    let host: NamespaceReader
    private(set) var pod: NamespaceReader?
    private let bootID: String
    private let hostCookie: UInt64

    package init(bootID: String) throws(ReconcilerError) {
        self.bootID = bootID
        do throws(NetlinkError) {
            let socket = try NetlinkSocket()
            hostCookie = try socket.namespaceCookie()
            host = NamespaceReader(namespace: .host, socket: socket)
        } catch {
            throw ReconcilerError(error)
        }
    }

    /// Whether this is the namespace in which the process runs.
    package func isHost(_ identity: NamespaceIdentity) -> Bool { identity.cookie == hostCookie }

    /// Host ends with our mark among a bridge's ports, whoever's database made them. A dump, so never on ADD's usual path.
    package func markedPorts(of bridge: String) throws(ReconcilerError) -> [String] {
        do throws(NetlinkError) {
            host.begin(.node)
            guard let index = try host.link(named: bridge)?.index else { return [] }
            return try host.markedLinks([]).filter { $0.master == UInt32(index) }.compactMap(\.name)
        } catch {
            throw ReconcilerError(error)
        }
    }

    /// How many ports a bridge has, whoever's; `nil` where there is none of that name, or the kernel does not say.
    package func ports(of bridge: String) throws(ReconcilerError) -> Int? {
        do throws(NetlinkError) {
            guard try host.link(named: bridge)?.kind == "bridge" else { return nil }
            return host.socket.ports(ofBridge: bridge)
        } catch {
            throw ReconcilerError(error)
        }
    }

    /// Why the kernel cannot do what key bridgeNetfilter asks for; `nil` if it can.
    package func bridgeNetfilterObstacle() -> String? {
        do throws(NetlinkError) {
            let path = Sysctl.bridgeNetfilter(.v4)
            return try host.sysctl(path) == nil ? ErrnoPolicy.noBridgeNetfilter : nil
        } catch {
            return error.description
        }
    }

    /// Why the kernel cannot do what a key of the configuration needs nf_tables for; `nil` if it can.
    package func firewallObstacle() -> String? {
        do throws(NetlinkError) {
            _ = try FirewallReading(try host.firewallSocket(), quick: true).readGeneration()
            return nil
        } catch {
            return error.isLackOfNFTables ? Firewall.obstacle(error) : error.description
        }
    }

    /// Takes over a pod's namespace that the caller has open.
    package mutating func adopt(_ namespace: consuming NetworkNamespace, as id: NamespaceID) {
        host.table.podDescriptor = namespace.descriptor.rawValue
        pod = NamespaceReader(namespace: id, opened: namespace)
    }

    package mutating func open(_ attachment: Attachment) -> Liveness {
        let recorded = attachment.namespace
        guard recorded.bootID == bootID || recorded.bootID.isEmpty || bootID.isEmpty else {
            return .gone("the machine booted since")
        }
        if pod?.namespace == attachment.pod { return .alive }
        switch PathState.of(recorded.path) {
        case .gone: return .gone("there is nothing at \(recorded.path)")
        case .unknown(let reason): return .unknown(reason)
        case .namespace: break
        }
        do throws(ReconcilerError) {
            let namespace = try NetworkNamespace.open(path: recorded.path, bootID: bootID)
            guard namespace.identity.cookie == recorded.cookie else {
                return .gone("another namespace is at \(recorded.path)")
            }
            adopt(namespace, as: attachment.pod)
            return .alive
        } catch  where error.code == .namespaceGone {
            return .gone(error.message)
        } catch {
            return .unknown(error.message)
        }
    }

    package mutating func observe(
        _ namespace: NamespaceID, _ extent: Extent, desired: KernelState, into observed: inout KernelState
    ) throws(ReconcilerError) {
        do throws(NetlinkError) {
            if namespace == .host {
                try LiveKernel.observe(host, extent, desired: desired, into: &observed)
            } else if let pod, pod.namespace == namespace {
                try LiveKernel.observe(pod, extent, desired: desired, into: &observed)
                if extent != .newAttachment {
                    try Veth.observeRenamed(host, namespace, desired: desired, into: &observed)
                }
            } else {
                observed[unreadable: namespace] = "the namespace of attachment \(namespace.attachment ?? 0) is not open"
            }
        } catch {
            throw ReconcilerError(error)
        }
        observed.markObserved(namespace)
    }

    private static func observe(
        _ reader: NamespaceReader, _ extent: Extent, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        reader.begin(extent)
        // Nothing of ours can be in there yet; should a link have the interface's name, its creation says so.
        if extent == .newAttachment, reader.namespace != .host { return }
        for kind in Object.kinds { try kind.observe(reader, desired: desired, into: &observed) }
    }

    package func marked(among objects: [Object]) throws(ReconcilerError) -> [Object] {
        var wanted = KernelState()
        for object in objects { wanted[.host, object.resource.name] = object }
        var found = KernelState()
        do throws(NetlinkError) {
            let reader = NamespaceReader(namespace: .host, socket: try NetlinkSocket())
            try LiveKernel.observe(reader, .attachment, desired: wanted, into: &found)
        } catch {
            throw ReconcilerError(error)
        }
        return objects.filter { found[.host, $0.resource.name]?.resource.mark == true }
    }

    package mutating func perform(_ changes: [Change]) -> [Outcome] {
        var outcomes: [Outcome] = changes.map { Outcome(change: $0, status: .done) }
        var batch = Batch()
        var place = 0
        while place < changes.count {
            let change = changes[place]
            if let waiting = batch.places.last, changes[waiting].namespace != change.namespace {
                flush(&batch, &outcomes)
            }
            // A pair with the same name is made only once the old one is gone.
            if place > 0, changes[place - 1].phase != change.phase, change.phase <= .veths {
                flush(&batch, &outcomes)
            }
            if change.phase.isTransaction {
                let end = changes[place...].firstIndex { !$0.phase.isTransaction } ?? changes.endIndex
                flush(&batch, &outcomes)
                commit(Array(place..<end), &outcomes)
                place = end
                continue
            }
            if change.action == .delete {
                let together = LiveKernel.deletions(from: place, in: changes)
                if together.count > 1 {
                    flush(&batch, &outcomes)
                    deleteTogether(together, &outcomes)
                    place = together.upperBound
                    continue
                }
            }
            perform(change, at: place, &batch, &outcomes)
            place += 1
        }
        flush(&batch, &outcomes)
        return outcomes
    }

    /// Queues or does one change. Its second step waits until the first was acknowledged, and is left out if that failed.
    private mutating func perform(
        _ change: Change, at place: Int, _ batch: inout Batch, _ outcomes: inout [Outcome]
    ) {
        var step = 0
        while step < change.steps {
            if step > 0 {
                flush(&batch, &outcomes)
                guard case .done = outcomes[place].status else { return }
            }
            do throws(NetlinkError) {
                switch try effect(change, step: step) {
                case .netlink(let requests): batch.add(requests, of: place)
                case .sysctl(let path, let value): try prepare(change, path, value)
                // Made by ``commit(_:_:)``, with the others beside it.
                case .transaction: break
                }
                step += 1
            } catch  where error.code == .unresolved && !batch.requests.isEmpty {
                // The link that it needs may be among what waits.
                flush(&batch, &outcomes)
            } catch {
                outcomes[place].fail(error)
                return
            }
        }
    }

    /// A link that went took its files along, and what was to be deleted there.
    private func prepare(_ change: Change, _ path: String, _ value: String) throws(NetlinkError) {
        do throws(NetlinkError) {
            try SysctlFile.write(path, value)
        } catch  where change.action == .delete && error.errno == .noSuchFileOrDirectory {
            return
        }
    }

    private func effect(_ change: Change, step: Int) throws(NetlinkError) -> Effect {
        guard let table = change.namespace == .host ? host.table : pod?.table else {
            throw NetlinkError(.unresolved, context: "the pod's namespace is not open")
        }
        return try change.effect(step: step, table)
    }

    private mutating func flush(_ batch: inout Batch, _ outcomes: inout [Outcome]) {
        guard let first = batch.places.first else { return }
        defer { batch = Batch() }
        do throws(NetlinkError) {
            let reader = outcomes[first].change.namespace == .host ? host : pod ?? host
            var replies = try reader.socket.perform(batch.requests)
            if try switchOnIPv6(batch, replies, outcomes) {
                let refused = replies.indices.filter { replies[$0].error != nil }
                let again = try reader.socket.perform(refused.map { batch.requests[$0] })
                for (place, reply) in zip(refused, again) { replies[place] = reply }
            }
            for (index, reply) in replies.enumerated() {
                let place = batch.places[index]
                let request = batch.requests[index]
                var echo = reply.messages
                if echo.isEmpty, reply.error == nil, let name = try request.createdLink {
                    // Kernels before 6.2 leave the echo out (rtnl_newlink in net/core/rtnetlink.c).
                    echo = try reader.socket.perform(.getLink(name: name, context: "read link \(name)"))
                }
                for message in echo { try learn(message, outcomes[place].change) }
                if let error = reply.error {
                    outcomes[place].judge(error, of: request)
                    // Another process made the bridge since we looked: what follows stands on that one.
                    if case .add(.bridge(let bridge), _, _) = outcomes[place].change, error.errno == .fileExists {
                        try host.learnBridge(named: bridge.ifname)
                    }
                }
            }
        } catch {
            // The conversation broke: any of them may have been done.
            for place in batch.places { outcomes[place].status = .lookAgain(error.description) }
        }
    }

    /// In a pod whose interfaces begin without IPv6 (`net.ipv6.conf.default.disable_ipv6`) an IPv6 address is refused, and with
    /// it the routes behind it. Of an interface that is to have one it is switched on, as the reference plugins do; whether
    /// it was.
    private func switchOnIPv6(
        _ batch: Batch, _ replies: [Reply], _ outcomes: [Outcome]
    ) throws(NetlinkError) -> Bool {
        var links: [String] = []
        for (index, reply) in replies.enumerated() where reply.error?.errno == .permissionDenied {
            let change = outcomes[batch.places[index]].change
            if case .address(let address) = change.object, change.namespace != .host, change.action != .delete,
                address.address.family == .v6, !links.contains(address.link)
            {
                links.append(address.link)
            }
        }
        guard !links.isEmpty, let descriptor = host.table.podDescriptor else { return false }
        try NetworkNamespace.inside(descriptor, path: "of the pod") { () throws(NetlinkError) in
            for link in links { try SysctlFile.write("net/ipv6/conf/\(link)/disable_ipv6", "0") }
        }
        return true
    }

    /// The echo of a creation tells the indexes that the next messages need.
    /// Only creations of links ask for one.
    private mutating func learn(_ message: Message, _ change: Change) throws(NetlinkError) {
        let link = try LinkMessage(parsing: message.body)
        guard let name = link.name else { return }
        host.table.learn(name, index: link.index)
        if case .veth(let veth) = change.object, let peer = veth.peer, let index = link.link {
            pod?.table.learn(peer.ifname, index: Int32(index))
        }
    }
}

/// Requests that are to be sent together, and which change each is for.
private struct Batch {
    private(set) var places: [Int] = []
    private(set) var requests: [Request] = []

    mutating func add(_ requests: [Request], of place: Int) {
        self.requests += requests
        for _ in requests { places.append(place) }
    }
}

extension Outcome {
    /// Of a link that is not there any more, a fresh look tells whether anybody misses it.
    mutating func fail(_ error: NetlinkError) {
        status = error.code == .unresolved ? .lookAgain(text(error)) : .failed(text(error))
    }

    private func text(_ error: NetlinkError) -> String {
        "\(change.name): \(error)" + (ErrnoPolicy.advice(change, error).map { ": \($0)" } ?? "")
    }

    mutating func judge(_ error: NetlinkError, of request: Request) {
        if request.isOfNeighbour || ErrnoPolicy.isForWantOfIPv6(change, error) { return }
        let text = text(error)
        // What a change takes away first may be gone by then: another deletion in the plan took it along.
        let action = request.isDeletion ? Action.delete : change.action
        switch ErrnoPolicy.verdict(action, errno: error.errno) {
        case .done: break
        case .lookAgain: if status == .done { status = .lookAgain(text) }
        case .failed: status = .failed(text, ErrnoPolicy.code(change, error))
        }
    }
}
