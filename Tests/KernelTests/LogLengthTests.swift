import Testing

/// The first process to open the database after a quiet moment reads all of its log: nobody leaves a long one.
@Suite struct LogLengthTests {
    /// A frame of the log: a page with its header, after the log's own (sqlite.org/fileformat2.html#walformat).
    private func pages(_ node: TestNode) throws -> Int {
        let bytes = try #require(Int(try node.run(#"stat -c %s "$DATA/state.db-wal""#)))
        return max(0, bytes - 32) / (2048 + 24)
    }

    @Test func deletionsKeepItShortAndApplyEmptiesIt() throws {
        let node = try TestNode()
        try node.addPods(2)
        try node.add("pod1")
        var longest = 0
        for _ in 0..<8 {
            try node.add("pod2")
            longest = max(longest, try pages(node))
            try node.delete("pod2")
            #expect(try pages(node) <= 64)
        }
        #expect(longest > 0 && longest <= 128)
        try node.add("pod2")
        #expect(try pages(node) > 0)
        #expect(try node.plumbctl("apply").status == 0)
        #expect(try pages(node) == 0)
        try node.expectPing(from: "pod1", to: "10.244.0.1")
    }
}
