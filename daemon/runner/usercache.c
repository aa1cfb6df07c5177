#include "runner/usercache.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define SLOTS 64u

/* Filled by whoever comes first, while others read: `sequence` is odd while it is written, and whoever reads looks
 * at it before and after.  A writer that is killed leaves it odd, and the slot unused. */
struct slot {
        atomic_uint sequence; /* 0: never filled */
        struct mono looked_at;
        uid_t uid;
        gid_t gid;
        uint32_t n_groups;
        gid_t groups[32];
        char user[64], group[64]; /* as asked for */
        char name[64], home[192], shell[96];
};

struct usercache {
        struct slot slots[SLOTS];
};

struct usercache *usercache_new(void)
{
        void *p = mmap(NULL, sizeof(struct usercache), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? NULL : p;
}

static size_t slot_number(const char *user, const char *group)
{
        uint32_t hash = 2166136261u;

        for (const char *p = user; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 16777619u;
        hash = (hash ^ 0xff) * 16777619u;
        for (const char *p = group; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 16777619u;
        return hash % SLOTS;
}

static bool holds(const struct slot *s, const char *user, const char *group, struct mono now)
{
        return streq(s->user, user) && streq(s->group, group) && now.usec - s->looked_at.usec < USERCACHE_USEC &&
               s->n_groups <= ARRAY_SIZE(s->groups);
}

static bool copy_out(const struct slot *s, struct identity *ret)
{
        struct identity id = { .change = true, .uid = s->uid, .gid = s->gid, .n_groups = s->n_groups };

        id.groups = malloc(MAX(s->n_groups, 1u) * sizeof(gid_t));
        id.name = strdup(s->name);
        id.home = strdup(s->home);
        id.shell = strdup(s->shell);
        if (!id.groups || !id.name || !id.home || !id.shell) {
                identity_done(&id);
                return false;
        }
        memcpy(id.groups, s->groups, s->n_groups * sizeof(gid_t));
        *ret = id;
        return true;
}

bool usercache_get(const struct usercache *c, const char *user, const char *group, struct mono now,
                   struct identity *ret)
{
        const struct slot *shared;
        unsigned sequence;
        struct slot s;

        if (!c)
                return false;
        group = group ? group : "";
        shared = &c->slots[slot_number(user, group)];
        sequence = atomic_load_explicit(&shared->sequence, memory_order_acquire);
        if (sequence == 0 || sequence % 2)
                return false;
        memcpy((void *)&s, (const void *)shared, sizeof(s));
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load_explicit(&shared->sequence, memory_order_relaxed) != sequence)
                return false;
        return holds(&s, user, group, now) && copy_out(&s, ret);
}

/* False: it does not fit. */
static bool set_text(char *to, size_t size, const char *from)
{
        size_t n = strlen(from);

        if (n >= size)
                return false;
        memcpy(to, from, n + 1);
        return true;
}

void usercache_put(struct usercache *c, const char *user, const char *group, struct mono now, const struct identity *id)
{
        struct slot *shared,
                s = { .looked_at = now, .uid = id->uid, .gid = id->gid, .n_groups = (uint32_t)id->n_groups };
        unsigned sequence;

        group = group ? group : "";
        if (!c || id->n_groups > ARRAY_SIZE(s.groups) || !set_text(s.user, sizeof(s.user), user) ||
            !set_text(s.group, sizeof(s.group), group) || !set_text(s.name, sizeof(s.name), id->name) ||
            !set_text(s.home, sizeof(s.home), id->home) || !set_text(s.shell, sizeof(s.shell), id->shell))
                return;
        memcpy(s.groups, id->groups, id->n_groups * sizeof(gid_t));
        shared = &c->slots[slot_number(user, group)];
        sequence = atomic_load_explicit(&shared->sequence, memory_order_relaxed);
        if (sequence % 2 || !atomic_compare_exchange_strong(&shared->sequence, &sequence, sequence + 1))
                return; /* somebody else is at it */
        atomic_thread_fence(memory_order_release);
        memcpy((char *)shared + sizeof(shared->sequence), (char *)&s + sizeof(s.sequence),
               sizeof(s) - sizeof(s.sequence));
        /* Never 0 again, which is "never filled". */
        atomic_store_explicit(&shared->sequence, sequence + 2 ? sequence + 2 : 2, memory_order_release);
}
