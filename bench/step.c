/* step.c — the time of one training step on a fixed batch: forward, gradients and update.
 *
 * Usage: step cnn|mlp BATCH THREADS STEPS.  Prints "ours MODEL MILLISECONDS" with the median.  The
 * same work as bench/peer.py does in PyTorch: the inputs lie in memory, the loss is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/rng.h"
#include "train/optimizer.h"

enum { SIDE = 28, CLASSES = 10, WARM = 20 };

struct bench {
    oc_model     *model;
    oc_graph     *graph;
    oc_session   *session;
    struct updater updater;
    oc_tensor     in[2];
};

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fill_batch(struct bench *b, int64_t batch)
{
    float *x = oc__alloc((size_t)(batch * SIDE * SIDE), sizeof *x);
    int64_t *label = oc__alloc((size_t)batch, sizeof *label);
    for (int64_t i = 0; x && i < batch * SIDE * SIDE; i++)
        x[i] = (float)oc__uniform(1, (uint64_t)i);
    for (int64_t i = 0; label && i < batch; i++)
        label[i] = i % CLASSES;
    b->in[0] = (oc_tensor){ OC_F32, OC_SHAPE(batch, 1, SIDE, SIDE), x };
    b->in[1] = (oc_tensor){ OC_I64, OC_SHAPE(batch), label };
}

static oc_status prepare(struct bench *b, const oc_zoo_entry *zoo, int64_t batch, int threads)
{
    oc_value parameter[64], gradient[64];
    const oc_model_options options = { .architecture = zoo->name, .input = OC_SHAPE(1, SIDE, SIDE),
                                       .classes = CLASSES, .seed = 1 };
    oc_status status = oc_model_new(&b->model, &options);
    if (status)
        return status;
    oc_store *store = oc_model_store(b->model);
    if ((status = oc_graph_new(&b->graph, store)))
        return status;
    fill_batch(b, batch);
    const oc_value x = oc_input(b->graph, "x", OC_F32, b->in[0].shape);
    const oc_value t = oc_input(b->graph, "label", OC_I64, b->in[1].shape);
    const oc_value loss =
        oc_softmax_cross_entropy(b->graph, oc_model_build(b->model, b->graph, x), t);
    const int n = oc_store_count(store);
    for (int i = 0; i < n && i < 64; i++) {
        const oc_parameter p = oc_store_at(store, i);
        parameter[i] = oc_parameter_value(b->graph, p.name, p.shape, p.kind, NULL);
    }
    oc_grad(b->graph, loss, n, parameter, gradient);
    const oc_session_options s = { .mode = OC_TRAIN,
                                   .threads = threads,
                                   .outputs = 1,
                                   .output = &loss,
                                   .gradients = n,
                                   .parameter = parameter,
                                   .gradient = gradient };
    if ((status = oc_session_new(&b->session, b->graph, &s)))
        return status;
    const bool mlp = !strcmp(zoo->name, "mlp");            /* plain descent, as the probe does */
    return oc__updater_make(&b->updater, mlp ? "sgd learning_rate=0.05" : zoo->optimizer, store,
                            NULL);
}

static oc_status step(struct bench *b, int64_t number, float *loss)
{
    oc_tensor out = { .data = loss };
    const oc_status status = oc_session_run(b->session, b->in, &out);
    oc__updater_step(&b->updater, b->updater.store->block[ROLE_GRADIENT][OC_TRAINABLE], number,
                     b->updater.hyper.learning_rate, 1);
    oc_store_touch(b->updater.store);
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
    const oc_zoo_entry *zoo = argc == 5 ? oc_zoo_find(argv[1]) : NULL;
    if (!zoo) {
        fprintf(stderr, "usage: step cnn|mlp BATCH THREADS STEPS\n");
        return 2;
    }
    struct bench b = { 0 };
    float loss = 0;
    const int steps = atoi(argv[4]);
    double *seconds = oc__alloc((size_t)steps, sizeof *seconds);
    oc_status status = prepare(&b, zoo, atoi(argv[2]), atoi(argv[3]));
    const bool profile = getenv("OC_BENCH_PROFILE") != NULL;
    for (int i = -WARM; i < steps && !status; i++) {
        if (i == 0)
            oc_session_profile(b.session, profile);
        const double start = oc__seconds();
        status = step(&b, i + WARM + 1, &loss);
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
    printf("ours %s %.4f ms, loss %.4f, %lld MiB\n", zoo->name, seconds[steps / 2] * 1e3,
           (double)loss, (long long)(oc__peak_rss_bytes() >> 20));
    return 0;
}
