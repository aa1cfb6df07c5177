/* job.list, job.show, job.cat. */
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "control/private.h"
#include "tbl/job_keys.h"

#define RUNS_SHOWN 100 /* active runs of a job in job.show */

bool find_job(struct call *call, const char *name, struct job_view *ret)
{
        struct job_view v;

        if (!engine_job_find(call->c->ctx.engine, name, &v) ||
            !HAS_RIGHT(peer_rights_view(call->conn, &v), RIGHT_SEE)) {
                call_error(call, ERROR_NOT_FOUND, "no such job: %.200s", name);
                return false;
        }
        *ret = v;
        return true;
}

/* ---- list: the index gives candidates, the store their last runs, what is left is one page.  A page may have fewer
 * jobs than asked for, even none, and still not be the last: each call does bounded work. */

struct listing {
        struct scan scan;
        const char *user;
        const json_t *label;  /* of the call's params */
        enum run_state state; /* RUN_STATE_INVALID: any */
        bool failed;
        size_t limit;
        char **names; /* candidates; the jobs themselves may change while the store is asked */
        size_t n;
        bool more, no_memory;
        struct call *call;
};

static void listing_free(void *data)
{
        struct listing *l = data;

        scan_done(&l->scan);
        for (size_t i = 0; i < l->n; i++)
                free(l->names[i]);
        free(l->names);
        free(l);
}

static bool has_labels(const struct job *job, const json_t *label)
{
        const char *key;
        json_t *want;
        size_t i;

        json_object_foreach((json_t *)label, key, want) {
                for (i = 0; i < job->policy->n_labels; i++)
                        if (streq(job->policy->labels[i].key, key) && streq(job->policy->labels[i].value, json_string_value(want)))
                                break;
                if (i == job->policy->n_labels)
                        return false;
        }
        return true;
}

static bool add_candidate(void *arg, const char *asked, const struct job_view *v)
{
        struct listing *l = arg;
        const struct job *job = v->job;

        if (!v->name || !job || !HAS_RIGHT(peer_rights_view(l->call->conn, v), RIGHT_SEE))
                return true;
        if (l->user && !streq_ptr(job->policy->user ? job->policy->user : l->call->c->ctx.default_user, l->user))
                return true;
        if (l->label && !has_labels(job, l->label))
                return true;
        if (l->n >= l->limit) { /* only where exact names are more than a page: the caller cut them down */
                return false;
        }
        l->names[l->n] = strdup(v->name);
        if (!l->names[l->n]) {
                l->no_memory = true;
                return false;
        }
        l->n++;
        return l->n < l->limit;
}

static bool run_failed(const struct run_info *r)
{
        return r->id > 0 && ((RUN_BIT(r->state) & (RUN_BIT(RUN_FAILED) | RUN_BIT(RUN_TIMED_OUT) | RUN_BIT(RUN_LOST) |
                                                   RUN_BIT(RUN_MISSED))) ||
                             (r->flags & RUN_DEAD));
}

static bool active_in(struct engine *e, const char *name, enum run_state state)
{
        const struct run_info *r;

        for (size_t i = 0; i < RUNS_SHOWN && (r = engine_job_run(e, name, i)); i++)
                if (r->state == state)
                        return true;
        return false;
}

static bool wanted(const struct listing *l, struct engine *e, const char *name, const struct run_info *last)
{
        if (l->failed && !run_failed(last))
                return false;
        if (l->state == RUN_STATE_INVALID)
                return true;
        return run_state_ends(l->state) ? last->id > 0 && last->state == l->state : active_in(e, name, l->state);
}

/* The page itself; `last` has the newest ended run of each candidate. */
static void send_listing(struct call *call, const struct run_list *last)
{
        struct listing *l = call->data;
        struct control *c = call->c;
        struct text t = { 0 };
        const char *cursor = NULL;
        struct job_view v;
        size_t i, given = 0;

        text_puts(&t, "{\"jobs\":[");
        for (i = 0; i < l->n && t.size < PAGE_BYTES; i++) {
                const struct run_info *r = &last->v[i];

                cursor = l->names[i];
                if (!engine_job_find(c->ctx.engine, l->names[i], &v) || !v.job ||
                    !wanted(l, c->ctx.engine, l->names[i], r))
                        continue;
                text_puts(&t, given++ > 0 ? "," : "");
                text_json_new(&t, print_job(c, &v, r->id > 0 ? print_run(c, r) : NULL));
        }
        if (i == l->n)
                cursor = l->more ? l->scan.after : NULL;
        text_puts(&t, "],\"cursor\":");
        text_json_new(&t, json_string_or_null(cursor));
        text_puts(&t, "}");
        call_result(call, &t);
}

static void on_last(void *arg, struct run_list *list, const struct error *err)
{
        struct call *call = arg;
        struct listing *l = call->data;

        if (!call_gone(call)) {
                if (err || !list || list->n != l->n)
                        call_error(call, err ? err->code : ERROR_FAILED, "%s",
                                   err ? err->message : "the store's answer is not whole");
                else
                        send_listing(call, list);
        }
        if (list)
                run_list_free(list);
        call_unref(call);
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Exact names in order, without doubles, from the cursor on, at most a page of them. */
static void cut_names(struct scan *s, const char *cursor, size_t limit, bool *ret_more)
{
        size_t kept = 0;

        qsort(s->patterns, s->n, sizeof(*s->patterns), compare_strings);
        for (size_t i = 0; i < s->n; i++) {
                if ((cursor && strcmp(s->patterns[i], cursor) <= 0) ||
                    (kept > 0 && streq(s->patterns[kept - 1], s->patterns[i])))
                        free(s->patterns[i]);
                else
                        s->patterns[kept++] = s->patterns[i];
        }
        *ret_more = kept > limit;
        for (size_t i = limit; i < kept; i++)
                free(s->patterns[i]);
        s->n = MIN(kept, limit);
        if (*ret_more)
                s->after = strdup(s->patterns[s->n - 1]);
}

/* The candidates of this page. */
static int collect(struct call *call, struct listing *l)
{
        const char *cursor = call_string(call, "cursor");
        int r;

        if (l->scan.exact) {
                cut_names(&l->scan, cursor, l->limit, &l->more);
                if ((l->more && !l->scan.after) ||
                    (l->scan.n > 0 && scan_step(call->c, &l->scan, 0, add_candidate, l) < 0))
                        return -ENOMEM;
                return l->no_memory ? -ENOMEM : 0;
        }
        if (cursor) {
                l->scan.after = strdup(cursor);
                if (!l->scan.after)
                        return -ENOMEM;
        }
        r = scan_step(call->c, &l->scan, 2 * SLICE_JOBS, add_candidate, l);
        l->more = r > 0;
        return l->no_memory ? -ENOMEM : MIN(r, 0);
}

void cmd_job_list(struct call *call)
{
        const char *state = call_string(call, "state");
        struct listing *l = calloc(1, sizeof(*l));

        if (!l) {
                call_error_memory(call);
                return;
        }
        call->data = l;
        call->free_data = listing_free;
        l->call = call;
        l->limit = call_limit(call, PAGE_MAX);
        l->user = call_string(call, "user");
        l->label = json_object_get(call->params, "label");
        l->failed = call_bool(call, "failed");
        l->state = state ? run_state_from_name(state) : RUN_STATE_INVALID;
        if (state && l->state == RUN_STATE_INVALID) {
                call_error(call, ERROR_INVALID, "no such state: %.64s", state);
                return;
        }
        l->names = calloc(l->limit, sizeof(*l->names));
        if (!l->names || scan_init(&l->scan, call_list(call, "patterns")) < 0 || collect(call, l) < 0) {
                call_error_memory(call);
                return;
        }
        if (l->n == 0) {
                send_listing(call, &(struct run_list){ 0 });
                return;
        }
        call_set_kind(call, CALL_PAGE);
        if (store_query_last(call->c->ctx.store, (const char *const *)l->names, l->n, on_last, call_ref(call)) < 0) {
                call_error_memory(call);
                call_unref(call);
        }
}

/* ---- show */

static const struct {
        unsigned id, parent;
        const char *name;
} keys[] = {
#define X(id, parent, name, type, field, flags, min, max, choices, built_in, near, help) { id, parent, name },
        TBL_JOB_KEYS(X)
#undef X
};

/* {"key":"job"|"file"|"config"|"built-in", …}: where each value comes from. */
static json_t *print_origins(const struct job *job)
{
        json_t *o = json_object();

        for (size_t i = 0; o && i < ARRAY_SIZE(keys); i++) {
                uint64_t bit = JOB_KEY_BIT(keys[i].id);
                const char *from = job->policy->set_by_job & bit      ? "job"
                                   : job->policy->set_by_file & bit   ? "file"
                                   : job->policy->set_by_config & bit ? "config"
                                                              : "built-in";
                const char *parent = keys[i].parent == JOB_KEY_NR ? NULL : keys[keys[i].parent].name;
                char name[128];

                (void)snprintf(name, sizeof(name), "%s%s%s", parent ? parent : "", parent ? "." : "", keys[i].name);
                if (json_object_set_new(o, name, json_string(from)) < 0) {
                        json_decref(o);
                        return NULL;
                }
        }
        return o;
}

/* The job's own object of its canonical form. */
static json_t *print_definition(const struct job *job)
{
        _cleanup_(freep) char *text = job_print(job);
        json_t *whole, *definition;

        if (!text)
                return NULL;
        whole = json_loads(text, 0, NULL);
        definition = json_incref(json_object_get(json_object_get(whole, "jobs"), job->name));
        json_decref(whole);
        return definition;
}

static json_t *print_active(const struct control *c, const char *name)
{
        json_t *list = json_array();
        const struct run_info *r;

        for (size_t i = 0; list && i < RUNS_SHOWN && (r = engine_job_run(c->ctx.engine, name, i)); i++)
                if (json_array_append_new(list, print_run(c, r)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static void send_job(struct call *call, const char *name, const struct run_info *last)
{
        struct control *c = call->c;
        struct job_view v;
        json_t *o;
        bool read;

        if (!find_job(call, name, &v))
                return;
        read = v.job && HAS_RIGHT(peer_rights_view(call->conn, &v), RIGHT_READ);
        o = print_job(c, &v, last && last->id > 0 ? print_run(c, last) : NULL);
        if (!o || json_object_set_new(o, "definition", read ? print_definition(v.job) : json_null()) < 0 ||
            json_object_set_new(o, "origins", v.job ? print_origins(v.job) : json_null()) < 0 ||
            json_object_set_new(o, "watermark", print_time(c, v.state.watermark)) < 0 ||
            json_object_set_new(o, "epoch", json_integer(v.state.epoch)) < 0 ||
            json_object_set_new(o, "runs_active", print_active(c, v.name)) < 0) {
                json_decref(o);
                o = NULL;
        }
        call_result_json(call, json_pack("{s:o}", "job", o));
}

static void on_show_last(void *arg, struct run_list *list, const struct error *err)
{
        struct call *call = arg;

        if (!call_gone(call)) {
                if (err)
                        call_error(call, err->code, "%s", err->message);
                else
                        send_job(call, call_string(call, "job"), list && list->n > 0 ? &list->v[0] : NULL);
        }
        if (list)
                run_list_free(list);
        call_unref(call);
}

void cmd_job_show(struct call *call)
{
        const char *name = call_string(call, "job");
        struct job_view v;

        if (!find_job(call, name, &v))
                return;
        call_set_kind(call, CALL_PAGE);
        if (store_query_last(call->c->ctx.store, &name, 1, on_show_last, call_ref(call)) < 0) {
                call_error_memory(call);
                call_unref(call);
        }
}

/* ---- cat: the version of the file that is in force, as the store keeps it.  The file may hold other jobs, too, so it
 * is for the owner and for admins, not for everybody whom one of its jobs runs as. */

struct cat {
        char *path;
        bool stale;
};

static void cat_free(void *data)
{
        struct cat *cat = data;

        free(cat->path);
        free(cat);
}

static void on_text(void *arg, const char *text, size_t size)
{
        struct call *call = arg;
        const struct cat *cat = call->data;
        struct text t = { 0 };

        if (!call_gone(call)) {
                if (!text)
                        call_error(call, ERROR_UNAVAILABLE, "the text of %.300s is not in the state yet", cat->path);
                else {
                        text_puts(&t, "{\"path\":");
                        text_json_string(&t, cat->path, strlen(cat->path));
                        text_puts(&t, ",\"text\":");
                        text_json_string(&t, text, size);
                        text_printf(&t, ",\"stale\":%s}", cat->stale ? "true" : "false");
                        call_result(call, &t);
                }
        }
        call_unref(call);
}

static bool file_is_stale(const struct folder *folder, const char *path)
{
        size_t lo = 0, hi = folder_files(folder);

        while (lo < hi) {
                size_t mid = lo + (hi - lo) / 2;
                struct folder_file f;
                int order;

                if (!folder_file_at(folder, mid, &f))
                        return false;
                order = strcmp(f.path, path);
                if (order == 0)
                        return f.state == FOLDER_FILE_STALE;
                if (order < 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return false;
}

void cmd_job_cat(struct call *call)
{
        const char *name = call_string(call, "job");
        struct job_view v;
        struct cat *cat;

        if (!find_job(call, name, &v))
                return;
        if (!peer_owns(call->conn, v.job)) {
                call_error(call, ERROR_DENIED, "the file of %.200s is its owner's and the admins' to read", name);
                return;
        }
        if (!v.job || !v.job->source) {
                call_error(call, ERROR_NOT_FOUND, "%.200s has no file any more", name);
                return;
        }
        cat = calloc(1, sizeof(*cat));
        if (!cat || !(cat->path = job_source_path(v.job->source))) {
                free(cat);
                call_error_memory(call);
                return;
        }
        cat->stale = file_is_stale(call->c->ctx.folder, cat->path);
        call->data = cat;
        call->free_data = cat_free;
        call_set_kind(call, CALL_PAGE);
        if (store_query_file(call->c->ctx.store, cat->path, on_text, call_ref(call)) < 0) {
                call_error_memory(call);
                call_unref(call);
        }
}
