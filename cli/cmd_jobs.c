/* jobctl pause, resume, enable, disable, reload: what changes jobs. */
#include <stdio.h>

#include "listing.h"
#include "tbl/commands.h"

/* Calls `method` for the jobs of the words, at most as many at a time as a request may hold. */
static int act(struct cli *c, const char *method, const json_t *params, const char *verb, const char *done)
{
        _cleanup_(json_decrefp) json_t *names = NULL, *doc = json_object();
        json_t *jobs = json_array();
        bool durable = true;
        int r;

        json_object_set_new(doc, "jobs", jobs);
        r = find_jobs(c, &names);
        if (r != EXIT_OK)
                return r;
        if (json_array_size(names) > c->n_args && !ask(c, "%s %zu jobs?", verb, json_array_size(names)))
                return fail(c, EXIT_FAILED, "not confirmed, nothing was changed");
        for (size_t from = 0; from < json_array_size(names); from += PARAM_LIST_MAX) {
                _cleanup_(json_decrefp) json_t *answer = NULL;
                json_t *asked = json_copy((json_t *)params), *some = json_array();

                for (size_t i = from; i < MIN(json_array_size(names), from + PARAM_LIST_MAX); i++)
                        json_array_append(some, json_array_get(names, i));
                json_object_set_new(asked, "jobs", some);
                r = call_or_fail(c, method, asked, &answer);
                if (r != EXIT_OK)
                        return r;
                (void)json_array_extend(jobs, json_object_get(answer, "jobs"));
                if (json_is_false(json_object_get(answer, "durable")))
                        durable = false;
        }
        json_object_set_new(doc, "durable", json_boolean(durable));
        warn_not_durable(c, doc);
        if (print_object(c, doc))
                return EXIT_OK;
        if (c->format == OUTPUT_NAME)
                print_names(jobs);
        else
                for (size_t i = 0; i < json_array_size(jobs); i++)
                        say(c, "%s: %s", json_string_value(json_array_get(jobs, i)), done);
        return EXIT_OK;
}

int cmd_pause(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *params = json_object();
        int r;

        r = opt_time_param(c, OPT_UNTIL, false, params, "until");
        if (r != EXIT_OK)
                return r;
        if (opt_given(c, OPT_MESSAGE))
                json_object_set_new(params, "why", json_string(opt_value(c, OPT_MESSAGE)));
        if (opt_given(c, OPT_HOLD))
                json_object_set_new(params, "hold", json_true());
        return act(c, "job.pause", params, "Pause", "paused");
}

int cmd_resume(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *params = json_object();

        return act(c, "job.resume", params, "Resume", "resumed");
}

int cmd_enable(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *params = json_object();

        return act(c, "job.enable", params, "Enable", "enabled");
}

int cmd_disable(struct cli *c)
{
        _cleanup_(json_decrefp) json_t *params = json_object();

        return act(c, "job.disable", params, "Disable", "disabled");
}
