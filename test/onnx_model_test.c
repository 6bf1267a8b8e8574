/* onnx_model_test.c — a classifier of ONNX as a model: its network built into other graphs. */
#include "test.h"

#include <math.h>

static const char path[] = "models/resnet_cifar10/resnet20_cifar10.onnx";

static oc_model *model_of(oc_onnx *onnx, int classes)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){ .input = OC_SHAPE(3, 32, 32),
                                                    .classes = classes, .preparation = "scale" }));
    const oc_status status = oc_model_add_function(m, "onnx", oc_onnx_logits, onnx);
    if (status == OC_OK)
        return m;
    oc_model_free(m);
    return NULL;
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
    oc_onnx *onnx;
    oc_tensor x, want;
    assert_ok(oc_onnx_load(&onnx, shared_data(path), NULL));
    assert_ok(oc_tensor_load(&x, shared_data("models/resnet_cifar10/ref_input.npy")));
    assert_ok(oc_tensor_load(&want, shared_data("models/resnet_cifar10/resnet20_ref_logits.npy")));
    oc_model *const m = model_of(onnx, 10);
    assert_non_null(m);
    oc_tensor y = logits_of(m, &x);
    assert_true(oc_shape_equal(&y.shape, &want.shape));
    for (int64_t i = 0; i < oc_shape_count(&want.shape); i++)
        assert_true(fabs(oc_tensor_get(&y, i) - oc_tensor_get(&want, i)) < 1e-4);
    oc_tensor_free(&x);
    oc_tensor_free(&y);
    oc_tensor_free(&want);
    oc_model_free(m);
    oc_onnx_free(onnx);
}

static void building_again_keeps_weights_that_were_changed(void **state)
{
    (void)state;
    oc_onnx *onnx;
    oc_tensor x;
    assert_ok(oc_onnx_load(&onnx, shared_data(path), NULL));
    assert_ok(oc_tensor_load(&x, shared_data("models/resnet_cifar10/ref_input.npy")));
    oc_model *const m = model_of(onnx, 10);
    oc_store *const s = oc_model_store(m);
    const int bias = oc_store_find(s, "onnx.linear.bias");
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
    oc_onnx_free(onnx);
}

static void a_model_with_other_classes_is_refused(void **state)
{
    (void)state;
    oc_onnx *onnx;
    oc_graph *g;
    assert_ok(oc_onnx_load(&onnx, shared_data(path), NULL));
    oc_model *const m = model_of(onnx, 7);
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    oc_model_build(m, g, oc_input(g, "x", OC_F32, OC_SHAPE(1, 3, 32, 32)));
    assert_int_equal(oc_graph_check(g), OC_EUSAGE);
    error_says("the model's result");
    oc_graph_free(g);
    oc_model_free(m);
    oc_onnx_free(onnx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_of_onnx_gives_its_known_logits),
        cmocka_unit_test(building_again_keeps_weights_that_were_changed),
        cmocka_unit_test(a_model_with_other_classes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
