/* Scalars by type: what the text of a value means. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "calendar/timeparse.h"
#include "jobfile/diag.h"
#include "jobfile/reading.h"

static const struct {
        const char *name;
        uint8_t number;
} signals[] = {
        { "HUP", SIGHUP },       { "INT", SIGINT },   { "QUIT", SIGQUIT },   { "ILL", SIGILL },   { "TRAP", SIGTRAP },
        { "ABRT", SIGABRT },     { "BUS", SIGBUS },   { "FPE", SIGFPE },     { "KILL", SIGKILL }, { "USR1", SIGUSR1 },
        { "SEGV", SIGSEGV },     { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE },   { "ALRM", SIGALRM }, { "TERM", SIGTERM },
        { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD }, { "CONT", SIGCONT },   { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
        { "TTIN", SIGTTIN },     { "TTOU", SIGTTOU }, { "URG", SIGURG },     { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
        { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH }, { "IO", SIGIO },     { "PWR", SIGPWR },
        { "SYS", SIGSYS },
};

const char *signal_text(unsigned number)
{
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                if (signals[i].number == number)
                        return signals[i].name;
        return NULL;
}

/* What is being judged, so that the refusals below are one line each. */
struct judged {
        struct reading *r;
        const char *path;
        const struct key *key;
        const struct node *node;
};

static bool refuse(const struct judged *j, const char *hint)
{
        char clipped[CLIP_SIZE], words[160] = "", expected[256];
        size_t n = 0, size;
        const char *w;

        for (unsigned i = 0; (w = choice_at(j->key->choices, i, &size)); i++)
                n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%.*s", i ? ", " : "", (int)size, w);
        (void)snprintf(expected, sizeof(expected), "%s%s%s", n ? "one of " : key_type_text(j->key->type), words,
                       j->key->flags & KEY_UNLIMITED ? ", or unlimited" : "");
        complain(j->r, j->node, j->path, hint, "expected %s, found `%s`%s", expected, clip(j->node->text, clipped),
                 j->node->style == STYLE_PLAIN ? "" : " in quotes");
        return false;
}

static const char *print_bound(enum key_type type, int64_t v, char buf[64])
{
        if (type == KEY_DURATION || type == KEY_SECONDS)
                (void)duration_print(v, buf, 64);
        else if (type == KEY_DECIMAL)
                (void)snprintf(buf, 64, "%lld", (long long)v / 1000);
        else
                (void)snprintf(buf, 64, "%lld", (long long)v);
        return buf;
}

static bool in_bounds(const struct judged *j, int64_t v)
{
        char clipped[CLIP_SIZE], low[64], high[64];
        const char *text = clip(j->node->text, clipped);

        if (v >= j->key->min && v <= j->key->max)
                return true;
        if (v < j->key->min && j->key->min == 1 && j->key->type != KEY_NUMBER)
                complain(j->r, j->node, j->path, j->key->flags & KEY_UNLIMITED ? "write `unlimited` to lift it" : NULL,
                         "`%s` is too little: it must be more than nothing", text);
        else
                complain(j->r, j->node, j->path,
                         v < 1 && j->key->flags & KEY_UNLIMITED ? "write `unlimited` to lift it" : NULL,
                         "`%s` is out of range: from %s to %s", text, print_bound(j->key->type, j->key->min, low),
                         print_bound(j->key->type, j->key->max, high));
        return false;
}

/* Digits alone; -ERANGE when over 18 of them. */
static int digits(const char *t, size_t n, int64_t *ret)
{
        int64_t v = 0;

        if (n == 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                if (!isdigit((unsigned char)t[i]))
                        return -EINVAL;
                if (i < 18)
                        v = v * 10 + (t[i] - '0');
        }
        *ret = n > 18 ? INT64_MAX / 2 : v;
        return 0;
}

static bool number(const struct judged *j, int64_t *ret)
{
        const char *t = j->node->text;
        bool minus = *t == '-';
        int64_t v;

        t += minus;
        if (digits(t, strlen(t), &v) < 0)
                return refuse(j, NULL);
        if (t[0] == '0' && t[1])
                return refuse(j, "without leading zeros");
        *ret = minus ? -v : v;
        return in_bounds(j, *ret);
}

/* In thousandths. */
static bool decimal(const struct judged *j, int64_t *ret)
{
        const char *t = j->node->text, *dot = strchr(t, '.');
        size_t n = dot ? (size_t)(dot - t) : strlen(t), after = dot ? strlen(dot + 1) : 0;
        int64_t whole, part = 0;

        if (digits(t, n, &whole) < 0 || n > 9 || (t[0] == '0' && n > 1) || (dot && digits(dot + 1, after, &part) < 0))
                return refuse(j, NULL);
        if (after > 3)
                return refuse(j, "at most three decimals");
        for (; after > 0 && after < 3; after++)
                part *= 10;
        *ret = whole * 1000 + part;
        return in_bounds(j, *ret);
}

static bool duration(const struct judged *j, int64_t *ret)
{
        const char *why = NULL;
        int r = duration_parse(j->node->text, ret, &why);

        if (r < 0)
                return refuse(j, why);
        if (j->key->type == KEY_SECONDS && *ret % USEC_PER_SEC != 0)
                return refuse(j, NULL);
        return in_bounds(j, *ret);
}

static bool size(const struct judged *j, int64_t *ret)
{
        const char *t = j->node->text, *unit = t + strspn(t, "0123456789");
        static const char units[] = "KMGT";
        const char *u;
        int64_t v, factor = 1;
        char hint[64];

        if (digits(t, (size_t)(unit - t), &v) < 0)
                return refuse(j, NULL);
        if (t[0] == '0' && unit > t + 1)
                return refuse(j, "without leading zeros");
        if (*unit) {
                u = strchr(units, toupper((unsigned char)*unit));
                if (u && toupper((unsigned char)unit[1]) == 'B') {
                        (void)snprintf(hint, sizeof(hint), "`%cB` means two things; write `%c` (1024-based)", *u, *u);
                        return refuse(j, hint);
                }
                if (!u || (unit[1] && !streq(unit + 1, "i")))
                        return refuse(j, "the units are K, M, G, T, also as Ki, Mi, Gi, Ti (1024-based)");
                if (*u != *unit) {
                        (void)snprintf(hint, sizeof(hint), "write `%c`", *u);
                        return refuse(j, hint);
                }
                factor = INT64_C(1) << (10 * (u - units + 1));
        }
        if (__builtin_mul_overflow(v, factor, ret))
                *ret = INT64_MAX;
        return in_bounds(j, *ret);
}

static bool boolean(const struct judged *j, int64_t *ret)
{
        const char *t = j->node->text;

        if (!streq(t, "true") && !streq(t, "false"))
                return refuse(j, NULL);
        *ret = streq(t, "true");
        return true;
}

static bool choice(const struct judged *j, int64_t *ret)
{
        char hint[HINT_SIZE];
        int i = choice_find(j->key->choices, j->node->text);

        if (i < 0)
                return refuse(j, choice_hint(j->key->choices, j->node->text, hint));
        *ret = i;
        return true;
}

static bool octal(const struct judged *j, int64_t *ret)
{
        const char *t = j->node->text;

        if (strlen(t) != 3 || strspn(t, "01234567") != 3)
                return refuse(j, NULL);
        *ret = (t[0] - '0') << 6 | (t[1] - '0') << 3 | (t[2] - '0');
        return true;
}

static bool signal_number(const struct judged *j, int64_t *ret)
{
        const char *t = j->node->text;
        char hint[64];

        t += strncasecmp(t, "SIG", 3) == 0 ? 3 : 0;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                bool number_of_it = atoi(t) == signals[i].number && isdigit((unsigned char)*t);

                if (strcasecmp(signals[i].name, t) != 0 && !number_of_it)
                        continue;
                if (number_of_it || !streq(signals[i].name, t) ||
                    (t > j->node->text && memcmp(j->node->text, "SIG", 3) != 0)) {
                        (void)snprintf(hint, sizeof(hint), "did you mean `%s`?", signals[i].name);
                        return refuse(j, hint);
                }
                *ret = signals[i].number;
                return true;
        }
        return refuse(j, NULL);
}

/* Numbers, durations, sizes and booleans are written plain; JSON has no other way to write a unit than in quotes. */
static bool may_be_quoted(const struct judged *j)
{
        enum key_type t = j->key->type;

        if (t == KEY_CHOICE || t == KEY_UMASK || t == KEY_SIGNAL)
                return true;
        if (!j->r->json || j->node->style != STYLE_DOUBLE)
                return false;
        return (t == KEY_DURATION || t == KEY_SECONDS || t == KEY_SIZE || t == KEY_NUMBER) &&
               j->node->text[strspn(j->node->text, "-.0123456789")] != 0;
}

static bool (*const readers[KEY_TYPE_NR])(const struct judged *j, int64_t *ret) = {
        [KEY_NUMBER] = number,        [KEY_RETRY] = number,     [KEY_DECIMAL] = decimal,
        [KEY_DURATION] = duration,    [KEY_SECONDS] = duration, [KEY_SIZE] = size,
        [KEY_BOOLEAN] = boolean,      [KEY_CHOICE] = choice,    [KEY_UMASK] = octal,
        [KEY_SIGNAL] = signal_number,
};

bool read_value(struct reading *r, const char *path, const struct key *k, const struct node *n, int64_t *ret)
{
        struct judged j = { r, path, k, n };

        if (n->kind != NODE_SCALAR || n->size == 0) {
                if (n->kind == NODE_BROKEN)
                        return false;
                complain(r, n, path, NULL, "expected %s, found %s", key_type_text(k->type),
                         n->kind == NODE_LIST      ? "a list"
                         : n->kind == NODE_MAP     ? "a map"
                         : n->style == STYLE_PLAIN ? "nothing at all"
                                                   : "an empty text");
                return false;
        }
        if (n->style != STYLE_PLAIN && !may_be_quoted(&j))
                return refuse(&j, "without quotes");
        if ((k->flags & KEY_UNLIMITED) && streq(n->text, "unlimited")) {
                *ret = INT64_MAX;
                return true;
        }
        return k->type < KEY_TYPE_NR && readers[k->type] ? readers[k->type](&j, ret) : refuse(&j, NULL);
}

const char *name_wrong(const char *name)
{
        size_t n = strlen(name);
        bool digits_alone = true;

        for (const char *p = name; *p; p++) {
                if (!isalnum((unsigned char)*p) && !(p > name && strchr("._-", *p)))
                        return "a name is made of letters, digits, `.`, `_` and `-`, and begins with a letter or a digit";
                digits_alone = digits_alone && isdigit((unsigned char)*p);
        }
        if (n == 0)
                return "a name can't be empty";
        if (n > 64)
                return "a name has at most 64 characters";
        return digits_alone ? "a name can't be of digits alone" : NULL;
}

/* A path, perhaps after a `-`; `*ret` is what was written. */
static bool path_good(struct reading *r, const char *key, const struct node *n, bool dash, const char **ret)
{
        const char *t = read_line(r, key, n, key_type_text(KEY_PATH)), *p;
        char clipped[CLIP_SIZE];

        if (!t)
                return false;
        p = t + (dash && *t == '-');
        if (*p != '/')
                complain(r, n, key, *p == '~' ? "`~` is not expanded: write the folder" : "write it from the root: /…",
                         "expected %s, found `%s`", key_type_text(KEY_PATH), clip(p, clipped));
        else if (strlen(p) > 4095 || strchr(p, '\n'))
                complain(r, n, key, NULL, "a path is one line of at most 4095 bytes");
        else
                *ret = t;
        return *p == '/' && strlen(p) <= 4095 && !strchr(p, '\n');
}

const char *read_path(struct reading *r, const char *key, const struct node *n)
{
        const char *t;

        return path_good(r, key, n, false, &t) ? t : NULL;
}

char **read_paths(struct reading *r, const char *key, const struct node *n, bool dash)
{
        size_t count = n->kind == NODE_LIST ? n->size : 1, got = 0;
        const char *t;
        char **v;

        if (n->kind != NODE_LIST && n->kind != NODE_SCALAR) {
                if (n->kind != NODE_BROKEN)
                        complain(r, n, key, NULL, "expected %s, found a map", key_type_text(KEY_PATHS));
                return NULL;
        }
        if (count == 0) {
                complain(r, n, key, NULL, "the list is empty");
                return NULL;
        }
        v = arena_alloc(&r->arena, (count + 1) * sizeof(*v));
        if (!v) {
                r->oom = true;
                return NULL;
        }
        for (const struct node *i = n->kind == NODE_LIST ? n->first : n; i; i = n->kind == NODE_LIST ? i->next : NULL)
                if (path_good(r, key, i, dash, &t))
                        v[got++] = (char *)t;
        return got == count ? v : NULL;
}

const char *read_zone(struct reading *r, const char *key, const struct node *n)
{
        const char *t = read_line(r, key, n, key_type_text(KEY_ZONE));
        char clipped[CLIP_SIZE];

        if (!t)
                return NULL;
        for (const char *p = t; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("_+-/", *p))
                        goto wrong;
        if (*t != '/' && !strstr(t, "//") && t[strlen(t) - 1] != '/' && strlen(t) < 256)
                return t;
wrong:
        complain(r, n, key, NULL, "expected %s, found `%s`", key_type_text(KEY_ZONE), clip(t, clipped));
        return NULL;
}

const char *read_user(struct reading *r, const char *key, const struct node *n)
{
        const char *t = read_line(r, key, n, "a name");
        size_t size;

        if (!t)
                return NULL;
        size = strlen(t);
        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char)t[i];
                bool fine = isalnum(c) || c == '_' || c >= 0x80 ||
                            (i > 0 && (strchr(".@\\-", c) || (c == '$' && i + 1 == size)));

                if (!fine || size > 255) {
                        char clipped[CLIP_SIZE];

                        complain(r, n, key, NULL, "`%s` can't be a name of one", clip(t, clipped));
                        return NULL;
                }
        }
        return t;
}
