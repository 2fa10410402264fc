import Store
import Testing

@testable import Plugin

@Suite struct EnvironmentTests {
    static let valid = ["CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/run/netns/1", "CNI_PATH": "/bin"]

    private func fault(_ changed: [String: String]) throws -> String {
        let variables = Self.valid.merging(changed) { $1 }
        let error = try failure { () throws(PluginError) in try Environment(variables, requiresNamespace: true) }
        #expect(error.code == .invalidEnvironment)
        return error.message
    }

    @Test func `all that is missing is named at once`() throws {
        let told = try fault(["CNI_CONTAINERID": "", "CNI_IFNAME": "", "CNI_NETNS": "", "CNI_PATH": ""])
        #expect(told.hasSuffix("CNI_CONTAINERID, CNI_IFNAME, CNI_NETNS, CNI_PATH"))
    }

    @Test func `DEL needs no namespace`() throws {
        let variables = Self.valid.merging(["CNI_NETNS": "", "CNI_PATH": "", "CNI_ARGS": "nonsense"]) { $1 }
        #expect(try Environment(variables, requiresNamespace: false).netns.isEmpty)
        #expect(try fault(["CNI_NETNS": ""]).hasSuffix("empty: CNI_NETNS"))
    }

    @Test(arguments: [
        ".", "..", "a/b", "a:b", "a b", "a\tb", "sixteen-letters-", "seven€€€€€", "à", "eth\u{fffd}", "eth%d", "all",
        "default", "-c", "a;reboot", "$(reboot)", "`reboot`", "a'b", "a\"b", "a&b", "a>b", "a\\b",
    ])
    func `a name that the kernel or a shell takes for another thing is refused`(ifname: String) throws {
        #expect(try fault(["CNI_IFNAME": ifname]).contains("CNI_IFNAME"))
    }

    @Test func `what an older ADD took goes`() throws {
        let variables = Self.valid.merging(["CNI_IFNAME": "a;b"]) { $1 }
        #expect(try Environment(variables, requiresNamespace: false).ifname == "a;b")
    }

    @Test(arguments: ["e", "fifteen-letters", "...", "net1.100", "é€", "defaults", "a@b+c_d"])
    func `any other name is taken`(ifname: String) throws {
        let variables = Self.valid.merging(["CNI_IFNAME": ifname]) { $1 }
        #expect(try Environment(variables, requiresNamespace: true).ifname == ifname)
    }

    @Test(arguments: ["-c", ".c", "c/1", "c 1", "cé"])
    func `a container's id is checked`(id: String) throws {
        #expect(try fault(["CNI_CONTAINERID": id]).contains("CNI_CONTAINERID"))
    }

    @Test(arguments: ["1", "true", "True", "TRUE"]) func `unknown arguments may be ignored`(yes: String) throws {
        let variables = Self.valid.merging(["CNI_ARGS": "A=1;IgnoreUnknown=\(yes);;B=2"]) { $1 }
        #expect(try Environment(variables, requiresNamespace: true).ifname == "eth0")
    }

    @Test(arguments: ["netns/1", "./1", "~/1"]) func `a namespace has an absolute path`(path: String) throws {
        #expect(try fault(["CNI_NETNS": path]).contains("CNI_NETNS \"\(path)\""))
    }

    @Test func `arguments say whose pod it is`() throws {
        let arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_UID=u=1;NEW=x"
        let variables = Self.valid.merging(["CNI_ARGS": arguments]) { $1 }
        let pod = try Environment(variables, requiresNamespace: true).pod
        #expect(pod.namespace == "default" && pod.name == "web-0" && pod.uid == "u=1")
    }

    @Test func `what is empty says nothing`() throws {
        let variables = Self.valid.merging(["CNI_ARGS": "K8S_POD_NAMESPACE=;K8S_POD_NAME=;K8S_POD_UID="]) { $1 }
        #expect(try Environment(variables, requiresNamespace: true).pod == PodIdentity())
    }

    @Test(arguments: [("A=1;B=2", "A, B"), ("IgnoreUnknown=0;B=2", "B"), ("nonsense", "nonsense")])
    func `unknown arguments are named`(arguments: String, told: String) throws {
        #expect(try fault(["CNI_ARGS": arguments]).contains(told))
    }
}
