import Foundation
import Testing

@testable import Store

/// Runs `body` with a directory of its own, which is gone afterwards.
func withScratch<R>(_ body: (String) throws -> R) throws -> R {
    let path = FileManager.default.temporaryDirectory.path + "/plumb-store-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { remove(path) }
    return try body(path)
}

private func remove(_ path: String) {
    do {
        try FileManager.default.removeItem(atPath: path)
    } catch {
        Issue.record("left behind \(path): \(error)")
    }
}

/// Whether this process may mount: what a full or read-only disk does shows only on one.
let mayMount = geteuid() == 0

/// Runs `body` with a tmpfs of its own. Every store in it must be closed when `body` returns.
func withFileSystem<R>(kibibytes: Int, _ body: (String) throws -> R) throws -> R {
    try withScratch { scratch in
        try run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=\(kibibytes)k,mode=0755", "tmpfs", scratch])
        defer { unmount(scratch) }
        return try body(scratch)
    }
}

private func unmount(_ path: String) {
    do {
        try run("/usr/bin/umount", [path])
    } catch {
        Issue.record("still mounted: \(path): \(error)")
    }
}

func remountReadOnly(_ path: String) throws {
    try run("/usr/bin/mount", ["-o", "remount,ro", path])
}

/// Takes what is left of a file system, and gives back the file that holds it.
func fill(_ fileSystem: String) throws -> String {
    let path = fileSystem + "/ballast"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    // Byte by byte at the end, so that no part of a page is left either.
    for size in [4096, 1] {
        let block = [UInt8](repeating: 0, count: size)
        while write(descriptor, block, size) == size {}
        try #require(errno == ENOSPC)
    }
    return path
}

/// The file's bytes. Only while no store of this process has it open: POSIX drops SQLite's locks with any descriptor.
func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try #require(FileManager.default.contents(atPath: path)))
}

func permissions(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
}

func size(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
}

func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

/// Ends a store's life here: until then it holds its locks, afterwards none.
func close(_ store: consuming Store) { _ = consume store }

/// The store's error that `body` must fail with.
func failure<R: ~Copyable>(of body: () throws -> R) throws -> StoreError {
    try #require(throws: StoreError.self) { _ = try body() }
}
