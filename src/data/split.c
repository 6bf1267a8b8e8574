/* split.c — divides samples between training and validation, the same share of every class.
 *
 * The two parts are taken together, in the order of storage, and divided anew, so that the outcome
 * depends on the seed alone and not on what was divided before.  Within a class of n samples each
 * gets a rank 0 … n-1 in an order drawn from (seed, class); a rule on (class, rank, n) says which
 * go to validation.  Either part keeps the order of storage. */
#include <math.h>
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/dataset.h"

enum { CLASSES_MAX = 256 };                             /* labels are bytes */

struct rule { double fraction; int folds, fold; };

static bool goes_to_validation(const struct rule *rule, int class, int64_t rank, int64_t n)
{
    if (rule->folds > 0)
        return (rank + class) % rule->folds == rule->fold;
    return rank < llround(rule->fraction * (double)n);
}

/* Both parts merged, ascending: each is ascending already. */
static void merge(const oc_data *d, int64_t *all)
{
    const struct part *a = &d->part[OC_PART_TRAIN], *b = &d->part[OC_PART_VAL];
    for (int64_t i = 0, j = 0; i < a->n || j < b->n;)
        *all++ = j == b->n || (i < a->n && a->index[i] < b->index[j]) ? a->index[i++]
                                                                      : b->index[j++];
}

/* What dividing needs for its time: n numbers of each kind. */
struct scratch { int64_t *all, *order, *rank; };

static void rank_classes(const oc_data *d, struct scratch *s, int64_t n, const int64_t *size,
                         uint64_t seed)
{
    for (int class = 0; class < CLASSES_MAX; class++) {
        int64_t k = 0;
        if (size[class] == 0)
            continue;
        oc__permutation(oc__key(seed, (uint64_t)class), size[class], s->order);
        for (int64_t i = 0; i < n; i++)
            if (d->samples.label[s->all[i]] == class)
                s->rank[i] = s->order[k++];
    }
}

static void divide(oc_data *d, struct scratch *s, int64_t n, const struct rule *rule,
                   uint64_t seed)
{
    int64_t size[CLASSES_MAX] = { 0 };
    merge(d, s->all);
    for (int64_t i = 0; i < n; i++)
        size[d->samples.label[s->all[i]]]++;
    rank_classes(d, s, n, size, seed);
    d->part[OC_PART_TRAIN].n = d->part[OC_PART_VAL].n = 0;
    for (int64_t i = 0; i < n; i++) {
        const int  class = d->samples.label[s->all[i]];
        const bool val = goes_to_validation(rule, class, s->rank[i], size[class]);
        struct part *part = &d->part[val ? OC_PART_VAL : OC_PART_TRAIN];
        part->index[part->n++] = s->all[i];
    }
}

static oc_status divide_by(oc_data *d, const struct rule *rule, uint64_t seed)
{
    const int64_t  n = d->part[OC_PART_TRAIN].n + d->part[OC_PART_VAL].n;
    struct scratch s = { oc__alloc((size_t)n, sizeof(int64_t)),
                         oc__alloc((size_t)n, sizeof(int64_t)),
                         oc__alloc((size_t)n, sizeof(int64_t)) };
    const bool     enough = s.all != NULL && s.order != NULL && s.rank != NULL;
    if (enough)
        divide(d, &s, n, rule, oc__key(seed, oc__hash("split")));
    oc__free(s.all);
    oc__free(s.order);
    oc__free(s.rank);
    return enough ? OC_OK : OC_ELIMIT;
}

oc_status oc_data_split(oc_data *d, double fraction, uint64_t seed)
{
    if (!(fraction >= 0 && fraction < 1))
        return oc__fail(OC_EUSAGE, "validation: fraction %g: must be from 0 to below 1", fraction);
    return divide_by(d, &(struct rule){ .fraction = fraction }, seed);
}

oc_status oc_data_folds(oc_data *d, int folds, int fold, uint64_t seed)
{
    if (folds < 2 || fold < 0 || fold >= folds)
        return oc__fail(OC_EUSAGE, "validation: fold %d of %d: from 0 to folds - 1, of at least 2",
                        fold, folds);
    return divide_by(d, &(struct rule){ .folds = folds, .fold = fold }, seed);
}
