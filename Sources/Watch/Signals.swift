internal import CKernel
internal import Glibc

/// SIGTERM and SIGINT end the watch, SIGHUP asks for a look at everything. Read where all else is waited for, so that
/// nothing is interrupted half way.
struct Signals: ~Copyable {
    let descriptor: Int32

    init() { descriptor = plumb_open_signals() }
    deinit { if descriptor >= 0 { close(descriptor) } }

    enum Order { case end, look }

    func next() -> Order? {
        switch plumb_next_signal(descriptor) {
        case 0: nil
        case SIGHUP: .look
        default: .end
        }
    }
}
