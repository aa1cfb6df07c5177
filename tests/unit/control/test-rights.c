/* Who may do what: uid and groups against method, with and without `access`.  Needs root for being somebody else. */
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/lib/tap.h"
#include "tests/unit/control/harness.h"

#define OWNER 61001  /* owns the file of `theirs` */
#define RUNS_AS 61002 /* `theirs` runs as it */
#define HELPER 61003  /* in a group that may act on `theirs` */
#define OTHER 61004
#define ADMIN 61005
#define HELPERS 61103
#define ADMINS 61105

static const char yaml[] = "jobs:\n  theirs: {command: \"true\", user: \"61002\", concurrency: allow, schedule: \"0 0 * * *\"}\n";
static const char root_yaml[] = "jobs:\n  roots: {command: \"true\", concurrency: allow}\n";

enum who { ROOT, AN_ADMIN, AN_OWNER, A_RUNS_AS, A_HELPER, AN_OTHER, WHO_NR };

static const struct {
        const char *name;
        uid_t uid;
        gid_t gid, group; /* the primary one, and a supplementary one */
} people[WHO_NR] = {
        { "root", 0, 0, 0 },
        { "an admin", ADMIN, 61000, ADMINS },
        { "the owner", OWNER, 61000, 61000 },
        { "whom it runs as", RUNS_AS, 61000, 61000 },
        { "a helper", HELPER, HELPERS, 61000 },
        { "another", OTHER, 61000, 61000 },
};

#define CALL(method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"

/* Run 1 is of `theirs`, run 2 of `roots`; both are history.  What each gets: "" is an answer. */
static const struct {
        const char *line;
        const char *want[WHO_NR];     /* everybody sees */
        const char *want_own[WHO_NR]; /* access.see: own */
} rows[] = {
        { CALL("system.version", ""), { "", "", "", "", "", "" }, { "", "", "", "", "", "" } },
        { CALL("system.status", ""), { "", "", "", "", "", "" }, { "", "", "", "", "", "" } },
        { CALL("job.show", "\"job\":\"theirs\""), { "", "", "", "", "", "" }, { "", "", "", "", "", "not_found" } },
        { CALL("job.show", "\"job\":\"roots\""),
          { "", "", "", "", "", "" },
          { "", "", "not_found", "not_found", "not_found", "not_found" } },
        { CALL("job.next", "\"jobs\":[\"theirs\"]"), { "", "", "", "", "", "" }, { "", "", "", "", "", "not_found" } },
        { CALL("why", "\"job\":\"theirs\""), { "", "", "", "", "", "" }, { "", "", "", "", "", "not_found" } },
        { CALL("why", "\"run\":1"), { "", "", "", "", "", "" }, { "", "", "", "", "", "not_found" } },
        { CALL("run.show", "\"run\":1"), { "", "", "", "", "", "" }, { "", "", "", "", "", "not_found" } },
        { CALL("run.wait", "\"runs\":[1]"), { "", "", "", "", "", "" }, { "", "", "", "", "", "not_found" } },
        { CALL("run.logs", "\"run\":1"), { "", "", "", "", "denied", "denied" }, { "", "", "", "", "denied", "not_found" } },
        { CALL("run.logs", "\"run\":2"),
          { "", "", "denied", "denied", "denied", "denied" },
          { "", "", "not_found", "not_found", "not_found", "not_found" } },
        { CALL("job.cat", "\"job\":\"theirs\""), { "", "", "", "denied", "denied", "denied" }, { "", "", "", "denied", "denied", "not_found" } },
        { CALL("job.run", "\"jobs\":[\"theirs\"]"), { "", "", "", "denied", "", "denied" }, { "", "", "", "denied", "", "not_found" } },
        { CALL("job.run", "\"jobs\":[\"roots\"]"),
          { "", "", "denied", "denied", "denied", "denied" },
          { "", "", "not_found", "not_found", "not_found", "not_found" } },
        { CALL("job.run", "\"jobs\":[\"theirs\"],\"force\":true"),
          { "", "", "denied", "denied", "denied", "denied" },
          { "", "", "denied", "denied", "denied", "denied" } },
        { CALL("job.backfill", "\"job\":\"theirs\",\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-01-02T00:00:00Z\""),
          { "", "", "", "denied", "", "denied" },
          { "", "", "", "denied", "", "not_found" } },
        { CALL("job.backfill", "\"job\":\"roots\",\"from\":\"2026-01-01T00:00:00Z\",\"dry_run\":true"),
          { "", "", "denied", "denied", "denied", "denied" },
          { "", "", "not_found", "not_found", "not_found", "not_found" } },
        { CALL("job.pause", "\"jobs\":[\"theirs\"]"), { "", "", "", "denied", "", "denied" }, { "", "", "", "denied", "", "not_found" } },
        { CALL("job.resume", "\"jobs\":[\"theirs\"]"), { "", "conflict", "conflict", "denied", "conflict", "denied" },
          { "conflict", "conflict", "conflict", "denied", "conflict", "not_found" } },
        { CALL("job.disable", "\"jobs\":[\"theirs\"]"), { "", "", "", "denied", "", "denied" }, { "", "", "", "denied", "", "not_found" } },
        { CALL("job.enable", "\"jobs\":[\"theirs\"]"), { "", "", "", "denied", "", "denied" }, { "", "", "", "denied", "", "not_found" } },
        { CALL("job.run", "\"jobs\":[\"*\"]"), { "", "", "", "not_found", "", "not_found" }, { "", "", "", "not_found", "", "not_found" } },
        { CALL("run.cancel", "\"runs\":[1]"),
          { "conflict", "conflict", "conflict", "denied", "conflict", "denied" },
          { "conflict", "conflict", "conflict", "denied", "conflict", "not_found" } },
        { CALL("run.cancel", "\"runs\":[99999]"),
          { "not_found", "not_found", "not_found", "not_found", "not_found", "not_found" },
          { "not_found", "not_found", "not_found", "not_found", "not_found", "not_found" } },
};

static int as(enum who w)
{
        return client_as(people[w].uid, people[w].gid, &people[w].group, 1);
}

static void put_history(uint64_t id, const char *job, const char *user)
{
        struct run_info r = { .id = id, .job = job, .user = user, .state = RUN_SUCCEEDED, .trigger = TRIGGER_MANUAL, .scheduled_at = WALL_NEVER,
                              .scheduled_until = WALL_NEVER, .created_at = WALL_SEC(1), .queued_at = WALL_SEC(1), .started_at = WALL_SEC(1),
                              .ended_at = WALL_SEC(2), .retry_at = WALL_NEVER, .start = 1, .attempt = 1, .by_uid = UINT32_MAX };

        harness_history(&r);
}

static void start(bool see_own)
{
        static char *groups[] = { (char *)"61103", (char *)"no-such-group-here", NULL };
        static struct access_job rule = { .name = (char *)"the*", .run = groups };

        harness_start();
        h.ctx.private_daemon = false;
        h.config.see_own = see_own;
        h.config.admin_group = strdup("61105");
        h.config.access_jobs = &rule;
        h.config.n_access_jobs = 1;
        harness_restart();
        h.config.access_jobs = NULL; /* borrowed: not the config's to free */
        h.config.n_access_jobs = 0;
        harness_jobs(root_yaml, "/etc/jobs.d/roots.yaml", 0);
        harness_jobs(yaml, "/etc/jobs.d/theirs.yaml", OWNER);
        /* Numbers that the engine of this test does not reach. */
        put_history(1, "theirs", "61002");
        put_history(2, "roots", NULL);
}

/* The runs that the table makes carry other numbers than its history. */
static void test_matrix(bool see_own)
{
        for (int w = 0; w < WHO_NR; w++)
                for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                        const char *want = see_own ? rows[i].want_own[w] : rows[i].want[w];
                        const char *got;
                        int fd;

                        start(see_own);
                        if (strstr(rows[i].line, "job.resume") && *want == '\0') {
                                int root = as(ROOT);

                                (void)ask_code(root, CALL("job.pause", "\"jobs\":[\"theirs\"]"));
                                close(root);
                        }
                        fd = as((enum who)w);
                        got = ask_code(fd, rows[i].line);
                        ok(streq(got, want), "%s%s: %s: `%s`", see_own ? "see: own, " : "", people[w].name, rows[i].line + 29, got);
                        close(fd);
                        harness_stop();
                }
}

/* What is seen, beside whether something is. */
static void test_content(void)
{
        json_t *v;
        int fd;

        start(true);
        fd = as(AN_OTHER);
        v = ask(fd, CALL("job.list", ""));
        ok(json_array_size(at(v, "result.jobs")) == 0, "see: own: another sees no jobs");
        json_decref(v);
        v = ask(fd, CALL("run.list", ""));
        ok(json_array_size(at(v, "result.runs")) == 0 && !at_string(v, "result.cursor"), "and no runs");
        json_decref(v);
        v = ask(fd, CALL("system.status", ""));
        ok(json_array_size(at(v, "result.files")) == 0, "and no files");
        json_decref(v);
        close(fd);
        fd = as(A_RUNS_AS);
        v = ask(fd, CALL("job.list", ""));
        ok(json_array_size(at(v, "result.jobs")) == 1, "whom it runs as sees that one");
        json_decref(v);
        v = ask(fd, CALL("run.list", ""));
        ok(json_array_size(at(v, "result.runs")) == 1 && json_integer_value(at(v, "result.runs.0.id")) == 1, "and its runs");
        json_decref(v);
        v = ask(fd, CALL("job.show", "\"job\":\"theirs\""));
        is_str(at_string(v, "result.job.definition.user"), "61002", "and its definition");
        json_decref(v);
        v = ask(fd, CALL("job.definitions", ""));
        ok(json_array_size(at(v, "result.jobs")) == 1, "and no other");
        is_str(at_string(v, "result.jobs.0.definition.jobs.theirs.user"), "61002", "… among all of them");
        json_decref(v);
        close(fd);
        harness_stop();

        start(false);
        fd = as(AN_OTHER);
        v = ask(fd, CALL("job.list", ""));
        ok(json_array_size(at(v, "result.jobs")) == 2, "another sees every job");
        json_decref(v);
        v = ask(fd, CALL("job.show", "\"job\":\"theirs\""));
        ok(json_is_null(at(v, "result.job.definition")) && json_is_array(at(v, "result.job.schedule")), "but no definition");
        json_decref(v);
        v = ask(fd, CALL("job.definitions", ""));
        ok(json_array_size(at(v, "result.jobs")) == 2 && json_is_null(at(v, "result.jobs.0.definition")) &&
                   json_is_null(at(v, "result.jobs.1.digest")),
           "also not among all of them");
        json_decref(v);
        v = ask(fd, CALL("run.show", "\"run\":1"));
        ok(json_is_null(at(v, "result.run.definition")), "nor that of a run");
        json_decref(v);
        v = ask(fd, CALL("system.status", ""));
        ok(json_is_null(at(v, "result.files.0.errors.0.key")) && !strstr(at_string(v, "result.files.0.errors.0.message"), "schedul"),
           "what is wrong in a file is not shown to it");
        json_decref(v);
        is_str(ask_code(fd, CALL("system.reload", "")), "denied", "reload is not for it");
        ok(h.reloads == 0, "and nothing happened");
        close(fd);
        harness_stop();
}

/* A socket keeps the identity of the moment at which it was connected. */
static void test_later(void)
{
        int fd;

        start(false);
        fd = as(AN_OTHER);
        settle();
        is_str(ask_code(fd, CALL("job.run", "\"jobs\":[\"roots\"]")), "denied", "connected as another, asked as root: still another");
        close(fd);
        harness_stop();
}

static void test_private(void)
{
        int fd;

        harness_start();
        harness_jobs(root_yaml, "/f", 0);
        h.ctx.own_uid = OWNER;
        control_update(h.control, &h.ctx);
        fd = as(AN_OWNER);
        is_str(ask_code(fd, CALL("job.run", "\"jobs\":[\"roots\"],\"force\":true")), "", "a private daemon's own uid may do everything");
        close(fd);
        fd = as(AN_OTHER);
        is_str(ask_code(fd, CALL("job.run", "\"jobs\":[\"roots\"]")), "denied", "others may not");
        close(fd);
        harness_stop();
}

/* A reload looks the groups up again. */
static void test_refresh(void)
{
        int fd;

        start(false);
        fd = as(AN_ADMIN);
        is_str(ask_code(fd, CALL("job.run", "\"jobs\":[\"roots\"]")), "", "an admin");
        free(h.config.admin_group);
        h.config.admin_group = strdup("61999");
        harness_reloaded();
        settle();
        is_str(ask_code(fd, CALL("job.run", "\"jobs\":[\"roots\"]")), "denied", "is none after the group was changed, also on an old connection");
        h.config.see_own = true;
        harness_reloaded();
        is_str(ask_code(fd, CALL("job.show", "\"job\":\"roots\"")), "not_found", "see: own holds at once");
        close(fd);
        harness_stop();
}

int main(void)
{
        if (geteuid() != 0) {
                tap_skip("rights of other users", "needs root");
                return tap_done();
        }
        test_matrix(false);
        test_matrix(true);
        test_content();
        test_later();
        test_private();
        test_refresh();
        return tap_done();
}
