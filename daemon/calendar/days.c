/* Sets of days, and what `exclude` says about one: see days.h. */
#include "calendar/days.h"

#include <stdlib.h>
#include <string.h>

#include "calendar/civil.h"
#include "calendar/match.h"

#define HOUR_FULL ((UINT64_C(1) << 60) - 1)

static uint64_t mix(uint64_t h, uint64_t v)
{
        h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
        return h ^ h >> 32;
}

static int compare_ranges(const void *a, const void *b)
{
        const struct day_range *x = a, *y = b;

        return x->first != y->first ? (x->first < y->first ? -1 : 1) : (x->last > y->last) - (x->last < y->last);
}

struct dayset *dayset_new(struct day_range *v, size_t n)
{
        struct dayset *set;
        uint32_t k = 0;

        if (n > 1)
                qsort(v, n, sizeof(*v), compare_ranges);
        set = n < UINT32_MAX ? malloc(sizeof(*set) + n * sizeof(*v)) : NULL;
        if (!set)
                return NULL;
        set->refs = 1;
        set->digest = UINT64_C(0x27d4eb2f165667c5);
        for (size_t i = 0; i < n; i++) {
                if (v[i].last < v[i].first)
                        continue;
                if (k > 0 && v[i].first <= (int64_t)set->v[k - 1].last + 1)
                        set->v[k - 1].last = MAX(set->v[k - 1].last, v[i].last);
                else
                        set->v[k++] = v[i];
        }
        set->n = k;
        for (uint32_t i = 0; i < k; i++)
                set->digest = mix(set->digest, (uint32_t)set->v[i].first | (uint64_t)(uint32_t)set->v[i].last << 32);
        return set;
}

struct dayset *dayset_ref(struct dayset *set)
{
        set->refs++;
        return set;
}

struct dayset *dayset_unref(struct dayset *set)
{
        if (set && --set->refs == 0)
                free(set);
        return NULL;
}

bool dayset_has(const struct dayset *set, int64_t day)
{
        uint32_t lo = 0, hi = set->n;

        while (lo < hi) {
                uint32_t mid = lo + (hi - lo) / 2;

                if (set->v[mid].last < day)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo < set->n && set->v[lo].first <= day;
}

static bool whole_day(const struct exclude *e, int64_t day)
{
        return e->kind == EXCLUDE_DATES ? day >= e->dates.first && day <= e->dates.last :
                                          e->kind == EXCLUDE_CALENDAR && e->set && dayset_has(e->set, day);
}

enum days_part days_excluded(const struct schedule_days *x, int64_t day, struct day_minutes *ret)
{
        uint64_t all = HOUR_FULL;
        bool some = false;

        for (uint32_t i = 0; i < x->n; i++)
                if (whole_day(&x->v[i], day)) {
                        for (unsigned h = 0; h < 24; h++)
                                ret->hour[h] = HOUR_FULL;
                        return DAYS_ALL_MINUTES;
                }
        memset(ret, 0, sizeof(*ret));
        for (uint32_t i = 0; i < x->n; i++) {
                const struct calendar *c = &x->v[i].expression;

                if (x->v[i].kind != EXCLUDE_EXPRESSION || !match_day(c, day))
                        continue;
                some = true;
                for (uint32_t hours = c->hour; hours; hours &= hours - 1)
                        ret->hour[__builtin_ctz(hours)] |= c->minute;
        }
        if (!some)
                return DAYS_NO_MINUTE;
        for (unsigned h = 0; h < 24; h++)
                all &= ret->hour[h];
        return all == HOUR_FULL ? DAYS_ALL_MINUTES : DAYS_SOME_MINUTES;
}

const struct exclude *days_excluded_by(const struct schedule_days *x, int64_t local)
{
        int64_t day = floor_div(local, SEC_PER_DAY), tod = local - day * SEC_PER_DAY;

        for (uint32_t i = 0; i < x->n; i++) {
                const struct calendar *c = &x->v[i].expression;

                if (whole_day(&x->v[i], day) ||
                    (x->v[i].kind == EXCLUDE_EXPRESSION && c->hour >> (tod / 3600) & 1 &&
                     c->minute >> (tod / 60 % 60) & 1 && match_day(c, day)))
                        return &x->v[i];
        }
        return NULL;
}
