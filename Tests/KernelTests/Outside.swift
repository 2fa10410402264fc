import Testing

/// What lies beyond the node: a host that has no route back to any pod.
extension TestNode {
    /// Dual stack, masqueraded.
    static let masqueraded = dualStack + #", "ipMasq": true"#

    func addOutside() throws {
        try run(
            """
            ip netns add outside
            ip link add up0 type veth peer name eth0 netns outside
            for ns in "" "-n outside"; do
                dev=$([ -z "$ns" ] && echo up0 || echo eth0)
                host=$([ -z "$ns" ] && echo 1 || echo 9)
                ip $ns link set $dev addrgenmode none
                ip $ns addr add 192.0.2.$host/24 dev $dev
                ip $ns addr add fd99::$host/64 dev $dev nodad
                ip $ns addr add fe80::$host/64 dev $dev nodad
                ip $ns link set $dev up
                ip $ns link set lo up
            done
            """)
    }

    /// Whether a pod gets an answer from an address.
    func reaches(_ address: String, from pod: String) throws -> Bool {
        // Without an answer nobody waits long for it: there is one machine.
        try attempt("ping -q -c 1 -W 0.3 \(address) || ping -q -c 1 -W 1 \(address)", in: pod).status == 0
    }

    func expectOutside(from pod: String, _ isReached: Bool = true, at location: SourceLocation = #_sourceLocation)
        throws
    {
        for address in ["192.0.2.9", "fd99::9"] {
            #expect(
                try reaches(address, from: pod) == isReached, "\(pod) to \(address)", sourceLocation: location)
        }
    }

    /// What stands in a set of our table, as nft lists it: `cni0 . 10.244.0.2`, sorted.
    func elements(of set: String) throws -> [String] {
        let table = try run("nft list tables inet | sed -n 's/^table inet \\(plumb-\\)/\\1/p'")
        guard !table.isEmpty else { return [] }
        let listing = try json("nft -j list set inet \(table) \(set)")
        let found = listing["nftables"].elements.map { $0["set"] }.first { $0 != .null }
        return try #require(found)["elem"].elements.map { element in
            let value = element["elem"] == .null ? element : element["elem"]["val"]
            return value["concat"].elements.map { part in
                part["prefix"] == .null
                    ? part.text ?? "\(part)"
                    : "\(part["prefix"]["addr"].text ?? "")/\(part["prefix"]["len"].number ?? 0)"
            }.joined(separator: " . ")
        }.sorted()
    }
}
