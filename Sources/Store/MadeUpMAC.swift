package import Addressing

extension Store {
    /// The name of the host's end of the pair for which this MAC was made up; `nil`: it was made up for none.
    package func hostIfname(ofMAC mac: MACAddress) throws(StoreError) -> String? {
        try database.query(
            "SELECT host_ifname FROM attachments WHERE host_mac = ? COLLATE NOCASE", .text(mac.description)
        ) { (row) throws(StoreError) in row.text(0) }.first
    }

    /// The bridge for which this MAC was made up; `nil`: it was made up for none.
    package func bridge(ofMAC mac: MACAddress) throws(StoreError) -> String? {
        try database.query("SELECT bridge FROM networks WHERE bridge_mac = ? COLLATE NOCASE", .text(mac.description)) {
            (row) throws(StoreError) in row.text(0)
        }.first
    }
}
