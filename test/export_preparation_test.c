/* export_preparation_test.c — models written as ONNX with their preparation: read again they make
 * of a picture what the model makes of it, and a network is found in them that is trained and
 * asked as ever. */
#include "test.h"

#include <math.h>

#include "format/onnx_write.h"
#include "graph/graph.h"
#include "nn/model.h"

/* ---- what several tests need --------------------------------------------------------------- */

static oc_model *make(const char *architecture, oc_shape input, const char *preparation)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = architecture, .classes = 5,
                                                    .input = input, .seed = 7,
                                                    .preparation = preparation }));
    return m;
}

static oc_image picture(int width, int height, int channels)
{
    oc_image image = { width, height, channels, NULL };
    image.pixel = oc__alloc((size_t)width * (size_t)height, (size_t)channels);
    assert_non_null(image.pixel);
    for (int i = 0; i < width * height * channels; i++)
        image.pixel[i] = (uint8_t)((uint32_t)(i % (width * channels)) / 3
                                   + ((uint32_t)i * 2654435761u >> 28));
    return image;
}

/* What the model itself says of the picture. */
static void ask(oc_model *m, const oc_image *image, oc_tensor *logits)
{
    const oc_shape s = oc_model_input(m);
    oc_tensor x = { OC_F32, OC_SHAPE(1, s.dim[0], s.dim[1], s.dim[2]), NULL };
    oc_graph *g;
    oc_session *session;
    x.data = oc__alloc((size_t)oc_shape_count(&x.shape), sizeof(float));
    assert_ok(oc_model_prepare(m, image, x.data));
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    const oc_value y = oc_model_build(m, g, oc__model_input(m, g, 1));
    assert_ok(oc_session_new(&session, g, &(oc_session_options){ .outputs = 1, .output = &y }));
    assert_ok(oc_session_results(session, &x, logits));
    oc_session_free(session);
    oc_graph_free(g);
    oc__free(x.data);
}

/* What the file says of it. */
static void ask_file(const char *path, const oc_image *image, oc_tensor *logits)
{
    oc_onnx *m;
    oc_session *session;
    assert_ok(oc_onnx_load(&m, path, NULL));
    assert_int_equal(oc_onnx_inputs(m), 1);
    assert_string_equal(oc_value_name(oc_onnx_graph(m), oc_onnx_input(m, 0)), "image");
    const oc_value y = oc_onnx_output(m, 0, NULL);
    assert_ok(oc_session_new(&session, oc_onnx_graph(m),
                             &(oc_session_options){ .outputs = 1, .output = &y }));
    const oc_tensor in = { OC_U8, OC_SHAPE(1, image->height, image->width, image->channels),
                           image->pixel };
    assert_ok(oc_session_results(session, &in, logits));
    oc_session_free(session);
    oc_onnx_free(m);
}

/* Largest difference, as a share of the largest number. */
static double distance(const oc_tensor *a, const oc_tensor *b)
{
    double most = 0, apart = 0;
    assert_true(oc_shape_equal(&a->shape, &b->shape));
    for (int64_t i = 0; i < oc_shape_count(&a->shape); i++) {
        most = fmax(most, fabs(oc_tensor_get(a, i)));
        apart = fmax(apart, fabs(oc_tensor_get(a, i) - oc_tensor_get(b, i)));
    }
    assert_true(most > 0);
    return apart / most;
}

static const char network[] = "conv 6 stride=2; batchnorm; relu; globalavgpool; flatten; "
                              "linear classes";

/* ---- tests --------------------------------------------------------------------------------- */

static void a_file_says_of_a_picture_what_the_model_says(void **state)
{
    static const struct { const char *steps; int channels; double limit; } cases[] = {
        { "rgb; resize 40,36; scale", 3, 0 }, { "rgb; resize 48; centercrop 40,36; scale", 3, 0 },
        { "grayscale; light_on_dark; letterbox 40,36; minmax", 1, 0 },
        { "bgr; adaptive_invert; resize 40,36 filter=bicubic; invert; scale", 3, 0 },
        { "rgb; resize 40,36 filter=lanczos; scale; normalize imagenet", 3, 1e-6 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        oc_model *const m = make(network, OC_SHAPE(cases[i].channels, 40, 36), cases[i].steps);
        oc_image image = picture(91, 75, 3);
        oc_tensor own, again;
        ask(m, &image, &own);
        for (int64_t opset = 13; opset < 24; opset++) {
            const oc_export_options how = {
                .opset = opset, .replace = true, .with_preparation = true,
                .batch = opset == 15, .image = opset % 2 ? OC_SHAPE(3, 75, 91) : (oc_shape){ 0 },
            };
            assert_ok(oc_model_export(m, place("model.onnx"), &how));
            ask_file(place("model.onnx"), &image, &again);
            if (!(distance(&own, &again) <= cases[i].limit))
                fail_msg("%s, opset %d: %g", cases[i].steps, (int)opset, distance(&own, &again));
            oc_tensor_free(&again);
        }
        oc_tensor_free(&own);
        oc_image_free(&image);
        oc_model_free(m);
    }
}

static void sides_that_no_step_settles_are_the_networks(void **state)
{
    static const struct { const char *steps; oc_shape input, image; } cases[] = {
        { "rgb; scale", { 3, { 3, 20, 24 } }, { 4, { -1, 20, 24, 3 } } },
        { "grayscale; scale", { 3, { 1, 20, 24 } }, { 4, { -1, 20, 24, 3 } } },
        { "light_on_dark; scale", { 3, { 1, 20, 24 } }, { 4, { -1, 20, 24, 1 } } },
        { "rgb; resize 20; scale", { 3, { 3, 20, 20 } }, { 4, { -1, 20, 20, 3 } } },
        { "rgb; resize 20,24; scale", { 3, { 3, 20, 24 } }, { 4, { -1, -1, -1, 3 } } },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        oc_model *const m = make(network, cases[i].input, cases[i].steps);
        oc_onnx *file;
        assert_ok(oc_model_export(m, place("sides.onnx"),
                                  &(oc_export_options){ .with_preparation = true,
                                                        .replace = true }));
        assert_ok(oc_onnx_load(&file, place("sides.onnx"), NULL));
        const oc_shape shape = oc_value_shape(oc_onnx_graph(file), oc_onnx_input(file, 0));
        for (int k = 0; k < 4; k++)
            assert_int_equal(shape.dim[k] < 0 ? -1 : shape.dim[k], cases[i].image.dim[k]);
        oc_onnx_free(file);
        oc_model_free(m);
    }
}

static void the_network_behind_the_nodes_is_imported_with_its_steps(void **state)
{
    static const char steps[] = "rgb; resize size=48; centercrop size=40; scale; normalize "
                                "mean=imagenet";
    (void)state;
    oc_model *const m = make(network, OC_SHAPE(3, 40, 40), steps), *twin;
    oc_image image = picture(64, 99, 3);
    oc_tensor own, again;
    assert_ok(oc_model_export(m, place("twin.onnx"),
                              &(oc_export_options){ .with_preparation = true }));
    assert_ok(oc_model_load(&twin, place("twin.onnx"), NULL));
    assert_string_equal(oc_model_preparation(twin), steps);
    assert_null(strstr(oc_model_architecture(twin), "MatMul"));
    assert_int_equal(oc_store_count(oc_model_store(twin)), oc_store_count(oc_model_store(m)));
    ask(m, &image, &own);
    ask(twin, &image, &again);
    assert_true(distance(&own, &again) == 0);
    oc_tensor_free(&own);
    oc_tensor_free(&again);
    oc_image_free(&image);
    oc_model_free(twin);
    oc_model_free(m);
}

/* Writes a network that says to begin at a value; it reads the input beside "prepared" if so
 * told. */
static void write_beginning(const char *path, const char *value, bool beside)
{
    oc_graph *g;
    oc_store *store;
    assert_ok(oc_store_new(&store, 1));
    assert_ok(oc_graph_new(&g, store));
    const oc_value image = oc_input(g, "image", OC_F32, OC_SHAPE(1, 4));
    const oc_value x = oc_div(g, image, oc_scalar(g, 255));
    oc__value(g, x)->name = "prepared";
    const oc_value seen = oc_add(g, x, beside ? image : x);
    const oc_value weight = oc_parameter_value(g, "w", OC_SHAPE(4, 3), OC_TRAINABLE, "ones");
    const struct onnx_writing w = {
        .graph = g, .store = store, .opset = 17, .name = "test", .outputs = 1, .properties = 1,
        .output = &(struct onnx_result){ "y", oc_matmul(g, seen, weight) },
        .property = &(struct onnx_property){ "ocellus.prepared", value },
    };
    assert_ok(oc__onnx_write(path, &w, WRITE_REPLACE));
    oc_graph_free(g);
    oc_store_free(store);
}

static void a_network_begins_where_the_metadata_says_or_not_at_all(void **state)
{
    static const struct { const char *value, *says; bool beside; } cases[] = {
        { "prepared", NULL, false },
        { "elsewhere", "ocellus.prepared: 'elsewhere': no node makes it", false },
        { "image", "no node makes it", false },
        { "prepared", "input 'image': is read beside value prepared", true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        oc_model *m = NULL;
        write_beginning(place("begin.onnx"), cases[i].value, cases[i].beside);
        assert_int_equal(oc_model_load(&m, place("begin.onnx"), NULL),
                         cases[i].says ? OC_EINPUT : OC_OK);
        if (cases[i].says)
            error_says(cases[i].says);
        oc_model_free(m);
    }
}

static void what_cannot_be_written_is_refused_and_nothing_is(void **state)
{
    static const struct { const char *steps, *says; oc_export_options how; } cases[] = {
        { "grayscale; light_on_dark; digit 28; scale", "--image 1,28,28", { .opset = 17 } },
        { "grayscale; trim; resize 28,28", "step 2 (trim) cannot be nodes", { .opset = 17 } },
        { "grayscale; resize 28,28; scale", "wants 13 or later", { .opset = 12 } },
        { "grayscale; resize 28; scale", "the network takes [1, 28, 28]",
          { .image = { 3, { 3, 40, 50 } } } },
        { "grayscale; resize 28,28; scale", "wants 1 or 3", { .image = { 3, { 4, 0, 0 } } } },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        oc_model *const m = make("flatten; linear classes", OC_SHAPE(1, 28, 28), cases[i].steps);
        oc_export_options how = cases[i].how;
        how.with_preparation = true;
        assert_int_equal(oc_model_export(m, place("none.onnx"), &how), OC_EUSAGE);
        error_says(cases[i].says);
        assert_false(oc__is_file(place("none.onnx")));
        oc_model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_of_a_picture_what_the_model_says),
        cmocka_unit_test(sides_that_no_step_settles_are_the_networks),
        cmocka_unit_test(the_network_behind_the_nodes_is_imported_with_its_steps),
        cmocka_unit_test(a_network_begins_where_the_metadata_says_or_not_at_all),
        cmocka_unit_test(what_cannot_be_written_is_refused_and_nothing_is),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
