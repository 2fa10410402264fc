import CKernel
import Foundation
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Netlink

/// What the real kernel does when objects change under a dump, or replies do not fit.
@Suite(.serialized, .enabled(if: canMakeNamespaces, "network namespaces need root"))
struct KernelPressureTests {
    private static func address(_ block: UInt8, _ number: Int, on index: Int32) -> Request {
        let bytes = [10, block, UInt8(number >> 8), UInt8(number & 0xff)]
        return .addAddress(KernelWorld.address(bytes, 32, on: index), context: "add \(bytes)")
    }

    /// A thread that adds and removes addresses until it is told to stop; it inherits its starter's namespace.
    private final class Churn: @unchecked Sendable {
        private let stopped = Atomic(false)
        private let ended = DispatchSemaphore(value: 0)
        private let failure = Mutex<(any Error)?>(nil)

        init(on index: Int32, pause: UInt32) {
            Thread {
                do {
                    var socket = try NetlinkSocket()
                    while !self.stopped.load(ordering: .relaxed) {
                        for deletes in [false, true] {
                            let requests = (0..<20).map {
                                let request = KernelPressureTests.address(2, $0, on: index)
                                guard deletes else { return request }
                                return Request(type: Int(RTM_DELADDR), body: request.body, context: "delete")
                            }
                            for reply in try socket.perform(requests) { if let error = reply.error { throw error } }
                            usleep(pause)
                        }
                    }
                } catch { self.failure.withLock { $0 = error } }
                self.ended.signal()
            }.start()
        }

        func stop() throws {
            stopped.store(true, ordering: .relaxed)
            ended.wait()
            if let error = failure.withLock({ $0 }) { throw error }
        }
    }

    /// - Returns: the addresses of a dump, or `nil` if it was interrupted once too often.
    private static func dump(_ socket: inout NetlinkSocket) throws -> [[UInt8]]? {
        do {
            return try socket.dump(.dumpAddresses(context: "addresses")).compactMap { message in
                try AddressMessage(parsing: message.body).local
            }
        } catch let error as NetlinkError where error.code == .interrupted {
            return nil
        }
    }

    @Test("a dump of what changes meanwhile is whole, or none")
    func consistency() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            let fixed = (0..<50).map { Self.address(1, $0, on: world.bridge) }
            #expect(try world.socket.perform(fixed).compactMap(\.error) == [])
            let expected = Set((0..<50).map { [10, 1, 0, UInt8($0)] })
            let churn = Churn(on: world.bridge, pause: 300)
            var whole = 0
            for _ in 0..<400 {
                guard let found = try Self.dump(&world.socket) else { continue }
                whole += 1
                #expect(Set(found).isSuperset(of: expected))
                #expect(Set(found).count == found.count)
            }
            try churn.stop()
            #expect(whole > 0)
            #expect(try Self.dump(&world.socket).map(Set.init) == expected)
        }
    }

    @Test("the kernel marks an interrupted dump (NLM_F_DUMP_INTR), and we give up in the end")
    func interruption() async throws {
        try await inNewNamespace {
            var world = try KernelWorld()
            // Many, so that a dump takes several reads and is never quicker than the changes.
            let fixed = (0..<5000).map { Self.address(1, $0, on: world.bridge) }
            #expect(try world.socket.perform(fixed).compactMap(\.error) == [])
            let churn = Churn(on: world.bridge, pause: 0)
            let patience = ContinuousClock.now + .seconds(20)
            var interruptions = 0
            while interruptions == 0, ContinuousClock.now < patience {
                if let found = try Self.dump(&world.socket) {
                    #expect(found.count >= 5000)
                } else {
                    interruptions += 1
                }
            }
            try churn.stop()
            #expect(interruptions > 0)
            #expect(try Self.dump(&world.socket)?.count == 5000)
        }
    }

    @Test("replies that do not fit the receive buffer (ENOBUFS) are an error, and the next conversation works")
    func overrun() async throws {
        try await inNewNamespace {
            let world = try KernelWorld()
            let descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), NETLINK_ROUTE)
            try #require(descriptor >= 0)
            var small = NetlinkSocket(owning: OwnedDescriptor(owning: descriptor))
            // The kernel raises it to its least, which holds two or three ACKs.
            var size: Int32 = 1
            let result = setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
            try #require(result == 0)
            let requests = (0..<NetlinkSocket.batchLimit).map { Self.address(1, $0, on: world.bridge) }
            #expect(throws: NetlinkError(.overrun, errno: .noBufferSpace, context: "receive")) {
                try small.perform(requests)
            }
            // All of it was done, though nobody was told: who gets this error has to look.
            let found = try Self.dump(&small)
            #expect(found?.count == requests.count)
            let again = try small.perform([requests[7]])
            #expect(again[0].error?.errno == .fileExists)
        }
    }
}
