/* peak_test.c — what memory is taken at most, by work that is done beside the steps. */
#include "test.h"

#include "count_malloc.h"

enum { MIB = 1 << 20 };

static oc_model *make_model(const oc_data *d, const char *name)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = name, .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = oc_data_preparation(d) }));
    return m;
}

static void begin(void)
{
    heap.most = (long long)heap.bytes;
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* The most bytes that a training took whose network learns nothing and makes many mistakes. */
static long long bytes_of_a_training(const char *observers)
{
    oc_data *d;
    oc_train_result r;
    oc_observer o[1];
    int n = 0;
    char run[512];
    snprintf(run, sizeof run, "%s", place("run"));
    assert_ok(oc_data_open(&d, "synth:digits,train=100,test=100"));
    oc_model *const m = make_model(d, "linear");
    if (observers)
        assert_ok(oc_watch(o, 1, &n, observers));
    const oc_train_options t = { .model_name = "linear", .epochs = 1, .validation = 0.5,
                                 .optimizer = "sgd 1e-9", .threads = 1, .run = run };
    const long long before = heap.bytes;
    begin();
    assert_ok(oc_train(m, d, &t, o, n, NULL, &r));
    const long long bytes = heap.most - before;
    assert_int_equal(oc__is_file(place("run/plots/test-mistakes.png")), observers != NULL);
    if (n)
        oc_watch_free(&o[0]);
    oc_train_result_free(&r);
    oc_model_free(m);
    oc_data_free(d);
    remove_tree(run);
    return bytes;
}

/* A gallery of mistakes alone has 8.9 MB of pixels. */
static void pictures_of_a_training_take_little_memory(void **state)
{
    (void)state;
    const long long plain = bytes_of_a_training(NULL), drawn = bytes_of_a_training("plots");
    print_message("%lld KiB without pictures, %lld with them\n", plain / 1024, drawn / 1024);
    assert_true(drawn - plain < 7 * MIB);
    assert_true(drawn > plain || !OWN_MALLOC);
}

/* ---- evaluation ------------------------------------------------------------------------------ */

static long long bytes_of_an_evaluation(const char *data)
{
    oc_data *d;
    oc_metrics metrics;
    assert_ok(oc_data_open(&d, data));
    oc_model *const m = make_model(d, "cnn");
    const oc_eval_options o = { .batch = 16, .threads = 1 };
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, &o, &metrics)); /* what libraries keep is there */
    oc_metrics_free(&metrics);
    const long long before = heap.bytes;
    begin();
    assert_ok(oc_evaluate(m, d, OC_PART_TEST, &o, &metrics));
    const long long bytes = heap.most - before;
    oc_metrics_free(&metrics);
    oc_model_free(m);
    oc_data_free(d);
    return bytes;
}

/* The weights of the network are 4.2 MiB, and a plan may hold them in layouts of its own. */
static void a_smaller_last_batch_takes_no_more_memory(void **state)
{
    (void)state;
    const long long whole = bytes_of_an_evaluation("synth:digits,train=10,test=32");
    const long long rest = bytes_of_an_evaluation("synth:digits,train=10,test=37");
    print_message("%lld KiB, with a smaller last batch %lld\n", whole / 1024, rest / 1024);
    assert_true(rest - whole < 2 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_of_a_training_take_little_memory),
        cmocka_unit_test(a_smaller_last_batch_takes_no_more_memory),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
