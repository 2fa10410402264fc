// swift-tools-version: 6.2
import PackageDescription

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "plumb",
    products: [
        .executable(name: "plumb", targets: ["plumb"]),
        .executable(name: "plumbctl", targets: ["plumbctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    ],
    targets: [
        // What the Swift overlay of glibc cannot express: kernel headers and variadic or GNU-only calls.
        .target(name: "CKernel"),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        // The SQL itself is the source; the build embeds its bytes.
        .target(
            name: "Schema", path: "schema", exclude: ["README.md"],
            resources: [
                .embedInCode("version_1.sql"), .embedInCode("version_1_001.sql"), .embedInCode("version_1_002.sql"),
                .embedInCode("version_1_003.sql"), .embedInCode("version_1_004.sql"),
                .embedInCode("version_1_005.sql"), .embedInCode("version_1_006.sql"), .embedInCode("version_1_007.sql"),
            ]),
        .target(name: "Addressing"),
        .target(name: "Netlink", dependencies: ["CKernel", system]),
        .target(name: "Store", dependencies: ["Addressing", "CKernel", "CSQLite", "Schema", system]),
        .target(name: "Reconciler", dependencies: ["Addressing", "CKernel", "Delegation", "Netlink", "Store", system]),
        .target(name: "Delegation", dependencies: ["CKernel", "Store", system]),
        .target(name: "Plugin", dependencies: ["Addressing", "CKernel", "Delegation", "Reconciler", "Store", system]),
        .target(name: "Watch", dependencies: ["Addressing", "CKernel", "Netlink", "Reconciler", "Store", system]),
        .target(name: "CStartup"),
        .executableTarget(name: "plumb", dependencies: ["CStartup", "Plugin"]),
        .executableTarget(
            name: "plumbctl",
            dependencies: [
                "Addressing", "CKernel", "Plugin", "Reconciler", "Store", "Watch",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(name: "AddressingTests", dependencies: ["Addressing"]),
        .testTarget(name: "StoreTests", dependencies: ["Addressing", "CSQLite", "Schema", "Store"]),
        .testTarget(name: "ReconcilerTests", dependencies: ["Addressing", "Netlink", "Reconciler", "Store", system]),
        .testTarget(
            name: "WatchTests", dependencies: ["Addressing", "CKernel", "Netlink", "Reconciler", "Store", "Watch"]),
        .testTarget(name: "PluginTests", dependencies: ["Addressing", "Plugin", "Reconciler", "Store"]),
        .testTarget(name: "ToolTests", dependencies: ["plumbctl"]),
        // The built binaries on the real kernel, in namespaces of the tests' own.
        .testTarget(name: "KernelTests", dependencies: []),
        .testTarget(name: "NetlinkTests", dependencies: ["CKernel", "Netlink", system]),
    ]
)

for target in package.targets where ![.system, .plugin].contains(target.type) {
    target.swiftSettings = [
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
