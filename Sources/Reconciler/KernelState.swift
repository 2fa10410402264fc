internal import Store

/// Which network namespace an object lives in.
package enum NamespaceID: Hashable, Sendable {
    /// The one in which this process runs.
    case host
    /// An attachment's sandbox. The path is how to get there, and for people.
    case pod(attachment: Int64, path: String)

    package var attachment: Int64? {
        if case .pod(let attachment, _) = self { attachment } else { nil }
    }

    /// One text a namespace: an attachment has one. So short that it takes no memory of its own.
    var key: String {
        switch self {
        case .host: "host"
        case .pod(let attachment, _): String(attachment)
        }
    }
}

/// Every kind of kernel object that Plumb knows: a new kind is one new file, and its three lines here.
package enum Object: Hashable, Sendable {
    case sysctl(Sysctl)
    indirect case firewallTable(FirewallTable)
    indirect case firewallElement(FirewallElement)
    case bridge(Bridge)
    case veth(Veth)
    case podLink(PodLink)
    case address(LinkAddress)
    case route(Route)

    package var resource: any Resource {
        switch self {
        case .sysctl(let object): object
        case .firewallTable(let object): object
        case .firewallElement(let object): object
        case .bridge(let object): object
        case .veth(let object): object
        case .podLink(let object): object
        case .address(let object): object
        case .route(let object): object
        }
    }

    package var kindName: String { type(of: resource).kindName }
    var isRemembered: Bool { type(of: resource).isRemembered }

    /// In the order in which they are observed: links before what lies on them.
    static let kinds: [any Resource.Type] = [
        Sysctl.self, Bridge.self, Veth.self, PodLink.self, LinkAddress.self, Route.self, FirewallTable.self,
        FirewallElement.self,
    ]

    /// What the host has for each of these pods alone, of every kind.
    static func onHost(of attachments: [Attachment]) -> [Object] {
        kinds.flatMap { $0.onHost(of: attachments) }
    }

    /// Names of what goes by what it says of itself, of every kind.
    static func surplus(in leftovers: Leftovers) -> [String] {
        kinds.flatMap { $0.surplus(in: leftovers) }
    }

    /// Whether what was found under its name is for the same pod.
    func isFor(theSameAs found: Object) -> Bool { resource.isFor(theSameAsAny: found) }
}

/// Objects by namespace and name: what should be, or what is.
package struct KernelState: Hashable, Sendable {
    /// What a state knows of one namespace.
    struct Place: Hashable, Sendable {
        let namespace: NamespaceID
        /// By name; `nil`: nobody looked.
        var objects: [String: Object]?
        var unreadable: String?
        var repair: RepairScope?
        var isPartial = false

        /// A pod of two families has a link, two addresses and two routes.
        private static let usual = 5

        /// In place: a thousand objects are not copied for each that is inserted.
        mutating func set(_ name: String, _ object: Object?) {
            if objects == nil { objects = Dictionary(minimumCapacity: Place.usual) }
            objects?[name] = object
        }
    }

    private var host: Place?
    /// By ``NamespaceID/key``: a dictionary by a type of ours has the runtime look for how that is hashed, among all types
    /// of the program, which an ADD would wait for.
    private var pods: [String: Place] = [:]

    package init() {}

    private func place(_ namespace: NamespaceID) -> Place? {
        if case .host = namespace { host } else { pods[namespace.key] }
    }

    /// A place that is made when it is written to.
    private subscript(made namespace: NamespaceID) -> Place {
        get { place(namespace) ?? Place(namespace: namespace) }
        _modify {
            if case .host = namespace {
                var place = host ?? Place(namespace: .host)
                host = nil
                defer { host = place }
                yield &place
            } else {
                yield &pods[namespace.key, default: Place(namespace: namespace)]
            }
        }
    }

    /// The namespaces of which it has objects, or knows that there are none.
    func forEachPlace(_ body: (Place) -> Void) {
        if let host, host.objects != nil { body(host) }
        for (_, place) in pods where place.objects != nil { body(place) }
    }

    package var namespaces: [NamespaceID] {
        var all: [NamespaceID] = []
        forEachPlace { all.append($0.namespace) }
        return all
    }

    package subscript(namespace: NamespaceID, name: String) -> Object? {
        get { place(namespace)?.objects?[name] }
        set { self[made: namespace].set(name, newValue) }
    }

    /// That a namespace could not be read, and why: nothing is decided about it.
    package subscript(unreadable namespace: NamespaceID) -> String? {
        get { place(namespace)?.unreadable }
        set { self[made: namespace].unreadable = newValue }
    }

    /// Desired states only: how much of a namespace is ours to repair.
    package subscript(repair namespace: NamespaceID) -> RepairScope? {
        get { place(namespace)?.repair }
        set { self[made: namespace].repair = newValue }
    }

    /// Desired states only: more may be wanted there than is known.
    package subscript(isPartial namespace: NamespaceID) -> Bool {
        get { place(namespace)?.isPartial ?? false }
        set { self[made: namespace].isPartial = newValue }
    }

    package mutating func insert(_ object: some Resource, in namespace: NamespaceID) {
        self[namespace, object.name] = object.wrapped
    }

    package mutating func remove(_ namespace: NamespaceID) {
        if isObserved(namespace) { self[made: namespace].objects = nil }
    }

    /// Says that a namespace was looked at, though nothing may be in it.
    package mutating func markObserved(_ namespace: NamespaceID) {
        if !isObserved(namespace) { self[made: namespace].objects = [:] }
    }

    package func isObserved(_ namespace: NamespaceID) -> Bool { place(namespace)?.objects != nil }

    package func all(in namespace: NamespaceID) -> some Collection<Object> { named(in: namespace).values }

    /// By their names, which are made up anew wherever an object is asked for its own.
    func named(in namespace: NamespaceID) -> [String: Object] { place(namespace)?.objects ?? [:] }
}

/// How much of a pod's namespace is repaired; see the column `repair_pod`.
package enum RepairScope: Hashable, Sendable {
    case everything, missingLink, nothing
}
