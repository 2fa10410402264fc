/// An IPAM plugin of a test's own: a shell script that writes down how it was called, and answers with what a file holds.
extension TestNode {
    /// `ipam.type` is `giver`; looked for in this CNI_PATH, behind a directory that does not have it.
    static let delegatePath = "/run/none:/run/bin"

    static let given = #"""
        {"cniVersion": "1.1.0", "ips": [{"address": "10.9.0.7/24", "gateway": "10.9.0.1"},
        {"address": "fd09::7/64", "gateway": "fd09::1"}],
        "routes": [{"dst": "10.8.0.0/16"}, {"dst": "10.7.0.0/16", "gw": "10.9.0.254", "priority": 7}],
        "dns": {"nameservers": ["10.9.0.53"], "search": ["example.org"], "options": []}}
        """#

    static func delegated(_ more: String = "") -> String {
        #""bridge": "br0", "isDefaultGateway": true, "ipam": {"type": "giver", "range": 7}\#(more)"#
    }

    func installDelegate(answer: String = TestNode.given) throws {
        try run(
            """
            mkdir -p /run/bin /run/none; printf %s "$ANSWER" > /run/answer; : > /run/calls
            cat > /run/bin/giver <<'END'
            #!/bin/sh
            input=$(cat)
            [ -e /run/none/wait ] && { : > /run/waiting; while [ -e /run/none/wait ]; do sleep 0.02; done; }
            echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS $CNI_PATH $CNI_ARGS $OTHER" >> /run/calls
            printf %s "$input" > /run/input
            [ -e "/run/none/$CNI_COMMAND" ] && { cat "/run/none/$CNI_COMMAND"; echo 'said giver' >&2; exit 3; }
            [ "$CNI_COMMAND" = ADD ] && cat /run/answer
            exit 0
            END
            chmod +x /run/bin/giver
            """, environment: ["ANSWER": answer])
    }

    /// The verbs that the delegate was called with, in order.
    func delegateCalls() throws -> String { try run("cut -d' ' -f1 /run/calls | paste -sd' '") }

    /// Makes a verb of the delegate fail with this answer; `nil` lets it work again.
    func failDelegate(_ verb: String, _ answer: String?) throws {
        try run(
            answer == nil ? "rm -f /run/none/\(verb)" : #"printf %s "$ANSWER" > /run/none/\#(verb)"#,
            environment: ["ANSWER": answer ?? ""])
    }
}

extension Call {
    /// A call with the delegate's configuration and path.
    static func delegated(
        _ verb: String = "ADD", pod: String = "pod1", members: String = TestNode.delegated(),
        variables: [String: String] = [:]
    ) -> Call {
        Call(
            verb: verb, pod: pod, members: members,
            variables: ["CNI_PATH": TestNode.delegatePath].merging(variables) { _, given in given })
    }
}
