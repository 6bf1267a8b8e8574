/* oom_test.c — memory that runs out is an error like any other.
 *
 * The library's calls to calloc and its kin are linked through this file (see the Makefile), which
 * refuses the n-th of them, once or from there on, for n = 1, 2, … until the task no longer comes
 * that far.  Each time the task must end in OC_ELIMIT with a message, and every block must have
 * been given back; under AddressSanitizer nothing stale is touched either. */
#include "test.h"

#include <stdatomic.h>
#include <zlib.h>

#include "backend/backend.h"

/* ---- the allocator in between ---------------------------------------------------------------- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
int   __real_posix_memalign(void **out, size_t alignment, size_t n);
void  __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
int   __wrap_posix_memalign(void **out, size_t alignment, size_t n);
void  __wrap_free(void *p);

static atomic_llong calls, refused, live;
static long long    refuse_at;                          /* 0: none is refused */
static bool         sticky;

static bool refuse(void)
{
    const long long call = ++calls;
    const bool no = refuse_at && (sticky ? call >= refuse_at : call == refuse_at);
    refused += no;
    return no;
}

void *__wrap_malloc(size_t n)
{
    void *const p = refuse() ? NULL : __real_malloc(n);
    live += p != NULL;
    return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *const p = refuse() ? NULL : __real_calloc(n, size);
    live += p != NULL;
    return p;
}

void *__wrap_realloc(void *p, size_t n)
{
    void *const grown = refuse() ? NULL : __real_realloc(p, n);
    live += grown && !p;
    return grown;
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t n)
{
    const int error = refuse() ? 12 : __real_posix_memalign(out, alignment, n);
    live += error == 0;
    return error;
}

void __wrap_free(void *p)
{
    live -= p != NULL;
    __real_free(p);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

typedef oc_status task(void);

static const char *words[2];                            /* what the task at hand works on */

/* A run goes on without a checkpoint that could not be saved, and leaves tidying for later. */
static bool may_do_without;

static void refuse_each(task *run)
{
    assert_ok(run());                                   /* what is made once is made here */
    for (int mode = 0; mode < 2; mode++) {
        sticky = mode == 1;
        long long points = 0;
        for (bool reached = true; reached; points += reached) {
            const long long before = live;
            calls = refused = 0;
            refuse_at = points + 1;
            const oc_status status = run();
            refuse_at = 0;
            reached = refused > 0;
            const bool as_expected = status == OC_OK ? !reached || may_do_without
                                                     : reached && status == OC_ELIMIT;
            if (!as_expected)
                fail_msg("allocation %lld refused%s: status %d, \"%s\"", points + 1,
                         sticky ? " and all after it" : "", (int)status, oc_error());
            if (live != before)
                fail_msg("allocation %lld refused%s: %lld blocks are left (\"%s\")", points + 1,
                         sticky ? " and all after it" : "", (long long)(live - before), oc_error());
            if (status)
                error_says("memory");
        }
        print_message("%lld allocations refused%s\n", points,
                      sticky ? ", each with all after it" : "");
        assert_true(points > 0);
    }
}

/* One layer of each kind that keeps something. */
static const char small_network[] = "conv 2 kernel=3 stride=3; batchnorm; relu; maxpool 2; "
                                    "dropout; flatten; linear 4; prelu; linear classes";

static oc_status make_model(oc_model **m)
{
    return oc_model_new(m, &(oc_model_options){
        .architecture = small_network, .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = "scale; normalize mean=0.1 std=0.3" });
}

static oc_status load_model(void)
{
    oc_model *m = NULL;
    const oc_status status = oc_model_load(&m, words[0], NULL);
    oc_model_free(m);
    return status;
}

static oc_status read_weights(void)
{
    oc_model *m = NULL;
    oc_status status = make_model(&m);
    if (status >= 0)
        status = oc_model_read(m, words[0]);
    oc_model_free(m);
    return status;
}

static oc_status save_model(void)
{
    oc_model *m = NULL;
    oc_status status = make_model(&m);
    if (status >= 0)
        status = oc_model_save(m, words[0], true);
    oc_model_free(m);
    return status;
}

static oc_status describe_model(void)
{
    oc_model *m = NULL;
    oc_status status = make_model(&m);
    char *const text = status >= 0 ? oc_model_text(m, 2) : NULL;
    if (status >= 0 && !text)
        status = OC_ELIMIT;
    oc_string_free(text);
    oc_model_free(m);
    return status;
}

static oc_status describe_file(void)
{
    char *const text = oc_file_text(words[0]);
    oc_string_free(text);
    return text ? OC_OK : OC_ELIMIT;
}

static oc_status open_data(void)
{
    oc_data *d = NULL;
    oc_status status = oc_data_open(&d, words[0]);
    if (status >= 0)
        status = oc_data_split(d, 0.25, 1);
    oc_data_free(d);
    return status;
}

/* One epoch of two steps, with everything that keeps state. */
static oc_status train(void)
{
    oc_data *d = NULL;
    oc_model *m = NULL;
    oc_train_result r = { 0 };
    oc_status status = oc_data_open(&d, "synth:digits,train=8,test=2");
    if (status >= 0)
        status = make_model(&m);
    const oc_train_options o = { .epochs = 1, .batch = 4, .threads = 1, .workers = -1,
                                 .backends = words[0], .optimizer = "adamw", .clip_norm = 1,
                                 .average = 0.9, .schedule = "cosine warmup=1",
                                 .validation = 0.25, .run = words[1] };
    if (status >= 0)
        status = oc_train(m, d, &o, NULL, 0, NULL, &r);
    oc_train_result_free(&r);
    oc_model_free(m);
    oc_data_free(d);
    return status;
}

static oc_status judge(void *context, const char *name, oc_status status, const oc_image *image)
{
    (void)name;
    float probability[10];
    return status < 0 ? status : oc_predict(context, image, probability);
}

static oc_status predict(void)
{
    oc_model *m = NULL;
    oc_predictor *p = NULL;
    const oc_shape shape = OC_SHAPE(1, 28, 28);
    oc_status status = make_model(&m);
    if (status >= 0)
        status = oc_predictor_new(&p, m, &(oc_eval_options){ .batch = 1, .threads = 1 });
    if (status >= 0)
        status = oc_image_each(words[0], &(oc_each_options){ .shape = &shape }, judge, p);
    oc_predictor_free(p);
    oc_model_free(m);
    return status;
}

static oc_status evaluate(void)
{
    oc_data *d = NULL;
    oc_model *m = NULL;
    oc_metrics metrics = { 0 };
    oc_status status = oc_data_open(&d, "synth:digits,train=8,test=5");
    if (status >= 0)
        status = make_model(&m);
    if (status >= 0)
        status = oc_evaluate(m, d, OC_PART_TEST, &(oc_eval_options){ .batch = 2, .threads = 1 },
                             &metrics);
    oc_metrics_free(&metrics);
    oc_model_free(m);
    oc_data_free(d);
    return status;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void write_models(void)
{
    oc_model *m;
    assert_ok(make_model(&m));
    assert_ok(oc_model_save(m, place("m.safetensors"), true));
    assert_ok(oc_model_save(m, place("m.json"), true));
    oc_model_free(m);
}

static void for_both_forms(task *run)
{
    write_models();
    words[0] = place("m.safetensors");
    refuse_each(run);
    words[0] = place("m.json");
    refuse_each(run);
}

static void models_are_loaded_or_refused(void **state)
{
    (void)state;
    for_both_forms(load_model);
}

static void weights_are_read_or_refused(void **state)
{
    (void)state;
    for_both_forms(read_weights);
}

static void files_of_weights_are_described_or_refused(void **state)
{
    (void)state;
    for_both_forms(describe_file);
}

static void models_are_saved_or_nothing_is_left(void **state)
{
    (void)state;
    for_both_forms(save_model);
    assert_int_equal(files_in_place(), 2);
}

static void models_are_described_or_refused(void **state)
{
    (void)state;
    refuse_each(describe_model);
}

static void drawn_digits_are_opened_or_refused(void **state)
{
    (void)state;
    words[0] = "synth:digits,train=8,test=2";
    refuse_each(open_data);
}

/* Writes `n` bytes that follow a header of big-endian numbers, packed by gzip. */
static void write_packed(const char *name, const uint32_t *header, int words_n, int n)
{
    const gzFile f = gzopen(place(name), "wb");
    assert_non_null(f);
    for (int i = 0; i < words_n; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            gzputc(f, (int)(header[i] >> shift & 255));
    for (int i = 0; i < n; i++)
        gzputc(f, i % 10);
    gzclose(f);
}

static void mnist_is_opened_or_refused(void **state)
{
    (void)state;
    static char spec[600];
    for (int part = 0; part < 2; part++) {
        write_packed(part ? "t10k-images-idx3-ubyte.gz" : "train-images-idx3-ubyte.gz",
                     (uint32_t[]){ 2051, 20, 28, 28 }, 4, 20 * 784);
        write_packed(part ? "t10k-labels-idx1-ubyte.gz" : "train-labels-idx1-ubyte.gz",
                     (uint32_t[]){ 2049, 20 }, 2, 20);
    }
    snprintf(spec, sizeof spec, "mnist:%s", test_directory);
    words[0] = spec;
    refuse_each(open_data);
}

static void training_ends_or_is_refused(void **state)
{
    (void)state;
    for (const struct backend *const *b = oc__backend_list; *b; b++) {
        words[0] = (*b)->name;
        refuse_each(train);
    }
    words[0] = NULL;                                    /* all of them */
    refuse_each(train);
}

static void images_are_judged_or_refused(void **state)
{
    (void)state;
    uint8_t pixels[28 * 28] = { 1, 2, 3 };
    const oc_image image = { .width = 28, .height = 28, .channels = 1, .pixel = pixels };
    assert_ok(oc_image_save(&image, place("a.png")));
    words[0] = place("a.png");
    refuse_each(predict);
    words[0] = place("train-images-idx3-ubyte.gz");
    refuse_each(predict);
    words[0] = test_directory;
    refuse_each(predict);
}

/* The folder must be gone before each training, and what a failed one has left is thrown away. */
static oc_status train_and_resume(void)
{
    oc_train_result r = { 0 };
    const long long at = refuse_at;
    refuse_at = 0;
    remove_tree(words[1]);
    calls = 0;
    refuse_at = at;
    oc_status status = train();
    if (status >= 0)
        status = oc_resume(words[1], NULL, NULL, 0, NULL, &r);
    oc_train_result_free(&r);
    return status;
}

static void runs_are_written_and_continued_or_refused(void **state)
{
    (void)state;
    words[0] = oc__backend_check("cpu") < 0 ? "reference" : "cpu";
    words[1] = place("run");
    may_do_without = true;
    refuse_each(train_and_resume);
    may_do_without = false;
    remove_tree(words[1]);
    words[1] = NULL;
}

static void data_is_evaluated_or_refused(void **state)
{
    (void)state;
    refuse_each(evaluate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_are_loaded_or_refused),
        cmocka_unit_test(weights_are_read_or_refused),
        cmocka_unit_test(files_of_weights_are_described_or_refused),
        cmocka_unit_test(models_are_saved_or_nothing_is_left),
        cmocka_unit_test(models_are_described_or_refused),
        cmocka_unit_test(drawn_digits_are_opened_or_refused),
        cmocka_unit_test(mnist_is_opened_or_refused),
        cmocka_unit_test(images_are_judged_or_refused),
        cmocka_unit_test(training_ends_or_is_refused),
        cmocka_unit_test(runs_are_written_and_continued_or_refused),
        cmocka_unit_test(data_is_evaluated_or_refused),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
