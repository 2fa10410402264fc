internal import Addressing
internal import Glibc
internal import Netlink
internal import SystemPackage

/// What an errno means for what was tried. The one place where that is said.
enum ErrnoPolicy {
    enum Verdict: Hashable {
        /// What was wanted is so.
        case done
        /// Something of that name is there: only a fresh look tells whether it is what was wanted.
        case lookAgain
        case failed
    }

    static func verdict(_ action: Action, errno: Errno?) -> Verdict {
        switch (action, errno) {
        // Another reconcile, or the namespace's end, was faster.
        case (.delete, .operationNotSupportedByDevice?),  // RTM_DELLINK, and RTM_DELADDR on a link that is gone
            (.delete, .noSuchProcess?),  // RTM_DELROUTE
            (.delete, .addressNotAvailable?),  // RTM_DELADDR
            (.delete, .noSuchFileOrDirectory?),  // RTM_DELNEIGH
            (.delete, .noSuchAddressOrDevice?):  // RTM_DELADDR by index
            .done
        // A name that is taken (the host's or, for a veth, the pod's), an address or a route that is there already,
        // perhaps somebody else's: EEXIST does not say whose.
        case (.add, .fileExists?), (.change, .fileExists?): .lookAgain
        // Replies were lost (ENOBUFS on receive): the changes may have been made.
        case (_, .noBufferSpace?): .lookAgain
        default: .failed
        }
    }

    /// Address generation cannot be set, nor need it be, on a link without IPv6: its MTU is below 1280 bytes, or the kernel
    /// was booted with `ipv6.disable=1` (net/core/rtnetlink.c, validate_linkmsg).
    static func isForWantOfIPv6(_ change: Change, _ error: NetlinkError) -> Bool {
        guard error.errno == .addressFamilyNotSupported else { return false }
        return switch change.object {
        case .veth, .podLink: true
        default: false
        }
    }

    /// What kind of failure it is, for whoever must decide whether to try again.
    static func code(_ change: Change, _ error: NetlinkError) -> ReconcilerError.Code {
        if case .veth = change.object, change.action != .delete, error.errno?.rawValue == EXFULL { return .bridgeFull }
        return .kernel
    }

    /// What a person can do about a refusal that is known to puzzle.
    static func advice(_ change: Change, _ error: NetlinkError) -> String? {
        switch (change.object, change.action, error.errno) {
        case (.address(let address), .add, .permissionDenied?) where address.address.family == .v6:
            "IPv6 is disabled on \(address.link): net/ipv6/conf/\(address.link)/disable_ipv6"
        case (.address(let address), .add, .invalidArgument?) where address.address.family == .v6:
            "IPv6 needs an MTU of 1280 bytes or more: look at `ip link show \(address.link)` there, and at key mtu"
        case (.veth, .add, let errno?) where errno.rawValue == EXFULL:
            "a bridge takes 1023 ports at most: use more networks on this node"
        case (.route, .add, .networkUnreachable?), (.route, .add, .noRouteToHost?):
            "its gateway is not on any link that is up"
        case (.route(let route), .add, .fileExists?):
            "another route has its place: \(route.wayOut)"
        // No such type of chain, expression or family; ENOENT also of another's deletion, which a fresh look finds out.
        case (.firewallTable(let table), .add, .noSuchFileOrDirectory?),
            (.firewallTable(let table), .change, .noSuchFileOrDirectory?),
            (.firewallTable(let table), .add, .addressFamilyNotSupported?),
            (.firewallTable(let table), .add, .notSupportedOnSocket?):
            "key \(table.key) needs nf_tables with all that it uses: the modules nf_tables, "
                + (table.key == "ipMasq" ? "nft_chain_nat, nft_masq" : "nft_meta_bridge")
        case (.bridge(let bridge), _, .notSupportedOnSocket?) where bridge.filtersVLANs == true: noVLANs
        case (.veth(let veth), _, .notSupportedOnSocket?) where veth.vlans != nil: noVLANs
        case (.bridge(let bridge), .change, .resourceBusy?):
            if case .bridge(let found)? = change.observed, let other = found.otherName {
                "before Linux 6.2 no link is renamed that is up: `ip link set \(other) down && ip link set \(other) name "
                    + "\(bridge.ifname)`, and apply brings it up again"
            } else {
                nil
            }
        case (.sysctl(let sysctl), _, .noSuchFileOrDirectory?) where sysctl.path.hasPrefix("net/bridge/"):
            noBridgeNetfilter
        default: nil
        }
    }

    static let noBridgeNetfilter =
        "key bridgeNetfilter needs the kernel module br_netfilter: `modprobe br_netfilter`"

    private static let noVLANs =
        "keys vlan and vlanTrunk need a kernel with VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING), which this one lacks"
}
