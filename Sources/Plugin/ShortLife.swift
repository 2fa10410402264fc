internal import CKernel
internal import Store

extension Plugin {
    /// Suits the process to its few milliseconds; first of all, and only where nothing but the plugin runs.
    package static func prepareShortLife() {
        plumb_heap_for_a_short_life()
        Store.prepareShortLife()
    }
}
