import Addressing
import Store
import Testing

@testable import Plugin

@Suite struct ConfigTests {
    @Test func `the short form means a default gateway with hairpin`() throws {
        let short = try Config(config(#""subnets":["10.1.0.0/24","fd00::/64"]"#))
        #expect(short.network.bridge == "cni0" && short.network.mtu == nil)
        #expect(short.network.isGateway && short.network.isDefaultGateway && short.network.hairpin)
        #expect(short.network.repairPod == .all)
        #expect(short.network.rangeSets.map(\.count) == [1, 1])
        #expect(short.dataDirectory == "/var/lib/plumb" && short.unenforced.isEmpty && short.routes.isEmpty)
    }

    @Test func `the short form without a gateway`() throws {
        let layerTwo = try Config(config(#""subnets":["10.1.0.0/24"],"isGateway":false"#)).network
        #expect(!layerTwo.isGateway && !layerTwo.isDefaultGateway && layerTwo.hairpin)
        let both = #""subnets":["10.1.0.0/24"],"isGateway":false,"isDefaultGateway":true"#
        #expect(try Config(config(both)).network.isGateway)
    }

    @Test func `the reference form has the reference plugin's defaults`() throws {
        let long = try Config(config(#""mtu":0,"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}"#))
        #expect(!long.network.isGateway && !long.network.isDefaultGateway && !long.network.hairpin)
        #expect(long.network.mtu == nil)
        let gateway = try Config(config(#""isDefaultGateway":true,"ipam":{"subnet":"10.1.0.0/24"}"#))
        #expect(gateway.network.isGateway)
    }

    @Test func `keys without effect are named`() throws {
        let keys = #""subnets":["10.1.0.0/24"],"ipMasq":true,"vlan":7,"runtimeConfig":{"aliases":["a"]}"#
        #expect(try Config(config(keys)).unenforced == ["runtimeConfig.aliases"])
    }

    @Test func `masquerading, and what it leaves as it is`() throws {
        let subnets = #""subnets":["10.1.0.0/24"]"#
        #expect(try Config(config(subnets)).network.masquerade == nil)
        let plain = try Config(config(subnets + #","ipMasq":true,"ipMasqBackend":"nftables""#))
        #expect(plain.network.masquerade == Masquerade() && plain.notes.isEmpty && plain.unenforced.isEmpty)
        let blocks = #","ipMasq":true,"nonMasqueradeCIDRs":["fd00::1/8","10.2.0.0/16","10.0.0.0/8"]"#
        let excepted = try #require(try Config(config(subnets + blocks)).network.masquerade)
        #expect(excepted.exceptions.map(\.description) == ["10.0.0.0/8", "fd00::/8"])
        let old = try Config(config(subnets + #","ipMasq":true,"ipMasqBackend":"iptables""#))
        #expect(old.notes.count == 1 && old.notes[0].contains("ipMasqBackend"))
        #expect(try Config(config(subnets + #","nonMasqueradeCIDRs":["10.0.0.0/8"]"#)).network.masquerade == nil)
    }

    @Test func `promiscuous mode takes the short form's hairpin away`() throws {
        let config = try Config(config(#""subnets":["10.1.0.0/24"],"promiscMode":true"#))
        #expect(config.network.promiscuous && !config.network.hairpin)
    }

    static let vlans: [(keys: String, wanted: PortVLANs?)] = [
        (#""vlan":0"#, nil),
        (#""vlan":0,"vlanTrunk":[],"preserveDefaultVlan":false"#, nil),
        (#""vlan":4094"#, PortVLANs(access: 4094)),
        (#""vlan":100,"preserveDefaultVlan":false"#, PortVLANs(access: 100, keepsDefault: false)),
        (#""vlanTrunk":[{"id":7}]"#, PortVLANs(trunk: [VLANRange(7, 7)])),
        (
            #""vlanTrunk":[{"minID":20,"maxID":29,"id":5},{"id":30},{"minID":25,"maxID":27}]"#,
            PortVLANs(trunk: [VLANRange(5, 5), VLANRange(20, 30)])
        ),
    ]

    @Test(arguments: vlans) func `VLANs are understood`(keys: String, wanted: PortVLANs?) throws {
        let text = #""subnets":["10.1.0.0/24"],\#(keys)"#
        #expect(try Config(config(text)).network.link.vlans == wanted)
    }

    @Test func `capabilities without effect are named when something is asked for`() throws {
        let asked = #"""
            "subnets":["10.1.0.0/24"],"capabilities":{"bandwidth":true},"runtimeConfig":{"PortMappings":[{"HostPort":80}],
            "bandwidth":{"IngressRate":1000,"IngressBurst":0},"Aliases":["a"],"dns":{"Servers":["1.1.1.1"]},"other":1}
            """#
        #expect(
            try Config(config(asked)).unenforced
                == ["runtimeConfig.aliases", "runtimeConfig.bandwidth", "runtimeConfig.portMappings"])
        let nothing = #"""
            "subnets":["10.1.0.0/24"],"runtimeConfig":{"portMappings":[],"bandwidth":{"IngressRate":0,"EgressRate":0},
            "mac":"","ips":null,"ipRanges":[],"cgroupPath":"","deviceID":""}
            """#
        #expect(try Config(config(nothing)).unenforced.isEmpty)
    }

    static let invalid: [(keys: String, told: String)] = [
        (#""subnets":["10.1.0.0/24"],"ipMasqBackend":"pf""#, "key ipMasqBackend: \"pf\""),
        (#""subnets":["10.1.0.0/24"],"nonMasqueradeCIDRs":["10.0.0.0/8","10.0.0.1"]"#, "key nonMasqueradeCIDRs[1]"),
        (#""promiscMode":true,"hairpinMode":true"#, "hairpinMode and promiscMode exclude each other"),
        (#""vlan":4095"#, "key vlan: 4095"),
        (#""vlan":-1"#, "key vlan: -1"),
        (#""vlan":5,"vlanTrunk":[{"id":6}]"#, "vlan and vlanTrunk exclude each other"),
        (#""vlanTrunk":[{"id":0}]"#, "key vlanTrunk[0].id: 0"),
        (#""vlanTrunk":[{"id":1},{"minID":5}]"#, "key vlanTrunk[1]: minID and maxID go together"),
        (#""vlanTrunk":[{"minID":9,"maxID":5}]"#, "minID 9 is above maxID 5"),
        (#""vlanTrunk":[{"minID":9,"maxID":4095}]"#, "key vlanTrunk[0].maxID: 4095"),
        (#""vlanTrunk":[{}]"#, "key vlanTrunk[0]: names no VLAN"),
        (#""portIsolation":"yes""#, "key portIsolation"),
        (#""subnets":[]"#, "key subnets is empty"),
        (#""subnets":["10.1.0.0/24"],"ipam":{}"#, "subnets and ipam exclude"),
        (#""subnets":["10.1.0.0"]"#, "key subnets[0]"),
        (#""subnets":["10.1.0.0/24","10.1.1.1/24"]"#, "key subnets[1]"),
        (#""subnets":["10.1.0.0/32"]"#, "too small"),
        (#""subnets":["fd00::/128"]"#, "too small"),
        (#""ipam":{"subnet":"10.1.0.0/24","exclude":["10.1.1.0/28"]}"#, "10.1.1.0/28 is not within 10.1.0.0/24"),
        (#""ipam":{"subnet":"10.1.0.0/24","exclude":["10.1.0.0/16"]}"#, "10.1.0.0/16 is not within"),
        (#""ipam":{"subnet":"10.1.0.0/24","exclude":["fd00::1"]}"#, "fd00::1/128 is not within"),
        (#""ipam":{"subnet":"10.1.0.0/24","exclude":["10.1.0.9/28"]}"#, "its block is 10.1.0.0/28"),
        (#""ipam":{"subnet":"10.1.0.0/24","exclude":["10.1.0.9", "x"]}"#, "key ipam.exclude[1]: \"x\""),
        (#""ipam":{"subnet":"10.1.0.0/24","exclude":["10.1.0.0/24"]}"#, "no address is left for a pod"),
        (#""ipam":{"subnet":"10.1.0.0/30","exclude":["10.1.0.2"]}"#, "no address is left for a pod"),
        (#""ipam":{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.1","rangeEnd":"10.1.0.1"}"#, "no address is left"),
        (#""subnets":["10.1.0.0/24","10.1.0.128/25"]"#, "overlap"),
        (#""subnets":"10.1.0.0/24""#, "key subnets"),
        (#""subnets":[7]"#, "key subnets[0]"),
        (#""subnets":["10.1.0.0/24"],"bridge":"a/b""#, "key bridge"),
        (#""subnets":["10.1.0.0/24"],"bridge":"sixteen-letters-""#, "key bridge"),
        (#""subnets":["10.1.0.0/24"],"mtu":67"#, "key mtu"),
        (#""subnets":["10.1.0.0/24"],"mtu":65536"#, "key mtu"),
        (#""subnets":["10.1.0.0/24"],"mtu":-1"#, "key mtu"),
        (#""subnets":["10.1.0.0/24", "fd00::/64"],"mtu":1279"#, "key mtu: 1279 bytes are too few for IPv6"),
        (#""subnets":["224.0.0.0/24"]"#, "no interface can have"),
        (#""subnets":["ff02::/64"]"#, "no interface can have"),
        (#""subnets":["0.0.0.0/0"]"#, "no interface can have"), (#""subnets":["::/0"]"#, "no interface can have"),
        (#""subnets":["10.1.0.0/24"],"repairPod":"some""#, "key repairPod"),
        (#""subnets":["10.1.0.0/24"],"dataDir":"var/lib""#, "key dataDir"),
        (#""subnets":["10.1.0.0/24"],"logFile":"plumb.log""#, "key logFile"),
        (#""subnets":["10.1.0.0/24"],"logFile":7"#, "key logFile"),
        (#""subnets":["10.1.0.0/24"],"logLevel":"chatty""#, "debug, info, warn, error"),
        (#""bridge":"cni0""#, "has no addresses"),
        (#""ipam":{"ranges":[[]]}"#, "key ipam.ranges[0] is empty"),
        (#""ipam":{"ranges":[[{}]]}"#, "key ipam.ranges[0][0].subnet"),
        (#""ipam":{"ranges":[[{"subnet":"10.1.0.0/24"},{"subnet":"fd00::/64"}]]}"#, "mixes IPv4 and IPv6"),
        (#""ipam":{"subnet":"10.1.0.0/24","gateway":"fd00::1"}"#, "key ipam.gateway"),
        (#""ipam":{"subnet":"10.1.0.0/24","rangeStart":"10.2.0.1"}"#, "key ipam.rangeStart"),
        (#""ipam":{"subnet":"10.1.0.0/24","rangeEnd":"x"}"#, "key ipam.rangeEnd"),
        (#""ipam":{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.9","rangeEnd":"10.1.0.8"}"#, "is above rangeEnd"),
        (#""ipam":{"subnet":"10.1.0.0/24","routes":[{"gw":"10.1.0.1"}]}"#, "key ipam.routes[0].dst is missing"),
        (#""ipam":{"subnet":"10.1.0.0/24","routes":[{"dst":"x"}]}"#, "key ipam.routes[0].dst"),
        (#""ipam":{"subnet":"10.1.0.0/24","routes":[{"dst":"::/0","gw":"10.1.0.1"}]}"#, "key ipam.routes[0].gw"),
        (#""ipam":{"subnet":"10.1.0.0/24","routes":[{"dst":"10.2.0.0/16","gw":"0.0.0.0"}]}"#, "can route by 0.0.0.0"),
        (#""ipam":{"subnet":"10.1.0.0/24","gateway":"0.0.0.0"}"#, "key ipam.gateway: nobody can route by 0.0.0.0"),
        (#""ipam":{"subnet":"fd00::/64","gateway":"ff02::1"}"#, "key ipam.gateway: nobody can route by ff02::1"),
        (#""subnets":["127.0.0.0/8"]"#, "no interface can have"),
        (
            #""ipam":{"subnet":"10.1.0.0/24","routes":[{"dst":"10.2.0.0/16"},{"dst":"10.2.0.0/16","gw":"10.1.0.9"}]}"#,
            "two routes to 10.2.0.0/16 have the priority 0"
        ),
    ]

    @Test func `what the kernel does not keep of a route is not promised`() throws {
        func routes(_ text: String) throws -> [RouteSpec] {
            try Config(config(#""ipam":{"subnet":"10.1.0.0/24","routes":[\#(text)]}"#)).routes
        }
        let unset = try routes(#"{"dst":"10.2.0.0/16","mtu":0,"advmss":0,"table":0}"#)
        #expect(unset == [RouteSpec(destination: try #require(CIDR("10.2.0.0/16")))])
        let large = try #require(try routes(#"{"dst":"10.2.0.0/16","mtu":70000,"advmss":70000}"#).first)
        #expect(large.mtu == 65520 && large.advertisedMSS == 65495)
        let twice = #"{"dst":"10.2.0.0/16"}, {"dst":"10.2.0.0/16"}, {"dst":"10.2.0.0/16","priority":9}"#
        #expect(try routes(twice).map(\.metric) == [0, 9])
    }

    @Test(arguments: invalid)
    func `what is invalid is refused, with its key`(keys: String, told: String) throws {
        let error = try failure { () throws(PluginError) in try Config(config(keys)) }
        #expect(error.code == .invalidConfig)
        #expect(error.message.contains(told), "\(error.message)")
    }

    @Test(arguments: ["dhcp", "static"])
    func `what belongs to another IPAM plugin is not looked at`(type: String) throws {
        let config = try Config(config(#""ipam":{"type":"\#(type)","subnet":"10.1.0.0/24","ranges":7,"routes":"x"}"#))
        #expect(config.delegate == type && config.network.rangeSets.isEmpty && config.routes.isEmpty)
    }

    @Test(arguments: ["plumb", "host-local", ""])
    func `these are ours`(type: String) throws {
        let config = try Config(config(#""ipam":{"type":"\#(type)","subnet":"10.1.0.0/24"}"#))
        #expect(config.delegate == nil && config.network.rangeSets.count == 1)
    }

    @Test(arguments: ["", "[]", "7", "{", "null", "\u{0}"])
    func `what is no JSON object is undecodable`(text: String) throws {
        let error = try failure { () throws(PluginError) in try Config(Array(text.utf8)) }
        #expect(error.code == .undecodable)
    }

    @Test(arguments: ["", "-a", "a b", "é", "../x"])
    func `a network's name is checked`(name: String) throws {
        let bytes = Array(#"{"cniVersion":"1.1.0","name":"\#(name)","subnets":["10.1.0.0/24"]}"#.utf8)
        let error = try failure { () throws(PluginError) in try Config(bytes) }
        #expect(error.code == .invalidConfig && error.message.contains("key name"))
    }

    @Test(arguments: ["0.0.1", "0.2", "1.2.0", "1.1", "v1.1.0", "1.1.0 "])
    func `a version that is not spoken is refused`(version: String) throws {
        let error = try failure { () throws(PluginError) in
            try Config(config(#""subnets":["10.1.0.0/24"]"#, version: version))
        }
        #expect(error.code == .incompatibleVersion && error.message.contains("1.1.0"))
    }

    static let ranges: [(keys: String, first: String, last: String, gateway: String)] = [
        (#""subnet":"10.1.0.0/24""#, "10.1.0.1", "10.1.0.254", "10.1.0.1"),
        (#""subnet":"10.1.0.0/30""#, "10.1.0.1", "10.1.0.2", "10.1.0.1"),
        (#""subnet":"fd00::/64""#, "fd00::1", "fd00::ffff:ffff:ffff:ffff", "fd00::1"),
        (#""subnet":"10.1.0.0/24","rangeStart":"10.1.0.0""#, "10.1.0.1", "10.1.0.254", "10.1.0.1"),
        (#""subnet":"10.1.0.0/24","rangeEnd":"10.1.0.255""#, "10.1.0.1", "10.1.0.254", "10.1.0.1"),
        (
            #""subnet":"10.1.0.0/24","rangeStart":"10.1.0.9","rangeEnd":"10.1.0.12","gateway":"10.1.0.254""#,
            "10.1.0.9", "10.1.0.12", "10.1.0.254"
        ),
    ]

    @Test(arguments: ranges)
    func `a range has host-local's bounds`(keys: String, first: String, last: String, gateway: String) throws {
        let range = try #require(try Config(config(#""ipam":{\#(keys)}"#)).network.rangeSets.first?.first)
        #expect([range.first, range.last, range.gateway].map(\.description) == [first, last, gateway])
    }
}
