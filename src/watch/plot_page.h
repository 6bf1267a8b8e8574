/* plot_page.h — what was seen of a part of the data when it was last evaluated: some samples with
 * their predictions, the worst mistakes, and what was taken for what. */
#ifndef OC_WATCH_PLOT_PAGE_H
#define OC_WATCH_PLOT_PAGE_H

#include "ocellus.h"

enum { PAGE_SAMPLES = 32, PAGE_MISTAKES = 24 };

struct sighting {
    int64_t index;                                      /* in its part */
    int     truth, guess;                               /* classes */
    float   truth_probability, guess_probability;
};

struct page {
    oc_part         part;
    int64_t         count, seen, correct;               /* samples: of the part; evaluated; right */
    int             classes, samples, mistakes;
    struct sighting sample[PAGE_SAMPLES];               /* spread evenly over the part */
    struct sighting mistake[PAGE_MISTAKES];             /* the highest loss first */
    int64_t        *confusion;                          /* [true class, predicted class] */
};

oc_status oc__page_open(struct page *p, oc_part part, int64_t count, int classes);
void      oc__page_close(struct page *p);

/* Notes a batch; one that begins at sample 0 begins a new page. */
void      oc__page_note(struct page *p, const oc_evaluated *batch);

/* The loss of a sample: -ln of what its true class was given; NaN where that is no number. */
double    oc__sighting_loss(const struct sighting *s);

/* Precision, recall and F1 of a class, from the counts; NaN where there is nothing to measure. */
oc_class_metrics oc__page_class(const struct page *p, int class);

#endif
