internal import CKernel
internal import Glibc
internal import Store

extension Plugin {
    /// Suits the process to its few milliseconds; first of all, and only where nothing but the plugin runs.
    package static func prepareShortLife() {
        plumb_heap_for_a_short_life()
        Store.prepareShortLife()
        // A reader that went away and a limit of a file's size are errors as any other: what was begun is undone.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// An ADD whose answer nobody could be given has failed, and leaves nothing of the pod.
    package static func undo(_ response: Response, _ variables: [String: String]) {
        guard let input = response.input else { return }
        var talk: [String] = []
        do throws(PluginError) {
            try delete(variables, input, &talk)
        } catch {
            // The runtime's DEL, or the first apply after the pod's end, takes what is left.
        }
    }
}
