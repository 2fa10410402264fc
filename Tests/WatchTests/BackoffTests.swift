import Addressing
import Reconciler
import Testing

@testable import Watch

@Suite struct BackoffTests {
    private let thing = Backoff.Thing(attachment: 1, name: "route 0.0.0.0/0")

    @Test func `what somebody undoes at once is mended at once for a while, then after ever longer`() {
        var backoff = Backoff()
        var now: Int64 = 0
        var delays: [Int64] = []
        for _ in 0..<14 {
            let rest = backoff.mended(thing, at: now)
            #expect(backoff.rest(thing, at: now) == rest?.delay ?? 0)
            delays.append(rest?.delay ?? 0)
            now += (rest?.delay ?? 0) + 10
        }
        #expect(
            delays == [0, 0, 0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
    }

    @Test func `a rest may be shorter for some`() {
        var backoff = Backoff()
        for _ in 0..<12 { _ = backoff.mended(thing, at: 0) }
        #expect(backoff.rest(thing, at: 400, atMost: 1_000) == 600)
        #expect(backoff.rest(thing, at: 1_400, atMost: 1_000) == 0)
        #expect(backoff.rest(thing, at: 1_400) > 1_000)
    }

    @Test func `what comes undone later begins anew`() {
        var backoff = Backoff()
        for turn in 0..<20 { #expect(backoff.mended(thing, at: Int64(turn) * 6_000) == nil) }
    }

    @Test func `one thing's fight is not another's`() {
        var backoff = Backoff()
        for _ in 0..<8 { _ = backoff.mended(thing, at: 0) }
        #expect(backoff.rest(thing, at: 0) > 0 && backoff.count(at: 0) == 1)
        #expect(backoff.rest(Backoff.Thing(attachment: 2, name: thing.name), at: 0) == 0)
        #expect(backoff.mended(Backoff.Thing(attachment: nil, name: thing.name), at: 0) == nil)
    }

    @Test func `what rows ask for to and fro nobody undoes`() throws {
        var backoff = Backoff()
        let shared = Backoff.Thing(attachment: nil, name: "route 10.9.0.0/24")
        let route = Object.route(Route(destination: try #require(CIDR("10.9.0.0/24"))))
        for _ in 0..<20 {
            #expect(backoff.mended(shared, to: route, at: 0) == nil)
            #expect(backoff.mended(shared, to: nil, at: 0) == nil)
        }
        for _ in 0..<8 { _ = backoff.mended(shared, to: route, at: 0) }
        #expect(backoff.rest(shared, to: route, at: 0) > 0)
        // Rows ask for something else by now.
        #expect(backoff.rest(shared, to: nil, at: 0) == 0)
    }

    @Test func `it forgets`() {
        var backoff = Backoff()
        for _ in 0..<8 { _ = backoff.mended(thing, at: 0) }
        backoff.tidy(at: 7_000)
        #expect(backoff.mended(thing, at: 7_000)?.times == 9)
        backoff.tidy(at: 1_000_000)
        #expect(backoff.mended(thing, at: 1_000_000) == nil)
    }
}
