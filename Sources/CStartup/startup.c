/* What two of the Swift runtime's constructors call, and one of glibc's, in words that cost nothing.

   Before main the runtime reads /proc/self/maps, to find the arguments, and looks in nine places for swift-backtrace,
   to have it at hand after a crash: a dozen system calls of a plugin that takes no argument and has no terminal. glibc
   asks /proc/self/exe where the program lies, in case it loads a library from beside it. The linker finds these
   definitions before it would take theirs from their libraries. */

#include <stddef.h>

/* stdlib/public/stubs/CommandLine.cpp: what CommandLine.arguments is made of. */
char **_swift_stdlib_getUnsafeArgvArgc(int *count);
void _swift_stdlib_overrideUnsafeArgvArgc(char **arguments, int count);
/* stdlib/public/runtime/Paths.cpp: NULL if there is no such program. */
const char *swift_copyAuxiliaryExecutablePath(const char *name);

/* elf/dl-origin.c: -1 where /proc is not mounted. */
const char *_dl_get_origin(void);

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

const char *_dl_get_origin(void) { return (const char *)-1; }
