/* task_test.c — losses, metrics, evaluation, prediction, and gradient checks of whole models. */
#include "test.h"

#include <math.h>
#include "nn/model.h"
#include "task/task.h"

/* ---- losses -------------------------------------------------------------------------------- */

static const float  logits[2][3] = { { 1, 2, -1 }, { 0.5f, -3, 0 } };
static const int64_t labels[2] = { 1, 2 };

/* The value of a loss on the logits above, by a session on the reference. */
static double value_of(const char *text)
{
    struct loss_choice c;
    oc_graph *g;
    oc_session *s;
    float y = NAN;
    assert_ok(oc__loss_read(&c, &oc__task_classify, text));
    assert_ok(oc_graph_new(&g, NULL));
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(2, 3));
    const oc_value t = oc_input(g, "t", OC_I64, OC_SHAPE(2));
    const oc_value loss = oc__loss_value(&c, g, x, t);
    assert_ok(oc_session_new(&s, g, &(oc_session_options){ .outputs = 1, .output = &loss }));
    const oc_tensor in[] = { { OC_F32, OC_SHAPE(2, 3), (void *)(uintptr_t)logits },
                             { OC_I64, OC_SHAPE(2), (void *)(uintptr_t)labels } };
    assert_ok(oc_session_run(s, in, &(oc_tensor){ .data = &y }));
    oc_session_free(s);
    oc_graph_free(g);
    return (double)y;
}

/* -ln softmax(row)[t]. */
static double nats(int row, int t)
{
    double sum = 0;
    for (int k = 0; k < 3; k++)
        sum += exp((double)logits[row][k]);
    return log(sum) - (double)logits[row][t];
}

static void losses_are_their_formulas(void **state)
{
    (void)state;
    double plain = 0, smooth = 0, single = 0, squares = 0;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++) {
            const double y = (double)logits[i][k], t = k == labels[i];
            plain += t * nats(i, k) / 2;
            smooth += (0.8 * t + 0.2 / 3) * nats(i, k) / 2;
            single += (log1p(exp(y)) - t * y) / 2;
            squares += (y - t) * (y - t) / 6;
        }
    assert_true(fabs(value_of("softmax") - plain) < 1e-6);
    assert_true(fabs(value_of("softmax smoothing=0.2") - smooth) < 1e-6);
    assert_true(fabs(value_of("sigmoid") - single) < 1e-6);
    assert_true(fabs(value_of("squared") - squares) < 1e-6);
}

static void an_unknown_loss_names_the_nearest(void **state)
{
    struct loss_choice c;
    (void)state;
    assert_int_equal(oc__loss_read(&c, &oc__task_classify, "sofmax"), OC_EUSAGE);
    error_says("did you mean softmax?");
    assert_int_equal(oc__loss_read(&c, &oc__task_classify, "softmax smothing=1"), OC_EUSAGE);
    error_says("did you mean smoothing?");
}

/* ---- metrics ------------------------------------------------------------------------------- */

static void a_tally_counts_classes_ties_and_the_top_five(void **state)
{
    (void)state;
    enum { CLASSES = 7 };
    const float y[4][CLASSES] = {
        { 0, 3, 1, 2, 0, 0, 0 },                        /* predicts 1 */
        { 0, 0, 0, 0, 0, 0, 0 },                        /* a tie: the first; 5 is not in the top */
        { 6, 5, 4, 3, 2, 1, 0 },                        /* predicts 0; 4 is the fifth */
        { NAN, 1, 2, 0, 0, 0, 0 },                      /* predicts 2 */
    };
    const int64_t t[4] = { 1, 5, 4, 2 };
    struct tally tally;
    oc_metrics m;
    assert_ok(oc__tally_new(&tally, CLASSES));
    oc__tally_add(&tally, y[0], t, 3, 2);
    oc__tally_add(&tally, y[3], t + 3, 1, 6);
    assert_ok(oc__tally_metrics(&tally, &m));
    assert_int_equal(m.samples, 4);
    assert_true(m.loss == 3 && m.accuracy == 0.5 && m.top5 == 0.75);
    assert_int_equal(m.confusion[5 * CLASSES + 0], 1);
    assert_int_equal(m.confusion[2 * CLASSES + 2], 1);
    assert_true(m.per_class[1].precision == 1 && m.per_class[1].recall == 1);
    assert_true(m.per_class[0].count == 0 && m.per_class[0].f1 == 0);
    assert_true(m.per_class[4].count == 1 && m.per_class[4].recall == 0);
    oc_metrics_free(&m);
    oc__tally_clear(&tally);
    assert_true(tally.samples == 0 && tally.confusion[2 * CLASSES + 2] == 0);
    oc__tally_free(&tally);
}

/* ---- evaluation and prediction ------------------------------------------------------------- */

static void open_digits(oc_data **d, oc_model **m, const char *architecture)
{
    assert_ok(oc_data_open(d, "synth:digits,train=20,test=70"));
    const oc_model_options o = { .architecture = architecture, .input = OC_SHAPE(1, 28, 28),
                                 .classes = oc_data_classes(*d), .seed = 5,
                                 .preparation = oc_data_preparation(*d) };
    assert_ok(oc_model_new(m, &o));
}

static void zero_weights_know_nothing(void **state)
{
    (void)state;
    oc_data *d;
    oc_model *m;
    oc_metrics x;
    open_digits(&d, &m, "linear");
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, NULL, &x));
    assert_int_equal(x.samples, 70);
    assert_true(fabs(x.loss - log(10)) < 1e-6);
    assert_int_equal(x.confusion[0], x.per_class[0].count);
    assert_true(fabs(x.accuracy - (double)x.per_class[0].count / 70) < 1e-12);
    oc_metrics_free(&x);
    oc_model_free(m);
    oc_data_free(d);
}

static void metrics_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    oc_data *d;
    oc_model *m;
    oc_metrics a, b;
    open_digits(&d, &m, "mlp");
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, NULL, &a));
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, &(oc_eval_options){ .batch = 32 }, &b));
    assert_true(fabs(a.loss - b.loss) < 1e-5 && a.accuracy == b.accuracy && a.top5 == b.top5);
    assert_memory_equal(a.confusion, b.confusion, 100 * sizeof *a.confusion);
    oc_metrics_free(&a);
    oc_metrics_free(&b);
    oc_model_free(m);
    oc_data_free(d);
}

/* A network that PyTorch trained; its author's preparation is (v - 0.1307) / 0.3081. */
struct told { int64_t samples, correct; double loss; };

/* Samples come in order; what is told of them adds up. */
static oc_status hear(void *context, const oc_evaluated *batch)
{
    struct told *const t = context;
    assert_int_equal(batch->part, OC_PART_TEST);
    assert_int_equal(batch->first, t->samples);
    for (int64_t i = 0; i < batch->n; i++) {
        const float *const p = batch->probability + i * batch->classes;
        int best = 0;
        for (int k = 1; k < batch->classes; k++)
            best = p[k] > p[best] ? k : best;
        t->correct += best == batch->label[i];
        t->loss -= log((double)p[batch->label[i]]);
    }
    t->samples += batch->n;
    return OC_OK;
}

static void probabilities_that_are_told_add_up_to_the_metrics(void **state)
{
    (void)state;
    oc_data *d;
    oc_model *m;
    oc_metrics plain, heard;
    struct told t = { 0 };
    open_digits(&d, &m, "mlp");
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, &(oc_eval_options){ .batch = 32 }, &plain));
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, &(oc_eval_options){
        .batch = 32, .evaluated = hear, .context = &t }, &heard));
    assert_int_equal(t.samples, plain.samples);
    assert_true((double)t.correct / (double)t.samples == plain.accuracy);
    assert_true(fabs(t.loss / (double)t.samples - plain.loss) < 1e-5);
    assert_true(plain.loss == heard.loss);              /* listening changes nothing */
    oc_metrics_free(&plain);
    oc_metrics_free(&heard);
    oc_model_free(m);
    oc_data_free(d);
}

static void weights_trained_elsewhere_recognise_digits(void **state)
{
    (void)state;
    const char *weights = shared_data("models/burn_mnist/mnist.safetensors");
    const char *images = shared_data("mnist");
    char spec[600];
    oc_data *d;
    oc_model *m;
    oc_metrics x;
    snprintf(spec, sizeof spec, "mnist:%s", images);
    assert_ok(oc_data_open(&d, spec));
    const oc_model_options o = {
        .architecture = "conv 8 name=conv1; relu; conv 16 name=conv2; relu; conv 24 name=conv3; "
                        "relu; batchnorm name=norm1; flatten; linear 32 name=fc1; relu; "
                        "dropout 0.3; linear classes name=fc2; batchnorm name=norm2",
        .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = "grayscale; scale; normalize mean=0.1307 std=0.3081",
    };
    assert_ok(oc_model_new(&m, &o));
    assert_ok(oc_model_read(m, weights));
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, NULL, &x));
    print_message("accuracy %.4f, loss %.4f\n", x.accuracy, x.loss);
    assert_int_equal(x.samples, 10000);
    assert_true(x.accuracy > 0.98 && x.top5 > 0.999);
    oc_metrics_free(&x);
    oc_model_free(m);
    oc_data_free(d);
}

static void data_with_more_classes_than_the_model_is_refused(void **state)
{
    (void)state;
    oc_data *d;
    oc_model *m;
    oc_metrics x;
    assert_ok(oc_data_open(&d, "synth:digits,train=20,test=10"));
    assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = "linear", .classes = 4,
                                                    .input = OC_SHAPE(1, 28, 28) }));
    assert_int_equal(oc_evaluate(m, d, OC_PART_TEST, NULL, &x), OC_EUSAGE);
    error_says("10 classes");
    oc_model_free(m);
    oc_data_free(d);
}

static void probabilities_follow_the_loss(void **state)
{
    static const struct { const char *loss; double least, most; } wanted[] = {
        { "softmax", 1 - 1e-5, 1 + 1e-5 }, { "sigmoid", 2, 8 }, { "squared", 0.01, 10 },
    };
    (void)state;
    oc_data *d;
    oc_model *m;
    oc_image image;
    int64_t label;
    open_digits(&d, &m, "mlp");
    assert_ok(oc_data_sample(d, OC_PART_TEST, 3, &image, &label));
    for (size_t i = 0; i < COUNT(wanted); i++) {
        oc_predictor *p;
        float y[10];
        double sum = 0;
        assert_ok(oc__model_set_loss(m, wanted[i].loss));
        assert_ok(oc_predictor_new(&p, m, NULL));
        assert_ok(oc_predict(p, &image, y));
        for (int k = 0; k < 10; k++) {
            assert_true(y[k] >= 0 && y[k] <= 1);
            sum += (double)y[k];
        }
        assert_true(sum >= wanted[i].least && sum <= wanted[i].most);
        oc_predictor_free(p);
    }
    oc_image_free(&image);
    oc_model_free(m);
    oc_data_free(d);
}

/* ---- gradient checks ----------------------------------------------------------------------- */

static void note(void *context, const char *name, double error, bool good)
{
    int *off = context;
    *off += !good;
    if (!good)
        print_message("%s: %g\n", name, error);
}

static oc_value without_gradient(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    return oc_apply(g, "SigmoidGrad", 2, (oc_value[]){ x, x }, NULL);
}

/* The mean of a row is a by-product of LayerNormalization that hands no gradient back. */
static oc_value detached_mean(oc_graph *g, oc_value x, void *context)
{
    float ones[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    (void)context;
    const oc_value scale = oc_constant(g, &(oc_tensor){ OC_F32, OC_SHAPE(8), ones });
    return oc_output(g, oc_apply(g, "LayerNormalization", 2, (oc_value[]){ x, scale }, NULL), 1);
}

static const char many_layers[]
    = "conv 4 kernel=5 bias=false; batchnorm; gelu; avgpool 2; conv 6 groups=2 stride=2; prelu; "
      "layernorm; maxpool 3 stride=2; flatten; dropout; linear 20; mish; linear classes";

static void gradients_of_whole_models_are_right(void **state)
{
    static const char *const models[] = { "linear", "sigmoid", "lenet", many_layers };
    (void)state;
    for (size_t i = 0; i < COUNT(models); i++) {
        oc_model *m;
        int off = 0;
        assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = models[i], .classes = 10,
                                                        .input = OC_SHAPE(1, 28, 28), .seed = i }));
        const oc_parameter p = oc_store_at(oc_model_store(m), 0);
        const float before = p.value[0];
        assert_ok(oc_check_model(m, 3, 4, note, &off));
        assert_int_equal(off, 0);
        assert_true(p.value[0] == before);
        oc_model_free(m);
    }
}

/* Checks a model with this function between its two layers; counts the parameters that are off. */
static oc_status check_with(oc_layer_function *f, int *off)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = "flatten; linear 8 name=lost",
                                                    .classes = 3, .input = OC_SHAPE(1, 5, 5) }));
    assert_ok(oc_model_add_function(m, "wall", f, NULL));
    assert_ok(oc_model_add(m, "linear classes name=found"));
    const oc_status status = oc_check_model(m, 3, 4, note, off);
    oc_model_free(m);
    return status;
}

static void a_missing_gradient_is_caught(void **state)
{
    int off = 0;
    (void)state;
    assert_int_equal(check_with(detached_mean, &off), OC_ENEGATIVE);
    assert_int_equal(off, 2);
    assert_int_equal(check_with(without_gradient, &off), OC_EUSAGE);
    error_says("SigmoidGrad has no gradient");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_their_formulas),
        cmocka_unit_test(an_unknown_loss_names_the_nearest),
        cmocka_unit_test(a_tally_counts_classes_ties_and_the_top_five),
        cmocka_unit_test(zero_weights_know_nothing),
        cmocka_unit_test(metrics_do_not_depend_on_the_batch),
        cmocka_unit_test(probabilities_that_are_told_add_up_to_the_metrics),
        cmocka_unit_test(weights_trained_elsewhere_recognise_digits),
        cmocka_unit_test(data_with_more_classes_than_the_model_is_refused),
        cmocka_unit_test(probabilities_follow_the_loss),
        cmocka_unit_test(gradients_of_whole_models_are_right),
        cmocka_unit_test(a_missing_gradient_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
