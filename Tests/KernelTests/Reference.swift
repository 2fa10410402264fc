import Testing

/// The reference plugins, as `scripts/reference-plugins` fetched them.
extension TestNode {
    /// Calls the reference `bridge` plugin as a runtime would; members of its configuration as in a ``Call``.
    func callReference(_ call: Call, plugin: String = "bridge") throws -> Output {
        let directory = InstallTests.root + "/.build/reference/usr/lib/cni"
        let environment = call.environment.merging(["CNI_PATH": directory]) { $1 }
        let input = """
            {"cniVersion": "1.0.0", "name": "\(call.network)", "type": "\(plugin)", \(call.members)}
            """
        return try start([directory + "/" + plugin], environment: environment, input: input, in: host).wait()
    }

    /// ADD by the reference that must succeed; answers with the address.
    @discardableResult
    func addByReference(_ pod: String, _ members: String) throws -> String {
        let output = try callReference(Call(pod: pod, members: members))
        guard output.status == 0 else {
            throw Failure(description: "ADD by the reference (scripts/reference-plugins fetches it): \(output.all)")
        }
        return try JSON(output.stdout)["ips"][0]["address"].text ?? ""
    }
}
