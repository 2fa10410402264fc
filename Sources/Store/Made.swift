/// What we made on the host for several pods, and the kernel does not tell apart from what others made: gateways on bridges,
/// host routes. By their names, in the table `made`.
enum Made {
    static func remember(_ objects: [String], _ database: borrowing Connection) throws(StoreError) {
        for object in objects {
            try database.run("INSERT OR IGNORE INTO made (object) VALUES (?)", .text(object))
        }
    }

    static func forget(_ object: String, _ database: borrowing Connection) throws(StoreError) {
        try database.run("DELETE FROM made WHERE object = ?", .text(object))
    }

    /// Gateways in SQL: names that begin so, whatever they are on. The name of no other kind sorts between.
    static let areAddresses = "object >= 'address ' AND object < 'address!'"
    /// The link that an address is on, and the address without its prefix.
    static let link = "substr(object, instr(object, ' on ') + 4)"
    static let address = "substr(object, 9, instr(object, '/') - 9)"
}

extension Store {
    /// Before the kernel hears of them: who dies in between has remembered what is not there.
    package func remember(made objects: [String]) throws(StoreError) {
        try write { (database) throws(StoreError) in try Made.remember(objects, database) }
    }

    /// The same, for whoever is inside ``holdingWriter(_:)``.
    package func rememberHoldingWriter(made objects: [String]) throws(StoreError) {
        guard !objects.isEmpty else { return }
        try writeHoldingWriter { (database) throws(StoreError) in try Made.remember(objects, database) }
    }

    /// What was given up, or made, is gone: should somebody else make its like, it is theirs. For whoever deleted it inside
    /// ``holdingWriter(_:)``.
    package func forgetHoldingWriter(deleted objects: [String]) throws(StoreError) {
        guard !objects.isEmpty else { return }
        try writeHoldingWriter { (database) throws(StoreError) in
            for object in objects {
                try Event.forgetWithdrawal(of: object, database)
                try Made.forget(object, database)
            }
        }
    }

    /// What we made may be forgotten where a look at the whole kernel did not find it and no row asks for it: should
    /// somebody else make its like, it is theirs.
    ///
    /// - Parameters:
    ///   - absent: by that look; of addresses only on links that it looked at.
    ///   - kept: asked with today's intent, if there is such a thing at all, while nobody else can write: what is there, or
    ///     asked for, all the same.
    package func forgetMade(
        where absent: (String) -> Bool, unless kept: (Intent) throws(StoreError) -> (String) -> Bool
    ) throws(StoreError) {
        let candidates = try database.query("SELECT object FROM made") { (row) throws(StoreError) in row.text(0) }
            .filter(absent)
        guard !candidates.isEmpty else { return }
        try holdingWriter { () throws(StoreError) in
            let isKept = try kept(try intent())
            let gone = candidates.filter { !isKept($0) }
            guard !gone.isEmpty else { return }
            try writeHoldingWriter { (database) throws(StoreError) in
                for object in gone { try Made.forget(object, database) }
            }
        }
    }
}
