/* step.c — the time of one step on a fixed batch: of training (forward, gradients and update) or
 * of inference.
 *
 * Usage: step MODEL train|infer BATCH THREADS STEPS.  Prints "ours MODEL MILLISECONDS" with the
 * median, and the most memory that the process had.  The same work as bench/peer.py does in
 * PyTorch: the inputs lie in memory, the loss or the logits are read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/rng.h"
#include "base/status.h"
#include "train/optimizer.h"

enum { WARM = 20 };

/* What a model is fed and trained with; NULL: the zoo's own. */
static const struct workload {
    const char *model;
    oc_shape    input;
    int         classes;
    const char *optimizer;
} workloads[] = {
    { "cnn", { 3, { 1, 28, 28 } }, 10, NULL },
    { "mlp", { 3, { 1, 28, 28 } }, 10, "sgd learning_rate=0.05" },
    { "resnet18", { 3, { 3, 224, 224 } }, 1000, "sgd 0.1 momentum=0.9 weight_decay=0.0001" },
    { "resnet50", { 3, { 3, 224, 224 } }, 1000, "sgd 0.1 momentum=0.9 weight_decay=0.0001" },
};

struct bench {
    oc_model     *model;
    oc_store     *store;
    oc_graph     *graph;
    oc_session   *session;
    struct updater updater;
    oc_tensor     in[2];
    float        *out;
    bool          trains;
};

static const struct workload *find(const char *model)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (!strcmp(workloads[i].model, model))
            return &workloads[i];
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static oc_status fill_batch(struct bench *b, const struct workload *w, int64_t batch)
{
    const oc_shape shape = OC_SHAPE(batch, w->input.dim[0], w->input.dim[1], w->input.dim[2]);
    const int64_t n = oc_shape_count(&shape);
    float *x = oc__alloc((size_t)n, sizeof *x);
    int64_t *label = oc__alloc((size_t)batch, sizeof *label);
    b->out = oc__alloc((size_t)(batch * w->classes), sizeof *b->out);
    b->in[0] = (oc_tensor){ OC_F32, shape, x };
    b->in[1] = (oc_tensor){ OC_I64, OC_SHAPE(batch), label };
    if (!x || !label || !b->out)
        return OC_ELIMIT;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)oc__uniform(1, (uint64_t)i);
    for (int64_t i = 0; i < batch; i++)
        label[i] = i % w->classes;
    return OC_OK;
}

/* The loss with the gradients of all that is trained. */
static oc_status open_training(struct bench *b, oc_value logits, oc_session_options *o)
{
    const oc_value t = oc_input(b->graph, "label", OC_I64, b->in[1].shape);
    const oc_value loss = oc_softmax_cross_entropy(b->graph, logits, t);
    const int n = oc_store_count(b->store);
    oc_value *const parameter = oc__alloc(2 * (size_t)n + 1, sizeof *parameter);
    if (!parameter)
        return OC_ELIMIT;
    for (int i = 0; i < n; i++) {
        const oc_parameter p = oc_store_at(b->store, i);
        if (p.kind == OC_TRAINABLE)
            parameter[o->gradients++] =
                oc_parameter_value(b->graph, p.name, p.shape, p.kind, NULL);
    }
    oc_grad(b->graph, loss, o->gradients, parameter, parameter + n);
    o->mode = OC_TRAIN;
    o->output = &loss;
    o->parameter = parameter;
    o->gradient = parameter + n;
    const oc_status status = oc_session_new(&b->session, b->graph, o);
    oc__free(parameter);
    return status;
}

static oc_status prepare(struct bench *b, const struct workload *w, int64_t batch, int threads)
{
    const oc_zoo_entry *const zoo = oc_zoo_find(w->model);
    const oc_model_options options = { .architecture = w->model, .input = w->input,
                                       .classes = w->classes, .seed = 1 };
    oc_session_options o = { .threads = threads, .outputs = 1 };
    TRY(oc_model_new(&b->model, &options));
    b->store = oc_model_store(b->model);
    TRY(oc_graph_new(&b->graph, b->store));
    TRY(fill_batch(b, w, batch));
    const oc_value x = oc_input(b->graph, "x", OC_F32, b->in[0].shape);
    const oc_value logits = oc_model_build(b->model, b->graph, x);
    if (!b->trains) {
        o.output = &logits;
        return oc_session_new(&b->session, b->graph, &o);
    }
    TRY(open_training(b, logits, &o));
    return oc__updater_make(&b->updater, w->optimizer ? w->optimizer : zoo->optimizer, b->store,
                            NULL);
}

static oc_status step(struct bench *b, int64_t number)
{
    oc_tensor out = { .data = b->out };
    const oc_status status = oc_session_run(b->session, b->in, &out);
    if (!b->trains)
        return status;
    oc__updater_step(&b->updater, b->store->block[ROLE_GRADIENT][OC_TRAINABLE], number,
                     b->updater.hyper.learning_rate, 1);
    oc_store_touch(b->store);
    return status;
}

/* Where the time goes, on stderr: with OC_BENCH_PROFILE set. */
static void print_profile(const struct bench *b)
{
    const oc_profile_row *row;
    const int n = oc_session_profile_rows(b->session, &row);
    for (int i = 0; i < n; i++)
        fprintf(stderr, "%9.4f ms  %-40s %-28s %s\n",
                row[i].runs ? row[i].seconds / (double)row[i].runs * 1e3 : 0, row[i].name,
                row[i].op, row[i].kernel);
}

int main(int argc, char **argv)
{
    const struct workload *const w = argc == 6 ? find(argv[1]) : NULL;
    const int steps = w ? atoi(argv[5]) : 0, warm = steps < WARM ? steps : WARM;
    if (!w || steps < 1) {
        fprintf(stderr, "usage: step cnn|mlp|resnet18|resnet50 train|infer BATCH THREADS STEPS\n");
        return 2;
    }
    struct bench b = { .trains = !strcmp(argv[2], "train") };
    double *seconds = oc__alloc((size_t)steps, sizeof *seconds);
    oc_status status = prepare(&b, w, atoi(argv[3]), atoi(argv[4]));
    const bool profile = getenv("OC_BENCH_PROFILE") != NULL;
    for (int i = -warm; i < steps && !status; i++) {
        if (i == 0)
            oc_session_profile(b.session, profile);
        const double start = oc__seconds();
        status = step(&b, i + warm + 1);
        if (i >= 0)
            seconds[i] = oc__seconds() - start;
    }
    if (status) {
        fprintf(stderr, "step: %s\n", oc_error());
        return -status;
    }
    if (profile)
        print_profile(&b);
    qsort(seconds, (size_t)steps, sizeof *seconds, by_value);
    printf("ours %s %.4f ms, %s %.4f, %lld MiB\n", w->model, seconds[steps / 2] * 1e3,
           b.trains ? "loss" : "first logit", (double)b.out[0],
           (long long)(oc__peak_rss_bytes() >> 20));
    return 0;
}
