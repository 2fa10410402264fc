#include "Pool.h"

#include <stdlib.h>
#include <string.h>

enum { step = 16, largest = 8 << 10, chunk = 128 << 10 };

struct block {
    /* Of all of it; a multiple of `step`. */
    size_t size;
    /* Where the caller's bytes begin while it is taken. */
    struct block *next;
};

static struct block *returned[largest / step + 1];
static char *fresh, *end;

static size_t whole(int size) { return ((size_t)size + offsetof(struct block, next) + step - 1) / step * step; }

void *plumb_pool_take(int wanted) {
    size_t size = whole(wanted);
    struct block *block;
    if (size > largest) {
        block = malloc(size);
        if (block == NULL) return NULL;
    } else if ((block = returned[size / step]) != NULL) {
        returned[size / step] = block->next;
        return &block->next;
    } else {
        if (fresh == NULL || (size_t)(end - fresh) < size) {
            /* What was left of the last is small, and stays. */
            char *more = malloc(chunk);
            if (more == NULL) return NULL;
            fresh = more;
            end = more + chunk;
        }
        block = (struct block *)fresh;
        fresh += size;
    }
    block->size = size;
    return &block->next;
}

static struct block *of(void *payload) { return (struct block *)((char *)payload - offsetof(struct block, next)); }

void plumb_pool_give(void *payload) {
    if (payload == NULL) return;
    struct block *block = of(payload);
    if (block->size > largest) {
        free(block);
        return;
    }
    block->next = returned[block->size / step];
    returned[block->size / step] = block;
}

void *plumb_pool_resize(void *payload, int wanted) {
    struct block *block = of(payload);
    if (whole(wanted) == block->size) return payload;
    void *other = plumb_pool_take(wanted);
    if (other == NULL) return NULL;
    int size = plumb_pool_size(payload);
    memcpy(other, payload, (size_t)(size < wanted ? size : wanted));
    plumb_pool_give(payload);
    return other;
}

int plumb_pool_size(void *payload) { return (int)(of(payload)->size - offsetof(struct block, next)); }

int plumb_pool_round(int size) { return (int)(whole(size) - offsetof(struct block, next)); }
