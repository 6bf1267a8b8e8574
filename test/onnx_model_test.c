/* onnx_model_test.c — classifiers of ONNX as models: what the file says, what the caller puts in
 * its place, and what a data set adds. */
#include "test.h"

#include <math.h>

#include "nn/model.h"

static const char path[] = "models/resnet_cifar10/resnet20_cifar10.onnx";

static oc_model *load(const char *from, const oc_model_options *o)
{
    oc_model *m;
    assert_ok(oc_model_load(&m, from, o));
    return m;
}

/* The logits of x [n, 3, 32, 32]. */
static oc_tensor logits_of(oc_model *m, const oc_tensor *x)
{
    oc_graph *g;
    oc_session *s;
    oc_tensor out = { 0 };
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    const oc_value y = oc_model_build(m, g, oc_input(g, "x", OC_F32, x->shape));
    assert_ok(oc_session_new(&s, g, &(oc_session_options){ .outputs = 1, .output = &y }));
    assert_ok(oc_session_results(s, x, &out));
    oc_session_free(s);
    oc_graph_free(g);
    return out;
}

static void a_model_of_onnx_gives_its_known_logits(void **state)
{
    (void)state;
    oc_tensor x, want;
    assert_ok(oc_tensor_load(&x, shared_data("models/resnet_cifar10/ref_input.npy")));
    assert_ok(oc_tensor_load(&want, shared_data("models/resnet_cifar10/resnet20_ref_logits.npy")));
    oc_model *const m = load(shared_data(path), NULL);
    assert_int_equal(oc_model_classes(m), 10);
    oc_tensor y = logits_of(m, &x);
    assert_true(oc_shape_equal(&y.shape, &want.shape));
    for (int64_t i = 0; i < oc_shape_count(&want.shape); i++)
        assert_true(fabs(oc_tensor_get(&y, i) - oc_tensor_get(&want, i)) < 1e-4);
    oc_tensor_free(&x);
    oc_tensor_free(&y);
    oc_tensor_free(&want);
    oc_model_free(m);
}

static void building_again_keeps_weights_that_were_changed(void **state)
{
    (void)state;
    oc_tensor x;
    assert_ok(oc_tensor_load(&x, shared_data("models/resnet_cifar10/ref_input.npy")));
    oc_model *const m = load(shared_data(path), NULL);
    oc_store *const s = oc_model_store(m);
    const int bias = oc_store_find(s, "linear.bias");
    assert_true(bias >= 0);
    oc_tensor before = logits_of(m, &x);
    oc_store_at(s, bias).value[3] += 5;
    oc_store_touch(s);
    oc_tensor after = logits_of(m, &x);
    for (int64_t i = 0; i < oc_shape_count(&after.shape); i++)
        assert_true(fabs(oc_tensor_get(&after, i) - oc_tensor_get(&before, i)
                         - (i % 10 == 3 ? 5 : 0)) < 1e-4);
    oc_tensor_free(&x);
    oc_tensor_free(&before);
    oc_tensor_free(&after);
    oc_model_free(m);
}

static void names_are_as_many_as_there_are_classes(void **state)
{
    static const char *const names[] = { "a", "b", "c", NULL };
    (void)state;
    oc_model *m;
    assert_int_equal(oc_model_load(&m, shared_data(path),
                                   &(oc_model_options){ .class_name = names }), OC_EUSAGE);
    error_says("3 names for 10 classes");
}

/* ---- what the file says, and what is asked ------------------------------------------------- */

static char noted[512];
static void note(void *context, oc_log_level level, const char *line)
{
    (void)context;
    (void)level;
    snprintf(noted, sizeof noted, "%s", line);
}

/* A model of two classes, "cat" and "dog", with a preparation of its own, in both formats. */
static const char *const files[] = { "pets.onnx", "pets.safetensors", "imported.safetensors" };
static void write_pets(void)
{
    static const char *const names[] = { "cat", "dog" };
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "conv 4; relu; globalavgpool; flatten; linear classes",
        .input = OC_SHAPE(1, 12, 12), .classes = 2, .class_name = names,
        .preparation = "grayscale; resize 12,12; normalize mean=0.3 std=0.5", .seed = 3 }));
    assert_ok(oc_model_export(m, place(files[0]), &(oc_export_options){ .replace = true }));
    assert_ok(oc_model_save(m, place(files[1]), true));
    oc_model_free(m);
    m = load(place(files[0]), NULL);
    assert_ok(oc_model_save(m, place(files[2]), true));
    oc_model_free(m);
}

static void a_file_brings_preparation_and_names_also_where_there_is_data(void **state)
{
    (void)state;
    oc_data *two;
    write_pets();
    assert_ok(oc_data_open(&two, "synth:colors"));
    for (size_t i = 0; i < COUNT(files); i++) {
        oc_model *const m = load(place(files[i]), &(oc_model_options){ .data = NULL });
        assert_string_equal(oc_model_class_name(m, 1), "dog");
        assert_non_null(strstr(oc_model_preparation(m), "mean=0.3"));
        oc_model *const again = load(place(files[i]), &(oc_model_options){ .data = two });
        assert_string_equal(oc_model_preparation(again), oc_model_preparation(m));
        assert_int_equal(oc_model_input(again).dim[0], 1);
        oc_model_free(m);
        oc_model_free(again);
    }
    oc_data_free(two);
}

static void another_preparation_takes_its_place_and_is_noted(void **state)
{
    (void)state;
    write_pets();
    oc_log_set(note, NULL);
    for (size_t i = 0; i < COUNT(files); i++) {
        *noted = '\0';
        oc_model *const m = load(place(files[i]),
                                 &(oc_model_options){ .preparation = "grayscale; resize 12,12; "
                                                                     "scale" });
        assert_null(strstr(oc_model_preparation(m), "mean=0.3"));
        assert_non_null(strstr(noted, "prepared as asked"));
        assert_non_null(strstr(noted, "mean=0.3"));
        oc_model_free(m);
    }
    oc_log_set(NULL, NULL);
}

static void data_of_other_classes_gives_a_new_head_and_its_names(void **state)
{
    (void)state;
    oc_data *digits;
    write_pets();
    assert_ok(oc_data_open(&digits, "synth:digits,train=20,test=10"));
    oc_model *const m = load(place(files[0]), &(oc_model_options){ .data = digits });
    assert_int_equal(oc_model_classes(m), 10);
    assert_string_equal(oc_model_class_name(m, 7), oc_data_class_name(digits, 7));
    assert_non_null(strstr(oc_model_preparation(m), "mean=0.3"));
    oc_model_free(m);
    oc_data_free(digits);
}

/* ---- layers -------------------------------------------------------------------------------- */

static void an_imported_model_is_told_node_by_node(void **state)
{
    (void)state;
    oc_layer_info *layer;
    int n;
    oc_model *const m = load(shared_data(path), NULL);
    assert_ok(oc_model_layers(m, 2, &layer, &n));
    int64_t parameters = 0;
    int convs = 0;
    double flops = 0;
    for (int i = 0; i < n; i++) {
        parameters += layer[i].parameters;
        flops += layer[i].flops;
        convs += !strcmp(layer[i].step, "Conv");
        assert_true(layer[i].output.dim[0] == 2);
    }
    assert_true(convs >= 19);
    assert_int_equal(parameters, oc_store_elements(oc_model_store(m)));
    assert_true(flops > 2 * 2 * 40e6);                  /* 41 million products an image */
    oc_layers_free(layer);
    oc_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_of_onnx_gives_its_known_logits),
        cmocka_unit_test(building_again_keeps_weights_that_were_changed),
        cmocka_unit_test(names_are_as_many_as_there_are_classes),
        cmocka_unit_test(a_file_brings_preparation_and_names_also_where_there_is_data),
        cmocka_unit_test(another_preparation_takes_its_place_and_is_noted),
        cmocka_unit_test(data_of_other_classes_gives_a_new_head_and_its_names),
        cmocka_unit_test(an_imported_model_is_told_node_by_node),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
