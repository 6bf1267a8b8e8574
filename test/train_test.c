/* train_test.c — optimizers, schedules and the loop, held against their formulas in double. */
#include "test.h"

#include <math.h>
#include "base/rng.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/settings.h"

/* ---- optimizers by their formulas ------------------------------------------------------------ */

enum { STEPS = 5, WEIGHTS = 15, BIASES = 5, NUMBERS = WEIGHTS + BIASES };

/* A parameter of the formulas: value, gradient, first and second state. */
struct number { double w, g, m, v; bool bias; };

typedef void formula(struct number *n, const struct hyper *h, double rate, int step);

static double decay_of(const struct number *n, const struct hyper *h)
{
    return n->bias && !h->decay_norms ? 0 : h->weight_decay;
}

static void sgd_formula(struct number *n, const struct hyper *h, double rate, int step)
{
    double g = n->g + decay_of(n, h) * n->w;
    if (h->momentum > 0) {
        n->m = step == 1 ? g : h->momentum * n->m + g;  /* the first is the gradient itself */
        g = h->nesterov ? g + h->momentum * n->m : n->m;
    }
    n->w -= rate * g;
}

static void moments(struct number *n, const struct hyper *h, double g, double rate, int step)
{
    n->m = h->beta1 * n->m + (1 - h->beta1) * g;
    n->v = h->beta2 * n->v + (1 - h->beta2) * g * g;
    const double m = n->m / (1 - pow(h->beta1, step)), v = n->v / (1 - pow(h->beta2, step));
    n->w -= rate * m / (sqrt(v) + h->epsilon);
}

static void adam_formula(struct number *n, const struct hyper *h, double rate, int step)
{
    moments(n, h, n->g + decay_of(n, h) * n->w, rate, step);
}

static void adamw_formula(struct number *n, const struct hyper *h, double rate, int step)
{
    n->w *= 1 - rate * decay_of(n, h);
    moments(n, h, n->g, rate, step);
}

static void rmsprop_formula(struct number *n, const struct hyper *h, double rate, int step)
{
    (void)step;
    const double g = n->g + decay_of(n, h) * n->w;
    n->v = h->alpha * n->v + (1 - h->alpha) * g * g;
    const double move = g / (sqrt(n->v) + h->epsilon);
    n->m = h->momentum * n->m + move;
    n->w -= rate * (h->momentum > 0 ? n->m : move);
}

static oc_store *two_parameters(void)
{
    oc_store *s;
    int at;
    const oc_shape weight = OC_SHAPE(3, 5), bias = OC_SHAPE(5);
    assert_ok(oc_store_new(&s, 7));
    assert_ok(oc__store_declare(s, "fc.weight", &weight, OC_TRAINABLE, "normal", &at));
    assert_ok(oc__store_declare(s, "fc.bias", &bias, OC_TRAINABLE, "normal", &at));
    return s;
}

/* The number k of both parameters, in a block. */
static float *in_block(const oc_store *s, enum role role, int k)
{
    return k < WEIGHTS ? oc__store_place(s, role, 0) + k
                       : oc__store_place(s, role, 1) + (k - WEIGHTS);
}

static void draw_gradients(oc_store *s, struct number *n, int step)
{
    for (int k = 0; k < NUMBERS; k++) {
        *in_block(s, ROLE_GRADIENT, k) = (float)oc__normal((uint64_t)step, (uint64_t)k);
        n[k].g = (double)*in_block(s, ROLE_GRADIENT, k);
    }
}

static void follow(const char *text, formula *f)
{
    struct number n[NUMBERS] = { 0 };
    struct updater u;
    oc_store *const s = two_parameters();
    assert_ok(oc__updater_make(&u, text, s, NULL));
    for (int k = 0; k < NUMBERS; k++)
        n[k] = (struct number){ .w = (double)*in_block(s, ROLE_VALUE, k), .bias = k >= WEIGHTS };
    for (int step = 1; step <= STEPS; step++) {
        const double rate = u.hyper.learning_rate / step;
        draw_gradients(s, n, step);
        oc__updater_step(&u, s->block[ROLE_GRADIENT][OC_TRAINABLE], step, rate, 1);
        for (int k = 0; k < NUMBERS; k++) {
            f(&n[k], &u.hyper, rate, step);
            const double found = (double)*in_block(s, ROLE_VALUE, k);
            if (fabs(found - n[k].w) > 2e-6 * (1 + fabs(n[k].w)))
                fail_msg("%s: step %d, number %d is %.9g, not %.9g", text, step, k, found, n[k].w);
        }
    }
    oc__updater_free(&u);
    oc_store_free(s);
}

static void every_optimizer_follows_its_formula(void **state)
{
    (void)state;
    static const struct { const char *text; formula *f; } cases[] = {
        { "sgd learning_rate=0.1", sgd_formula },
        { "sgd learning_rate=0.1 weight_decay=0.2", sgd_formula },
        { "sgd learning_rate=0.1 momentum=0.9", sgd_formula },
        { "sgd learning_rate=0.1 momentum=0.9 nesterov weight_decay=0.1", sgd_formula },
        { "adam learning_rate=0.1", adam_formula },
        { "adam learning_rate=0.1 beta1=0.8 beta2=0.9 epsilon=0.1 weight_decay=0.1", adam_formula },
        { "adamw learning_rate=0.1", adamw_formula },
        { "adamw learning_rate=0.1 weight_decay=0.3 decay_norms=false", adamw_formula },
        { "rmsprop learning_rate=0.01", rmsprop_formula },
        { "rmsprop learning_rate=0.01 alpha=0.9 momentum=0.5 weight_decay=0.1", rmsprop_formula },
        { "rmsprop learning_rate=0.01 weight_decay=0.3 decay_norms=false", rmsprop_formula },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        follow(cases[i].text, cases[i].f);
}

static void padding_between_parameters_stays_zero(void **state)
{
    (void)state;
    for (int i = 0; oc__optimizer_list[i]; i++) {
        struct number n[NUMBERS] = { 0 };
        struct updater u;
        oc_store *const s = two_parameters();
        assert_ok(oc__updater_make(&u, oc__optimizer_list[i]->name, s, NULL));
        draw_gradients(s, n, 1);
        oc__updater_step(&u, s->block[ROLE_GRADIENT][OC_TRAINABLE], 1, 0.1, 1);
        const float *const value = s->block[ROLE_VALUE][OC_TRAINABLE];
        for (int64_t k = WEIGHTS; k < s->parameter[1].offset; k++)
            assert_true(value[k] == 0);
        oc__updater_free(&u);
        oc_store_free(s);
    }
}

static void a_gradient_that_is_not_finite_is_not_applied(void **state)
{
    (void)state;
    static const float bad[] = { NAN, INFINITY, -INFINITY };
    for (int i = 0; oc__optimizer_list[i]; i++) {
        struct number n[NUMBERS] = { 0 };
        struct updater u;
        oc_store *const s = two_parameters();
        assert_ok(oc__updater_make(&u, oc__optimizer_list[i]->name, s, NULL));
        draw_gradients(s, n, 1);
        const float *const gradient = s->block[ROLE_GRADIENT][OC_TRAINABLE];
        for (size_t k = 0; k < COUNT(bad); k++) {
            const float first = *in_block(s, ROLE_VALUE, 0);
            float *const place = in_block(s, ROLE_GRADIENT, NUMBERS - 1), good = *place;
            *place = bad[k];
            assert_false(oc__updater_step(&u, gradient, 1, 0.1, 1));
            *place = good;
            assert_true(*in_block(s, ROLE_VALUE, 0) == first);
        }
        assert_true(oc__updater_step(&u, gradient, 1, 0.1, 1));
        oc__updater_free(&u);
        oc_store_free(s);
    }
}

static void an_optimizer_that_is_not_one_is_refused(void **state)
{
    (void)state;
    const struct optimizer *o;
    struct hyper h;
    assert_int_equal(oc__optimizer_parse("adamm", &o, &h), OC_EUSAGE);
    error_says("did you mean adam");
    assert_int_equal(oc__optimizer_parse("sgd; adam", &o, &h), OC_EUSAGE);
    error_says("exactly one");
    assert_int_equal(oc__optimizer_parse("sgd momentum=2", &o, &h), OC_EUSAGE);
    assert_int_equal(oc__optimizer_parse("", &o, &h), OC_EUSAGE);
}

/* ---- loops over blocks ----------------------------------------------------------------------- */

enum { MANY = 100000 };

static float *draw_many(uint64_t key)
{
    float *const x = oc__block_alloc(MANY * sizeof *x);
    assert_non_null(x);
    for (int i = 0; i < MANY; i++)
        x[i] = (float)oc__normal(key, (uint64_t)i);
    return x;
}

static void a_norm_is_that_of_all_numbers(void **state)
{
    (void)state;
    float *const x = draw_many(3);
    for (int n = 0; n <= MANY; n = 3 * n + 1) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += (double)x[i] * (double)x[i];
        assert_true(fabs(oc__norm(x, n) - sqrt(sum)) <= 1e-12 * (1 + sqrt(sum)));
    }
    assert_true(oc__all_finite(x, MANY));
    x[MANY - 1] = NAN;
    assert_false(oc__all_finite(x, MANY));
    x[MANY - 1] = -INFINITY;
    assert_false(oc__all_finite(x, MANY));
    oc__block_free(x);
}

static void an_average_moves_towards_the_weights(void **state)
{
    (void)state;
    float *const average = draw_many(4), *const value = draw_many(5);
    const double before = (double)average[777];
    oc__average(average, value, MANY, 0.75);
    assert_true(fabs((double)average[777] - (0.75 * before + 0.25 * (double)value[777])) < 1e-6);
    oc__block_free(average);
    oc__block_free(value);
}

static void gradients_add_up_by_their_weights(void **state)
{
    (void)state;
    float *const sum = draw_many(6), *const a = draw_many(7), *const b = draw_many(8);
    oc__accumulate(sum, a, MANY, 0.75, true);
    oc__accumulate(sum, b, MANY, 0.25, false);
    for (int i = 0; i < MANY; i++)
        assert_true(fabs((double)sum[i] - 0.75 * (double)a[i] - 0.25 * (double)b[i]) < 1e-6);
    oc__block_free(sum);
    oc__block_free(a);
    oc__block_free(b);
}

/* ---- schedules ------------------------------------------------------------------------------- */

static void schedules_follow_their_formulas(void **state)
{
    (void)state;
    enum { PER_EPOCH = 10, EPOCHS = 20 };
    static const struct { const char *text; int step; double factor; } cases[] = {
        { "constant", 150, 1 },
        { "constant warmup=10", 0, 0.1 }, { "constant warmup=10", 8, 0.9 },
        { "constant warmup=10", 9, 1 },
        { "exponential decay=0.1", 9, 1 }, { "exponential decay=0.1", 30, 0.74081822068171788 },
        { "step every=5 factor=0.5", 49, 1 }, { "step every=5 factor=0.5", 50, 0.5 },
        { "step every=5 factor=0.5", 199, 0.125 },
        { "polynomial", 100, 0.5 }, { "polynomial power=2 final=0.2", 100, 0.4 },
        { "cosine", 0, 1 }, { "cosine", 100, 0.5 },
        { "cosine final=0.1", 50, 0.86819805153394642 },
        { "cosine warmup=100", 49, 0.5 }, { "cosine warmup=100", 150, 0.5 },
        { "one_cycle", 0, 0.04 }, { "one_cycle", 30, 0.52 }, { "one_cycle", 60, 1 },
        { "one_cycle", 130, 0.500002 },
        { "plateau", 150, 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schedule s;
        assert_ok(oc__schedule_parse(cases[i].text, &s));
        const double found = oc__schedule_factor(&s, cases[i].step, PER_EPOCH, EPOCHS);
        if (fabs(found - cases[i].factor) > 1e-12)
            fail_msg("%s: step %d has factor %.17g, not %.17g", cases[i].text, cases[i].step, found,
                     cases[i].factor);
    }
}

static void plateau_waits_before_it_steps_down(void **state)
{
    (void)state;
    static const struct { double loss, factor; } epochs[] = {
        { 1.0, 1 }, { 0.5, 1 }, { 0.6, 1 }, { 0.5, 1 }, { 0.7, 0.5 }, { 0.8, 0.5 }, { 0.4, 0.5 },
        { 0.4, 0.5 }, { 0.4, 0.5 }, { 0.4, 0.25 },
    };
    struct schedule s;
    assert_ok(oc__schedule_parse("plateau factor=0.5 patience=2", &s));
    for (size_t i = 0; i < COUNT(epochs); i++) {
        oc__schedule_watch(&s, epochs[i].loss);
        assert_true(oc__schedule_factor(&s, (int64_t)i, 1, 100) == epochs[i].factor);
    }
    assert_int_equal(oc__schedule_parse("cosin", &s), OC_EUSAGE);
    error_says("cosine");
}

/* ---- whole trainings ------------------------------------------------------------------------- */

static const char spec[] = "synth:digits,train=300,test=60";

static oc_data *open_data(void)
{
    oc_data *d;
    assert_ok(oc_data_open(&d, spec));
    return d;
}

static oc_model *new_model(const oc_data *d, const char *layers)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = layers, .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = oc_data_preparation(d), .seed = 3 }));
    return m;
}

/* Trains and hands back all weights, one after the other. */
static double *train(const char *layers, const oc_train_options *options, oc_train_result *result,
                     int64_t *n)
{
    oc_data *const d = open_data();
    oc_model *const m = new_model(d, layers);
    oc_store *const s = oc_model_store(m);
    assert_ok(oc_train(m, d, options, NULL, 0, NULL, result));
    *n = 0;
    double *const weights = oc__alloc((size_t)oc_store_elements(s), sizeof *weights);
    for (int i = 0; i < oc_store_count(s); i++) {
        const oc_parameter p = oc_store_at(s, i);
        for (int64_t k = 0; k < oc_shape_count(&p.shape) && p.kind == OC_TRAINABLE; k++)
            weights[(*n)++] = (double)p.value[k];
    }
    oc_model_free(m);
    oc_data_free(d);
    return weights;
}

static void assert_near(const double *a, const double *b, int64_t n, double limit)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= limit))
            fail_msg("weight %lld is %.9g and %.9g", (long long)i, a[i], b[i]);
}

static const char small[] = "flatten; linear 12; relu; linear classes";

/* 300 samples in updates of 64, the last of 44: as such and in runs of 16, the last of 12. */
static void micro_batches_add_up_to_the_large_batch(void **state)
{
    (void)state;
    oc_train_result r[2];
    double *w[2];
    int64_t n;
    oc_train_options o = { .optimizer = "sgd learning_rate=0.1 momentum=0.9", .epochs = 2,
                           .batch = 64, .threads = 1, .workers = -1, .seed = 5 };
    w[0] = train(small, &o, &r[0], &n);
    o.batch = 16;
    o.accumulate = 4;
    w[1] = train(small, &o, &r[1], &n);
    assert_near(w[0], w[1], n, 1e-5);
    for (int e = 0; e < 2; e++)
        assert_true(fabs(r[0].epoch[e].train_loss - r[1].epoch[e].train_loss) < 1e-5);
    for (int i = 0; i < 2; i++) {
        oc__free(w[i]);
        oc_train_result_free(&r[i]);
    }
}

/* One update: it may move the weights by no more than the clipped gradient allows. */
static void a_clipped_gradient_has_the_norm_that_was_asked_for(void **state)
{
    (void)state;
    oc_train_result r;
    int64_t n;
    oc_train_options o = { .optimizer = "sgd learning_rate=1e-30", .epochs = 1,
                           .batch = OC_BATCH_FULL, .threads = 1, .workers = -1 };
    double *const before = train(small, &o, &r, &n);
    oc_train_result_free(&r);
    o.optimizer = "sgd learning_rate=1";
    o.clip_norm = 0.01;
    double *const after = train(small, &o, &r, &n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (after[i] - before[i]) * (after[i] - before[i]);
    assert_true(fabs(sqrt(sum) - 0.01) < 1e-5);
    oc_train_result_free(&r);
    oc__free(before);
    oc__free(after);
}

/* With a decay of one half and two updates: average = w0 / 4 + w1 / 4 + w2 / 2. */
static void the_average_of_weights_is_what_is_evaluated_and_kept(void **state)
{
    (void)state;
    oc_train_result r;
    double *w[4];
    int64_t n;
    oc_train_options o = { .optimizer = "sgd learning_rate=1e-30", .epochs = 1,
                           .batch = OC_BATCH_FULL, .threads = 1, .workers = -1 };
    for (int i = 0; i < 4; i++) {
        w[i] = train(small, &o, &r, &n);
        oc_train_result_free(&r);
        o.optimizer = "sgd learning_rate=0.1";
        o.epochs = i < 1 ? 1 : 2;
        o.average = i == 2 ? 0.5 : 0;
    }
    for (int64_t i = 0; i < n; i++)
        assert_true(fabs(w[3][i] - 0.25 * w[0][i] - 0.25 * w[1][i] - 0.5 * w[2][i]) < 1e-6);
    for (int i = 0; i < 4; i++)
        oc__free(w[i]);
}

static void the_best_epoch_is_kept_by_validation_accuracy(void **state)
{
    (void)state;
    oc_train_result r;
    int64_t n;
    const oc_train_options o = { .optimizer = "sgd learning_rate=0.3", .epochs = 6, .batch = 32,
                                 .threads = 1, .workers = -1, .watch_test = true };
    oc__free(train(small, &o, &r, &n));
    assert_int_equal(r.epochs, 6);
    double best = -1;
    for (int64_t i = 0; i < r.epochs; i++)
        best = r.epoch[i].val_accuracy > best ? r.epoch[i].val_accuracy : best;
    assert_true(r.best_val_accuracy == best);
    assert_true(r.epoch[r.best_epoch - 1].val_accuracy == best);
    assert_true(r.test_accuracy == best);               /* the part that was watched */
    oc_train_result_free(&r);
}

/* A step width that overshoots: the loss falls, and then rises again. */
static void patience_ends_a_training_and_keeps_the_lowest_loss(void **state)
{
    (void)state;
    oc_train_result r;
    int64_t n;
    const oc_train_options o = { .optimizer = "adam learning_rate=0.03", .epochs = 60,
                                 .batch = 32, .threads = 1, .workers = -1, .patience = 3,
                                 .validation = 0.3, .split_seed = 1 };
    oc__free(train(small, &o, &r, &n));
    assert_true(r.stopped_early && r.epochs < 60 && r.epochs == r.last_epoch);
    assert_int_equal(r.epochs, r.best_epoch + 3);
    for (int64_t i = 0; i < r.epochs; i++)
        assert_true(r.epoch[i].val_loss >= r.epoch[r.best_epoch - 1].val_loss);
    assert_memory_equal(&r.kept, &r.epoch[r.best_epoch - 1], sizeof r.kept);
    oc_train_result_free(&r);
}

/* The same training in two ways: the largest distance between weights, in units of the last. */
static double distance(const oc_train_options *a, const oc_train_options *b)
{
    oc_train_result r[2];
    int64_t n;
    double *const w[2] = { train(small, a, &r[0], &n), train(small, b, &r[1], &n) };
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(w[0][i] - w[1][i]));
    for (int i = 0; i < 2; i++) {
        oc__free(w[i]);
        oc_train_result_free(&r[i]);
    }
    return most;
}

static void double_precision_trains_like_single_up_to_rounding(void **state)
{
    (void)state;
    const oc_train_options single = { .optimizer = "sgd learning_rate=0.1", .epochs = 2,
                                      .batch = 64, .threads = 1, .workers = -1,
                                      .watch_test = true };
    oc_train_options twice = single;
    twice.precision = OC_F64;
    const double far = distance(&single, &twice);
    assert_true(far > 0 && far < 1e-5);
}

static void log_softmax_and_nll_train_like_cross_entropy(void **state)
{
    (void)state;
    const oc_train_options fused = { .optimizer = "sgd learning_rate=0.1", .epochs = 3,
                                     .batch = 64, .threads = 1, .workers = -1,
                                     .precision = OC_F64 };
    oc_train_options split = fused;
    split.loss = "nll";
    assert_true(distance(&fused, &split) < 1e-6);
}

static void a_loss_that_is_not_finite_stops_the_training(void **state)
{
    (void)state;
    oc_data *const d = open_data();
    oc_model *const m = new_model(d, small);
    oc_train_result r;
    oc_store_at(oc_model_store(m), 3).value[5] = NAN;   /* a bias of the last layer */
    const oc_train_options o = { .epochs = 3, .batch = 32, .threads = 1, .workers = -1,
                                 .run = place("nan") };
    assert_int_equal(oc_train(m, d, &o, NULL, 0, NULL, &r), OC_ENEGATIVE);
    error_says("epoch 1, step 1: linear2.bias: weights are not finite");
    assert_false(oc__is_file(place("nan/model.safetensors")));
    oc_train_result_free(&r);
    oc_model_free(m);
    oc_data_free(d);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const oc_train_options bad[] = {
        { .epochs = -1 }, { .batch = -2 }, { .average = 1 }, { .clip_norm = -1 },
        { .validation = 0.1, .watch_test = true }, { .threads = -1 }, { .precision = OC_F16 },
        { .optimizer = "sdg" }, { .schedule = "cosine x=1" }, { .loss = "softmx" },
        { .checkpoint_every = -1 }, { .validation = 1 }, { .patience = -1 },
        { .patience = 3 },                              /* nothing is validated */
    };
    oc_data *const d = open_data();
    oc_model *const m = new_model(d, small);
    for (size_t i = 0; i < COUNT(bad); i++) {
        oc_train_options o = bad[i];
        oc_train_result r;
        o.run = place("refused");
        if (oc_train(m, d, &o, NULL, 0, NULL, &r) != OC_EUSAGE)
            fail_msg("case %zu was not refused as it should: %s", i, oc_error());
        assert_false(oc__is_directory(o.run));
        oc_train_result_free(&r);
    }
    oc_model_free(m);
    oc_data_free(d);
}

/* ---- settings and results as text ------------------------------------------------------------ */

static uint64_t hash_of(const struct settings *s)
{
    uint64_t hash;
    assert_ok(oc__settings_hash(s, &hash));
    return hash;
}

static void settings_read_back_as_they_were_written(void **state)
{
    (void)state;
    oc_data *const d = open_data();
    oc_model *const m = new_model(d, small);
    const oc_train_options o = { .optimizer = "adamw learning_rate=0.002", .epochs = 3,
                                 .batch = OC_BATCH_FULL, .average = 0.1, .threads = 3,
                                 .seed = UINT64_MAX, .data_spec = "a\"b\\c\n" };
    struct settings written = { 0 }, read = { 0 };
    struct str text[2] = { { 0 } };
    struct json j;
    assert_ok(oc__settings_resolve(&written, m, d, &o));
    oc__settings_write(&written, &text[0]);
    oc__json_begin(&j, "run.json", text[0].text, text[0].n, 0, 8);
    assert_ok(oc__settings_read(&read, &j));
    oc__settings_write(&read, &text[1]);
    assert_string_equal(text[0].text, text[1].text);
    assert_true(hash_of(&written) == hash_of(&read));
    read.train.seed--;
    assert_true(hash_of(&written) != hash_of(&read));
    oc__json_free(&j);
    oc__settings_free(&written);
    oc__settings_free(&read);
    oc__str_free(&text[0]);
    oc__str_free(&text[1]);
    oc_model_free(m);
    oc_data_free(d);
}

static void a_result_as_json_has_the_promised_fields(void **state)
{
    (void)state;
    const oc_epoch epoch = { 1, 0.5, 0.75, NAN, NAN, 0.1, 2.5 };
    const oc_train_result r = { .epoch = &epoch, .epochs = 1, .test_loss = 0.25,
                                .test_accuracy = 0.875, .seconds = 3, .peak_rss_bytes = 4096,
                                .model = "runs/a b/model.safetensors" };
    char *const text = oc_train_result_json(&r);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"epochs\": [\n    {\"epoch\": 1, \"train_loss\": 0.5, "
                                 "\"train_accuracy\": 0.75, \"val_loss\": null, "
                                 "\"val_accuracy\": null"));
    assert_non_null(strstr(text, "\"best\": null"));
    assert_non_null(strstr(text, "\"test\": {\"loss\": 0.25, \"accuracy\": 0.875}"));
    assert_non_null(strstr(text, "\"model\": \"runs/a b/model.safetensors\""));
    struct json j;
    oc__json_begin(&j, "result", text, strlen(text), 0, 8);
    assert_ok(oc__json_skip(&j));
    assert_ok(oc__json_end(&j));
    oc__json_free(&j);
    oc_string_free(text);
}

static int clear_place(void **state)
{
    remove_tree(place("nan"));
    return remove_place(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_optimizer_follows_its_formula),
        cmocka_unit_test(padding_between_parameters_stays_zero),
        cmocka_unit_test(a_gradient_that_is_not_finite_is_not_applied),
        cmocka_unit_test(an_optimizer_that_is_not_one_is_refused),
        cmocka_unit_test(a_norm_is_that_of_all_numbers),
        cmocka_unit_test(an_average_moves_towards_the_weights),
        cmocka_unit_test(gradients_add_up_by_their_weights),
        cmocka_unit_test(schedules_follow_their_formulas),
        cmocka_unit_test(plateau_waits_before_it_steps_down),
        cmocka_unit_test(micro_batches_add_up_to_the_large_batch),
        cmocka_unit_test(a_clipped_gradient_has_the_norm_that_was_asked_for),
        cmocka_unit_test(the_average_of_weights_is_what_is_evaluated_and_kept),
        cmocka_unit_test(the_best_epoch_is_kept_by_validation_accuracy),
        cmocka_unit_test(patience_ends_a_training_and_keeps_the_lowest_loss),
        cmocka_unit_test(double_precision_trains_like_single_up_to_rounding),
        cmocka_unit_test(log_softmax_and_nll_train_like_cross_entropy),
        cmocka_unit_test(a_loss_that_is_not_finite_stops_the_training),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(settings_read_back_as_they_were_written),
        cmocka_unit_test(a_result_as_json_has_the_promised_fields),
    };
    return cmocka_run_group_tests(tests, make_place, clear_place);
}
