/* onnx_test.c — models of ONNX: known answers of real ones, and files that are unsound. */
#include "test.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "format/npy.h"
#include "format/onnx_tensor.h"

static oc_onnx *load(const char *path)
{
    oc_onnx *m = NULL;
    assert_ok(oc_onnx_load(&m, path, NULL));
    return m;
}

/* Runs a model on one input; its first output, or that value, in memory of its own. */
static oc_tensor run(oc_onnx *m, const oc_tensor *in, const char *value)
{
    oc_tensor out = { 0 };
    oc_session *s;
    const oc_value v = value ? oc_onnx_value(m, value) : oc_onnx_output(m, 0, NULL);
    assert_true(v.id > 0);
    assert_ok(oc_session_new(&s, oc_onnx_graph(m),
                             &(oc_session_options){ .outputs = 1, .output = &v, .threads = 2 }));
    assert_ok(oc_session_results(s, in, &out));
    oc_session_free(s);
    return out;
}

/* The largest difference, relative to the largest number expected. */
static double difference(const oc_tensor *a, const oc_tensor *b)
{
    double most = 0, scale = 0;
    assert_int_equal(oc_shape_count(&a->shape), oc_shape_count(&b->shape));
    for (int64_t i = 0; i < oc_shape_count(&a->shape); i++) {
        most = fmax(most, fabs(oc_tensor_get(a, i) - oc_tensor_get(b, i)));
        scale = fmax(scale, fabs(oc_tensor_get(b, i)));
    }
    return most / scale;
}

/* ---- known answers ------------------------------------------------------------------------ */

static void check_data_sets(const char *folder, int sets)
{
    char path[500];
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    oc_onnx *const m = load(path);
    for (int i = 0; i < sets; i++) {
        oc_tensor in, expected;
        snprintf(path, sizeof path, "%s/test_data_set_%d/input_0.pb", folder, i);
        assert_ok(oc_tensor_load(&in, path));
        snprintf(path, sizeof path, "%s/test_data_set_%d/output_0.pb", folder, i);
        assert_ok(oc_tensor_load(&expected, path));
        oc_tensor out = run(m, &in, NULL);
        assert_true(difference(&out, &expected) < 1e-5);
        oc_tensor_free(&in);
        oc_tensor_free(&out);
        oc_tensor_free(&expected);
    }
    oc_onnx_free(m);
}

static void mnist_8_gives_its_known_answers(void **state)
{
    (void)state;
    check_data_sets(shared_data("models/mnist8"), 3);
}

static void super_resolution_10_gives_its_known_answer(void **state)
{
    (void)state;
    check_data_sets(shared_data("models/super_resolution10"), 1);
}

static void check_resnet(const char *model, const char *logits)
{
    oc_tensor in, expected;
    oc_onnx *const m = load(shared_data(model));
    assert_ok(oc_tensor_load(&in, shared_data("models/resnet_cifar10/ref_input.npy")));
    assert_ok(oc_tensor_load(&expected, shared_data(logits)));
    oc_tensor out = run(m, &in, NULL);
    assert_true(difference(&out, &expected) < 1e-5);
    oc_tensor_free(&in);
    oc_tensor_free(&out);
    oc_tensor_free(&expected);
    oc_onnx_free(m);
}

static void resnets_of_cifar_10_give_their_known_logits(void **state)
{
    (void)state;
    check_resnet("models/resnet_cifar10/resnet20_cifar10.onnx",
                 "models/resnet_cifar10/resnet20_ref_logits.npy");
    check_resnet("models/resnet_cifar10/resnet56_cifar10.onnx",
                 "models/resnet_cifar10/resnet56_ref_logits.npy");
}

/* The same weights are there in a file of their own, by the same shapes. */
static void squeezenet_holds_probabilities(void **state)
{
    (void)state;
    oc_onnx *const m = load(shared_data("models/squeezenet1.1/squeezenet1.1_from_ncnn.onnx"));
    oc_tensor in = { OC_F32, OC_SHAPE(1, 3, 227, 227), NULL };
    const oc_shape declared = oc_value_shape(oc_onnx_graph(m), oc_onnx_input(m, 0));
    for (int i = 0; i < declared.rank; i++)
        in.shape.dim[i] = declared.dim[i] > 0 ? declared.dim[i] : in.shape.dim[i];
    in.data = oc__block_alloc(oc_tensor_bytes(&in));
    for (int64_t i = 0; i < oc_shape_count(&in.shape); i++)
        ((float *)in.data)[i] = (float)(i % 251) - 125;
    oc_tensor out = run(m, &in, NULL);
    assert_int_equal(oc_shape_count(&out.shape), 1000);
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += oc_tensor_get(&out, i);
    assert_true(isfinite(sum));
    oc_tensor_free(&in);
    oc_tensor_free(&out);
    oc_onnx_free(m);
}

/* ---- files that are unsound --------------------------------------------------------------- */

/* Loads a file and runs it on zeroes, if it can be; unknown dimensions are 1. */
static oc_status load_and_run(const char *path)
{
    oc_onnx *m;
    TRY(oc_onnx_load(&m, path, NULL));
    oc_session *s = NULL;
    oc_tensor in[64] = { 0 }, out = { 0 };
    oc_shape shapes[64] = { 0 };
    const oc_value v = oc_onnx_output(m, 0, NULL);
    oc_status status = oc_session_new(&s, oc_onnx_graph(m),
                                      &(oc_session_options){ .outputs = 1, .output = &v });
    for (int i = 0; i < oc_onnx_inputs(m) && i < 64; i++) {
        const oc_value x = oc_onnx_input(m, i);
        in[i] = (oc_tensor){ oc_value_dtype(oc_onnx_graph(m), x),
                             oc_value_shape(oc_onnx_graph(m), x), NULL };
        for (int k = 0; k < in[i].shape.rank; k++)
            in[i].shape.dim[k] = in[i].shape.dim[k] < 0 ? 1 : in[i].shape.dim[k];
        shapes[i] = in[i].shape;
        if (oc_tensor_bytes(&in[i]) < 1 << 24)
            in[i].data = oc__block_alloc(oc_tensor_bytes(&in[i]) + 1);
    }
    if (!status)
        status = oc_session_prepare(s, shapes);
    if (!status)
        status = oc_session_results(s, in, &out);
    oc_tensor_free(&out);
    for (int i = 0; i < 64; i++)
        oc_tensor_free(&in[i]);
    oc_session_free(s);
    oc_onnx_free(m);
    return status;
}

static void unsound_files_are_refused_with_their_place(void **state)
{
    (void)state;
    const char *const folder = shared_data("malformed/onnx");
    struct names names;
    int refused = 0;
    assert_ok(oc__list_directory(folder, &names));
    for (size_t i = 0; i < names.n; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        oc_onnx *m = NULL;
        const oc_status status = oc_onnx_load(&m, path, NULL);
        const bool may_load = !strncmp(names.name[i], "mut_", 4) || strstr(names.name[i], "VALID");
        if (getenv("OC_SHOW"))
            printf("%s: %d %s\n", names.name[i], (int)status, status ? oc_error() : "loads");
        oc_onnx_free(m);
        if (status == OC_OK && !may_load)
            fail_msg("%s is taken", names.name[i]);
        if (status == OC_OK) {
            (void)load_and_run(path);
            continue;
        }
        refused++;
        assert_true(status == OC_EINPUT || status == OC_ELIMIT);
        error_says(names.name[i]);
        if (!strstr(oc_error(), "offset ") && !strstr(oc_error(), "node '") &&
            !strstr(oc_error(), "initializer '") && !strstr(oc_error(), "output '") &&
            !strstr(oc_error(), "opset") && !strstr(oc_error(), "graph"))
            fail_msg("%s: no place in: %s", names.name[i], oc_error());
    }
    oc__names_free(&names);
    assert_true(refused > 40);
}

static void every_prefix_of_a_model_is_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t n;
    assert_ok(oc__file_load(shared_data("models/mnist8/model.onnx"), 1 << 20, &bytes, &n));
    int taken = 0;
    for (size_t k = 0; k < n; k += k < 2000 ? 1 : 97) {
        oc_onnx *m = NULL;
        FILE *const f = fopen(place("prefix.onnx"), "wb");
        assert_int_equal(fwrite(bytes, 1, k, f), k);
        fclose(f);
        taken += oc_onnx_load(&m, place("prefix.onnx"), NULL) == OC_OK;
        oc_onnx_free(m);
    }
    oc__free(bytes);
    assert_int_equal(taken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnist_8_gives_its_known_answers),
        cmocka_unit_test(super_resolution_10_gives_its_known_answer),
        cmocka_unit_test(resnets_of_cifar_10_give_their_known_logits),
        cmocka_unit_test(squeezenet_holds_probabilities),
        cmocka_unit_test(unsound_files_are_refused_with_their_place),
        cmocka_unit_test(every_prefix_of_a_model_is_refused),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
