import Testing

@testable import Plugin

@Suite struct DNSTests {
    static let files: [(text: String, dns: DNS)] = [
        ("", DNS()),
        ("# nameserver 1.1.1.1\n; nameserver 2.2.2.2\n\n  # search x\nnameserver\nsortlist 10.0.0.0\n", DNS()),
        (
            "nameserver 1.1.1.1\nnameserver\t fd00::53  # local\r\n  domain a.example\ndomain b.example extra\n",
            DNS(nameservers: ["1.1.1.1", "fd00::53"], domain: "b.example")
        ),
        (
            "search a b\nsearch c\noptions ndots:5 rotate\noptions edns0",
            DNS(search: ["a", "b", "c"], options: ["ndots:5", "rotate", "edns0"])
        ),
    ]

    @Test(arguments: files) func `a file is read as host-local does`(text: String, dns: DNS) {
        #expect(DNS(resolvConf: text) == dns)
    }

    @Test func `what is empty is left out, and nothing is nothing`() {
        #expect(DNS().json == nil)
        #expect(DNS(nameservers: ["1.1.1.1"]).json == #"{"nameservers":["1.1.1.1"]}"#)
        #expect(
            DNS(nameservers: ["1.1.1.1"], domain: "a", search: ["b\""], options: ["c"]).json
                == #"{"domain":"a","nameservers":["1.1.1.1"],"options":["c"],"search":["b\""]}"#)
    }

    static let ranks: [(keys: String, json: String?)] = [
        (#""dns":{}"#, nil),
        (#""dns":{"nameservers":[],"domain":"","search":null}"#, nil),
        (#""dns":{"domain":"a","unknown":7}"#, #"{"domain":"a"}"#),
        (
            #""dns":{"nameservers":["1.1.1.1"],"domain":"a"},"runtimeConfig":{"dns":{"searches":["b"]}}"#,
            #"{"search":["b"]}"#
        ),
        (
            #""runtimeConfig":{"DNS":{"Servers":["2.2.2.2"],"Searches":["b"],"Options":["ndots:5"]}}"#,
            #"{"nameservers":["2.2.2.2"],"options":["ndots:5"],"search":["b"]}"#
        ),
        (
            #""dns":{"domain":"a"},"runtimeConfig":{"dns":{"Servers":[],"Searches":null,"Options":[]}}"#,
            #"{"domain":"a"}"#
        ),
    ]

    @Test(arguments: ranks) func `the runtime goes before the configuration`(keys: String, json: String?) throws {
        #expect(try Config(config(#""subnets":["10.1.0.0/24"],\#(keys)"#)).dns == json)
    }

    static let wrong: [(keys: String, told: String)] = [
        (#""dns":[]"#, "key dns"), (#""dns":{"nameservers":"1.1.1.1"}"#, "key dns.nameservers"),
        (#""dns":{"search":[7]}"#, "key dns.search[0]"),
        (#""runtimeConfig":{"dns":{"Servers":"1.1.1.1"}}"#, "key runtimeConfig.dns.servers"),
        (#""dns":{"options":7},"runtimeConfig":{"dns":{"servers":["1.1.1.1"]}}"#, "key dns.options"),
    ]

    @Test(arguments: wrong) func `a wrong type is told with its key`(keys: String, told: String) throws {
        let error = try failure { () throws(PluginError) in try Config(config(#""subnets":["10.1.0.0/24"],\#(keys)"#)) }
        #expect(error.code == .invalidConfig && error.message.contains(told), "\(error.message)")
    }
}
