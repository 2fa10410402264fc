package import Addressing
internal import CKernel
internal import Glibc
package import Netlink
internal import SystemPackage

/// What of others decides whether the packets of pods pass this host: read, and judged by ``forwardingObstacles(_:_:)``.
package struct ForwardingFacts: Hashable, Sendable {
    /// A base chain that forwarded packets pass and, at its end, are dropped.
    package struct DroppingChain: Hashable, Sendable {
        package var chain: NFChain
        package var rules: [NFRule]

        package init(chain: NFChain, rules: [NFRule]) {
            self.chain = chain
            self.rules = rules
        }
    }

    package var chains: [DroppingChain] = []
    /// Families whose FORWARD policy in iptables-legacy is DROP, and the interfaces for which a rule accepts both ways.
    package var legacyDrops: [IPFamily: Set<String>] = [:]
    /// kube-proxy has rules or its interface here.
    package var hasKubeProxy = false
    /// `bridge-nf-call-iptables` and its like; `nil`: there is no such file, for br_netfilter is not loaded.
    package var bridgeNetfilter: [IPFamily: String] = [:]
    /// Links whose IPv6 default route came by a router's advertisement, with their accept_ra.
    package var advertisedUplinks: [String: String] = [:]
    /// What could not be read, and why.
    package var unread: [String] = []

    package init() {}
}

extension ForwardingFacts {
    /// Reads the host's namespace; needs root for nf_tables. Never on ADD's path: it dumps chains and routes.
    package static func read(_ kernel: borrowing LiveKernel) -> ForwardingFacts {
        var facts = ForwardingFacts()
        facts.attempt("nf_tables") { (facts) throws(NetlinkError) in try facts.readChains() }
        facts.readLegacy()
        facts.attempt("sysctls") { (facts) throws(NetlinkError) in
            for family in IPFamily.allCases {
                facts.bridgeNetfilter[family] = try SysctlFile.read(Sysctl.bridgeNetfilter(family))
            }
        }
        facts.attempt("routes") { (facts) throws(NetlinkError) in
            for link in try kernel.host.advertisedUplinks() {
                facts.advertisedUplinks[link] = try SysctlFile.read("net/ipv6/conf/\(link)/accept_ra")
            }
            if try kernel.host.link(named: "kube-ipvs0") != nil { facts.hasKubeProxy = true }
        }
        return facts
    }

    private mutating func attempt(_ what: String, _ body: (inout Self) throws(NetlinkError) -> Void) {
        do throws(NetlinkError) {
            try body(&self)
        } catch {
            unread.append("\(what): \(error)")
        }
    }

    private mutating func readChains() throws(NetlinkError) {
        var socket = try NetlinkSocket(.netfilter)
        for family in [NFFamily.ipv4, .ipv6, .inet, .bridge] {
            let messages: [Message]
            do throws(NetlinkError) {
                messages = try socket.dump(.dumpChains(family, context: "read chains of \(family.name)"))
            } catch  where error.errno == .notSupportedOnSocket || error.errno == .invalidArgument {
                continue  // a kernel without nf_tables, or without that family
            }
            for message in messages {
                let chain = try NFChain(parsing: message.body)
                if chain.name == "KUBE-SERVICES" || chain.table == "kube-proxy" { hasKubeProxy = true }
                guard let base = chain.base, base.hook == .forward, base.type == "filter", !base.accepts else {
                    continue
                }
                let table = try socket.perform(.getTable(family, chain.table, context: "read table \(chain.table)"))
                guard let body = table.first?.body, !(try NFTable(parsing: body)).isDormant else { continue }
                var rules: [NFRule] = []
                for rule in try socket.dump(.dumpRules(family, table: chain.table, context: "read rules")) {
                    let rule = try NFRule(parsing: rule.body)
                    if rule.chain == chain.name { rules.append(rule) }
                }
                chains.append(DroppingChain(chain: chain, rules: rules))
            }
        }
    }

    /// iptables-legacy keeps its tables elsewhere. Asking for one would make it, so that only those are asked for that the
    /// kernel lists.
    private mutating func readLegacy() {
        for family in IPFamily.allCases {
            let isSix: Int32 = family == .v6 ? 1 : 0
            if plumb_legacy_has_chain(isSix, "nat", "KUBE-SERVICES") == 1 { hasKubeProxy = true }
            guard plumb_legacy_forward_drops(isSix) == 1 else { continue }
            var names = [CChar](repeating: 0, count: 4096)
            let length = plumb_legacy_forward_accepts(isSix, &names, names.count)
            let text = String(decoding: names.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            legacyDrops[family] = Set(text.split(separator: "\n").map(String.init))
        }
    }
}

extension NamespaceReader {
    /// Links by which an IPv6 default route of RTPROT_RA leaves.
    fileprivate func advertisedUplinks() throws(NetlinkError) -> Set<String> {
        var links: Set<String> = []
        let request = Request.dumpRoutes(family: 10, routeProtocol: UInt8(RTPROT_RA), context: "read routes")
        for message in try socket.dump(request) {
            let route = try RouteMessage(parsing: message.body)
            guard route.destinationLength == 0, let index = route.outputIndex,
                let name = try linkName(index: Int32(index))
            else { continue }
            links.insert(name)
        }
        return links
    }
}
