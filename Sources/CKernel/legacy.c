#define _GNU_SOURCE
#include "CKernel.h"

#include <errno.h>
#include <limits.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What both families have, in one shape. */
struct table {
    unsigned char *entries;
    unsigned size, forward, underflow;
    int six;
};

static int is_listed(int six, const char *name) {
    FILE *file = fopen(six ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names", "re");
    if (!file) return 0;
    char line[64];
    int found = 0;
    while (!found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        found = strcmp(line, name) == 0;
    }
    fclose(file);
    return found;
}

/* 0, or -1. */
static int load(int six, const char *name, struct table *table) {
    memset(table, 0, sizeof *table);
    table->six = six;
    if (!is_listed(six, name)) return -1;
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (fd < 0) return -1;
    int level = six ? IPPROTO_IPV6 : IPPROTO_IP;
    union {
        struct ipt_getinfo four;
        struct ip6t_getinfo six;
    } info;
    memset(&info, 0, sizeof info);
    strncpy(six ? info.six.name : info.four.name, name, XT_TABLE_MAXNAMELEN - 1);
    socklen_t length = six ? sizeof info.six : sizeof info.four;
    int result = getsockopt(fd, level, six ? IP6T_SO_GET_INFO : IPT_SO_GET_INFO, &info, &length);
    unsigned size = six ? info.six.size : info.four.size;
    size_t header = six ? sizeof(struct ip6t_get_entries) : sizeof(struct ipt_get_entries);
    unsigned char *buffer = result == 0 ? calloc(1, header + size) : NULL;
    if (buffer) {
        /* Name and size lie alike in both. */
        struct ipt_get_entries *request = (struct ipt_get_entries *)buffer;
        struct ip6t_get_entries *request_six = (struct ip6t_get_entries *)buffer;
        strncpy(six ? request_six->name : request->name, name, XT_TABLE_MAXNAMELEN - 1);
        if (six) request_six->size = size; else request->size = size;
        length = (socklen_t)(header + size);
        /* EAGAIN: it changed since its size was read; who asks again later sees it. */
        result = getsockopt(fd, level, six ? IP6T_SO_GET_ENTRIES : IPT_SO_GET_ENTRIES, buffer, &length);
        if (result == 0) {
            memmove(buffer, buffer + header, size);
            table->entries = buffer;
            table->size = size;
            table->forward = six ? info.six.hook_entry[NF_INET_FORWARD] : info.four.hook_entry[NF_INET_FORWARD];
            table->underflow = six ? info.six.underflow[NF_INET_FORWARD] : info.four.underflow[NF_INET_FORWARD];
        } else {
            free(buffer);
        }
    }
    close(fd);
    return table->entries ? 0 : -1;
}

/* A rule in the shape of both families; `target` is NULL where it does not lie within the table. */
struct rule {
    unsigned next;
    int is_plain; /* no address, no protocol, no match, nothing inverted */
    const char *in, *out;
    const unsigned char *in_mask, *out_mask;
    const struct xt_entry_target *target;
};

static int rule_at(const struct table *table, unsigned offset, struct rule *rule) {
    static const unsigned char nothing[64];
    size_t fixed = table->six ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
    if (offset > table->size || table->size - offset < fixed) return 0;
    const unsigned char *at = table->entries + offset;
    unsigned target, next;
    if (table->six) {
        const struct ip6t_entry *entry = (const struct ip6t_entry *)at;
        target = entry->target_offset;
        next = entry->next_offset;
        const struct ip6t_ip6 *ip = &entry->ipv6;
        rule->in = ip->iniface;
        rule->out = ip->outiface;
        rule->in_mask = ip->iniface_mask;
        rule->out_mask = ip->outiface_mask;
        rule->is_plain = target == fixed && !ip->proto && !ip->invflags &&
                         !memcmp(&ip->smsk, nothing, sizeof ip->smsk) && !memcmp(&ip->dmsk, nothing, sizeof ip->dmsk);
    } else {
        const struct ipt_entry *entry = (const struct ipt_entry *)at;
        target = entry->target_offset;
        next = entry->next_offset;
        const struct ipt_ip *ip = &entry->ip;
        rule->in = ip->iniface;
        rule->out = ip->outiface;
        rule->in_mask = ip->iniface_mask;
        rule->out_mask = ip->outiface_mask;
        rule->is_plain = target == fixed && !ip->proto && !ip->invflags && !(ip->flags & IPT_F_FRAG) &&
                         !ip->smsk.s_addr && !ip->dmsk.s_addr;
    }
    if (next < fixed || next > table->size - offset) return 0;
    rule->next = offset + next;
    rule->target = target >= fixed && target + sizeof(struct xt_standard_target) <= next
                       ? (const struct xt_entry_target *)(at + target)
                       : NULL;
    return 1;
}

/* The verdict of a standard target; jumps are above 0. */
static int verdict(const struct rule *rule) {
    if (!rule->target || rule->target->u.user.name[0]) return INT_MAX;
    return ((const struct xt_standard_target *)rule->target)->verdict;
}

int plumb_legacy_forward_drops(int six) {
    struct table table;
    struct rule rule;
    if (load(six, "filter", &table)) return -1;
    int result = rule_at(&table, table.underflow, &rule) ? verdict(&rule) == -NF_DROP - 1 : -1;
    free(table.entries);
    return result;
}

/* Accepts whatever comes in by one interface, or goes out by it, whose whole name it says: that name. */
static const char *accepted(const struct rule *rule, int out) {
    const char *name = out ? rule->out : rule->in;
    const unsigned char *mask = out ? rule->out_mask : rule->in_mask, *other = out ? rule->in_mask : rule->out_mask;
    size_t length = strnlen(name, IFNAMSIZ - 1);
    return rule->is_plain && length && mask[length] && !other[0] && verdict(rule) == -NF_ACCEPT - 1 ? name : NULL;
}

long plumb_legacy_forward_accepts(int six, char *names, size_t size) {
    struct table table;
    struct rule rule, other;
    if (load(six, "filter", &table)) return 0;
    size_t written = 0;
    for (unsigned at = table.forward; at < table.underflow && rule_at(&table, at, &rule); at = rule.next) {
        const char *in = accepted(&rule, 0);
        for (unsigned b = table.forward; in && b < table.underflow && rule_at(&table, b, &other); b = other.next) {
            const char *out = accepted(&other, 1);
            size_t length = strnlen(in, IFNAMSIZ - 1);
            if (!out || strncmp(in, out, IFNAMSIZ) || written + length + 1 > size) continue;
            memcpy(names + written, in, length);
            written += length;
            names[written++] = '\n';
            break;
        }
    }
    free(table.entries);
    return (long)written;
}

/* A chain begins with an entry whose target is ERROR and says its name. */
int plumb_legacy_has_chain(int six, const char *name, const char *chain) {
    struct table table;
    struct rule rule;
    if (load(six, name, &table)) return -1;
    int found = 0;
    for (unsigned at = 0; !found && at < table.size && rule_at(&table, at, &rule); at = rule.next) {
        if (!rule.target || strcmp(rule.target->u.user.name, XT_ERROR_TARGET)) continue;
        if (rule.target->u.target_size < sizeof(struct xt_error_target)) continue;
        found = strncmp(((const struct xt_error_target *)rule.target)->errorname, chain, XT_FUNCTION_MAXNAMELEN) == 0;
    }
    free(table.entries);
    return found;
}
