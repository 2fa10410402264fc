internal import Glibc

/// What Plumb needs of the kernel, as far as it can be seen without asking for it.
enum KernelNeeds {
    /// In words; empty if nothing is missing.
    static func missing(needsIPv6: Bool) -> [String] {
        var missing: [String] = []
        if let release = release(), release < (5, 14) {
            missing.append(
                "the kernel is \(release.0).\(release.1): namespaces can be told apart for certain since 5.14 only "
                    + "(SO_NETNS_COOKIE)")
        }
        if needsIPv6, access("/proc/sys/net/ipv6", F_OK) != 0 {
            missing.append(
                "the kernel has no IPv6 here (ipv6.disable=1, or no such module), and a network has an IPv6 pool: its pods "
                    + "cannot be added")
        }
        return missing
    }

    private static func release() -> (Int, Int)? {
        var name = utsname()
        guard uname(&name) == 0 else { return nil }
        let text = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let numbers = text.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }
}
