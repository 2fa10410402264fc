internal import Glibc
internal import Plugin

Plugin.prepareShortLife()
let response = Plugin.run(ProcessIO.environment) { () throws(PluginError) in try ProcessIO.standardInput() }
// Nobody may be listening to stderr, and nothing follows from that.
for line in response.stderr { _ = ProcessIO.write(line, to: STDERR_FILENO) }
let isHeard = response.stdout.isEmpty || ProcessIO.write(response.stdout, to: STDOUT_FILENO)
if !isHeard { Plugin.undo(response, ProcessIO.environment) }
exit(isHeard ? response.exitCode : 1)
