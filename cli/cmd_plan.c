/* jobctl plan: what a reload with other job files would change. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "calendar/schedule.h"
#include "calendar/timeparse.h"
#include "files.h"
#include "jobfile/machine.h"
#include "jobfile/zones.h"
#include "listing.h"

enum { EXIT_DIFFERS = 1, EXIT_CANT_TELL = 2, FIRST_MAX = 5 };
#define SPAN_USEC (7 * USEC_PER_DAY)

/* A job on one side. */
struct planned {
        char *name;
        char *file;        /* NULL: not known */
        uint32_t line;
        struct job *job;   /* a reference; NULL: not yet read */
        char *text;        /* its definition, or NULL: that of `job` */
        char digest[65];   /* "": not ours to read */
};

struct side {
        struct planned *v;
        size_t n, allocated;
};

struct plan {
        struct cli *c;
        struct side old, new;
        struct wall from, to;
        const struct tz *zone;
        json_t *jobs;      /* what differs */
        size_t added, removed, changed, same, unread;
};

static void side_done(struct side *s)
{
        for (size_t i = 0; i < s->n; i++) {
                free(s->v[i].name);
                free(s->v[i].file);
                free(s->v[i].text);
                job_unref(s->v[i].job);
        }
        free(s->v);
}

static void plan_done(struct plan *p)
{
        side_done(&p->old);
        side_done(&p->new);
        json_decref(p->jobs);
}

static struct planned *side_add(struct side *s, const char *name)
{
        if (s->n == s->allocated) {
                s->allocated = MAX(2 * s->allocated, (size_t)64);
                s->v = xrealloc(s->v, s->allocated * sizeof(*s->v));
        }
        s->v[s->n] = (struct planned){ .name = xstrdup(name) };
        return &s->v[s->n++];
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct planned *)a)->name, ((const struct planned *)b)->name);
}

static void side_sort(struct side *s)
{
        if (s->n > 0)
                qsort(s->v, s->n, sizeof(*s->v), by_name);
}

/* ---- the two sides */

/* The configuration is the daemon's, where it can be read: its defaults are part of what is in force. */
static int read_side(struct plan *p, char *const *words, size_t n, struct side *side)
{
        struct cli *c = p->c;
        _cleanup_(subjects_done) struct subjects s = { 0 };
        struct check check;
        char *usual;
        int r = subjects_find(c, words, n, &s);

        if (r == EXIT_OK && !s.config && (usual = place_path(c, PLACE_CONFIG))) {
                if (access(usual, R_OK) == 0)
                        s.config = usual;
                else
                        free(usual);
        }
        if (r == EXIT_OK)
                r = subjects_read(c, &s, &check);
        if (r != EXIT_OK)
                return r;
        p->zone = check.zone;
        for (size_t i = 0; i < check.n_jobs; i++) {
                struct job *j = check.jobs[i];
                struct planned *x = side_add(side, j->name);

                x->job = job_ref(j);
                x->file = j->source ? job_source_path(j->source) : NULL;
                x->line = j->line;
                for (size_t k = 0; k < 32; k++)
                        (void)snprintf(x->digest + 2 * k, 3, "%02x", j->digest[k]);
        }
        jobfile_check_done(&check);
        side_sort(side);
        return EXIT_OK;
}

static void add_in_force(void *arg, const json_t *item)
{
        struct plan *p = arg;
        const char *name = jstr(item, "name"), *file = jstr(item, "file"), *digest = jstr(item, "digest");
        struct planned *x;

        if (!name)
                return;
        x = side_add(&p->old, name);
        x->file = file ? xstrdup(file) : NULL;
        x->line = (uint32_t)CLAMP(jcount(item, "line"), INT64_C(0), (int64_t)UINT32_MAX);
        if (!digest) {
                p->unread++;
                return;
        }
        (void)snprintf(x->digest, sizeof(x->digest), "%s", digest);
        x->text = json_dumps(json_object_get(item, "definition"), JSON_COMPACT);
}

static int ask_daemon(struct plan *p)
{
        int r = each_item(p->c, "job.definitions", json_object(), "jobs", 0, add_in_force, p, NULL);

        side_sort(&p->old);
        return r;
}

/* What the daemon told becomes a job again: for its instants. */
static int make_job(struct plan *p, struct planned *x)
{
        struct zone_source zones = zones_source(cli_zones(p->c), p->zone);

        if (!x->job && x->text && job_read(x->text, strlen(x->text), &zones, machine_number(), NULL, &x->job) < 0)
                return fail(p->c, EXIT_CANT_TELL, "%s: this jobctl does not understand the definition in force", x->name);
        return EXIT_OK;
}

/* ---- keys */

/* {"schedule":…}: the job's own object. */
static json_t *definition_json(const struct planned *x)
{
        _cleanup_(freep) char *printed = x->text ? NULL : job_print(x->job);
        _cleanup_(json_decrefp) json_t *whole = json_loads(x->text ? x->text : printed ? printed : "", 0, NULL);

        json_t *own = json_incref(json_object_get(json_object_get(whole, "jobs"), x->name));
        json_t *retry = json_object_get(own, "retry");

        /* `retry: 3` is short for {limit: 3}. */
        if (retry && !json_is_object(retry)) {
                json_t *map = json_object();

                json_object_set(map, "limit", retry);
                json_object_set_new(own, "retry", map);
        }
        return own;
}

static void add_key(json_t *keys, const char *outer, const char *key, const json_t *was, const json_t *is)
{
        _cleanup_(freep) char *name = outer ? xasprintf("%s.%s", outer, key) : xstrdup(key);
        json_t *o = json_object();

        json_object_set_new(o, "key", json_string(name));
        json_object_set_new(o, "old", was ? json_incref((json_t *)was) : json_null());
        json_object_set_new(o, "new", is ? json_incref((json_t *)is) : json_null());
        json_array_append_new(keys, o);
}

/* Maps are compared by their keys, one level down. */
static void compare_keys(json_t *keys, const char *outer, const json_t *was, const json_t *is)
{
        const json_t *a, *b;
        const char *key;

        json_object_foreach((json_t *)was, key, a) {
                b = json_object_get(is, key);
                if (b && json_equal(a, b))
                        continue;
                if (!outer && json_is_object(a) && json_is_object(b))
                        compare_keys(keys, key, a, b);
                else
                        add_key(keys, outer, key, a, b);
        }
        json_object_foreach((json_t *)is, key, b)
                if (!json_object_get(was, key))
                        add_key(keys, outer, key, NULL, b);
}

/* ---- instants of the coming week */

struct instants {
        uint64_t count;
        struct wall first[FIRST_MAX];
};

static void add_instant(struct instants *x, struct wall at)
{
        if (x->count < FIRST_MAX)
                x->first[x->count] = at;
        x->count++;
}

/* What would run by itself: not of a job that is off. */
static bool next_of(const struct job *j, struct wall after, struct wall to, struct wall *ret)
{
        struct schedule s;

        if (!j || !j->policy->enabled || j->policy->blocked)
                return false;
        s = job_schedule(j);
        return schedule_next(&s, after, (struct wall){ INT64_MIN }, ret) == 0 && ret->usec <= to.usec;
}

/* Both lists in step; where one side has none the other is only counted. */
static void compare_instants(const struct plan *p, const struct job *old, const struct job *new, struct instants *gained, struct instants *lost)
{
        struct wall a, b, from = { p->from.usec - 1 };
        bool has_a = next_of(old, from, p->to, &a), has_b = next_of(new, from, p->to, &b);

        while (has_a || has_b) {
                bool take_a = has_a && (!has_b || a.usec <= b.usec), take_b = has_b && (!has_a || b.usec <= a.usec);
                struct instants *only = take_a ? lost : gained;
                struct schedule s;

                if (take_a != take_b) {
                        add_instant(only, take_a ? a : b);
                        if (has_a != has_b && only->count >= FIRST_MAX) {
                                s = job_schedule(take_a ? old : new);
                                only->count += schedule_count(&s, take_a ? a : b, (struct wall){ INT64_MIN }, p->to);
                                return;
                        }
                }
                if (take_a)
                        has_a = next_of(old, a, p->to, &a);
                if (take_b)
                        has_b = next_of(new, b, p->to, &b);
        }
}

static json_t *instants_json(const struct plan *p, const struct instants *x)
{
        json_t *o = json_object(), *first = json_array();

        for (uint64_t i = 0; i < MIN(x->count, (uint64_t)FIRST_MAX); i++) {
                char buf[48];

                wall_print_rfc3339(x->first[i], p->zone, 0, buf, sizeof(buf));
                json_array_append_new(first, json_string(buf));
        }
        json_object_set_new(o, "count", json_integer((json_int_t)x->count));
        json_object_set_new(o, "first", first);
        return o;
}

/* ---- one job */

static int add_difference(struct plan *p, struct planned *old, struct planned *new)
{
        struct instants gained = { 0 }, lost = { 0 };
        const struct planned *x = new ? new : old;
        json_t *o, *keys = json_array();
        int r = old ? make_job(p, old) : EXIT_OK;

        if (r != EXIT_OK) {
                json_decref(keys);
                return r;
        }
        if (old && new) {
                _cleanup_(json_decrefp) json_t *was = definition_json(old), *is = definition_json(new);

                compare_keys(keys, NULL, was, is);
        }
        compare_instants(p, old ? old->job : NULL, new ? new->job : NULL, &gained, &lost);
        o = json_object();
        json_object_set_new(o, "job", json_string(x->name));
        json_object_set_new(o, "change", json_string(!old ? "added" : !new ? "removed" : "changed"));
        json_object_set_new(o, "file", x->file ? json_string(x->file) : json_null());
        json_object_set_new(o, "line", x->line > 0 ? json_integer(x->line) : json_null());
        json_object_set_new(o, "keys", keys);
        json_object_set_new(o, "gained", instants_json(p, &gained));
        json_object_set_new(o, "lost", instants_json(p, &lost));
        json_array_append_new(p->jobs, o);
        ++*(!old ? &p->added : !new ? &p->removed : &p->changed);
        return EXIT_OK;
}

static int compare_sides(struct plan *p)
{
        size_t i = 0, k = 0;
        int r = EXIT_OK;

        while (r == EXIT_OK && (i < p->old.n || k < p->new.n)) {
                int order = i == p->old.n ? 1 : k == p->new.n ? -1 : by_name(&p->old.v[i], &p->new.v[k]);
                struct planned *old = order <= 0 ? &p->old.v[i++] : NULL, *new = order >= 0 ? &p->new.v[k++] : NULL;

                if (old && !*old->digest)
                        continue;
                if (old && new && streq(old->digest, new->digest))
                        p->same++;
                else
                        r = add_difference(p, old, new);
        }
        return r;
}

/* ---- for people */

static void add_instants(struct plan *p, struct strbuf *t, const json_t *o, const char *key)
{
        const json_t *x = json_object_get(o, key), *at;
        int64_t count = jcount(x, "count");
        struct wall w;
        char buf[48];
        size_t i;

        if (count <= 0)
                return;
        strbuf_addf(t, "    %s %lld instant%s of the coming week:", key, (long long)count, count == 1 ? "" : "s");
        json_array_foreach(json_object_get(x, "first"), i, at) {
                if (rfc3339_parse(json_string_value(at), &w) < 0)
                        continue;
                wall_print_local(w, p->zone, buf, sizeof(buf));
                strbuf_addf(t, "%s %s", i > 0 ? "," : "", buf);
        }
        strbuf_add(t, count > FIRST_MAX ? ", …\n" : "\n");
}

static void add_value(struct strbuf *t, const json_t *value)
{
        _cleanup_(freep) char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

        if (json_is_null(value))
                strbuf_add(t, "(default)");
        else
                strbuf_add_outside(t, text ? text : json_string_value(value));
}

static void put_job(struct plan *p, const json_t *o)
{
        _cleanup_(strbuf_done) struct strbuf t = { 0 };
        const char *change = jstr(o, "change"), *file = jstr(o, "file");
        bool added = streq(change, "added"), removed = streq(change, "removed");
        const json_t *k;
        size_t i;

        strbuf_add_colored(&t, p->c, added ? "ok" : removed ? "error" : "stale", added ? "+ " : removed ? "- " : "~ ");
        strbuf_addf(&t, "%s", jstr(o, "job"));
        if (file) {
                strbuf_add(&t, "  (");
                strbuf_add_outside(&t, file);
                if (jcount(o, "line") > 0)
                        strbuf_addf(&t, ":%lld", (long long)jcount(o, "line"));
                strbuf_add_char(&t, ')');
        }
        strbuf_add_char(&t, '\n');
        json_array_foreach(json_object_get(o, "keys"), i, k) {
                strbuf_add(&t, "    ");
                strbuf_add_outside(&t, jstr(k, "key"));
                strbuf_add(&t, ": ");
                add_value(&t, json_object_get(k, "old"));
                strbuf_add(&t, " -> ");
                add_value(&t, json_object_get(k, "new"));
                strbuf_add_char(&t, '\n');
        }
        add_instants(p, &t, o, "gained");
        add_instants(p, &t, o, "lost");
        (void)fwrite(t.s, 1, t.n, stdout);
}

static void print_names_of(const struct plan *p)
{
        const json_t *o;
        size_t i;

        json_array_foreach(p->jobs, i, o)
                (void)puts(jstr(o, "job"));
}

static void print_plan(struct plan *p)
{
        _cleanup_(json_decrefp) json_t *doc = json_object();
        const char *against = opt_value(p->c, OPT_AGAINST);
        char from[48], to[48];
        const json_t *o;
        size_t i;

        wall_print_rfc3339(p->from, p->zone, 0, from, sizeof(from));
        wall_print_rfc3339(p->to, p->zone, 0, to, sizeof(to));
        json_object_set_new(doc, "against", against ? json_string(against) : json_null());
        json_object_set_new(doc, "from", json_string(from));
        json_object_set_new(doc, "to", json_string(to));
        json_object_set_new(doc, "same", json_boolean(json_array_size(p->jobs) == 0 && p->unread == 0));
        json_object_set(doc, "jobs", p->jobs);
        if (p->c->format == OUTPUT_NAME)
                print_names_of(p);
        else if (!print_object(p->c, doc))
                json_array_foreach(p->jobs, i, o)
                        put_job(p, o);
        if (p->c->format == OUTPUT_TABLE || p->c->format == OUTPUT_WIDE)
                say(p->c, "%zu added, %zu removed, %zu changed, %zu the same.", p->added, p->removed, p->changed, p->same);
}

static int make_plan(struct plan *p)
{
        struct cli *c = p->c;
        const char *against = opt_value(c, OPT_AGAINST);
        char *const words[] = { (char *)against };
        int r = read_side(p, c->args, c->n_args, &p->new);

        if (r == EXIT_OK)
                r = against ? read_side(p, words, 1, &p->old) : ask_daemon(p);
        if (r == EXIT_OK)
                r = compare_sides(p);
        return r;
}

int cmd_plan(struct cli *c)
{
        _cleanup_(plan_done) struct plan p = { .c = c, .jobs = json_array(), .from = c->now, .to = wall_add(c->now, SPAN_USEC) };
        int r = make_plan(&p);

        if (r != EXIT_OK) /* whatever it was, it can't be told */
                return EXIT_CANT_TELL;
        print_plan(&p);
        if (p.unread > 0)
                return fail(c, EXIT_CANT_TELL, "%zu jobs are not yours to read, so there may be more", p.unread);
        return json_array_size(p.jobs) > 0 ? EXIT_DIFFERS : EXIT_OK;
}
