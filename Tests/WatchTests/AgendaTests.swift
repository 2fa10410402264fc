import Testing

@testable import Watch

@Suite struct AgendaTests {
    @Test func `events settle before they are answered, but not for ever`() {
        var agenda = Agenda()
        agenda.note(.host, at: 100)
        #expect(agenda.next == 105)
        #expect(agenda.take(at: 104) == [])
        agenda.note(.host, at: 104)
        #expect(agenda.next == 109)
        for time in stride(from: Int64(108), through: 200, by: 4) { agenda.note(.host, at: time) }
        #expect(agenda.next == 120)
        #expect(agenda.take(at: 120) == [.host])
        #expect(agenda.next == nil)
    }

    @Test func `a look at everything is one at all the rest`() {
        var agenda = Agenda()
        agenda.note(.host, at: 100)
        agenda.note(.attachment(3), at: 100)
        agenda.plan(.attachment(4), at: 500)
        agenda.plan(.everything, at: 101)
        #expect(agenda.take(at: 101) == [.everything])
        // What is left alone until then is still to come.
        #expect(agenda.next == 500)
    }

    @Test func `an event before its time does not take a plan's place`() {
        var agenda = Agenda()
        agenda.plan(.host, at: 1_000)
        agenda.note(.host, at: 10)
        #expect(agenda.take(at: 15) == [.host])
        #expect(agenda.next == 1_000)
    }

    @Test func `what others have in hand is looked at less often the longer they have it`() {
        var agenda = Agenda()
        var times: [Int64] = []
        var now: Int64 = 0
        while now < 20_000 {
            agenda.wait(for: .database, at: now)
            // An event may ask for a look before that.
            agenda.note(.database, at: now)
            #expect(agenda.take(at: now + 5) == [.database])
            agenda.wait(for: .database, at: now + 5)
            now = agenda.next ?? .max
            #expect(agenda.take(at: now) == [.database])
            times.append(now)
        }
        #expect(times[0] <= 60 && times.count < 50)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= 1_005 })
        agenda.wait(for: .attachment(1), at: now)
        #expect(agenda.next == now + 50)
        // Others than those of before.
        agenda.wait(for: .database, at: now + 1_000)
        _ = agenda.take(at: now + 50)
        #expect(agenda.next == now + 1_050)
    }

    @Test func `the earlier plan counts`() {
        var agenda = Agenda()
        agenda.plan(.everything, at: 1000)
        agenda.plan(.everything, at: 2000)
        #expect(agenda.next == 1000)
        agenda.plan(.everything, at: 10)
        #expect(agenda.next == 10)
    }

    /// A pod that changes its own routes without end.
    @Test func `what finds nothing is looked at more leisurely, and at once again when something was found`() {
        var agenda = Agenda()
        var now: Int64 = 0
        var looks = 0
        while now < 10_000 {
            agenda.note(.attachment(1), at: now)
            if agenda.take(at: now) == [.attachment(1)] {
                looks += 1
                agenda.done(.attachment(1), found: false, from: now, to: now)
            }
            now += 1
        }
        #expect((100...140).contains(looks))
        agenda.done(.attachment(1), found: true, from: now, to: now)
        agenda.note(.attachment(2), at: now)
        agenda.note(.attachment(1), at: now)
        #expect(agenda.take(at: now + 5).contains(.attachment(1)))
    }

    @Test func `what costs much is done more seldom`() {
        var agenda = Agenda()
        for _ in 0..<3 { agenda.done(.host, found: false, from: 1_000, to: 1_050) }
        agenda.note(.host, at: 1_051)
        #expect(agenda.next == 1_250)
    }
}
