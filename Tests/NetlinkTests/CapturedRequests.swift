/// What ip(8) of iproute2 6.1.0 sends. The link `plumb0` has index 2 in its namespace, `veth7` 3; `eth0` has 2.
extension Captured {
    static let createBridgeRequest = Captured(
        "ip link add name plumb0 address 02:00:00:00:00:01 mtu 1450 type bridge",
        """
        5000000010000506c2b8046b00000000000000000000000000000000000000000a000100020000000001000008000400
        aa0500000b000300706c756d62300000100012000a0001006272696467650000
        """)

    static let createVethRequest = Captured(
        "ip link add name veth7 mtu 1450 type veth peer name eth0 address 02:00:00:00:00:07 mtu 1450 netns pod",
        """
        8000000010000506c2b8046b000000000000000000000000000000000000000008000400aa0500000a00030076657468
        370000004c0012000800010076657468400002003c000100000000000000000000000000000000000a00010002000000
        0007000008000400aa05000008001c0004000000090003006574683000000000
        """)

    static let setMasterRequest = Captured(
        "ip link set dev veth7 master plumb0",
        """
        2800000010000500c2b8046b000000000000000003000000000000000000000008000a0002000000
        """)

    static let setUpRequest = Captured(
        "ip link set dev veth7 up",
        """
        2000000010000500c2b8046b0000000000000000030000000100000001000000
        """)

    static let setAliasRequest = Captured(
        "ip link set dev veth7 alias plumb:7",
        """
        2c00000010000500c2b8046b00000000000000000300000000000000000000000b001400706c756d623a3700
        """)

    static let setHairpinRequest = Captured(
        "ip link set dev veth7 type bridge_slave hairpin on",
        """
        4000000010000500c2b8046b000000000000000003000000000000000000000020001200100001006272696467655f73
        6c6176650c0005000500040001000000
        """)

    static let setIsolatedRequest = Captured(
        "ip link set dev veth7 type bridge_slave isolated on",
        """
        4000000010000500b84f066b000000000000000003000000000000000000000020001200100001006272696467655f73
        6c6176650c0005000500210001000000
        """)

    static let setPromiscuousRequest = Captured(
        "ip link set plumb0 promisc on",
        """
        2000000010000500b84f066b0000000000000000020000000001000000010000
        """)

    static let createFilteringBridgeRequest = Captured(
        "ip link add plumb1 type bridge vlan_filtering 1",
        """
        4800000010000506b84f066b00000000000000000000000000000000000000000b000300706c756d623100001c001200
        0a00010062726964676500000c0002000500070001000000
        """)

    static let createIgnorantBridgeRequest = Captured(
        "ip link add plumb1 type bridge mcast_snooping 0",
        """
        480000001000050690be066b00000000000000000000000000000000000000000b000300706c756d623100001c001200
        0a00010062726964676500000c0002000500170000000000
        """)

    static let announceRequest = Captured(
        "ip neigh replace 10.0.0.5 dev eth0 use",
        """
        240000001c000505b94f066b00000000020000000200000000000100080001000a000005
        """)

    static let setAddressGenerationRequest = Captured(
        "ip link set dev veth7 addrgenmode none",
        """
        3000000010000500c2b8046b000000000000000003000000000000000000000010001a000c000a000500080001000000
        """)

    static let addAddress4Request = Captured(
        "ip addr add 10.244.1.1/24 brd 10.244.1.255 dev plumb0",
        """
        3000000014000506c2b8046b000000000218000002000000080002000af40101080004000af401ff080001000af40101
        """)

    static let addAddress6Request = Captured(
        "ip addr add fd00:10:244:1::1/64 dev plumb0 nodad",
        """
        4000000014000506c2b8046b000000000a4002000200000014000200fd00001002440001000000000000000114000100
        fd000010024400010000000000000001
        """)

    static let deleteAddress4Request = Captured(
        "ip addr del 10.244.1.1/24 dev plumb0",
        """
        2800000015000500c3b8046b000000000218000002000000080002000af40101080001000af40101
        """)

    static let addDefaultRoute4Request = Captured(
        "ip route add default via 10.244.1.1 dev eth0",
        """
        2c00000018000506c2b8046b0000000002000000fe03000100000000080005000af401010800040002000000
        """)

    static let addDefaultRoute6Request = Captured(
        "ip -6 route add default via fd00:10:244:1::1 dev eth0",
        """
        4c00000018000506c3b8046b000000000a000000fe030001000000001400010000000000000000000000000000000000
        14000500fd0000100244000100000000000000010800040002000000
        """)

    static let addLinkRoute4Request = Captured(
        "ip route add 169.254.1.1/32 dev eth0 scope link",
        """
        2c00000018000506c3b8046b0000000002200000fe03fd010000000008000100a9fe01010800040002000000
        """)

    static let addOnLinkRoute4Request = Captured(
        "ip route add 198.51.100.0/24 via 169.254.7.7 dev eth0 onlink table 1000",
        """
        3c00000018000506c3b8046b0000000002180000000300010400000008000100c633640008000500a9fe070708000f00
        e80300000800040002000000
        """)

    static let addMetricsRoute4Request = Captured(
        "ip route add 192.0.2.0/24 via 10.244.1.1 dev eth0 src 10.244.1.7 proto 99 metric 50 mtu 1400 advmss 1360",
        """
        5800000018000506c3b8046b0000000002180000fe6300010000000008000100c0000200080005000af4010108000700
        0af40107080006003200000008000400020000001400080008000200780500000800080050050000
        """)

    static let deleteRoute4Request = Captured(
        "ip route del 192.0.2.0/24 via 10.244.1.1 dev eth0 proto 99 metric 50",
        """
        3c00000019000500c3b8046b0000000002180000fe63ff000000000008000100c0000200080005000af4010108000600
        320000000800040002000000
        """)

    static let replaceNeighbour4Request = Captured(
        "ip neigh replace 10.244.1.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent",
        """
        300000001c000505c4b8046b00000000020000000200000080000000080001000af401010a0002000200000000010000
        """)

    static let replaceNeighbour6Request = Captured(
        "ip neigh replace fd00:10:244:1::1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent",
        """
        3c0000001c000505c4b8046b000000000a000000020000008000000014000100fd000010024400010000000000000001
        0a0002000200000000010000
        """)
}
