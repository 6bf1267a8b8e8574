/* checks_test.c — checks while a model trains, and errors planted for them to find. */
#include "test.h"

#include <math.h>
#include "base/str.h"
#include "op/op.h"
#include "param/store.h"
#include "run/inspect.h"

static const char spec[] = "synth:digits,train=96,test=16";

/* ---- what is said ---------------------------------------------------------------------------- */

static struct str said;

static void hear(void *context, oc_log_level level, const char *line)
{
    (void)context;
    oc__str_addf(&said, "%s%s\n", level == OC_WARNING ? "! " : "", line);
}

static int listen(void **state)
{
    (void)state;
    oc__str_clear(&said);
    oc_log_set(hear, NULL);
    return 0;
}

static int stop_listening(void **state)
{
    (void)state;
    oc_log_set(NULL, NULL);
    oc__str_free(&said);
    return 0;
}

static void assert_said(const char *part)
{
    if (!strstr(oc__str_text(&said), part))
        fail_msg("\"%s\" is not in:\n%s", part, oc__str_text(&said));
}

static void assert_not_said(const char *part)
{
    if (strstr(oc__str_text(&said), part))
        fail_msg("\"%s\" is in:\n%s", part, oc__str_text(&said));
}

/* ---- trainings ------------------------------------------------------------------------------- */

/* A network with a function between two layers; NULL: without. */
static const char before[] = "flatten; linear 12 name=fc1", after[] = "linear classes name=fc2";

static oc_model *new_model(const char *layers, oc_layer_function *wall)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = layers ? layers : before, .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = "scale", .seed = 3 }));
    if (wall)
        assert_ok(oc_model_add_function(m, "wall", wall, NULL));
    if (!layers)
        assert_ok(oc_model_add(m, after));
    return m;
}

/* Trains with observers made from steps, and one before them unless NULL. */
static oc_status train(oc_model *m, oc_train_options o, const char *watch,
                       const oc_observer *first)
{
    oc_observer list[4] = { { 0 } };
    oc_train_result r;
    oc_data *d;
    int n = 0;
    if (first)
        list[n++] = *first;
    const int own = n;
    assert_ok(oc_data_open(&d, spec));
    if (watch)
        assert_ok(oc_watch(list, 4, &n, watch));
    o.epochs = o.epochs ? o.epochs : 1;
    o.batch = o.batch ? o.batch : 16;
    o.threads = 1;
    o.workers = -1;
    o.validation = 0;
    const oc_status status = oc_train(m, d, &o, list, n, NULL, &r);
    while (n > own)
        oc_watch_free(&list[--n]);
    oc_train_result_free(&r);
    oc_data_free(d);
    return status;
}

static oc_status train_new(const char *layers, oc_layer_function *wall, oc_train_options o,
                           const char *watch)
{
    oc_model *const m = new_model(layers, wall);
    const oc_status status = train(m, o, watch, NULL);
    oc_model_free(m);
    return status;
}

/* All numbers of a model, as bytes to compare. */
static struct str weights_of(oc_model *m)
{
    struct str out = { 0 };
    oc_store *const s = oc_model_store(m);
    for (int i = 0; i < oc_store_count(s); i++) {
        const oc_parameter p = oc_store_at(s, i);
        oc__str_add(&out, (const char *)p.value,
                    (size_t)oc_shape_count(&p.shape) * sizeof *p.value);
    }
    return out;
}

/* ---- planted errors -------------------------------------------------------------------------- */

/* Sigmoid's gradient, a thousandth too large. */
static void wrong_gradient(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                           oc_value *dx)
{
    oc__op_sigmoid.grad(g, n, dy, want, dx);
    dx[0] = oc_mul(g, dx[0], oc_scalar(g, 1.001));
}

static struct op broken_sigmoid;

static oc_value wrong_sigmoid(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    broken_sigmoid = oc__op_sigmoid;
    broken_sigmoid.grad = wrong_gradient;
    return oc__apply(g, &broken_sigmoid, NULL, OC_IN(x));
}

static oc_value logarithm(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    return oc_apply(g, "Log", 1, &x, NULL);
}

static oc_value overflow(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    const oc_value large = oc_mul(g, x, oc_scalar(g, 1e30));
    return oc_mul(g, large, oc_scalar(g, 1e30));
}

/* x, and zeros whose gradient is infinity times zero. */
static oc_value steep_zero(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    const oc_value zero = oc_mul(g, x, oc_scalar(g, 0));
    return oc_add(g, x, oc_apply(g, "Sqrt", 1, &zero, NULL));
}

static oc_value loud(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    return oc_mul(g, x, oc_scalar(g, 3000));
}

/* ---- gradients ------------------------------------------------------------------------------- */

static void right_gradients_are_found_right_in_every_kind_of_training(void **state)
{
    (void)state;
    static const struct { const char *layers; oc_train_options o; } cases[] = {
        { "conv 3 kernel=5 stride=3; relu; flatten; dropout; linear classes",
          { .optimizer = "adamw weight_decay=0.3" } },
        { "conv 3 kernel=5 stride=3 bias=false; batchnorm; relu; maxpool 2; flatten; "
          "linear classes",
          { .optimizer = "sgd 0.1 momentum=0.9 weight_decay=0.1", .augment = "mixup" } },
        { "conv 3 kernel=5 stride=3 bias=false name=c; batchnorm name=b; relu; flatten; "
          "linear classes", { .freeze = "c.*,b.*", .loss = "softmax smoothing=0.2" } },
        { "flatten; linear 9; dropout 0.3; tanh; linear classes",
          { .loss = "sigmoid", .accumulate = 2, .optimizer = "adam weight_decay=0.1" } },
        { "flatten; linear 9; prelu; linear classes", { .loss = "squared", .batch = 5 } },
        { "flatten; linear classes", { .loss = "nll", .precision = OC_F64 } },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_ok(train_new(cases[i].layers, NULL, cases[i].o, "gradients stop entries=3"));
    assert_said("gradients: epoch 1: 4 parameters");
    assert_said(" numbers on 8 samples, the whole gradient on 16: about ");
    assert_said(" numbers on 5 samples, the whole gradient on 5: about ");
    assert_not_said("!");
}

static void a_wrong_gradient_is_told_or_stops_the_training(void **state)
{
    (void)state;
    assert_ok(train_new(NULL, wrong_sigmoid, (oc_train_options){ 0 }, "gradients warn"));
    assert_said("! gradients: epoch 1: fc1.weight: off by ");
    assert_said("! gradients: epoch 1: fc1.bias: off by ");
    assert_not_said("fc2");
    assert_int_equal(train_new(NULL, wrong_sigmoid, (oc_train_options){ 0 }, "gradients stop"),
                     OC_ENEGATIVE);
    error_says("epoch 1: gradients are wrong: 2 of 8 comparisons are off");
    assert_ok(train_new(NULL, wrong_sigmoid, (oc_train_options){ 0 }, "gradients off"));
}

/* Stands for a training kernel that is 5 % off. */
static oc_status tamper(void *context, const oc_update *u)
{
    oc_store *const s = context;
    float *const dw = (float *)(uintptr_t)oc_store_gradient(s, 2);
    (void)u;
    for (int64_t k = 0; k < s->parameter[2].count; k++)
        dw[k] *= 1.05f;
    return OC_OK;
}

static void a_wrong_gradient_of_the_training_kernels_is_told(void **state)
{
    (void)state;
    oc_model *const m = new_model(NULL, NULL);
    const oc_observer first = { .update = tamper, .context = oc_model_store(m) };
    assert_int_equal(train(m, (oc_train_options){ 0 }, "gradients stop", &first), OC_ENEGATIVE);
    assert_said("! gradients: epoch 1: fc2.weight: the training kernels' gradient is off by 2.4");
    error_says("1 of 8 comparisons");
    oc_model_free(m);
}

static void gradients_are_checked_every_so_many_epochs(void **state)
{
    (void)state;
    assert_ok(train_new(NULL, NULL, (oc_train_options){ .epochs = 5 }, "gradients warn every=2"));
    assert_said("gradients: epoch 1: ");
    assert_said("gradients: epoch 3: ");
    assert_said("gradients: epoch 5: ");
    assert_not_said("gradients: epoch 2: ");
    assert_not_said("gradients: epoch 4: ");
}

/* A unit that stands exactly at the corner of ReLU has no slope to compare with. */
static oc_value at_the_corner(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    const oc_value zero = oc_mul(g, x, oc_scalar(g, 0));
    const oc_value w = oc_parameter_value(g, "corner", OC_SHAPE(12), OC_TRAINABLE, "zeros");
    return oc_add(g, x, oc_relu(g, oc_add(g, zero, w)));
}

static void entries_at_a_kink_are_left_out_and_counted(void **state)
{
    (void)state;
    oc_model *const m = new_model(NULL, at_the_corner);
    assert_ok(train(m, (oc_train_options){ 0 }, "gradients stop entries=12", NULL));
    assert_said(" 12 at a kink left out");
    oc_model_free(m);
}

static void checks_change_no_byte_of_the_model(void **state)
{
    (void)state;
    static const char layers[] = "conv 3 kernel=5 stride=3 bias=false; batchnorm; relu; flatten; "
                                 "dropout 0.4; linear classes";
    static const char *const watch[] = { NULL, "gradients stop; values stop", "gradients off; "
                                         "values off" };
    const oc_train_options o = { .epochs = 3, .augment = "mixup", .average = 0.9,
                                 .optimizer = "adamw 0.01 weight_decay=0.2" };
    struct str model[3];
    for (int i = 0; i < 3; i++) {
        oc_model *const m = new_model(layers, NULL);
        assert_ok(train(m, o, watch[i], NULL));
        model[i] = weights_of(m);
        assert_true(model[i].n == model[0].n
                    && memcmp(model[i].text, model[0].text, model[0].n) == 0);
        oc_model_free(m);
    }
    for (int i = 0; i < 3; i++)
        oc__str_free(&model[i]);
}

static void checks_that_are_off_are_not_called(void **state)
{
    (void)state;
    oc_observer list[2];
    int n = 0;
    assert_ok(oc_watch(list, 2, &n, "gradients off; values off"));
    for (int i = 0; i < n; i++) {
        assert_null(list[i].begin);
        assert_null(list[i].update);
        assert_null(list[i].step);
        assert_null(list[i].epoch);
        assert_null(list[i].context);
        oc_watch_free(&list[i]);
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

static void the_first_node_that_is_not_finite_is_named(void **state)
{
    (void)state;
    assert_int_equal(train_new(NULL, logarithm, (oc_train_options){ 0 }, "values stop"),
                     OC_ENEGATIVE);
    error_says("epoch 1, step 1: Log wall.Log [16, 12]: ");
    error_says(" nan, 0 inf of 192, the others from ");
    assert_said("!   reads fc1.Gemm [16, 12]: from -");
}

static void an_activation_that_overflows_is_named(void **state)
{
    (void)state;
    assert_int_equal(train_new(NULL, overflow, (oc_train_options){ 0 }, "values stop"),
                     OC_ENEGATIVE);
    error_says("Mul wall.Mul2 [16, 12]: 0 nan, 192 inf, none is finite");
    assert_said("!   reads wall.Mul [16, 12]: from ");
}

static void a_saturated_softmax_is_told_and_stops_only_where_asked(void **state)
{
    (void)state;
    assert_ok(train_new(NULL, loud, (oc_train_options){ .optimizer = "sgd 1e-9" }, "values stop"));
    assert_said("! values: epoch 1, step 1: SoftmaxCrossEntropyLoss [16, 10]: of 160 "
                "probabilities ");
    assert_said("!   reads fc2.Gemm [16, 10]: from ");
    assert_said("! epoch 1: the training loss is ");
    assert_said("values: epoch 1: of 6 updates 0 with values that are not finite, 0 that left such "
                "weights, 6 with a softmax of exactly 0 or 1");
    assert_int_equal(train_new(NULL, loud, (oc_train_options){ 0 }, "values stop softmax=stop"),
                     OC_ENEGATIVE);
    error_says("epoch 1, step 1: a softmax is exactly 0 or 1");
}

/* A weight of which the result does not depend, and which decay alone drives. */
static oc_value idle_weight(oc_graph *g, oc_value x, void *context)
{
    (void)context;
    const oc_value w = oc_parameter_value(g, "idle", OC_SHAPE(12), OC_TRAINABLE, "ones");
    return oc_add(g, x, oc_mul(g, w, oc_scalar(g, 0)));
}

static void weights_that_an_update_makes_infinite_are_told(void **state)
{
    (void)state;
    const oc_train_options o = { .optimizer = "sgd 1e6 weight_decay=1e6", .freeze = "fc1.*,fc2.*" };
    assert_int_equal(train_new(NULL, idle_weight, o, "values stop"), OC_ENEGATIVE);
    error_says("epoch 1, step 4: a weight is not finite after the update");
    assert_said("! values: epoch 1, step 4: wall.idle after the update: 0 nan, 12 inf of 12");
    assert_int_equal(train_new(NULL, idle_weight, o, NULL), OC_ENEGATIVE);
    error_says("epoch 1, step 5: wall.idle: weights are not finite");
    assert_said("! first value that is not finite: wall.idle [12]: 0 nan, 12 inf, none is finite");
    assert_said("! what may help: the weights have left the range of single precision");
}

static void statistics_are_those_of_the_finite_numbers(void **state)
{
    (void)state;
    float x[] = { 1, -3, NAN, INFINITY, 8, -INFINITY };
    struct statistics s;
    oc__statistics(&s, OC_F32, x, 6);
    assert_true(s.count == 6 && s.nans == 1 && s.infinities == 2);
    assert_true(s.least == -3 && s.most == 8 && s.mean == 2);
    oc__statistics(&s, OC_F32, x, 2);
    assert_true(s.nans == 0 && s.infinities == 0);
    assert_true(s.least == -3 && s.most == 1 && s.mean == -1);
    oc__statistics(&s, OC_F32, x + 2, 1);
    assert_true(s.nans == 1 && isnan(s.least) && isnan(s.mean));
}

/* ---- divergence ------------------------------------------------------------------------------ */

static void a_gradient_that_is_not_finite_changes_nothing(void **state)
{
    (void)state;
    oc_model *const m = new_model(NULL, steep_zero);
    struct str old = weights_of(m);
    assert_int_equal(train(m, (oc_train_options){ .epochs = 2 }, NULL, NULL), OC_ENEGATIVE);
    error_says("its gradient is not finite 10 times in a row");
    struct str new = weights_of(m);
    assert_memory_equal(old.text, new.text, old.n);
    assert_said("! first value that is not finite: ");
    assert_said("grad.wall.");
    oc__str_free(&old);
    oc__str_free(&new);
    oc_model_free(m);
}

static void a_diverging_training_tells_where_and_what_may_help(void **state)
{
    (void)state;
    assert_int_equal(train_new(NULL, logarithm, (oc_train_options){ .epochs = 2 }, NULL),
                     OC_ENEGATIVE);
    error_says("epoch 2, step 4: loss nan: not finite 10 times in a row");
    assert_said("! diverged in epoch 2, step 4: loss nan, norm of the gradient nan, learning ");
    assert_said("! first value that is not finite: Log wall.Log [16, 12]: ");
    assert_said("! what may help: the operator has no finite result for what it read");
}

static void a_learning_rate_that_explodes_is_told_and_the_checkpoint_kept(void **state)
{
    (void)state;
    const oc_train_options o = { .optimizer = "sgd 1e5", .run = place("exploding"), .epochs = 9,
                                 .checkpoint_every = 2 };
    assert_int_equal(train_new("flatten; linear 30; relu; linear 30; relu; linear classes", NULL, o,
                               NULL), OC_ENEGATIVE);
    int step = 0;
    char file[64];
    const char *const kept = strstr(oc_error(), "; the checkpoint of step ");
    assert_true(kept && sscanf(kept, "; the checkpoint of step %d is kept", &step) == 1);
    snprintf(file, sizeof file, "exploding/checkpoints/ckpt-%08d.safetensors", step);
    assert_true(step >= 2 && oc__is_file(place(file)));
    assert_said("learning rate 100000, ");
    assert_said("lower learning rate");
}

static void a_loss_beyond_measure_stops_though_it_is_finite(void **state)
{
    (void)state;
    assert_int_equal(train_new("flatten; linear 30; relu; linear classes", NULL,
                               (oc_train_options){ .optimizer = "adam 1e4", .epochs = 2 }, NULL),
                     OC_ENEGATIVE);
    error_says("training loss ");
    error_says(", where guessing costs about 3.30259");
    assert_said("! every value of the last batch is finite");
    assert_said("lower learning rate");
}

static void running_statistics_take_no_nan(void **state)
{
    (void)state;
    oc_model *const m = new_model("flatten; linear 12", logarithm);
    assert_ok(oc_model_add(m, "batchnorm; linear classes"));
    assert_int_equal(train(m, (oc_train_options){ .epochs = 2 }, NULL, NULL), OC_ENEGATIVE);
    const int i = oc_store_find(oc_model_store(m), "batchnorm1.running_mean");
    assert_true(i >= 0);
    for (int k = 0; k < 12; k++)
        assert_true(isfinite(oc_store_at(oc_model_store(m), i).value[k]));
    oc_model_free(m);
}

/* The folder of the run that exploded holds folders. */
static int clear_place(void **state)
{
    char command[600];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", test_directory);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, listen, stop_listening)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(right_gradients_are_found_right_in_every_kind_of_training),
        TEST(a_wrong_gradient_is_told_or_stops_the_training),
        TEST(a_wrong_gradient_of_the_training_kernels_is_told),
        TEST(gradients_are_checked_every_so_many_epochs),
        TEST(entries_at_a_kink_are_left_out_and_counted),
        TEST(checks_change_no_byte_of_the_model),
        TEST(checks_that_are_off_are_not_called),
        TEST(the_first_node_that_is_not_finite_is_named),
        TEST(an_activation_that_overflows_is_named),
        TEST(a_saturated_softmax_is_told_and_stops_only_where_asked),
        TEST(weights_that_an_update_makes_infinite_are_told),
        TEST(statistics_are_those_of_the_finite_numbers),
        TEST(a_gradient_that_is_not_finite_changes_nothing),
        TEST(a_diverging_training_tells_where_and_what_may_help),
        TEST(a_learning_rate_that_explodes_is_told_and_the_checkpoint_kept),
        TEST(a_loss_beyond_measure_stops_though_it_is_finite),
        TEST(running_statistics_take_no_nan),
    };
    return cmocka_run_group_tests(tests, make_place, clear_place);
}
