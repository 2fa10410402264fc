internal import CKernel

/// Something in a table of nf_tables that came, changed or went (`nft monitor`).
package struct NFEvent: Hashable, Sendable {
    package var family: NFFamily
    package var table: String
    private var message: Message

    /// `nil`: it is about no table. No more is read than that: a node's other tables may change all the time.
    init?(_ message: Message) throws(NetlinkError) {
        guard Int(message.type) >> 8 == Int(NFNL_SUBSYS_NFTABLES), Int(message.type) != NFMessage.type(NFT_MSG_NEWGEN)
        else { return nil }
        let (family, name) = try NFMessage.parseTable(message.body)
        guard let name else { return nil }
        self.family = family
        self.table = name
        self.message = message
    }

    /// The elements that it is about; `nil`: it is about something else.
    package func elements() throws(NetlinkError) -> [NFElement]? {
        switch Int(message.type) {
        case NFMessage.type(NFT_MSG_NEWSETELEM), NFMessage.type(NFT_MSG_DELSETELEM):
            try NFElements(parsing: message.body).elements
        default: nil
        }
    }
}
