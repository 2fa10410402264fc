extension Store {
    /// A network's attachments, without their leases and routes; rows that say nothing sensible are told in `problems`.
    package func attachments(network: String, problems: inout [String]) throws(StoreError) -> [Attachment] {
        try Attachment.load(
            database, where: "network_id = (SELECT id FROM networks WHERE name = ?)", .text(network),
            problems: &problems)
    }
}
