internal import Glibc
package import Store

/// How long duplicate address detection may take: as long as the reference plugins wait. With the kernel's defaults it
/// takes one to two seconds (dad_transmits, and a random delay of up to one second before the first).
private let settleMilliseconds = 10_000

/// Waits until an attachment's addresses are usable, where duplicate address detection was asked for.
///
/// - Throws: `.conflict` when another host has one of them.
package func settle(
    _ attachment: Attachment, _ kernel: inout some Kernel & ~Copyable
) throws(ReconcilerError) {
    guard attachment.link.detectsDuplicates else { return }
    let desired = render(Intent(attachments: [attachment]))
    let end = Clock.monotonicMilliseconds() + Int64(settleMilliseconds)
    while true {
        var observed = KernelState()
        try kernel.observe(attachment.pod, .attachment, desired: desired, into: &observed)
        var waiting: String?
        for case .address(let wanted) in desired.all(in: attachment.pod) where wanted.detection {
            guard case .address(let found)? = observed[attachment.pod, wanted.name], found.isUnusable else { continue }
            if found.detection {
                throw ReconcilerError(
                    .conflict,
                    "\(wanted.address): duplicate address detection (key enabledad) found another host that "
                        + "has it on \(attachment.bridge)")
            }
            waiting = wanted.name
        }
        guard let waiting else { return }
        guard Clock.monotonicMilliseconds() < end else {
            throw ReconcilerError(
                .kernel,
                "\(waiting): duplicate address detection (key enabledad) did not end in "
                    + "\(settleMilliseconds / 1000) s")
        }
        usleep(20_000)
    }
}
