/// Which network namespace an object lives in.
package enum NamespaceID: Hashable, Sendable {
    /// The one in which this process runs.
    case host
    /// An attachment's sandbox. The path is how to get there, and for people.
    case pod(attachment: Int64, path: String)

    package var attachment: Int64? {
        if case .pod(let attachment, _) = self { attachment } else { nil }
    }
}

/// Every kind of kernel object that Plumb knows: a new kind is one new file, and its two lines here.
package enum Object: Hashable, Sendable {
    case sysctl(Sysctl)
    case bridge(Bridge)
    case veth(Veth)
    case podLink(PodLink)
    case address(LinkAddress)
    case route(Route)

    package var resource: any Resource {
        switch self {
        case .sysctl(let object): object
        case .bridge(let object): object
        case .veth(let object): object
        case .podLink(let object): object
        case .address(let object): object
        case .route(let object): object
        }
    }

    /// In the order in which they are observed: links before what lies on them.
    static let kinds: [any Resource.Type] = [
        Sysctl.self, Bridge.self, Veth.self, PodLink.self, LinkAddress.self, Route.self,
    ]
}

/// Objects by namespace and name: what should be, or what is.
package struct KernelState: Hashable, Sendable {
    package private(set) var objects: [NamespaceID: [String: Object]] = [:]
    /// Namespaces that could not be read, and why: nothing is decided about them.
    package var unreadable: [NamespaceID: String] = [:]
    /// Desired states only: how much of a namespace is ours to repair.
    package var repair: [NamespaceID: RepairScope] = [:]

    package init() {}

    package subscript(namespace: NamespaceID, name: String) -> Object? {
        get { objects[namespace]?[name] }
        set { objects[namespace, default: [:]][name] = newValue }
    }

    package mutating func insert(_ object: some Resource, in namespace: NamespaceID) {
        objects[namespace, default: [:]][object.name] = object.wrapped
    }

    package mutating func remove(_ namespace: NamespaceID) { objects[namespace] = nil }

    /// Says that a namespace was looked at, though nothing may be in it.
    package mutating func markObserved(_ namespace: NamespaceID) {
        objects[namespace, default: [:]].reserveCapacity(0)
    }

    package func all(in namespace: NamespaceID) -> some Collection<Object> {
        (objects[namespace] ?? [:]).values
    }
}

/// How much of a pod's namespace is repaired; see the column `repair_pod`.
package enum RepairScope: Hashable, Sendable {
    case everything, missingLink, nothing
}
