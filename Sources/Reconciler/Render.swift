package import Store

/// The kernel state that an intent asks for. Pure.
package func render(_ intent: Intent) -> KernelState {
    var desired = KernelState()
    for kind in Object.kinds { kind.render(intent, into: &desired) }
    for attachment in intent.attachments {
        if attachment.lacksRoutes { desired[isPartial: attachment.pod] = true }
        // Until ADD is through, all of it is ours.
        desired[repair: attachment.pod] =
            switch (attachment.state, attachment.repairPod) {
            case (.ready, .missingLink): .missingLink
            case (.ready, .none): .nothing
            default: .everything
            }
    }
    return desired
}
