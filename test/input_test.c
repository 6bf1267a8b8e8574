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
    assert_ok(oc_model_load(&model, place("model.safetensors")));
    for (int64_t i = 0; i < SAMPLES; i++) {
        oc_image image;
        int64_t  label;
        assert_ok(oc_data_sample(d, OC_PART_TRAIN, i, &image, &label));
        assert_ok(oc_image_save(&image, place("sample.png")));
        struct prediction p = { model, to + i * VALUES };
        assert_ok(oc_image_each(place("sample.png"), NULL, predict, &p));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_input_is_the_same_bytes_in_training_evaluation_and_prediction),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
