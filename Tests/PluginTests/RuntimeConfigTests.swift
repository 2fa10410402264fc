import Testing

@testable import Plugin

/// `runtimeConfig`, whose keys runtimes write as they like.
@Suite struct RuntimeConfigTests {
    private func runtimeConfig(_ text: String) throws -> ConfigObject {
        let whole = try ConfigObject(Array(#"{"runtimeConfig":\#(text)}"#.utf8))
        return try #require(try whole.runtimeConfig())
    }

    @Test(arguments: ["ips", "Ips", "IPs", "IPS"]) func `a key is found in any case`(key: String) throws {
        let asked = try runtimeConfig(#"{"\#(key)":["10.1.0.9"]}"#)
        #expect(asked.has("ips") && !asked.has("ip"))
        #expect(try asked.strings("ips") == ["10.1.0.9"])
    }

    @Test func `so are keys of what is in it`() throws {
        let asked = try runtimeConfig(
            #"{"DNS":{"Servers":["1.1.1.1"]},"PortMappings":[{"HostPort":80}],"IpRanges":[[{"Subnet":"10.1.0.0/24"}]]}"#
        )
        #expect(try asked.object("dns")?.strings("servers") == ["1.1.1.1"])
        #expect(try asked.objects("portMappings")?.first?.integer("hostPort", as: Int.self) == 80)
        #expect(try asked.objectLists("ipRanges")?.first?.first?.string("subnet") == "10.1.0.0/24")
    }

    @Test func `the exact key goes before others, and null before none`() throws {
        let asked = try runtimeConfig(#"{"Mac":"a","mac":"b","MAC":"c","IPS":null,"Ips":["x"],"ips":null}"#)
        #expect(try asked.string("mac") == "b" && asked.strings("ips") == ["x"])
    }

    @Test func `elsewhere no more than there`() throws {
        let object = try ConfigObject(Array(#"{"Name":"x","IPAM":{"Subnet":"y"},"mTU":7,"m]u":8,"Mtv":9}"#.utf8))
        #expect(try object.string("name") == "x" && object.object("ipam")?.string("subnet") == "y")
        #expect(try object.integer("mtu") == 7 && !object.has("m}u") && !object.has("mtw"))
        #expect(try object.runtimeConfig() == nil)
    }

    @Test func `a wrong type is told with its key`() throws {
        let error = try failure { () throws(PluginError) in
            try ConfigObject(Array(#"{"runtimeConfig":[]}"#.utf8)).runtimeConfig()
        }
        #expect(error.code == .invalidConfig && error.message.contains("key runtimeConfig"))
        let asked = try runtimeConfig(#"{"Dns":{"Servers":"1.1.1.1"}}"#)
        let inner = try failure { () throws(PluginError) in try asked.object("dns")?.strings("servers") }
        #expect(inner.message.contains("runtimeConfig.dns.servers"))
    }
}
