/* libsqlite3 as the distribution builds it (Debian: libsqlite3-dev); `m` because its static archive needs log(). */
#include <sqlite3.h>

/* sqlite3_db_config is variadic, which Swift cannot call. */
static inline int plumb_no_checkpoint_on_close(sqlite3 *db) {
    return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

/* Triggers no longer fire, but for what foreign keys do. */
static inline int plumb_without_triggers(sqlite3 *db) {
    return sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)0);
}

/*
 * One thread, and nobody asks how much memory is in use: no mutexes and no counting. No twenty pages in advance for each
 * cache either: every CHECK with a list of three makes a table in memory, which has a cache of its own. Before the
 * process's first connection (sqlite3_config, which is variadic too). `heap` is copied.
 */
static inline void plumb_sqlite_for_one_thread(const sqlite3_mem_methods *heap) {
    sqlite3_config(SQLITE_CONFIG_MALLOC, heap);
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, (void *)0, 0, 0);
}
