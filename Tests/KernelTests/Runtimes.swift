/// Real runtimes, as `scripts/runtimes` fetched them, on a node whose processes end with it.
extension TestNode {
    /// `podman` and `containerd` are on the PATH of ``runtime(_:)``. What they keep, and would make of cgroups, is on tmpfs:
    /// nothing of this machine's own is touched.
    ///
    /// - Parameters:
    ///   - plugins: those of the network `pods`.
    ///   - more: further networks, by their files' names.
    convenience init(plugins: String, more: [String: String] = [:]) throws {
        try self.init(
            ownsProcesses: true,
            setup: """
                for place in /sys/fs/cgroup /var/lib /var/cache /opt; do mount -t tmpfs tmpfs $place; done
                """)
        let unpacked = InstallTests.root + "/.build/runtimes"
        let reference = InstallTests.root + "/.build/reference/usr/lib/cni"
        try run(
            """
            [ -x $ROOT/usr/bin/podman ] || { echo "scripts/runtimes fetches podman and containerd" >&2; exit 1; }
            mkdir -p /run/bin /run/plugins /run/net.d /run/rootfs/bin /run/rootfs/{proc,sys,dev,etc,tmp} /run/containerd
            cp $REFERENCE/* $PLUMB /run/plugins
            cp $ROOT/bin/busybox /run/rootfs/bin
            for name in ip ping sh sleep; do ln -s busybox /run/rootfs/bin/$name; done
            for name in containerd containerd-shim-runc-v2 ctr; do ln -s $ROOT/usr/bin/$name /run/bin; done
            libraries=$(echo $ROOT/usr/lib/*-linux-gnu $ROOT/lib/*-linux-gnu | tr ' ' :)
            printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s\n' $libraries | tee /run/bin/podman >/run/bin/crun
            echo "exec $ROOT/usr/bin/crun --cgroup-manager=disabled \\"\\$@\\"" >>/run/bin/crun
            cat >>/run/bin/podman <<END
            export CONTAINERS_CONF=/run/containers.conf
            exec $ROOT/usr/bin/podman --root /run/podman --runroot /run/podman.run --storage-driver vfs "\\$@"
            END
            chmod +x /run/bin/*
            cat >/run/containers.conf <<END
            [containers]
            cgroups = "disabled"
            [network]
            network_backend = "cni"
            cni_plugin_dirs = ["/run/plugins"]
            network_config_dir = "/run/net.d"
            default_network = "pods"
            [engine]
            runtime = "crun"
            events_logger = "none"
            conmon_path = ["$ROOT/usr/bin/conmon"]
            tmp_dir = "/run/podman.tmp"
            [engine.runtimes]
            crun = ["/run/bin/crun"]
            END
            cat >/run/containerd/config.toml <<END
            version = 2
            root = "/run/containerd/root"
            state = "/run/containerd/state"
            [grpc]
            address = "/run/containerd/socket"
            [plugins."io.containerd.internal.v1.opt"]
            path = "/run/containerd/opt"
            [plugins."io.containerd.grpc.v1.cri"]
            sandbox_image = "localhost/pause:1"
            disable_apparmor = true
            disable_cgroup = true
            restrict_oom_score_adj = true
            cni = { bin_dir = "/run/plugins", conf_dir = "/run/net.d" }
            [plugins."io.containerd.grpc.v1.cri".containerd]
            snapshotter = "native"
            default_runtime_name = "crun"
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
            runtime_type = "io.containerd.runc.v2"
            options = { BinaryName = "/run/bin/crun" }
            END
            """, environment: ["ROOT": unpacked, "REFERENCE": reference])
        try configure("10-pods.conflist", #"{"cniVersion": "1.0.0", "name": "pods", "plugins": [\#(plugins)]}"#)
        for (file, text) in more { try configure(file, text) }
    }

    func configure(_ file: String, _ text: String) throws {
        try run("printf %s \"$TEXT\" >/run/net.d/\(file)", environment: ["TEXT": text])
    }

    private static let path = [
        "PATH": "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin", "KUBELET": InstallTests.root + "/scripts/kubelet",
    ]

    /// Runs a script with the runtimes at hand; `$KUBELET` is `scripts/kubelet`.
    @discardableResult
    func runtime(_ script: String) throws -> String { try run(script, environment: TestNode.path) }

    func attemptRuntime(_ script: String) throws -> Output { try attempt(script, environment: TestNode.path) }

    /// With the image of a pod's sandbox, of which a busybox is all.
    func startContainerd() throws {
        try runtime(
            """
            containerd --config /run/containerd/config.toml >>/run/containerd/log 2>&1 </dev/null &
            for i in $(seq 200); do $KUBELET /run/containerd/socket list >/dev/null 2>&1 && exit; sleep 0.05; done
            tail /run/containerd/log; exit 1
            """)
        guard try runtime("ctr -a /run/containerd/socket -n k8s.io images list -q") == "" else { return }
        try runtime(
            """
            cd /run && mkdir image && tar -C rootfs -cf image/layer.tar .
            layer=$(sha256sum image/layer.tar | cut -c-64)
            echo '{"architecture": "'$(dpkg --print-architecture)'", "os": "linux",
                "config": {"Cmd": ["/bin/sleep", "100000"]},
                "rootfs": {"type": "layers", "diff_ids": ["sha256:'$layer'"]}}' >image/config.json
            echo '[{"Config": "config.json", "RepoTags": ["localhost/pause:1"], "Layers": ["layer.tar"]}]' >image/manifest.json
            tar -C image -cf image.tar manifest.json config.json layer.tar
            ctr -a /run/containerd/socket -n k8s.io images import --snapshotter native image.tar
            """)
    }
}
