/* What an ADD or a DEL cannot do without, and nothing else: `bench/run --floor` runs it beside the plugin.

   floor SCRIPT NETNS DATADIR: opens the namespace, two netlink sockets and the database (for a DEL, whose NETNS is "-", one
   socket, and without triggers), and does what SCRIPT says, one thing after another: S prepares a statement, X runs it with a
   value for each parameter (v and the text, or n for NULL), M sends netlink messages ("1 52:", 1 for the pod's socket and how
   many bytes) and waits for their answers, R reads a file, L and U take the writer's lock and give it back. Texts end with
   NUL. No configuration is understood, nothing is compared, nothing is chosen: the script says it all, but for the indices of
   the pair, which come from the kernel's answers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char script[65536], answer[262144], input[8192];
static int host_index, pod_index;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "floor: %s: %s\n", what, why);
    _exit(1);
}

static void slurp(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, answer, sizeof answer) < 0) fail(path, "cannot be read");
    close(file);
}

static int netlink(void) {
    int one = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
    return fd;
}

static void lock(int fd, short type) {
    struct flock writer = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    if (fcntl(fd, F_OFD_SETLK, &writer) < 0) fail("lock", "is taken");
}

/* The attribute's payload, as an int in place. */
static int *find(struct nlmsghdr *message, size_t header, unsigned short type) {
    struct rtattr *attribute = (struct rtattr *)((char *)NLMSG_DATA(message) + NLMSG_ALIGN(header));
    int rest = (int)(message->nlmsg_len - NLMSG_SPACE(header));
    for (; RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest))
        if ((attribute->rta_type & NLA_TYPE_MASK) == type) return RTA_DATA(attribute);
    return NULL;
}

/* Puts this pair's indices in the place of those of the pair that the messages were recorded with. */
static int address(char *bytes, int length, int in_pod) {
    struct nlmsghdr *message = (struct nlmsghdr *)bytes;
    int answers = 0;
    for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length), answers++) {
        int *index = NULL;
        if (message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK) index = &((struct ifinfomsg *)NLMSG_DATA(message))->ifi_index;
        if (message->nlmsg_type == RTM_NEWADDR) index = (int *)&((struct ifaddrmsg *)NLMSG_DATA(message))->ifa_index;
        if (message->nlmsg_type == RTM_NEWROUTE) index = find(message, sizeof(struct rtmsg), RTA_OIF);
        if (index && *index) *index = in_pod ? pod_index : host_index;
    }
    return answers;
}

/* Whether the answer to a request is one message, without an ACK behind it. */
static int is_answered(char *bytes, int length, unsigned sequence) {
    struct nlmsghdr *message = (struct nlmsghdr *)bytes;
    for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length))
        if (message->nlmsg_seq == sequence)
            return !(message->nlmsg_flags & NLM_F_ACK) && (message->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP;
    return 0;
}

static void converse(int fd, char *bytes, int length, int in_pod) {
    int answers = address(bytes, length, in_pod);
    if (send(fd, bytes, (size_t)length, 0) != length) fail("send", "failed");
    while (answers > 0) {
        int rest = (int)recv(fd, answer, sizeof answer, 0);
        struct nlmsghdr *message = (struct nlmsghdr *)answer;
        for (; NLMSG_OK(message, rest); message = NLMSG_NEXT(message, rest)) {
            if (message->nlmsg_type == NLMSG_DONE) answers--;
            if (message->nlmsg_type == NLMSG_ERROR) {
                answers--;
                int error = ((struct nlmsgerr *)NLMSG_DATA(message))->error;
                if (error) fail("netlink", strerror(-error));
            }
            if (message->nlmsg_type != RTM_NEWLINK) continue;
            answers -= is_answered(bytes, length, message->nlmsg_seq);
            host_index = ((struct ifinfomsg *)NLMSG_DATA(message))->ifi_index;
            int *peer = find(message, sizeof(struct ifinfomsg), IFLA_LINK);
            if (peer) pod_index = *peer;
        }
    }
}

static sqlite3 *database;
static sqlite3_stmt *statement;

static void prepare(const char *sql) {
    sqlite3_finalize(statement);
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) fail(sql, sqlite3_errmsg(database));
}

/* Returns where the values end. */
static char *execute(char *values) {
    for (int place = 1; place <= sqlite3_bind_parameter_count(statement); place++) {
        if (*values++ == 'n') continue;
        sqlite3_bind_text(statement, place, values, -1, SQLITE_STATIC);
        values += strlen(values) + 1;
    }
    int status;
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {}
    if (status != SQLITE_DONE) fail(sqlite3_sql(statement), sqlite3_errmsg(database));
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return values;
}

/* A socket of the pod's namespace. The messages name that by descriptor 3, as the plugin's do. */
static int inside(const char *path) {
    int pod_namespace = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (pod_namespace != 3 || setns(pod_namespace, CLONE_NEWNET) != 0) fail(path, "cannot be entered");
    int pod = netlink();
    setns(here, CLONE_NEWNET);
    close(here);
    return pod;
}

int main(int count, char **arguments) {
    if (count != 4) fail("floor", "SCRIPT NETNS DATADIR");
    while (read(STDIN_FILENO, input, sizeof input) > 0) {}
    int pod = -1, host, deletes = strcmp(arguments[2], "-") == 0;
    if (!deletes) pod = inside(arguments[2]);
    host = netlink();

    int file = open(arguments[1], O_RDONLY | O_CLOEXEC);
    char *at = script, *end = script + read(file, script, sizeof script);
    close(file);

    char path[256];
    snprintf(path, sizeof path, "%s/lock", arguments[3]);
    int lock_file = open(path, O_RDWR | O_CLOEXEC);
    if (!deletes) lock(lock_file, F_WRLCK);
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, (void *)0, 0, 0);
    snprintf(path, sizeof path, "%s/state.db", arguments[3]);
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        fail(path, sqlite3_errmsg(database));
    sqlite3_wal_autocheckpoint(database, 0);
    if (deletes) sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    while (at < end) {
        switch (*at++) {
        case 'U': lock(lock_file, F_UNLCK); break;
        case 'L': lock(lock_file, F_WRLCK); break;
        case 'R': slurp(at); at += strlen(at) + 1; break;
        case 'S': prepare(at); at += strlen(at) + 1; break;
        case 'X': at = execute(at); break;
        case 'M': {
            int in_pod, length, used;
            sscanf(at, "%d %d:%n", &in_pod, &length, &used);
            converse(in_pod ? pod : host, at + used, length, in_pod);
            at += used + length;
            break;
        }
        default: fail(arguments[1], "is no script");
        }
    }
    close(lock_file);
    if (!deletes && write(STDOUT_FILENO, input, 400) != 400) fail("stdout", "cannot be written");
    /* As the plugin does: the kernel closes the database faster. */
    _exit(0);
}
