internal import Addressing
package import Netlink
package import Store

/// A value below /proc/sys, in the host's namespace. Only ever set, never taken back: others may rely on it by then.
package struct Sysctl: Resource {
    /// `net/ipv4/ip_forward`.
    package var path: String
    package var value: String

    package init(path: String, value: String) {
        self.path = path
        self.value = value
    }

    package static let kindName = "sysctl"
    package var name: String { "sysctl \(path.replacingSlashes)" }
    package var wrapped: Object { .sysctl(self) }

    /// A node whose bridge is a gateway forwards, in each family that it has pods of.
    package static func render(_ intent: Intent, into desired: inout KernelState) {
        func forward(_ family: IPFamily) {
            desired.insert(
                Sysctl(path: family == .v4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding", value: "1"),
                in: .host)
        }
        for network in intent.networks where network.spec.isGateway {
            for set in network.spec.rangeSets {
                for range in set { forward(range.subnet.family) }
            }
        }
        for network in intent.networks where network.spec.bridgeNetfilter {
            desired.insert(Sysctl(path: bridgeNetfilter(.v4), value: "1"), in: .host)
            desired.insert(Sysctl(path: bridgeNetfilter(.v6), value: "1"), in: .host)
        }
        // Also where another IPAM plugin gave the addresses, or the network is a gateway no longer.
        var families: [IPFamily] = []
        for attachment in intent.attachments where attachment.isGateway {
            for lease in attachment.leases where !families.contains(lease.address.family) {
                families.append(lease.address.family)
            }
        }
        for family in families { forward(family) }
    }

    /// Whether frames between ports of a bridge pass iptables; there only with the module br_netfilter.
    static func bridgeNetfilter(_ family: IPFamily) -> String {
        "net/bridge/bridge-nf-call-\(family == .v4 ? "iptables" : "ip6tables")"
    }

    package static func observe(
        _ reader: NamespaceReader, desired: KernelState, into observed: inout KernelState
    ) throws(NetlinkError) {
        for case .sysctl(let wanted) in desired.all(in: reader.namespace) {
            if let value = try reader.sysctl(wanted.path) {
                observed.insert(Sysctl(path: wanted.path, value: value), in: reader.namespace)
            }
        }
    }

    package func drift(from observed: Self) -> [String] {
        observed.value == value ? [] : ["is \(observed.value)"]
    }

    package func effect(
        _ action: Action, step: Int, from observed: Self?, _ links: LinkTable
    ) throws(NetlinkError) -> Effect {
        .sysctl(path: path, value: value)
    }

    package func phase(_ action: Action) -> Phase { .sysctls }
    package func command(_ action: Action) -> String { "sysctl -w \(path.replacingSlashes)=\(value)" }
}

extension String {
    /// By bytes: characters are many times dearer, and each ADD names its sysctls.
    fileprivate var replacingSlashes: String {
        String(decoding: utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0 }, as: UTF8.self)
    }
}
