/* split.c — divides samples between the parts, the same share of every class.
 *
 * The parts concerned are taken together, in the order of storage, and divided anew, so that the
 * outcome depends on the seed alone and not on what was divided before.  Within a class of n
 * samples each gets a rank 0 … n-1 in an order drawn from (seed, class); a rule on (class, rank, n)
 * says which part it goes to.  Every part keeps the order of storage. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/dataset.h"

/* Shares of every class, or folds; `test`: the test part is divided too. */
struct rule { double share[OC_PARTS]; int folds, fold; bool test; };

static oc_part choose(const struct rule *rule, int class, int64_t rank, int64_t n)
{
    if (rule->folds > 0)
        return (rank + class) % rule->folds == rule->fold ? OC_PART_VAL : OC_PART_TRAIN;
    const double val = rule->share[OC_PART_VAL], held = val + rule->share[OC_PART_TEST];
    return rank < llround(val * (double)n) ? OC_PART_VAL
           : rank < llround(held * (double)n) ? OC_PART_TEST : OC_PART_TRAIN;
}

/* What dividing needs for its time. */
struct scratch {
    int64_t  n;                                         /* samples in the parts concerned */
    bool    *concerned;                                 /* [samples] */
    int64_t *rank;                                      /* [n], of a class, class after class */
    int64_t *first, *size;                              /* [classes], in `rank` */
};

/* Which samples are concerned, how many of each class, and an order for each class. */
static void rank_classes(const oc_data *d, struct scratch *s, uint64_t seed)
{
    int64_t first = 0;
    for (int64_t i = 0; i < d->samples.n; i++)
        if (s->concerned[i])
            s->size[d->samples.label[i]]++;
    for (int class = 0; class < d->classes; class++) {
        s->first[class] = first;
        if (s->size[class] > 0)
            oc__permutation(oc__key(seed, (uint64_t)class), s->size[class], s->rank + first);
        first += s->size[class];
    }
}

static void divide(oc_data *d, struct scratch *s, const struct rule *rule)
{
    for (int p = 0; p < OC_PARTS; p++)
        if (p != OC_PART_TEST || rule->test)
            d->part[p].n = 0;
    for (int64_t i = 0; i < d->samples.n; i++) {
        if (!s->concerned[i])
            continue;
        const int     class = d->samples.label[i];
        const int64_t rank = s->rank[s->first[class]++];
        struct part  *part = &d->part[choose(rule, class, rank, s->size[class])];
        part->index[part->n++] = i;
    }
}

static oc_status make_scratch(const oc_data *d, const struct rule *rule, struct scratch *s)
{
    s->concerned = oc__alloc((size_t)d->samples.n, sizeof *s->concerned);
    if (s->concerned == NULL)
        return OC_ELIMIT;
    for (int p = 0; p < OC_PARTS; p++)
        if (p != OC_PART_TEST || rule->test)
            for (int64_t i = 0; i < d->part[p].n; i++, s->n++)
                s->concerned[d->part[p].index[i]] = true;
    s->rank = oc__alloc((size_t)s->n, sizeof *s->rank);
    s->first = oc__alloc((size_t)d->classes, sizeof *s->first);
    s->size = oc__alloc((size_t)d->classes, sizeof *s->size);
    return s->rank && s->first && s->size ? OC_OK : OC_ELIMIT;
}

/* A division that stands already is left alone: loaders of other trainings may be reading it. */
static bool stands(oc_data *d, const struct rule *rule, uint64_t seed)
{
    char text[160];
    snprintf(text, sizeof text, "%a %a %a %d %d %d %llx", rule->share[0], rule->share[1],
             rule->share[2], rule->folds, rule->fold, rule->test, (unsigned long long)seed);
    const uint64_t before = d->division;
    d->division = oc__hash(text);
    return d->division == before;
}

static oc_status divide_by(oc_data *d, const struct rule *rule, uint64_t seed)
{
    struct scratch  s = { 0 };
    if (stands(d, rule, seed))
        return OC_OK;
    const oc_status status = make_scratch(d, rule, &s);
    if (status == OC_OK) {
        rank_classes(d, &s, oc__key(seed, oc__hash("split")));
        divide(d, &s, rule);
        d->undivided = false;
    }
    oc__free(s.concerned);
    oc__free(s.rank);
    oc__free(s.first);
    oc__free(s.size);
    return status;
}

oc_status oc_data_split(oc_data *d, double fraction, uint64_t seed)
{
    if (!(fraction >= 0 && fraction < 1))
        return oc__fail(OC_EUSAGE, "validation: fraction %g: must be from 0 to below 1", fraction);
    return divide_by(d, &(struct rule){ .share[OC_PART_VAL] = fraction }, seed);
}

oc_status oc_data_folds(oc_data *d, int folds, int fold, uint64_t seed)
{
    if (folds < 2 || fold < 0 || fold >= folds)
        return oc__fail(OC_EUSAGE, "validation: fold %d of %d: from 0 to folds - 1, of at least 2",
                        fold, folds);
    return divide_by(d, &(struct rule){ .folds = folds, .fold = fold }, seed);
}

oc_status oc_data_gather(oc_data *d, oc_part part)
{
    struct rule rule = { .test = true };
    rule.share[part] = 1;
    return divide_by(d, &rule, 0);
}

/* Up to three numbers of at least 0 between commas; *n are how many. */
static bool read_shares(const char *text, double share[OC_PARTS], int *n)
{
    char number[ATTR_TEXT_MAX];
    for (*n = 0; *n < OC_PARTS; text++) {
        const size_t length = strcspn(text, ",");
        snprintf(number, sizeof number, "%.*s", (int)length, text);
        if (length >= sizeof number || !oc__double_read(number, &share[*n]) || share[*n] < 0)
            return false;
        ++*n;
        text += length;
        if (*text == 0)
            return true;
    }
    return false;
}

oc_status oc__data_divide(oc_data *d, const char *shares, uint64_t seed)
{
    struct rule rule = { .test = true };
    int         n;
    if (read_shares(shares, rule.share, &n) && n >= 2) {
        const double sum = rule.share[0] + rule.share[1] + rule.share[2];
        if (n == 2 && sum <= 1)
            rule.share[OC_PART_TEST] = 1 - sum;
        if (n == 2 ? sum <= 1 : fabs(sum - 1) < 1e-6)
            return divide_by(d, &rule, seed);
    }
    return oc__fail(OC_EUSAGE, "split %s: wants shares of train, val and test that add up to 1, as "
                    "in 0.7,0.15,0.15", oc__quote_z(shares));
}
