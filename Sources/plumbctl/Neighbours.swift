internal import Glibc

/// The node's other network software, and whether it was told to keep off what is ours. The drop-ins that tell it are in
/// packaging/neighbours; what counts is what the software makes of all its files together.
enum Neighbours {
    /// What is missing, and matters here.
    struct Gap: Equatable {
        var software: String
        var finding: String
        var remedy: String
    }

    /// A link of ours, as the files may name it.
    private struct Link {
        var name: String
        /// As systemd and NetworkManager call it.
        var kind: String
        var type: String
    }

    /// - Parameters:
    ///   - hasRoutes: whether the database asks for routes on the host.
    ///   - root: before every path that is looked at.
    static func gaps(bridges: [String], hasRoutes: Bool, root: String = "") -> [Gap] {
        let links =
            [Link(name: "plumb00000", kind: "veth", type: "ether")]
            + bridges.map { Link(name: $0, kind: "bridge", type: "bridge") }
        var gaps: [Gap] = []
        if isThere("/run/systemd/netif", root) { gaps += networkd(links, hasRoutes, root) }
        if isThere("/run/udev/control", root) { gaps += udev(links, root) }
        if isThere("/run/NetworkManager", root) { gaps += networkManager(links, root) }
        return gaps
    }

    private static func isThere(_ path: String, _ root: String) -> Bool { access(root + path, F_OK) == 0 }

    // MARK: systemd-networkd and udev

    /// From the strongest on.
    private static let systemd = ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"]

    private static func networkd(_ links: [Link], _ hasRoutes: Bool, _ root: String) -> [Gap] {
        var gaps: [Gap] = []
        let files = SettingsFile.all(".network", in: systemd.map { $0 + "/network" }, root: root)
        for link in links {
            // A link that no file is about is left alone.
            guard let file = files.first(where: { isAbout(link, $0, nameKey: "Name") }),
                file.value("Link", "Unmanaged")?.isYes != true
            else { continue }
            gaps.append(
                Gap(
                    software: "systemd-networkd", finding: "manages \(words(link)), by \(file.path)",
                    remedy: "/etc/systemd/network/05-plumb.network with [Match] Name=plumb* \(names(links)) and "
                        + "[Link] Unmanaged=yes, then `networkctl reload`"))
        }
        if hasRoutes {
            var isManaging = true
            let configured =
                [SettingsFile(path: "", text: TextFile.read(root + "/etc/systemd/networkd.conf") ?? "")]
                + SettingsFile.all(".conf", in: systemd.map { $0 + "/networkd.conf.d" }, root: root)
            for file in configured {
                if let value = file.value("Network", "ManageForeignRoutes") { isManaging = !value.isNo }
            }
            if isManaging {
                gaps.append(
                    Gap(
                        software: "systemd-networkd", finding: "deletes routes that it did not make, so Plumb's too",
                        remedy: "/etc/systemd/networkd.conf.d/plumb.conf with [Network] ManageForeignRoutes=no, then "
                            + "`systemctl restart systemd-networkd`"))
            }
        }
        return gaps
    }

    /// Every link of ours is made with its MAC, which only `random` does not respect.
    private static func udev(_ links: [Link], _ root: String) -> [Gap] {
        let files = SettingsFile.all(".link", in: systemd.map { $0 + "/network" }, root: root)
        return links.compactMap { link in
            guard let file = files.first(where: { isAbout(link, $0, nameKey: "OriginalName") }),
                file.value("Link", "MACAddressPolicy") == "random"
            else { return nil }
            return Gap(
                software: "udev", finding: "gives \(words(link)) another MAC, by \(file.path)",
                remedy: "/etc/systemd/network/05-plumb.link with [Match] OriginalName=plumb* \(names(links)) and "
                    + "[Link] MACAddressPolicy=none")
        }
    }

    /// Whether a file's [Match] takes a link. What it asks of hardware, no link of ours has.
    private static func isAbout(_ link: Link, _ file: SettingsFile, nameKey: String) -> Bool {
        let conditions = file.settings.filter { $0.section == "Match" }
        guard !conditions.isEmpty else { return false }
        return conditions.allSatisfy { condition in
            switch condition.key {
            case nameKey: matches(link.name, condition.value)
            case "Kind": matches(link.kind, condition.value)
            case "Type": matches(link.type, condition.value)
            // Of the machine, which we do not look into: it may well be this one.
            case "Host", "Virtualization", "KernelCommandLine", "KernelVersion", "Architecture", "Credential": true
            default: false
            }
        }
    }

    /// A list of patterns; all of it is turned round by a `!` before it.
    private static func matches(_ name: String, _ list: String) -> Bool {
        let isInverted = list.hasPrefix("!")
        let patterns = (isInverted ? list.dropFirst() : list[...]).split(separator: " ")
        return patterns.contains { name.matches(glob: String($0)) } != isInverted
    }

    // MARK: NetworkManager

    private static func networkManager(_ links: [Link], _ root: String) -> [Gap] {
        let folder = "/NetworkManager/conf.d"
        // A file of the first name hides those of the same name in the other folders; all others are read in this order.
        let files =
            SettingsFile.all(".conf", in: ["/usr/lib" + folder], root: root)
            + SettingsFile.all(".conf", in: ["/run" + folder], root: root)
            + [
                SettingsFile(
                    path: "", text: TextFile.read(root + "/etc/NetworkManager/NetworkManager.conf") ?? "")
            ] + SettingsFile.all(".conf", in: ["/etc" + folder], root: root)
        var unmanaged: [String] = []
        for setting in files.flatMap(\.settings)
        where setting.section == "keyfile" && setting.key == "unmanaged-devices" {
            unmanaged = (setting.appends ? unmanaged : []) + specs(setting.value)
        }
        let sections = files.flatMap { file in
            Set(file.settings.map(\.section)).filter { $0.hasPrefix("device") }.compactMap { section -> [String]? in
                guard file.value(section, "managed")?.isNo == true else { return nil }
                return specs(file.value(section, "match-device") ?? "")
            }
        }
        return links.compactMap { link in
            if ([unmanaged] + sections).contains(where: { isNamed(link, in: $0) }) { return nil }
            return Gap(
                software: "NetworkManager", finding: "manages \(words(link))",
                remedy: "/etc/NetworkManager/conf.d/plumb.conf with [device-plumb] match-device="
                    + (["plumb*"] + links.dropFirst().map(\.name)).map { "interface-name:\($0)" }.joined(separator: ",")
                    + " and managed=0, then `systemctl reload NetworkManager`")
        }
    }

    private static func specs(_ list: String) -> [String] {
        list.split { $0 == ";" || $0 == "," || $0 == " " }.map(String.init)
    }

    /// Whether a list of devices (NetworkManager.conf(5)) has a link in it.
    private static func isNamed(_ link: Link, in list: [String]) -> Bool {
        func matches(_ spec: String) -> Bool {
            guard let place = spec.firstIndex(of: ":") else { return spec == "*" || spec == link.name }
            let value = String(spec[spec.index(after: place)...])
            return switch spec[..<place] {
            case "interface-name": link.name.matches(glob: value.hasPrefix("=") ? String(value.dropFirst()) : value)
            case "type", "driver": value == link.kind
            default: false
            }
        }
        if list.contains(where: { $0.hasPrefix("except:") && matches(String($0.dropFirst(7))) }) { return false }
        return list.contains(where: matches)
    }

    // MARK: Words

    private static func words(_ link: Link) -> String {
        link.kind == "veth" ? "the host's ends of pods (plumb*)" : "the bridge \(link.name)"
    }

    private static func names(_ links: [Link]) -> String { links.dropFirst().map(\.name).joined(separator: " ") }
}
