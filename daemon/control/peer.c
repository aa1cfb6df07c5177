/* Who is at the other end, and what it may do.
 *
 * The uid and the groups are those that the kernel noted when the client connected.  A user's name in a definition is
 * looked up in /etc/passwd itself; group names of the configuration are looked up at start and after a reload, off the
 * loop's thread. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/util.h"
#include "control/private.h"
#include "log/log.h"

#define PASSWD_MAX (16 * 1024 * 1024) /* bytes of /etc/passwd that we read */

int peer_read(int fd, pid_t *ret_pid, uid_t *ret_uid, gid_t **ret_gids, size_t *ret_n)
{
        struct ucred cred;
        socklen_t size = sizeof(cred), bytes = 64 * sizeof(gid_t);
        _cleanup_(freep) gid_t *gids = NULL;
        gid_t *more;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return -errno;
        /* The kernel says how much it needs; a process has at most 65536 groups. */
        for (;;) {
                more = realloc(gids, bytes);
                if (!more)
                        return -ENOMEM;
                gids = more;
                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &bytes) == 0)
                        break;
                if (errno != ERANGE)
                        return -errno;
        }
        /* The effective group counts too; it need not be among the supplementary ones. */
        more = realloc(gids, bytes + sizeof(gid_t));
        if (!more)
                return -ENOMEM;
        gids = more;
        gids[bytes / sizeof(gid_t)] = cred.gid;
        *ret_pid = cred.pid;
        *ret_uid = cred.uid;
        *ret_n = bytes / sizeof(gid_t) + 1;
        *ret_gids = TAKE_PTR(gids);
        return 0;
}

static bool in_group(const struct conn *conn, gid_t gid)
{
        for (size_t i = 0; i < conn->n_gids; i++)
                if (conn->gids[i] == gid)
                        return true;
        return false;
}

bool peer_is_admin(const struct conn *conn)
{
        const struct control *c = conn->c;

        return conn->uid == 0 || (c->ctx.private_daemon && conn->uid == c->ctx.own_uid) ||
               (c->access.has_admin_gid && in_group(conn, c->access.admin_gid));
}

/* `access.jobs`: does a rule let one of its groups act on this job? */
static bool rule_allows(const struct conn *conn, const char *name)
{
        const struct access *a = &conn->c->access;

        for (size_t i = 0; i < a->n_rules; i++) {
                if (fnmatch(a->rules[i].pattern, name, 0) != 0)
                        continue;
                for (size_t k = 0; k < a->rules[i].n_gids; k++)
                        if (in_group(conn, a->rules[i].gids[k]))
                                return true;
        }
        return false;
}

static bool is_user(const struct conn *conn, const char *user)
{
        const struct control *c = conn->c;
        uid_t uid;

        if (!user)
                return conn->uid == (c->ctx.private_daemon ? c->ctx.own_uid : 0);
        return passwd_uid(&c->passwd, user, &uid) && uid == conn->uid;
}

bool peer_owns(const struct conn *conn, const struct job *job)
{
        return peer_is_admin(conn) || (job && job->source && job->source->uid == conn->uid);
}

unsigned peer_rights(const struct conn *conn, const char *name, const struct job *job, const char *user)
{
        const unsigned see = 1U << RIGHT_SEE, read = 1U << RIGHT_READ, act = 1U << RIGHT_ACT;
        unsigned mask = 0;

        if (peer_is_admin(conn))
                return see | read | act | 1U << RIGHT_ADMIN;
        if (!conn->c->access.see_own)
                mask |= see;
        if (peer_owns(conn, job))
                mask |= see | read | act;
        if (is_user(conn, user))
                mask |= see | read;
        if (!HAS_RIGHT(mask, RIGHT_ACT) && rule_allows(conn, name))
                mask |= see | act;
        return mask;
}

unsigned peer_rights_view(const struct conn *conn, const struct job_view *view)
{
        return peer_rights(conn, view->name, view->job, view->job ? view->job->policy->user : NULL);
}

unsigned peer_rights_run(const struct conn *conn, const struct run_info *r)
{
        struct job_view v;
        bool there = engine_job_find(conn->c->ctx.engine, r->job, &v);

        return peer_rights(conn, r->job, there ? v.job : NULL, r->user);
}

/* ---- /etc/passwd */

static int compare_names(const void *a, const void *b)
{
        const struct passwd_entry *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static void passwd_clear(struct passwd_cache *p)
{
        for (size_t i = 0; i < p->n; i++)
                free(p->v[i].name);
        free(p->v);
        p->v = NULL;
        p->n = 0;
}

void passwd_done(struct passwd_cache *p)
{
        passwd_clear(p);
        *p = (struct passwd_cache){ 0 };
}

/* Of several entries with one name the first counts, as for getpwnam(). */
static void passwd_add(struct passwd_cache *p, size_t *allocated, const struct passwd *pw)
{
        struct passwd_entry *v;

        if (p->n == *allocated) {
                *allocated = *allocated ? *allocated * 2 : 64;
                v = reallocarray(p->v, *allocated, sizeof(*v));
                if (!v) {
                        *allocated = p->n;
                        return;
                }
                p->v = v;
        }
        p->v[p->n].name = strdup(pw->pw_name);
        p->v[p->n].uid = pw->pw_uid;
        if (p->v[p->n].name)
                p->n++;
}

void passwd_refresh(struct passwd_cache *p)
{
        struct stat st;
        struct passwd *pw;
        size_t allocated = 0, kept = 0;
        FILE *f;

        if (stat("/etc/passwd", &st) < 0 || st.st_size > PASSWD_MAX)
                return;
        if (st.st_dev == p->dev && st.st_ino == p->ino && st.st_size == p->size &&
            st.st_mtim.tv_sec == p->mtime.tv_sec && st.st_mtim.tv_nsec == p->mtime.tv_nsec)
                return;
        f = fopen("/etc/passwd", "re");
        if (!f)
                return;
        passwd_clear(p);
        while ((pw = fgetpwent(f)))
                passwd_add(p, &allocated, pw);
        (void)fclose(f);
        if (p->n > 0)
                qsort(p->v, p->n, sizeof(*p->v), compare_names);
        for (size_t i = 0; i < p->n; i++)
                if (kept > 0 && streq(p->v[kept - 1].name, p->v[i].name))
                        free(p->v[i].name);
                else
                        p->v[kept++] = p->v[i];
        p->n = kept;
        p->dev = st.st_dev;
        p->ino = st.st_ino;
        p->size = st.st_size;
        p->mtime = st.st_mtim;
}

bool passwd_uid(const struct passwd_cache *p, const char *name, uid_t *ret)
{
        struct passwd_entry key, *found;
        unsigned long n;
        char *end;

        if (isdigit((unsigned char)name[0])) {
                errno = 0;
                n = strtoul(name, &end, 10);
                if (errno == 0 && *end == '\0' && n < UINT32_MAX) {
                        *ret = (uid_t)n;
                        return true;
                }
        }
        key.name = (char *)name;
        found = p->n > 0 ? bsearch(&key, p->v, p->n, sizeof(*p->v), compare_names) : NULL;
        if (!found)
                return false;
        *ret = found->uid;
        return true;
}

const char *passwd_name(const struct passwd_cache *p, uid_t uid)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->v[i].uid == uid)
                        return p->v[i].name;
        return NULL;
}

/* ---- `access` of the configuration */

void access_done(struct access *a)
{
        for (size_t i = 0; i < a->n_rules; i++) {
                free(a->rules[i].pattern);
                free(a->rules[i].gids);
        }
        free(a->rules);
        *a = (struct access){ 0 };
}

static bool find_group(const char *name, gid_t *ret)
{
        struct group group, *found = NULL;
        size_t size = 4096;
        char *buf = NULL, *p, *end;
        unsigned long n;
        int r = ERANGE;

        if (isdigit((unsigned char)name[0])) {
                errno = 0;
                n = strtoul(name, &end, 10);
                if (errno == 0 && *end == '\0' && n < UINT32_MAX) {
                        *ret = (gid_t)n;
                        return true;
                }
        }
        /* ERANGE: a group with very many members. */
        while (r == ERANGE && size <= PASSWD_MAX) {
                p = realloc(buf, size);
                if (!p)
                        break;
                buf = p;
                r = getgrnam_r(name, &group, buf, size, &found);
                size *= 2;
        }
        if (r == 0 && found)
                *ret = group.gr_gid;
        free(buf);
        return r == 0 && found;
}

/* What a lookup needs of the configuration: a copy, as it may be replaced while the lookup goes on. */
struct access_job_lookup {
        struct control *c;    /* NULL: the control is gone */
        struct config config; /* only `access` of it */
        struct access result;
        bool done;
};

static char **copy_list(char *const *list)
{
        size_t n = 0;
        char **copy;

        while (list && list[n])
                n++;
        copy = calloc(n + 1, sizeof(*copy));
        for (size_t i = 0; copy && i < n; i++) {
                copy[i] = strdup(list[i]);
                if (!copy[i])
                        break;
        }
        return copy;
}

static void free_list(char **list)
{
        for (size_t i = 0; list && list[i]; i++)
                free(list[i]);
        free(list);
}

static void lookup_free(struct access_job_lookup *l)
{
        for (size_t i = 0; i < l->config.n_access_jobs; i++) {
                free(l->config.access_jobs[i].name);
                free_list(l->config.access_jobs[i].run);
        }
        free(l->config.access_jobs);
        free(l->config.admin_group);
        access_done(&l->result);
        free(l);
}

static struct access_job_lookup *lookup_new(const struct control *c)
{
        const struct config *config = c->ctx.config;
        struct access_job_lookup *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        l->config.see_own = config->see_own;
        l->config.admin_group = config->admin_group ? strdup(config->admin_group) : NULL;
        l->config.access_jobs = calloc(config->n_access_jobs + 1, sizeof(*l->config.access_jobs));
        if (!l->config.access_jobs || (config->admin_group && !l->config.admin_group)) {
                lookup_free(l);
                return NULL;
        }
        for (size_t i = 0; i < config->n_access_jobs; i++) {
                struct access_job *to = &l->config.access_jobs[l->config.n_access_jobs++];

                to->name = strdup(config->access_jobs[i].name);
                to->run = copy_list(config->access_jobs[i].run);
                if (!to->name || !to->run) {
                        lookup_free(l);
                        return NULL;
                }
        }
        return l;
}

/* A group that isn't there gives nobody anything. */
static int resolve_rule(const struct access_job *from, struct access_rule *to)
{
        size_t n = 0;

        while (from->run && from->run[n])
                n++;
        to->pattern = strdup(from->name);
        to->gids = calloc(n + 1, sizeof(*to->gids));
        if (!to->pattern || !to->gids)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (find_group(from->run[i], &to->gids[to->n_gids]))
                        to->n_gids++;
                else
                        log_warning("access.jobs.%s: no group %s, ignoring", from->name, from->run[i]);
        }
        return 0;
}

int access_resolve(const struct config *config, struct access *ret)
{
        struct access a = { .see_own = config->see_own };
        const char *admin = config->admin_group ? config->admin_group : "jobsched-admin";

        a.has_admin_gid = find_group(admin, &a.admin_gid);
        if (!a.has_admin_gid && config->admin_group)
                log_warning("access.admin_group: no group %s, ignoring", admin);
        a.rules = calloc(config->n_access_jobs + 1, sizeof(*a.rules));
        if (!a.rules)
                return -ENOMEM;
        for (size_t i = 0; i < config->n_access_jobs; i++) {
                a.n_rules++;
                if (resolve_rule(&config->access_jobs[i], &a.rules[i]) < 0) {
                        access_done(&a);
                        return -ENOMEM;
                }
        }
        *ret = a;
        return 0;
}

static void lookup_work(void *arg)
{
        struct access_job_lookup *l = arg;

        l->done = access_resolve(&l->config, &l->result) == 0;
}

static void lookup_done(void *arg)
{
        struct access_job_lookup *l = arg;
        struct control *c = l->c;

        if (c) {
                c->lookup = NULL;
                if (l->done) {
                        access_done(&c->access);
                        c->access = l->result;
                        l->result = (struct access){ 0 };
                }
                if (c->lookup_again) {
                        c->lookup_again = false;
                        access_refresh(c);
                }
        }
        lookup_free(l);
}

void access_refresh(struct control *c)
{
        struct access_job_lookup *l;

        if (c->lookup) {
                c->lookup_again = true;
                return;
        }
        l = lookup_new(c);
        if (!l || store_offload(c->ctx.store, lookup_work, lookup_done, l) < 0) {
                log_warning("can't look up the groups of `access`: out of memory; they stay as they are");
                if (l)
                        lookup_free(l);
                return;
        }
        l->c = c;
        c->lookup = l;
        /* What takes rights away holds at once. */
        c->access.see_own = c->ctx.config->see_own;
}

void access_forget(struct control *c)
{
        if (c->lookup)
                c->lookup->c = NULL;
        c->lookup = NULL;
}
