import Foundation
import Testing

struct CommandFailed: Error, CustomStringConvertible {
    let description: String
}

/// Runs a program to its end and returns what it printed, without the last newline.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw CommandFailed(description: "\(program) \(arguments): \(complaint)")
    }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
}

/// The admin's shell writes to the database of `directory`.
@discardableResult
func sqlite(_ directory: String, _ sql: String) throws -> String {
    try run("/usr/bin/sqlite3", ["-bail", directory + "/state.db", sql])
}

/// The admin's shell reads, as the schema tells people to.
func sqliteReadOnly(_ directory: String, _ sql: String) throws -> String {
    try run("/usr/bin/sqlite3", ["-bail", "-readonly", directory + "/state.db", sql])
}

/// An admin's shell that stays open, say with a transaction.
final class ShellSession {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ directory: String) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sqlite3")
        process.arguments = ["-batch", directory + "/state.db"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    /// Returns when the shell has executed the lines.
    func execute(_ lines: String) throws {
        // The shell's own output waits in its buffer until it ends; a child's does not.
        try input.fileHandleForWriting.write(contentsOf: Data((lines + "\n.shell echo done\n").utf8))
        var seen = ""
        while !seen.contains("done\n") {
            let data = output.fileHandleForReading.availableData
            try #require(!data.isEmpty, "the shell ended: \(seen)")
            seen += String(decoding: data, as: UTF8.self)
        }
    }

    /// Ends the shell, and with it the transaction that it holds.
    func end() throws {
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}
