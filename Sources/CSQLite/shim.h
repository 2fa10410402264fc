/* libsqlite3 as the distribution builds it (Debian: libsqlite3-dev); `m` because its static archive needs log(). */
#include <sqlite3.h>
