/* input_test.c — a network is given the same bytes of an image in training, evaluation and
 * prediction. */
#include "test.h"

#include "data/loader.h"

enum { SAMPLES = 40, SIDE = 16, VALUES = 3 * SIDE * SIDE };

static const char program[] = "rgb; trim; letterbox 20x18 filter=bicubic; "
                              "resize 16x16 filter=lanczos; minmax; adaptive_invert; "
                              "normalize imagenet";

/* What a loader yields in an epoch, [SAMPLES, VALUES]. */
static void drain(const oc_data *d, struct loader_options o, float *to)
{
    struct prepare_program *p;
    struct loader          *l;
    struct batch            b;
    assert_ok(oc__prepare_parse(&p, program));
    o.data = d;
    o.prepare = p;
    assert_ok(oc__loader_new(&l, &o));
    for (int64_t n = 0; n < SAMPLES; n += b.n) {
        assert_ok(oc__loader_next(l, &b));
        assert_true(b.n > 0);
        memcpy(to + n * VALUES, b.x, (size_t)b.n * VALUES * sizeof *to);
    }
    oc__loader_free(l);
    oc__prepare_free(p);
}

struct prediction { oc_model *model; float *to; };

static oc_status predict(void *context, const char *name, oc_status status, const oc_image *image)
{
    struct prediction *p = context;
    (void)name;
    assert_ok(status);
    assert_ok(oc_model_prepare(p->model, image, p->to));
    return OC_OK;
}

/* What `ocellus predict` makes of the samples once they are files, with the model from a file. */
static void predict_files(const oc_data *d, float *to)
{
    oc_model *made, *model;
    assert_ok(oc_model_new(&made, &(oc_model_options){
        .architecture = "flatten; linear classes", .input = OC_SHAPE(3, SIDE, SIDE), .classes = 10,
        .preparation = program }));
    assert_ok(oc_model_save(made, place("model.safetensors"), false));
    assert_ok(oc_model_load(&model, place("model.safetensors"), NULL));
    for (int64_t i = 0; i < SAMPLES; i++) {
        oc_image image;
        int64_t  label;
        assert_ok(oc_data_sample(d, OC_PART_TRAIN, i, &image, &label));
        assert_ok(oc_image_save(&image, place("sample.png")));
        struct prediction p = { model, to + i * VALUES };
        assert_ok(oc_image_each(place("sample.png"), &(oc_each_options){ 0 }, predict, &p));
        oc_image_free(&image);
        remove(place("sample.png"));
    }
    oc_model_free(made);
    oc_model_free(model);
}

static void the_input_is_the_same_bytes_in_training_evaluation_and_prediction(void **state)
{
    (void)state;
    oc_data *d;
    float   *train = oc__alloc(SAMPLES * VALUES, sizeof *train);
    float   *eval = oc__alloc(SAMPLES * VALUES, sizeof *eval);
    float   *predicted = oc__alloc(SAMPLES * VALUES, sizeof *predicted);
    assert_ok(oc_data_open(&d, "synth:digits,train=40,test=10"));
    drain(d, (struct loader_options){ .batch = 7, .seed = 3, .shuffle = true, .workers = 2 },
          train);
    drain(d, (struct loader_options){ .batch = 16 }, eval);
    predict_files(d, predicted);
    assert_memory_equal(eval, predicted, SAMPLES * VALUES * sizeof *eval);
    bool seen[SAMPLES] = { false };
    for (int i = 0; i < SAMPLES; i++) {
        int k = 0;
        while (k < SAMPLES && (seen[k] || memcmp(train + i * VALUES, eval + k * VALUES,
                                                 VALUES * sizeof *eval) != 0))
            k++;
        assert_true(k < SAMPLES);
        seen[k] = true;
    }
    oc_data_free(d);
    oc__free(train);
    oc__free(eval);
    oc__free(predicted);
}

/* ---- photographs that are decoded smaller -------------------------------------------------- */

static void copy(const char *from, const char *to)
{
    char  *data;
    size_t n;
    assert_ok(oc__file_load(from, 1 << 24, &data, &n));
    assert_ok(oc__write_file(to, data, n, WRITE_REPLACE));
    oc__free(data);
}

/* What the loader of a folder that holds one photograph makes of it. */
static void load_photo(const char *settings, const char *preparation, const oc_shape *shape,
                       float *to)
{
    char     spec[600];
    oc_data *d;
    struct prepare_program *p;
    struct loader          *l;
    struct batch            b;
    snprintf(spec, sizeof spec, "images:%s,split=1,0,0%s", test_directory, settings);
    assert_ok(oc_data_open(&d, spec));
    assert_ok(oc__prepare_parse(&p, preparation));
    for (int time = 0; time < 2; time++) {              /* the second from the cache, if any */
        assert_ok(oc__loader_new(&l, &(struct loader_options){ .data = d, .prepare = p,
                                                               .batch = 1 }));
        assert_ok(oc__loader_next(l, &b));
        memcpy(to, b.x, (size_t)oc_shape_count(shape) * sizeof *to);
        oc__loader_free(l);
    }
    oc__prepare_free(p);
    oc_data_free(d);
}

static void hold_photo(const char *photo, const char *preparation, const oc_shape *shape,
                       bool smaller)
{
    const size_t n = (size_t)oc_shape_count(shape);
    float       *loaded = oc__alloc(n, sizeof *loaded), *other = oc__alloc(n, sizeof *other);
    oc_model    *model;
    oc_image     image;
    assert_ok(oc_model_new(&model, &(oc_model_options){
        .architecture = "flatten; linear classes", .input = *shape, .classes = 2,
        .preparation = preparation }));
    load_photo("", preparation, shape, loaded);
    struct prediction p = { model, other };
    assert_ok(oc_image_each(photo, &(oc_each_options){
        .shape = shape, .preparation = oc_model_preparation(model) }, predict, &p));
    assert_memory_equal(loaded, other, n * sizeof *loaded);
    assert_ok(oc_image_load_for(&image, photo, preparation));
    assert_ok(oc_model_prepare(model, &image, other));
    assert_memory_equal(loaded, other, n * sizeof *loaded);
    oc_image_free(&image);
    for (const char *const *cache = (const char *const[]){ ",cache=ram", ",cache=prepared", NULL };
         *cache; cache++) {
        load_photo(*cache, preparation, shape, other);
        assert_memory_equal(loaded, other, n * sizeof *loaded);
    }
    assert_ok(oc_image_load(&image, photo));            /* all of it: other bytes, if smaller */
    assert_ok(oc_model_prepare(model, &image, other));
    assert_true((memcmp(loaded, other, n * sizeof *loaded) != 0) == smaller);
    oc_image_free(&image);
    oc_model_free(model);
    oc__free(loaded);
    oc__free(other);
}

/* The photograph has 500x333 pixels: half of it is enough for the first two, a quarter for the
 * third; where the whole is looked at first, or pixels are picked, nothing is left out. */
static void a_photo_that_is_decoded_smaller_is_the_same_bytes_everywhere(void **state)
{
    (void)state;
    static const struct { const char *preparation; int side; bool smaller; } cases[] = {
        { "rgb; resize 160,160; scale", 160, true },
        { "bgr; resize 166; centercrop 160; scale", 160, true },
        { "letterbox 100; rgb; normalize imagenet", 100, true },
        { "rgb; resize 200,200; scale", 200, false },
        { "rgb; minmax; resize 64,64; scale", 64, false },
        { "rgb; resize 64,64 filter=nearest; scale", 64, false },
    };
    const char *const photo = place("photo.jpg");
    copy(shared_data("images/jpeg/rgb.jpg"), photo);
    for (size_t i = 0; i < COUNT(cases); i++)
        hold_photo(photo, cases[i].preparation, &OC_SHAPE(3, cases[i].side, cases[i].side),
                   cases[i].smaller);
    remove(photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_input_is_the_same_bytes_in_training_evaluation_and_prediction),
        cmocka_unit_test(a_photo_that_is_decoded_smaller_is_the_same_bytes_everywhere),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
