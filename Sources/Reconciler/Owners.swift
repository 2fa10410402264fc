internal import Addressing
internal import Store

extension KernelState {
    /// Of what was found on the host under the name of something that is wanted: whether its MAC is the one that was made up
    /// for another of the same database, whose names somebody exchanged by hand. A pod's alias does not tell that: two
    /// sandboxes of one pod have the same. Asked only where the MAC is another than the one that was made up for this one.
    mutating func tellOwners(by desired: KernelState, _ store: borrowing Store) throws(ReconcilerError) {
        for object in desired.all(in: .host) {
            switch object {
            case .veth(let wanted):
                guard case .veth(var found)? = self[.host, wanted.name], let own = wanted.peer?.hostMAC,
                    let mac = found.mac, mac != own, found.bearer == nil
                else { continue }
                found.rightName = try mapped { () throws(StoreError) in try store.hostIfname(ofMAC: mac) }
                if found.rightName != nil { insert(found, in: .host) }
            case .bridge(let wanted):
                guard case .bridge(var found)? = self[.host, wanted.name], let own = wanted.mac, let mac = found.mac,
                    mac != own, found.isMarked, !hasGateway(on: wanted.ifname, of: desired)
                else { continue }
                let right = try mapped { () throws(StoreError) in try store.bridge(ofMAC: mac) }
                guard let right, right != wanted.ifname else { continue }
                // Where that one is in its place, it was not the name that was changed.
                if case .bridge(let other)? = self[.host, Bridge.name(right)], other.mac == mac { continue }
                found.rightName = right
                insert(found, in: .host)
            default: continue
            }
        }
    }

    private func hasGateway(on bridge: String, of desired: KernelState) -> Bool {
        desired.all(in: .host).contains { object in
            if case .address(let address) = object, address.link == bridge {
                self[.host, address.name] != nil
            } else {
                false
            }
        }
    }
}
