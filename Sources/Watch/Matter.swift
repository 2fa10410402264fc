/// What is to be looked at.
package enum Matter: Hashable, Sendable {
    /// The whole node, with the inside of every pod.
    case everything
    /// What pods share: bridges, gateways, host routes, forwarding; and the outer ends of pods.
    case host
    /// Whether the database wants something else of what pods share.
    case database
    /// One pod's interface, by its attachment's id.
    case attachment(Int64)
}
