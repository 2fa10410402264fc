internal import CKernel
internal import Glibc
package import Netlink
package import Reconciler
internal import Store

/// What a watch tells of itself.
package protocol WatchObserver: AnyObject {
    /// The first look is done.
    func began(pods: Int)
    /// A look did something, failed, or was one at everything.
    ///
    /// - Parameter elapsed: milliseconds since the event that it answers.
    func looked(_ report: ApplyReport, isFull: Bool, elapsed: Int64, state: WatchState)
    /// A look could not even begin; `say` says why. Once, until that changes.
    func failed()
    /// What a person should know. Once, until it changes.
    func say(_ text: String, isWarning: Bool)
    /// Called at least every second while nothing happens, and between pods of a long look.
    func lives()
    func ends()
}

package struct WatchState: Sendable {
    package var pods = 0
    /// What is left alone for a while, because somebody else undoes it.
    package var held = 0
    package var overruns = 0
}

/// Mends at once what the kernel says has changed; everything now and then. Nothing is open and no lock is held while it
/// waits but the ears: a netlink socket, another where there is something of nf_tables to hear, one inotify, one for signals.
package struct Watcher: ~Copyable {
    private let directory: String
    /// Milliseconds between looks at everything.
    private let interval: Int64
    private let observer: any WatchObserver
    private var events: EventSocket
    /// Of nf_tables: opened when the database first asks for something there, since opening loads the kernel's module.
    private var rulesetEvents: EventSocket?
    private var files: DirectoryWatch
    private let signals = Signals()
    private var landscape: Landscape?
    /// A look changed something since the database was asked last. It went by rows of its own time: they may have been others
    /// only for that moment, so that those of before are no proof that nothing is to be done.
    private var hostChanged = false
    private var agenda = Agenda()
    private var backoff = Backoff()
    private var state = WatchState()
    /// What was said last of what stands in the way, so that it is said once.
    private var trouble: String?
    private var deafness: String?

    /// - Parameter interval: milliseconds between looks at everything.
    /// - Throws: what the kernel says if it gives no socket to hear it by.
    package init(directory: String, interval: Int64, observer: any WatchObserver) throws(NetlinkError) {
        self.directory = directory
        self.interval = interval
        self.observer = observer
        events = try EventSocket()
        files = DirectoryWatch(directory)
    }

    /// Until a signal ends it.
    package mutating func run() throws(NetlinkError) {
        if !events.hearsOthers {
            observer.say(
                "pods are looked at every \(interval / 1000) s only: hearing of them needs CAP_NET_BROADCAST",
                isWarning: true)
        }
        var isFirst = true
        agenda.plan(.everything, at: now)
        while true {
            // Before the look: what is written after it began is heard.
            if files.readable < 0, files.begin() { agenda.plan(.everything, at: now) }
            if let due = agenda.next, due <= now { look() }
            if isFirst {
                isFirst = false
                observer.began(pods: state.pods)
            }
            if try wait() { break }
            observer.lives()
        }
        observer.ends()
    }

    private var now: Int64 { Clock.monotonicMilliseconds() }

    // MARK: Hearing

    /// `true`: it was told to end.
    private mutating func wait() throws(NetlinkError) -> Bool {
        var heard = [events.descriptor, signals.descriptor, files.readable, rulesetEvents?.descriptor ?? -1].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        let time = now
        let pause = min(1_000, max(0, (agenda.next ?? time + 1_000) - time))
        guard poll(&heard, nfds_t(heard.count), Int32(pause)) > 0 else { return false }
        while let order = signals.next() {
            if order == .end { return true }
            agenda.plan(.everything, at: now)
        }
        if heard[2].revents != 0 { hearFiles() }
        if heard[0].revents != 0 { try hearKernel() }
        if heard[3].revents != 0 { try hearRuleset() }
        return false
    }

    private mutating func hearKernel() throws(NetlinkError) {
        do throws(NetlinkError) {
            let heard = try events.receive()
            let time = now
            for event in heard {
                guard landscape != nil else { continue }
                for matter in try landscape?.concern(event) ?? [] { agenda.note(matter, at: time) }
            }
        } catch  where error.code == .overrun || error.code == .malformed {
            state.overruns += 1
            observer.say("events were lost (\(error)): everything is looked at", isWarning: true)
            // A storm goes on for a while, and what cannot be read once comes again.
            agenda.plan(.everything, at: now + (error.code == .overrun ? 250 : 1_000))
        }
    }

    /// More pods than that lost what they have in nf_tables by one doing: a look at what all share mends them in one
    /// transaction.
    private static let manyPods = 8

    private mutating func hearRuleset() throws(NetlinkError) {
        do throws(NetlinkError) {
            var matters: Set<Matter> = []
            for event in try rulesetEvents?.receive() ?? [] {
                matters.formUnion(try landscape?.concern(event) ?? [])
            }
            if matters.count > Watcher.manyPods { matters = [.host] }
            let time = now
            for matter in matters { agenda.note(matter, at: time) }
        } catch  where error.code == .overrun || error.code == .malformed {
            // Somebody's transaction was larger than the buffer, and ours may have been among what it changed.
            state.overruns += 1
            agenda.plan(.host, at: now + 250)
        }
    }

    private mutating func hearFiles() {
        switch files.read() {
        case .nothing: break
        case .written:
            if landscape == nil {
                agenda.plan(.everything, at: now + Agenda.settling)
            } else {
                agenda.note(.database, at: now)
            }
        case .vanished: agenda.plan(.everything, at: now + 1_000)
        }
    }

    // MARK: Looking

    private mutating func look() {
        let start = now
        let matters = agenda.take(at: start)
        if matters.contains(.everything) { agenda.plan(.everything, at: start + interval) }
        // Before it is read: who writes now may have been heard for the last time, and is not seen yet.
        if matters.contains(.database) || matters.contains(.everything), Store.isBeingWritten(directory) {
            agenda.wait(for: .database, at: start)
        }
        do {
            // Opened anew each time: a database that was restored is another file, and an open socket in a pod's namespace
            // would keep that alive.
            let store = try Store.open(directory: directory, access: .write)
            var kernel = try LiveKernel(bootID: Boot.currentID())
            try look(at: matters, store, &kernel)
            trouble = nil
        } catch {
            let text = "\(error)"
            let isMissing = (error as? StoreError)?.code == .missing
            if trouble != text {
                observer.say(text, isWarning: true)
                // Before there ever was a database there is nothing to repair.
                if !isMissing || landscape != nil { observer.failed() }
            }
            trouble = text
            if isMissing { landscape = nil }
            // Its end may make no event.
            agenda.plan(.everything, at: now + min(interval, 1_000))
        }
    }

    private mutating func look(
        at matters: Set<Matter>, _ store: borrowing Store, _ kernel: inout LiveKernel
    ) throws {
        let start = now
        if matters.contains(.everything) {
            backoff.tidy(at: start)
            try survey(store)
            let observer = observer
            let report = try apply(store, &kernel, pass: Pass(cause: "watch")) { _, _ in observer.lives() }
            finish(report, [.everything], from: start, isFull: true)
            return
        }
        var wantsHost = matters.contains(.host)
        if matters.contains(.database) {
            let intent = try store.hostIntent()
            let isNew = intent != landscape?.intent
            if isNew { try survey(store, intent) }
            if isNew || hostChanged { wantsHost = true }
            hostChanged = false
            agenda.done(.database, found: false, from: start, to: now)
        }
        let backoff = backoff
        let pass = Pass(includesPods: false, cause: "watch") { change in
            backoff.rest(Backoff.Thing(change), to: change.wish, at: start) > 0
        }
        if wantsHost, !rests(.host, nil, at: start) {
            finish(try apply(store, &kernel, pass: pass), [.host], from: start)
        }
        let ids = matters.compactMap { if case .attachment(let id) = $0 { id } else { nil } }.sorted()
            .filter { !rests(.attachment($0), $0, at: start) }
        if !ids.isEmpty {
            let began = now
            finish(try attend(ids, store, &kernel, pass: pass), ids.map { .attachment($0) }, from: began)
        }
    }

    /// Whether it failed too often to be tried again now. What pods share is not kept waiting for what of it cannot be mended.
    private mutating func rests(_ matter: Matter, _ attachment: Int64?, at time: Int64) -> Bool {
        let rest = backoff.rest(
            Backoff.Thing(attachment: attachment, name: ""), at: time,
            atMost: matter == .host ? 1_000 : Backoff.longest)
        if rest > 0 { agenda.plan(matter, at: time + rest) }
        return rest > 0
    }

    /// Learns what is ours, by the numbers that events have.
    private mutating func survey(_ store: borrowing Store, _ intent: HostIntent? = nil) throws {
        var socket = try NetlinkSocket()
        var links: [LinkMessage] = []
        for message in try socket.dump(.dumpLinks(context: "read links")) {
            links.append(try LinkMessage(parsing: message.body))
        }
        let intent = try intent ?? store.hostIntent()
        if intent.usesFirewall, rulesetEvents == nil { openRulesetEvents() }
        landscape = Landscape(intent: intent, links: links)
    }

    private mutating func openRulesetEvents() {
        do throws(NetlinkError) {
            rulesetEvents = try EventSocket(.netfilter)
        } catch {
            let text = "nf_tables is looked at every \(interval / 1000) s only, for it is not heard: \(error)"
            if deafness != text { observer.say(text, isWarning: true) }
            deafness = text
        }
    }

    private mutating func finish(
        _ report: ApplyReport, _ matters: [Matter], from start: Int64, isFull: Bool = false
    ) {
        let end = now
        for matter in matters { agenda.done(matter, found: report.hasNews, from: start, to: end) }
        for change in report.done { mended(change, in: report.examination.intent, at: end) }
        if !report.done.isEmpty, isFull || matters.contains(.host) { hostChanged = true }
        // Whoever holds their locks makes them right, or dies, or is an ADD that was through with what was undone since.
        for attachment in report.skipped { agenda.wait(for: .attachment(attachment.id), at: end) }
        if !isFull, !report.failures.isEmpty {
            for matter in matters { failed(matter, at: end) }
        }
        state.held = backoff.count(at: end)
        state.pods = landscape?.podCount ?? 0
        if isFull || report.hasNews {
            observer.looked(report, isFull: isFull, elapsed: end - start, state: state)
        }
    }

    private mutating func failed(_ matter: Matter, at time: Int64) {
        let attachment: Int64? = if case .attachment(let id) = matter { id } else { nil }
        // What stood in the way may go without an event.
        let rest = backoff.mended(Backoff.Thing(attachment: attachment, name: ""), at: time)
        agenda.plan(matter, at: time + (rest?.delay ?? 1_000))
    }

    private mutating func mended(_ change: Change, in intent: Intent, at time: Int64) {
        let thing = Backoff.Thing(change)
        guard let rest = backoff.mended(thing, to: change.wish, at: time) else { return }
        let owner = intent.attachments.first { $0.id == thing.attachment }.map { " of \($0.label)" } ?? ""
        observer.say(
            "\(thing.name)\(owner) came undone \(rest.times - 1) times as soon as it was mended, so somebody else sets it: it is left "
                + "alone for \(rest.delay / 1000) s", isWarning: true)
        agenda.plan(thing.attachment.map { .attachment($0) } ?? .host, at: time + rest.delay)
    }
}

extension Backoff.Thing {
    init(_ change: Change) {
        // A pod that makes them makes another each time.
        self.init(
            attachment: change.attachment, name: change.isSurplusRoute ? "what no row of routes asks for" : change.name)
    }
}
