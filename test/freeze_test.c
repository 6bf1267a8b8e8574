/* freeze_test.c — parameters that a training leaves as they are, to the byte. */
#include "test.h"

#include "nn/layer.h"

static const char spec[] = "synth:digits,train=120,test=40";

/* ---- a training ------------------------------------------------------------------------------ */

enum { STOP_AFTER = 11 };                               /* steps: in the second epoch */

static int64_t       parameters_told, trained_told;
static int           steps_seen, stop_after;            /* 0: to the end */
static volatile bool stop;

static oc_status listen(void *context, const oc_train_info *info)
{
    (void)context;
    parameters_told = info->parameters;
    trained_told = info->trained;
    return OC_OK;
}

static oc_status count_step(void *context, const oc_progress *p)
{
    (void)context;
    (void)p;
    stop = ++steps_seen == stop_after;
    return OC_OK;
}

static oc_data *open_data(void)
{
    oc_data *d;
    assert_ok(oc_data_open(&d, spec));
    return d;
}

static oc_model *new_model(const oc_data *d)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "conv 4 kernel=5 stride=3 name=body.conv; batchnorm name=body.norm; relu; "
                        "flatten; linear 12 name=mid; batchnorm name=norm; relu; "
                        "linear classes name=head",
        .input = OC_SHAPE(1, 28, 28), .classes = 10, .preparation = oc_data_preparation(d),
        .seed = 3 }));
    return m;
}

/* Everything that could move a weight: decay, momentum, clipping, a moving average. */
static oc_train_options options(const char *freeze, const char *run)
{
    return (oc_train_options){
        .freeze = freeze, .optimizer = "adamw learning_rate=0.01 weight_decay=0.1", .epochs = 3,
        .batch = 16, .accumulate = 1, .clip_norm = 1, .average = 0.9, .threads = 1, .workers = -1,
        .seed = 9, .data_spec = spec, .run = run,
    };
}

static oc_status train(oc_model *m, oc_data *d, const oc_train_options *o, int steps)
{
    const oc_observer watcher = { .begin = listen, .step = count_step };
    oc_train_result result;
    stop_after = steps;
    steps_seen = 0;
    stop = false;
    const oc_status status = oc_train(m, d, o, &watcher, 1, &stop, &result);
    oc_train_result_free(&result);
    return status;
}

/* Exactly the parameters of the patterns are as in a new model. */
static void assert_frozen(oc_store *trained, oc_store *fresh, const char *patterns)
{
    for (int i = 0; i < oc_store_count(fresh); i++) {
        const oc_parameter a = oc_store_at(trained, i), b = oc_store_at(fresh, i);
        const size_t size = (size_t)oc_shape_count(&a.shape) * sizeof(float);
        if ((memcmp(a.value, b.value, size) == 0) != oc__frozen(patterns, a.name))
            fail_msg("%s: %s %s", patterns, a.name,
                     oc__frozen(patterns, a.name) ? "has changed" : "has not changed");
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void what_is_frozen_keeps_its_bytes_and_the_rest_moves(void **state)
{
    (void)state;
    static const struct { const char *patterns; int64_t trained; } cases[] = {
        { NULL, 4 * 26 + 8 + 12 * 257 + 24 + 130 },
        { "body.*", 12 * 257 + 24 + 130 },
        { "body.*,mid.*,norm.*", 130 },
        { "*.bias", 100 + 4 + 12 * 256 + 12 + 120 },
        { "mid.weight,head.bias", 4 * 26 + 8 + 12 + 24 + 120 },
        { "*.running_mean,*.running_var", 4 * 26 + 8 + 12 * 257 + 24 + 130 },
    };
    oc_data *const d = open_data();
    for (size_t i = 0; i < COUNT(cases); i++) {
        oc_model *const m = new_model(d), *const fresh = new_model(d);
        const oc_train_options o = options(cases[i].patterns, NULL);
        assert_ok(train(m, d, &o, 0));
        assert_frozen(oc_model_store(m), oc_model_store(fresh), cases[i].patterns);
        assert_int_equal(parameters_told, 4 * 26 + 8 + 12 * 257 + 24 + 130);
        assert_int_equal(trained_told, cases[i].trained);
        oc_model_free(m);
        oc_model_free(fresh);
    }
    oc_data_free(d);
}

static void a_model_that_was_frozen_thaws(void **state)
{
    (void)state;
    oc_data *const d = open_data();
    oc_model *const m = new_model(d), *const fresh = new_model(d);
    oc_train_options o = options("body.*", NULL);
    assert_ok(train(m, d, &o, 0));
    o.freeze = NULL;
    assert_ok(train(m, d, &o, 0));
    assert_frozen(oc_model_store(m), oc_model_store(fresh), NULL);
    oc_model_free(m);
    oc_model_free(fresh);
    oc_data_free(d);
}

static void assert_same(oc_store *a, oc_store *b)
{
    for (int i = 0; i < oc_store_count(a); i++) {
        const oc_parameter p = oc_store_at(a, i), q = oc_store_at(b, i);
        assert_memory_equal(p.value, q.value, (size_t)oc_shape_count(&p.shape) * sizeof(float));
    }
}

/* What the first training left of gradients and moments is nothing to the second. */
static void a_second_training_begins_anew(void **state)
{
    (void)state;
    oc_data *const d = open_data();
    oc_model *const m = new_model(d), *const copy = new_model(d);
    oc_store *const from = oc_model_store(m), *const to = oc_model_store(copy);
    oc_train_options o = options(NULL, NULL);
    assert_ok(train(m, d, &o, 0));
    for (int i = 0; i < oc_store_count(to); i++) {
        const oc_parameter p = oc_store_at(from, i), q = oc_store_at(to, i);
        memcpy(q.value, p.value, (size_t)oc_shape_count(&p.shape) * sizeof(float));
    }
    o.freeze = "body.*";
    o.clip_norm = 0.01;
    assert_ok(train(m, d, &o, 0));
    assert_ok(train(copy, d, &o, 0));
    assert_same(from, to);
    oc_model_free(m);
    oc_model_free(copy);
    oc_data_free(d);
}

static void patterns_that_freeze_nothing_or_everything_are_refused(void **state)
{
    (void)state;
    oc_data *const d = open_data();
    oc_model *const m = new_model(d);
    oc_train_options o = options("body.*,tail.*", place("refused"));
    assert_int_equal(train(m, d, &o, 0), OC_EUSAGE);
    error_says("'tail.*': matches none");
    error_says("there are: body.*, mid.*, norm.*, head.*");
    o.freeze = "*";
    assert_int_equal(train(m, d, &o, 0), OC_EUSAGE);
    error_says("leaves no parameter to train");
    assert_false(oc__is_directory(o.run));
    oc_model_free(m);
    oc_data_free(d);
}

static char *load(const char *run, size_t *n)
{
    char path[600], *text;
    snprintf(path, sizeof path, "%s/model.safetensors", run);
    assert_ok(oc__file_load(path, 1 << 24, &text, n));
    return text;
}

static void a_frozen_training_resumes_to_the_same_bytes(void **state)
{
    (void)state;
    oc_data *const d = open_data();
    char *model[2];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        const char *const run = place(i ? "stopped" : "whole");
        oc_model *const m = new_model(d);
        const oc_train_options o = options("body.*", run);
        oc_store_at(oc_model_store(m), 0).value[5] = 0.125F;    /* as if it were loaded */
        assert_int_equal(train(m, d, &o, i ? STOP_AFTER : 0), i ? OC_EINTERRUPTED : OC_OK);
        oc_model_free(m);
        if (i) {
            const oc_observer watcher = { .begin = listen };
            oc_train_result result;
            trained_told = 0;
            assert_ok(oc_resume(run, NULL, &watcher, 1, NULL, &result));
            assert_int_equal(trained_told, 12 * 257 + 24 + 130);
            oc_train_result_free(&result);
        }
        model[i] = load(run, &n[i]);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(model[0], model[1], n[0]);
    oc__free(model[0]);
    oc__free(model[1]);
    oc_data_free(d);
}

static int clear_place(void **state)
{
    char command[600];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", test_directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_frozen_keeps_its_bytes_and_the_rest_moves),
        cmocka_unit_test(a_model_that_was_frozen_thaws),
        cmocka_unit_test(a_second_training_begins_anew),
        cmocka_unit_test(patterns_that_freeze_nothing_or_everything_are_refused),
        cmocka_unit_test(a_frozen_training_resumes_to_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, make_place, clear_place);
}
