#define _GNU_SOURCE
#include "CKernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

int plumb_setns_net(int fd) { return setns(fd, CLONE_NEWNET); }

int plumb_netns_cookie(int socket, uint64_t *cookie) {
    socklen_t size = sizeof *cookie;
    return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size);
}

int plumb_bridge_ports(int socket, const char *name) {
    int links[1024]; /* by the number of the port (BR_MAX_PORTS, net/bridge/br_private.h) */
    memset(links, 0, sizeof links);
    unsigned long arguments[4] = {BRCTL_GET_PORT_LIST, (unsigned long)links, sizeof links / sizeof *links, 0};
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_data = (void *)arguments;
    if (ioctl(socket, SIOCDEVPRIVATE, &request) < 0) return -1;
    int count = 0;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) count += links[i] != 0;
    return count;
}

int plumb_advertise(int index, const uint8_t *address, const uint8_t *mac) {
    struct {
        struct nd_neighbor_advert advert;
        uint8_t type, length, mac[6];
    } packet;
    memset(&packet, 0, sizeof packet);
    packet.advert.nd_na_type = ND_NEIGHBOR_ADVERT; /* the checksum is the kernel's */
    packet.advert.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
    memcpy(&packet.advert.nd_na_target, address, 16);
    packet.type = ND_OPT_TARGET_LINKADDR;
    packet.length = 1; /* in units of eight bytes */
    memcpy(packet.mac, mac, 6);

    struct sockaddr_in6 everybody;
    memset(&everybody, 0, sizeof everybody);
    everybody.sin6_family = AF_INET6;
    everybody.sin6_addr.s6_addr[0] = 0xff;
    everybody.sin6_addr.s6_addr[1] = 2;
    everybody.sin6_addr.s6_addr[15] = 1;
    everybody.sin6_scope_id = (uint32_t)index;

    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec data = {.iov_base = &packet, .iov_len = sizeof packet};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_name = &everybody;
    message.msg_namelen = sizeof everybody;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = IPPROTO_IPV6;
    part->cmsg_type = IPV6_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo));
    struct in6_pktinfo from;
    memset(&from, 0, sizeof from);
    memcpy(&from.ipi6_addr, address, 16);
    from.ipi6_ifindex = (unsigned)index;
    memcpy(CMSG_DATA(part), &from, sizeof from);
    part = CMSG_NXTHDR(&message, part);
    part->cmsg_level = IPPROTO_IPV6;
    part->cmsg_type = IPV6_HOPLIMIT;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    int hops = 255; /* less is ignored (RFC 4861, 7.1.2) */
    memcpy(CMSG_DATA(part), &hops, sizeof hops);

    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
    if (fd < 0) return -1;
    ssize_t sent = sendmsg(fd, &message, 0);
    int saved = errno;
    close(fd);
    errno = saved;
    return sent == (ssize_t)sizeof packet ? 0 : -1;
}

int plumb_stat_path(const char *path, uint64_t *filesystem, uint64_t *device, uint64_t *inode) {
    struct statfs fs;
    struct stat st;
    if (statfs(path, &fs) != 0 || stat(path, &st) != 0) return -1;
    *filesystem = (uint64_t)(unsigned long)fs.f_type;
    *device = st.st_dev;
    *inode = st.st_ino;
    return 0;
}

ssize_t plumb_receive_event(int socket, void *buffer, size_t size, int32_t *nsid, uint32_t *sender) {
    struct sockaddr_nl from;
    union {
        struct cmsghdr header;
        char bytes[256];
    } control;
    struct iovec part = {buffer, size};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    memset(&from, 0, sizeof from);
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) return -1;
    *sender = from.nl_pid;
    *nsid = -1;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one))
        if (one->cmsg_level == SOL_NETLINK && one->cmsg_type == NETLINK_LISTEN_ALL_NSID)
            memcpy(nsid, CMSG_DATA(one), sizeof *nsid);
    return length;
}

int plumb_open_signals(void) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0) return -1;
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

int plumb_next_signal(int signals) {
    struct signalfd_siginfo info;
    return read(signals, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int plumb_memory_file(void) { return memfd_create("plumb", MFD_CLOEXEC); }

int plumb_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

static struct flock one_byte(short type, int64_t byte) {
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return lock;
}

static void wake(int signal) { (void)signal; }

/* A blocking wait keeps the kernel's queue in order, which polling would not; a timer's signal ends it. */
static int lock_with_deadline(int fd, struct flock *lock, int wait_ms) {
    struct sigaction action, previous;
    memset(&action, 0, sizeof action);
    action.sa_handler = wake; /* no SA_RESTART: the wait shall fail with EINTR */
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGALRM, &action, &previous) != 0) return -1;

    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGALRM;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    timer_t timer;
    int result = timer_create(CLOCK_MONOTONIC, &event, &timer);
    if (result == 0) {
        struct itimerspec due;
        memset(&due, 0, sizeof due);
        due.it_value.tv_sec = wait_ms / 1000;
        due.it_value.tv_nsec = (long)(wait_ms % 1000) * 1000000;
        due.it_interval.tv_nsec = 50000000; /* again, in case the first came before the wait began */
        timer_settime(timer, 0, &due, NULL);
        struct timespec start, now;
        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
            result = fcntl(fd, F_OFD_SETLKW, lock);
            clock_gettime(CLOCK_MONOTONIC, &now);
        } while (result != 0 && errno == EINTR &&
                 (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < wait_ms);
        int saved = errno;
        timer_delete(timer);
        errno = saved == EINTR ? EAGAIN : saved;
    }
    int saved = errno;
    sigaction(SIGALRM, &previous, NULL);
    errno = saved;
    return result;
}

int plumb_lock_byte(int fd, int64_t byte, int wait_ms) {
    struct flock lock = one_byte(F_WRLCK, byte);
    int result;
    do result = fcntl(fd, F_OFD_SETLK, &lock);
    while (result != 0 && errno == EINTR);
    if (result == 0 || wait_ms <= 0 || (errno != EAGAIN && errno != EACCES)) {
        if (result != 0 && errno == EACCES) errno = EAGAIN;
        return result;
    }
    return lock_with_deadline(fd, &lock, wait_ms);
}

int plumb_unlock_byte(int fd, int64_t byte) {
    struct flock lock = one_byte(F_UNLCK, byte);
    return fcntl(fd, F_OFD_SETLK, &lock);
}

int plumb_byte_is_locked(int fd, int64_t byte) {
    struct flock lock = one_byte(F_WRLCK, byte);
    if (fcntl(fd, F_OFD_GETLK, &lock) != 0) return -1;
    return lock.l_type != F_UNLCK;
}

void plumb_heap_for_a_short_life(void) {
    mallopt(M_TOP_PAD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
}
