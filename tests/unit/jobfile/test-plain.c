/* What is read without libyaml (jobfile/plain.h) comes out as if libyaml had read it: the files of the corpus, texts made
 * for it, and some 100,000 that differ from those in a character or a line.  And it is read without: or nothing is gained. */
#include <glob.h>
#include <string.h>

#include "jobfile/plain.h"
#include "jobfile/prescan.h"

#include "../../lib/tap.h"
#include "zone.h"

static bool same(const struct node *a, const struct node *b)
{
        for (; a && b; a = a->next, b = b->next) {
                if (a->kind != b->kind || a->line != b->line || a->column != b->column || a->size != b->size ||
                    a->style != b->style || a->flow != b->flow)
                        return false;
                if (a->kind == NODE_SCALAR && (memcmp(a->text, b->text, a->size) != 0 || a->text[a->size]))
                        return false;
                if (!same(a->first, b->first))
                        return false;
        }
        return !a && !b;
}

static unsigned n_plain, n_texts;

/* 1: taken and right; 0: left to libyaml; -1: wrong. */
static int compare(const char *text, size_t size)
{
        struct arena plain = { 0 }, slow = { 0 };
        struct diagnostics errors = { 0 };
        const struct node *root = NULL;
        struct tree tree = { 0 };
        const char *scanned = text;
        size_t n = size;
        int r = prescan(&scanned, &n, &plain, &errors);

        n_texts++;
        if (r == 0)
                r = errors.n > 0 ? 0 : plain_read(scanned, n, &plain, &root);
        if (r == 1 && (tree_read_events(text, size, &slow, &errors, &tree) < 0 || errors.n > 0 || tree.partial ||
                       !same(root, tree.root)))
                r = -1;
        n_plain += r == 1;
        diagnostics_done(&errors);
        arena_done(&plain);
        arena_done(&slow);
        return r;
}

/* Each is of the kind that is taken. */
static const char *const taken[] = {
        "jobs:\n  a:\n    command: true\n",
        "jobs:\n  a:\n    command: true",
        "# a comment\n\n  # another\njobs: # here too\n  a:   # and here\n\n    schedule: \"* * * * *\" # every minute\n    command: x y # z\n\n# end",
        "jobs:\n    a:\n      command: [/bin/true, --flag, \"value 1\", 'x', 3]\n    b:\n      command: y\ndefaults:\n  timeout: 1h\n",
        "jobs:\n  a:\n    command: echo a#b c:d -x --y ? \"q\" 'q' {x} [y] & * | > % @ ` ! ,\n    labels: {team: batch, often: nightly}\n    env: {}\n    x: []\n",
        "jobs:\n  a:\n    schedule:\n      - 0 1 * * *\n      - \"0 2 * * *\"\n      - '@daily'\n    env_file:\n    - /etc/a\n    - -/etc/b\n    command: z\n",
        "jobs:\n  a:\n    retry: {limit: 3, exit_codes: [1, 2, {a: [b]}], reasons: [exit]}\n    command: ''\n    b: \"\"\n",
        "jobs:\n  a:\n    command: [a]   # c\n    b:   c   \n    d: e:f://g\n",
        "$schema: https://example.org/x.json\njobs:\n  0.a-b_c: {command: x}\n",
        "a:\n  b:\n    c:\n      d:\n        e: f\n  g: h\ni: j\n",
        "jobs:\n  job-000007:\n    description: nightly copy of the thing number 7\n    schedule: \"7 0 1 1 *\"\n    timezone: Europe/Berlin\n"
        "    command: [/bin/true, --flag, \"value 7\"]\n    env:\n      LANG: C.UTF-8\n    retry:\n      limit: 3\n      delay: 10s\n    labels: {team: batch}\n",
        "# \xc3\xa4 and a\ttab\na: b # \xe2\x82\xac\n",
        "a: ~\nb: null\nc: <<\nd: =\ne: \\n\nf: '\\n'\ng: +1\nh: .5\ni: /x\nj: (y)\nk: ^z\nl: ;\n",
};

/* Each has something that only libyaml judges. */
static const char *const left[] = {
        "", "\n", "# only\n", " a: b\n", "a:\n", "a:\nb: c\n", "a: b\n  c\n", "a: \"b\n  c\"\n", "a: 'it''s'\n", "a: \"\\n\"\n", "a: |\n  b\n",
        "a: >\n  b\n", "a: &x b\n", "a: *x\n", "a: !t b\n", "a: - b\n", "a: b: c\n", "a: b:\n", "a:b\n", "a: [b,c]\n", "a: [b, c,]\n", "a: [b, c, ]\n",
        "a: [b\n  , c]\n", "a: {b}\n", "a: {b: }\n", "a: {b: c d: e}\n", "a: [b: c]\n", "- a\n", "a\n", "---\na: b\n", "a: b\n---\nc: d\n", "a: b\n...\n", "%YAML 1.1\n---\na: b\n",
        "a:\tb\n", "\ta: b\n", "a: b\tc\n", "a:\n  - b\n c: d\n", "a:\n    b: c\n  d: e\n", "a:\n  - b: c\n", "a:\n  - - b\n", "a:\n  -\n    b\n", "? a\n: b\n",
        "a: \xc3\xa4\n", "\"a\": b\n", "a b: c\n", "a: [b] c\n", "a: \"b\" c\n", "a: \"b\"#c\n", "a: b\r\n", "a: [b #c\n]\n", "a: %b\n", "a: @b\n", "a: `b\n", "a: ? b\n",
        "a: , b\n", "a: ]\n", "{a: b}\n", "\"\": x", "<<: x\n\"", "a: [- b]\n", "a: [b - c: d]\n", "a: #b\n", "a: b\n\x01", "a: \"b\n", "a: [b\n", "a:\n  b: c\n\td: e\n",
};

static void test_rows(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
                ok(compare(taken[i], strlen(taken[i])) == 1, "text %zu of those taken", i + 1);
        for (size_t i = 0; i < ARRAY_SIZE(left); i++)
                ok(compare(left[i], strlen(left[i])) == 0, "text %zu of those left to libyaml", i + 1);
}

static void test_deep(void)
{
        char text[4096];
        bool good = true;
        int last = 0;

        for (unsigned depth = 1; depth < 40; depth++) {
                size_t n = 0;

                for (unsigned i = 0; i < depth; i++)
                        n += (size_t)snprintf(text + n, sizeof(text) - n, "%*sk:\n", (int)i, "");
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%*sk: v\n", (int)depth, "");
                good = good && (last = compare(text, n)) >= 0;
        }
        ok(good && last == 0, "as deep as may be, and deeper");
        memset(text, 'x', sizeof(text));
        text[2000] = ':';
        text[2001] = ' ';
        ok(compare(text, sizeof(text)) == 0, "a key that is too long");
        text[2000] = 'x';
        text[0] = 'a';
        text[1] = ':';
        text[2] = ' ';
        ok(compare(text, sizeof(text)) == 1, "a text that is longer than keys may be");
}

/* xorshift64* */
static uint64_t random_state = 88172645463325252;

static unsigned pick(unsigned n)
{
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return (unsigned)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* Changes a character, takes some away, or puts some in. */
static size_t change(char *text, size_t size, size_t max)
{
        static const char *const bits[] = { " ", "  ", "\n", ":", ": ", "- ", "\n- ", "\n  - ", "#", " #", "[", "]", "{", "}", ",", ", ", "'", "\"", "\\", "|", ">", "&a ", "*a", "!",
                                            "%", "@", "`", "?", "? ", "~", "\t", "\r\n", "\xc3\xa4", "\xc2\xa0", "a", "a: b", "\na: b\n", "---\n", "\n---\n", "...", "-", "--", "0", "<<: ", "=", ".", "$" };
        const char *bit = bits[pick(ARRAY_SIZE(bits))];
        size_t at = pick((unsigned)size + 1), n = strlen(bit), gone;

        switch (pick(4)) {
        case 0:
                gone = pick(4) + 1;
                gone = MIN(gone, size - at);
                memmove(text + at, text + at + gone, size - at - gone);
                return size - gone;
        case 1: /* a line's indent */
                while (at > 0 && text[at - 1] != '\n')
                        at--;
                bit = "  ";
                n = 1 + pick(2);
                break;
        default:
                break;
        }
        if (size + n > max)
                return size;
        memmove(text + at + n, text + at, size - at);
        memcpy(text + at, bit, n);
        return size + n;
}

static void mutate(const char *name, const char *text, size_t size, unsigned times)
{
        char *copy = malloc(size + 64);
        bool good = copy;

        for (unsigned i = 0; good && i < times; i++) {
                size_t n = size;

                memcpy(copy, text, size);
                for (unsigned k = pick(3) + 1; k > 0; k--)
                        n = change(copy, n, size + 64);
                if (compare(copy, n) < 0) {
                        good = false;
                        diag("of %s, this: <<%.*s>>", name, (int)n, copy);
                }
        }
        ok(good, "%s, changed %u times", name, times);
        free(copy);
}

static void test_files(const char *pattern, bool is_good)
{
        const char *top = getenv("top_srcdir") ?: ".";
        char path[4096];
        unsigned n_taken = 0, n = 0;
        bool good = true;
        glob_t g;

        (void)snprintf(path, sizeof(path), "%s/tests/data/jobfiles/%s", top, pattern);
        if (glob(path, 0, NULL, &g) != 0) {
                ok(false, "no files like %s", path);
                return;
        }
        for (size_t i = 0; i < g.gl_pathc; i++) {
                char *text;
                size_t size;
                int r;

                test_read_file(g.gl_pathv[i], &text, &size);
                if (!text)
                        continue;
                n++;
                r = compare(text, size);
                if (r < 0) {
                        good = false;
                        diag("%s", g.gl_pathv[i]);
                }
                n_taken += r == 1;
                if (size < 10000)
                        mutate(strrchr(g.gl_pathv[i], '/') + 1, text, size, 300);
                free(text);
        }
        ok(good && (!is_good || n_taken >= n / 2), "%s: %u files, %u of them read without libyaml", pattern, n, n_taken);
        globfree(&g);
}

/* `test-plain 100`: a hundred times as many changes, for a night. */
int main(int argc, char **argv)
{
        unsigned factor = argc > 1 ? (unsigned)atoi(argv[1]) : 1;

        test_rows();
        test_deep();
        for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
                mutate("a text", taken[i], strlen(taken[i]), 6000 * factor);
        test_files("good/*.yaml", true);
        test_files("bad/*.yaml", false);
        ok(n_plain > n_texts / 10, "%u texts compared, %u read without libyaml", n_texts, n_plain);
        return tap_done();
}
