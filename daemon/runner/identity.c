#include "runner/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define LOOKUP_SIZE_MAX (1u << 20)

/* What getpwnam_r says when there is no such name differs by libc and service; these all mean that. */
static int lookup_error(int e)
{
        return e == 0 || e == ENOENT || e == ESRCH || e == EBADF || e == EPERM ? -ENOENT : -e;
}

static int fill(struct identity *id, const char *name, uid_t uid, gid_t gid, const char *home, const char *shell)
{
        id->uid = uid;
        id->gid = gid;
        id->name = strdup(name);
        id->home = strdup(home && *home ? home : "/");
        id->shell = strdup(shell && *shell ? shell : "/bin/sh");
        return id->name && id->home && id->shell ? 0 : -ENOMEM;
}

/* By name, or by uid where name is NULL. */
static int look_up_user(const char *name, uid_t uid, struct identity *id)
{
        for (size_t size = 1024; size <= LOOKUP_SIZE_MAX; size *= 4) {
                _cleanup_(freep) char *buffer = malloc(size);
                struct passwd pw, *found = NULL;
                int e;

                if (!buffer)
                        return -ENOMEM;
                e = name ? getpwnam_r(name, &pw, buffer, size, &found) : getpwuid_r(uid, &pw, buffer, size, &found);
                if (e == ERANGE)
                        continue;
                if (!found)
                        return lookup_error(e);
                return fill(id, pw.pw_name, pw.pw_uid, pw.pw_gid, pw.pw_dir, pw.pw_shell);
        }
        return -ENOMEM;
}

int identity_group(const char *group, gid_t *ret)
{
        for (size_t size = 1024; size <= LOOKUP_SIZE_MAX; size *= 4) {
                _cleanup_(freep) char *buffer = malloc(size);
                struct group gr, *found = NULL;
                int e;

                if (!buffer)
                        return -ENOMEM;
                e = getgrnam_r(group, &gr, buffer, size, &found);
                if (e == ERANGE)
                        continue;
                if (!found)
                        return lookup_error(e);
                *ret = gr.gr_gid;
                return 0;
        }
        return -ENOMEM;
}

static int look_up_groups(struct identity *id)
{
        int n = 32;

        for (int i = 0; i < 8; i++) {
                gid_t *groups = reallocarray(id->groups, (size_t)n, sizeof(gid_t));
                int room = n;

                if (!groups)
                        return -ENOMEM;
                id->groups = groups;
                if (getgrouplist(id->name, id->gid, groups, &n) >= 0) {
                        id->n_groups = (size_t)n;
                        return 0;
                }
                n = MAX(n, room * 2);
                if (n > 65536)
                        break;
        }
        return -E2BIG;
}

int identity_self(struct identity *ret)
{
        struct identity id = { .change = false };
        char number[24];
        int r;

        r = look_up_user(NULL, geteuid(), &id);
        if (r < 0) {
                identity_done(&id);
                (void)snprintf(number, sizeof(number), "%lu", (unsigned long)geteuid());
                r = fill(&id, number, geteuid(), getegid(), NULL, NULL);
        }
        if (r < 0) {
                identity_done(&id);
                return r;
        }
        id.gid = getegid();
        *ret = id;
        return 0;
}

int identity_lookup(const char *user, const char *group, struct identity *ret, bool *ret_group_failed)
{
        struct identity id = { .change = true };
        bool group_failed = false;
        int r;

        r = look_up_user(user, 0, &id);
        if (r >= 0 && group) {
                r = identity_group(group, &id.gid);
                group_failed = r < 0;
        }
        if (r >= 0) {
                r = look_up_groups(&id);
                group_failed = r < 0;
        }
        if (r < 0) {
                *ret_group_failed = group_failed;
                identity_done(&id);
                return r;
        }
        *ret = id;
        return 0;
}

void identity_done(struct identity *id)
{
        free(id->groups);
        free(id->name);
        free(id->home);
        free(id->shell);
        *id = (struct identity){ .change = false };
}
