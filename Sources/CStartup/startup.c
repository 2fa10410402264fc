/* What two of the Swift runtime's constructors call, in words that cost nothing.

   Before main the runtime reads /proc/self/maps, to find the arguments, and looks in nine places for swift-backtrace,
   to have it at hand after a crash: a dozen system calls of a plugin that takes no argument and has no terminal. The
   linker finds these definitions before it would take the runtime's from its library. */

#include <stddef.h>

/* stdlib/public/stubs/CommandLine.cpp: what CommandLine.arguments is made of. */
char **_swift_stdlib_getUnsafeArgvArgc(int *count);
void _swift_stdlib_overrideUnsafeArgvArgc(char **arguments, int count);
/* stdlib/public/runtime/Paths.cpp: NULL if there is no such program. */
const char *swift_copyAuxiliaryExecutablePath(const char *name);

static char *none[] = {NULL};

char **_swift_stdlib_getUnsafeArgvArgc(int *count) {
    *count = 0;
    return none;
}

void _swift_stdlib_overrideUnsafeArgvArgc(char **arguments, int count) {
    (void)arguments;
    (void)count;
}

const char *swift_copyAuxiliaryExecutablePath(const char *name) {
    (void)name;
    return NULL;
}
