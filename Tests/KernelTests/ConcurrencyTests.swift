import Testing

@Suite struct ConcurrencyTests {
    private static let count = 30

    @Test func manyAtOnce() throws {
        let node = try TestNode()
        let count = ConcurrencyTests.count
        try node.addPods(count)
        let script = """
            mkdir -p /run/out
            for i in $(seq \(count)); do
                { rc=0; CNI_NETNS=/run/netns/pod$i CNI_CONTAINERID=c-pod$i \
                    $PLUMB <<< "$CONFIG" > /run/out/$CNI_COMMAND.$i 2>&1 || rc=$?; echo $rc > /run/out/rc.$i; } &
            done
            if [ $CNI_COMMAND = DEL ]; then
                for i in 1 2; do
                    { rc=0; $PLUMBCTL apply --data-dir $DATA > /run/out/apply.$i 2>&1 || rc=$?
                        echo $rc > /run/out/rc.apply$i; } &
                done
            fi
            wait
            cat /run/out/rc.* | sort | uniq -c | tr -s ' '
            """
        func all(_ verb: String) throws -> String {
            let call = Call(verb: verb, variables: ["CNI_ARGS": ""])
            return try node.run(
                script,
                environment: call.environment.merging(["CONFIG": call.configuration(node.dataDirectory)]) { $1 })
        }
        let added = try all("ADD")
        let answers = try node.run("cat /run/out/ADD.*")
        #expect(added == " \(count) 0", "\(answers)")
        var addresses: Set<JSON> = []
        for pod in 1...count {
            let result = try JSON(try node.run("cat /run/out/ADD.\(pod)"))
            #expect(result["ips"].elements.count == 2)
            for ip in result["ips"].elements { addresses.insert(ip["address"]) }
        }
        #expect(addresses.count == 2 * count)
        #expect(try node.ourLinks().count == count + 1)
        try node.expectRest()
        try node.expectPing(from: "pod1", to: "10.244.0.1", "fd00:10:244::1")

        let deleted = try all("DEL")
        let talk = try node.run("cat /run/out/DEL.* /run/out/apply.*")
        #expect(deleted == " \(count + 2) 0", "\(talk)")
        try node.expectNothingLeft()
        try node.expectConvergence()
        #expect(try node.ourLinks() == ["cni0"])
    }
}
