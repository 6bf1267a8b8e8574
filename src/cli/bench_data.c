/* bench_data.c — how fast images come, and whether a training would wait for them.
 *
 * The loader is timed alone, in turn with threads that do nothing but decode whole files, which is
 * the bound for data that is decoded anew each time; and then with a training step after each
 * batch, on the same cores: the part of that time in which the step had no batch to work on is what
 * training waits. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/bench.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/term.h"

static const double waits = 0.05;                       /* of the time: too long */

enum { ROUNDS = 5 };

struct speeds { oc_speed alone, beside, bare; const char *model; };

static double rate(const oc_speed *s)
{
    return (double)s->images / s->seconds;
}

static oc_status step(void *context)
{
    return oc__probe_run(context);
}

static oc_status time_beside(const struct bench *o, const oc_data *d, oc_model *model,
                             oc_speed_options *how, struct speeds *s)
{
    const struct probe_options training = { .batch = how->batch, .threads = (int)o->threads,
                                            .backends = o->backends };
    struct probe p;
    oc_status    status = oc__probe_training(&p, model, &training);
    how->work = step;
    how->context = &p;
    if (status >= 0)
        status = oc__probe_run(&p);                     /* plans and warms up */
    if (status >= 0)
        status = oc_data_speed(d, oc_model_preparation(model), how, &s->beside);
    oc__probe_close(&p);
    return status;
}

static void add_speed(oc_speed *sum, const oc_speed *s)
{
    *sum = (oc_speed){ sum->images + s->images, sum->seconds + s->seconds,
                       sum->waited + s->waited, s->workers };
}

/* In turns, so that both see the same machine. */
static oc_status time_alone(const oc_data *d, const oc_model *model, oc_speed_options how,
                            struct speeds *s)
{
    how.seconds /= ROUNDS;
    for (int i = 0; i < ROUNDS; i++) {
        oc_speed one;
        TRY(oc_data_speed(d, oc_model_preparation(model), &how, &one));
        add_speed(&s->alone, &one);
        TRY(oc_data_decode_speed(d, one.workers, how.seconds, &one));
        add_speed(&s->bare, &one);
    }
    return OC_OK;
}

static oc_status measure(const struct bench *o, const oc_data *d, const char *word,
                         struct speeds *s)
{
    const struct model_request request = { .word = word, .data = d, .preparation = o->prepare };
    const int64_t    all = oc_data_count(d, OC_PART_TRAIN);
    oc_speed_options how = { .batch = o->batch < all ? o->batch : all, .seconds = o->seconds,
                             .augment = o->augment };
    oc_model        *model;
    if (o->workers)
        TRY(oc__read_workers("bench", o->workers, &how.workers));
    TRY(oc__open_model(&model, &request));
    oc_status status = time_alone(d, model, how, s);
    if (status >= 0)
        status = time_beside(o, d, model, &how, s);
    oc_model_free(model);
    return status;
}

static void print(const struct speeds *s, const char *spec)
{
    const double share = s->beside.waited / s->beside.seconds;
    char alone[32], beside[32], bare[32];
    printf("%s, %d worker%s\n\n", oc__printable(spec), s->alone.workers,
           s->alone.workers == 1 ? "" : "s");
    printf("alone    %s%s images/s%s\n", oc__style(STYLE_BOLD),
           oc__rate_text(rate(&s->alone), alone), oc__style(STYLE_PLAIN));
    if (s->bare.images > 0)
        printf("bare     %s images/s by decoding alone: the pipeline reaches %.0f %%\n",
               oc__rate_text(rate(&s->bare), bare), 100 * rate(&s->alone) / rate(&s->bare));
    printf("beside   %s images/s while %s trains\n", oc__rate_text(rate(&s->beside), beside),
           oc__printable(s->model));
    printf("waiting  %.1f %% of the time: training %s\n", 100 * share,
           share > waits ? "waits for data" : "does not wait for data");
}

static oc_status tell(const struct bench *o, const struct speeds *s, const char *spec)
{
    const double share = s->beside.waited / s->beside.seconds;
    if (!oc__output_is_stdout(o->json))
        print(s, spec);
    if (!o->json)
        return OC_OK;
    return oc__output_json(
        o->json, o->force,
        json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:b}", "data", oc__text_json(spec), "model",
                  oc__text_json(s->model), "workers", s->alone.workers, "images_per_second",
                  oc__number_json(rate(&s->alone)), "decoded_per_second",
                  oc__number_json(rate(&s->bare)), "training_images_per_second",
                  oc__number_json(rate(&s->beside)), "waiting", oc__number_json(share),
                  "training_waits", share > waits));
}

oc_status oc__bench_data(const struct bench *o, const struct operands *operands)
{
    if (operands->n < 2)
        return oc__fail(OC_EUSAGE, "bench: data: wants SPEC, as in bench data images:FOLDER");
    const char *const spec = operands->word[1];
    struct speeds     s = { .model = operands->n > 2 ? operands->word[2] : "cnn" };
    oc_data          *d;
    TRY(oc__data_open_with(&d, spec, &o->words));
    oc_status status = measure(o, d, s.model, &s);
    if (status >= 0)
        status = tell(o, &s, spec);
    oc_data_free(d);
    return status;
}
