/* plot_page.c — keeps little of what is evaluated. */
#include "watch/plot_page.h"

#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/status.h"

oc_status oc__page_open(struct page *p, oc_part part, int64_t count, int classes)
{
    size_t n;
    *p = (struct page){ .part = part, .count = count, .classes = classes };
    if (!oc__mul((size_t)classes, (size_t)classes, &n))
        return oc__fail(OC_ELIMIT, "%d classes are too many for a matrix", classes);
    p->confusion = oc__alloc(n, sizeof *p->confusion);
    return p->confusion ? OC_OK : OC_ELIMIT;
}

void oc__page_close(struct page *p)
{
    oc__free(p->confusion);
    *p = (struct page){ 0 };
}

double oc__sighting_loss(const struct sighting *s)
{
    const double p = (double)s->truth_probability;
    return isnan(p) ? NAN : -log(fmax(p, 1e-45));
}

static void begin_anew(struct page *p)
{
    p->seen = p->correct = p->samples = p->mistakes = 0;
    memset(p->confusion, 0, (size_t)p->classes * (size_t)p->classes * sizeof *p->confusion);
}

/* The list stays sorted; of equals the first one that came. */
static void note_mistake(struct page *p, const struct sighting *s)
{
    int at = p->mistakes;
    while (at > 0 && p->mistake[at - 1].truth_probability > s->truth_probability)
        at--;
    if (at == PAGE_MISTAKES)
        return;
    p->mistakes += p->mistakes < PAGE_MISTAKES;
    memmove(p->mistake + at + 1, p->mistake + at,
            (size_t)(p->mistakes - 1 - at) * sizeof *p->mistake);
    p->mistake[at] = *s;
}

static void note_sample(struct page *p, const struct sighting *s)
{
    const int64_t wanted = p->count < PAGE_SAMPLES ? p->count : PAGE_SAMPLES;
    if (p->samples < wanted && s->index >= p->samples * p->count / wanted)
        p->sample[p->samples++] = *s;
}

static int arg_max(const float *v, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        best = v[k] > v[best] ? k : best;
    return best;
}

void oc__page_note(struct page *p, const oc_evaluated *batch)
{
    if (batch->first == 0)
        begin_anew(p);
    for (int64_t i = 0; i < batch->n; i++) {
        const float *const probability = batch->probability + i * batch->classes;
        struct sighting s = { .index = batch->first + i, .truth = (int)batch->label[i] };
        s.guess = arg_max(batch->logits + i * batch->classes, batch->classes);
        s.truth_probability = probability[s.truth];
        s.guess_probability = probability[s.guess];
        p->confusion[(int64_t)s.truth * p->classes + s.guess]++;
        p->correct += s.truth == s.guess;
        p->seen++;
        note_sample(p, &s);
        if (s.truth != s.guess)
            note_mistake(p, &s);
    }
}

oc_class_metrics oc__page_class(const struct page *p, int class)
{
    int64_t truth = 0, guess = 0;
    const int64_t right = p->confusion[(int64_t)class * p->classes + class];
    for (int k = 0; k < p->classes; k++) {
        truth += p->confusion[(int64_t)class * p->classes + k];
        guess += p->confusion[(int64_t)k * p->classes + class];
    }
    return (oc_class_metrics){
        .count = truth,
        .precision = guess ? (double)right / (double)guess : NAN,
        .recall = truth ? (double)right / (double)truth : NAN,
        .f1 = truth + guess ? 2 * (double)right / (double)(truth + guess) : NAN,
    };
}
