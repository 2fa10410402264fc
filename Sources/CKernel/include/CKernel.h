/*
 * The kernel's own constants, and the few calls that Swift's glibc overlay cannot make: setns and the open file
 * description locks are hidden behind _GNU_SOURCE, fcntl is variadic, and the timer below needs SIGEV_THREAD_ID.
 */
#ifndef CKERNEL_H
#define CKERNEL_H

#include "Pool.h"

/* Before the kernel's own headers, which then leave out what it defines. */
#include <netinet/in.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdint.h>
#include <sys/types.h>

/* Moves the calling thread into the network namespace behind `fd`. 0, or -1 and errno. setns(2). */
int plumb_setns_net(int fd);

/* The cookie of the network namespace in which `socket` was opened (SO_NETNS_COOKIE, Linux 5.14). 0, or -1 and errno. */
int plumb_netns_cookie(int socket, uint64_t *cookie);

/*
 * How many ports a bridge of `socket`'s network namespace has, or -1 and errno. An ioctl (BRCTL_GET_PORT_LIST), for
 * rtnetlink tells of a port only with all that there is to say of that link. `name` must be a bridge's: each kind of
 * link has a meaning of its own for SIOCDEVPRIVATE.
 */
int plumb_bridge_ports(int socket, const char *name);

/*
 * Tells all hosts on a link, by an unsolicited neighbour advertisement, that an IPv6 address of the calling thread's
 * network namespace is at a MAC: `index` the link, `address` 16 bytes, `mac` 6. 0, or -1 and errno. The ancillary data
 * that says from where and how far it goes is made of macros.
 */
int plumb_advertise(int index, const uint8_t *address, const uint8_t *mac);

/*
 * iptables-legacy's tables, of IPv4 or (`six`) IPv6, in the calling thread's network namespace. A table that the kernel
 * does not list in /proc/net is never asked for, since asking makes it; then all say that there is nothing.
 *
 * Whether what reaches the end of FORWARD is dropped: 1, 0, or -1 where that cannot be told.
 */
int plumb_legacy_forward_drops(int six);
/* Names of interfaces for which two rules of FORWARD accept all that comes in and all that goes out, each with a line end
 * behind it. How many bytes were written. */
long plumb_legacy_forward_accepts(int six, char *names, size_t size);
/* Whether a table has a chain of this name: 1, 0, or -1. */
int plumb_legacy_has_chain(int six, const char *table, const char *chain);

/* What a path is, asked without opening it: statfs(2) type, device and inode. 0, or -1 and errno. */
int plumb_stat_path(const char *path, uint64_t *filesystem, uint64_t *device, uint64_t *inode);

/*
 * One datagram of a netlink socket, without waiting; its true length, which may be more than `size`, or -1 and errno.
 * `nsid` is the number under which the socket's namespace knows the one where it happened (NETLINK_LISTEN_ALL_NSID), or
 * -1 for its own; `sender` is 0 for the kernel. recvmsg(2) with control messages, which are macros.
 */
ssize_t plumb_receive_event(int socket, void *buffer, size_t size, int32_t *nsid, uint32_t *sender);

/* Blocks SIGTERM, SIGINT and SIGHUP, and opens a descriptor that reads them, or -1 and errno. signalfd(2). */
int plumb_open_signals(void);

/* The next signal from that descriptor, without waiting; 0 if there is none. */
int plumb_next_signal(int signals);

/* A file in memory, closed on exec, for what a child process reads as its input. Its descriptor, or -1 and errno. */
int plumb_memory_file(void);

/* A pipe, closed on exec: read end, write end. 0, or -1 and errno. */
int plumb_pipe(int ends[2]);

/*
 * Locks one byte of `fd` exclusively with an open file description lock (fcntl(2), F_OFD_SETLK), which the kernel frees
 * when the description is closed, however the process ends. `wait_ms` 0 does not wait. 0, or -1 and errno: EAGAIN when
 * the byte was still taken after `wait_ms`.
 */
int plumb_lock_byte(int fd, int64_t byte, int wait_ms);
int plumb_unlock_byte(int fd, int64_t byte);

/* 1 if somebody else's lock covers the byte, 0 if none does, -1 and errno. */
int plumb_byte_is_locked(int fd, int64_t byte);

/*
 * Lets the heap of a process that lives for milliseconds grow in one step and give nothing back, large buffers included
 * (mallopt(3)): fewer system calls, fewer page faults.
 */
void plumb_heap_for_a_short_life(void);

#endif
