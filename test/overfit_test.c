/* overfit_test.c — a small network learns one batch of noise by heart.
 *
 * 64 images of 64 x 64, uniform in [-1, 1), with random labels, and momentum SGD: whatever the
 * seed, the loss is below 0.1 within 300 steps.  A gradient that is a little wrong anywhere seldom
 * manages that. */
#include "test.h"

#include <math.h>
#include "base/rng.h"
#include "nn/model.h"
#include "task/task.h"
#include "train/optimizer.h"

enum { SEEDS = 20, STEPS = 300, SAMPLES = 64, SIDE = 64, CLASSES = 10 };

static const char layers[] = "conv 8 kernel=5 stride=2; relu; maxpool; flatten; linear 64; relu; "
                             "linear classes";

struct batch { float x[SAMPLES * SIDE * SIDE]; int64_t label[SAMPLES]; };

static void draw(struct batch *b, uint64_t seed)
{
    for (int i = 0; i < SAMPLES * SIDE * SIDE; i++)
        b->x[i] = (float)(2 * oc__uniform(oc__key(seed, 1), (uint64_t)i) - 1);
    for (int i = 0; i < SAMPLES; i++)
        b->label[i] = oc__below(oc__key(seed, 2), (uint64_t)i, CLASSES);
}

static oc_session *open_session(oc_graph *g, oc_model *m)
{
    oc_value parameter[16], gradient[16];
    oc_store *const s = oc_model_store(m);
    struct loss_choice loss;
    oc_session *session;
    int n = 0;
    assert_ok(oc__loss_read(&loss, &oc__task_classify, "softmax"));
    const oc_value x = oc__model_input(m, g, SAMPLES);
    const oc_value label = oc_input(g, "labels", OC_I64, OC_SHAPE(SAMPLES));
    const oc_value y = oc__loss_value(&loss, g, oc_model_build(m, g, x), label);
    for (; n < oc_store_count(s); n++) {
        const oc_parameter p = oc_store_at(s, n);
        parameter[n] = oc_parameter_value(g, p.name, p.shape, p.kind, NULL);
    }
    oc_grad(g, y, n, parameter, gradient);
    assert_ok(oc_session_new(&session, g, &(oc_session_options){
        .mode = OC_TRAIN, .threads = 1, .outputs = 1, .output = &y, .gradients = n,
        .parameter = parameter, .gradient = gradient }));
    return session;
}

/* Steps until the loss is below 0.1; STEPS + 1: never. */
static int learn(oc_session *session, oc_store *s, struct batch *b)
{
    const oc_tensor in[] = {
        { OC_F32, OC_SHAPE(SAMPLES, 1, SIDE, SIDE), b->x }, { OC_I64, OC_SHAPE(SAMPLES), b->label },
    };
    struct updater u;
    int step = 0;
    float loss = INFINITY;
    assert_ok(oc__updater_make(&u, "sgd learning_rate=0.01 momentum=0.9", s, NULL));
    while (step < STEPS && !((double)loss < 0.1)) {
        assert_ok(oc_session_run(session, in, &(oc_tensor){ .data = &loss }));
        oc__updater_step(&u, s->block[ROLE_GRADIENT][OC_TRAINABLE], ++step,
                         u.hyper.learning_rate, 1);
    }
    oc__updater_free(&u);
    return (double)loss < 0.1 ? step : STEPS + 1;
}

static void noise_is_learnt_by_heart_from_every_seed(void **state)
{
    (void)state;
    struct batch *const b = oc__alloc(1, sizeof *b);
    assert_non_null(b);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        oc_model *m;
        oc_graph *g;
        draw(b, seed);
        assert_ok(oc_model_new(&m, &(oc_model_options){
            .architecture = layers, .input = OC_SHAPE(1, SIDE, SIDE), .classes = CLASSES,
            .seed = seed }));
        assert_ok(oc_graph_new(&g, oc_model_store(m)));
        oc_session *const session = open_session(g, m);
        const int steps = learn(session, oc_model_store(m), b);
        print_message("seed %d: %d steps\n", (int)seed, steps);
        assert_true(steps <= STEPS);
        oc_session_free(session);
        oc_graph_free(g);
        oc_model_free(m);
    }
    oc__free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_learnt_by_heart_from_every_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
