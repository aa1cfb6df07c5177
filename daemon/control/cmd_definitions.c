/* job.definitions: what is in force, a page of a few jobs at a time. */
#include "base/util.h"
#include "control/private.h"

#define DEFINITIONS_PAGE 100 /* jobs printed: about a millisecond */

static void put_digest(struct text *t, const uint8_t digest[32])
{
        text_puts(t, ",\"digest\":\"");
        for (size_t i = 0; i < 32; i++)
                text_printf(t, "%02x", digest[i]);
        text_puts(t, "\"");
}

/* The definition is a job file of this one job. */
static bool put_definition(struct call *call, struct text *t, const struct job_view *v)
{
        _cleanup_(freep) char *definition = NULL;
        _cleanup_(freep) char *path = v->job->source ? job_source_path(v->job->source) : NULL;
        bool read = HAS_RIGHT(peer_rights_view(call->conn, v), RIGHT_READ);

        if (read && !(definition = job_print(v->job)))
                return false;
        text_puts(t, "{\"name\":");
        text_json_string(t, v->name, strlen(v->name));
        text_printf(t, ",\"line\":%u,\"file\":", v->job->line);
        if (path)
                text_json_string(t, path, strlen(path));
        else
                text_puts(t, "null");
        if (read)
                put_digest(t, v->job->digest);
        else
                text_puts(t, ",\"digest\":null");
        text_puts(t, ",\"definition\":");
        text_puts(t, definition ? definition : "null");
        text_puts(t, "}");
        return true;
}

void cmd_job_definitions(struct call *call)
{
        struct engine *e = call->c->ctx.engine;
        const char *cursor = call_string(call, "cursor");
        size_t limit = MIN(call_limit(call, DEFINITIONS_PAGE), (size_t)DEFINITIONS_PAGE);
        size_t i = cursor ? engine_job_lower_bound(e, cursor) : 0, given = 0;
        struct job_view v = { .name = NULL };
        struct text t = { 0 };
        bool more = false;

        call_set_kind(call, CALL_PAGE);
        text_puts(&t, "{\"jobs\":[");
        for (; (more = engine_job_at(e, i, &v)) && given < limit && t.size < PAGE_BYTES; i++) {
                if ((cursor && streq(cursor, v.name)) || !HAS_RIGHT(peer_rights_view(call->conn, &v), RIGHT_SEE))
                        continue;
                text_puts(&t, given++ > 0 ? "," : "");
                if (!put_definition(call, &t, &v)) {
                        text_done(&t);
                        call_error_memory(call);
                        return;
                }
        }
        text_puts(&t, "],\"cursor\":");
        if (more && i > 0 && engine_job_at(e, i - 1, &v))
                text_json_string(&t, v.name, strlen(v.name));
        else
                text_puts(&t, "null");
        text_puts(&t, "}");
        call_result(call, &t);
}
