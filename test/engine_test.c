/* engine_test.c — graphs, gradients, plans and sessions through the public interface. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "backend/backend.h"
#include "base/mem.h"
#include "ocellus.h"

static oc_tensor f32(float *data, oc_shape shape) { return (oc_tensor){ OC_F32, shape, data }; }

/* Runs a graph with one f32 input and one f32 output. */
static void run(oc_graph *g, oc_mode mode, const char *backends, oc_value y, float *x,
                oc_shape shape, float *result)
{
    oc_session *s;
    const oc_session_options o = {
        .mode = mode, .backends = backends, .threads = 1, .outputs = 1, .output = &y
    };
    oc_tensor in = f32(x, shape), out = { .data = result };
    assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
    const oc_status status = oc_session_run(s, &in, &out);
    if (status)
        print_error("%s\n", oc_error());
    assert_int_equal(status, OC_OK);
    oc_session_free(s);
}

static void the_first_failure_sticks_and_is_told_once(void **state)
{
    (void)state;
    oc_graph *g;
    assert_int_equal(oc_graph_new(&g, NULL), OC_OK);
    const oc_value a = oc_input(g, "a", OC_F32, OC_SHAPE(2, 3)),
                   b = oc_input(g, "b", OC_F32, OC_SHAPE(4, 5));
    oc_scope(g, "block");
    const oc_value bad = oc_add(g, a, b);
    oc_scope_end(g);
    const oc_value later = oc_relu(g, oc_mul(g, bad, a));
    assert_true(bad.id < 0 && later.id < 0);
    assert_int_equal(oc_graph_check(g), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "block.Add"));
    oc_graph_free(g);
}

static void an_unknown_operator_names_the_nearest(void **state)
{
    (void)state;
    oc_graph *g;
    oc_graph_new(&g, NULL);
    const oc_value a = oc_input(g, "a", OC_F32, OC_SHAPE(2));
    oc_apply(g, "Sigmoyd", 1, &a, NULL);
    assert_int_equal(oc_graph_check(g), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "Sigmoid"));
    oc_graph_free(g);
}

static void a_parameter_has_one_shape(void **state)
{
    (void)state;
    oc_store *store;
    oc_graph *g;
    oc_store_new(&store, 1);
    oc_graph_new(&g, store);
    const oc_value a = oc_parameter_value(g, "w", OC_SHAPE(2, 3), OC_TRAINABLE, "ones");
    const oc_value same = oc_parameter_value(g, "w", OC_SHAPE(2, 3), OC_TRAINABLE, "ones");
    assert_int_equal(a.id, same.id);
    oc_parameter_value(g, "w", OC_SHAPE(3, 2), OC_TRAINABLE, "ones");
    assert_int_equal(oc_graph_check(g), OC_EUSAGE);
    assert_string_equal(oc_error(), "parameter w has shape [2,3], the model wants [3,2]");
    oc_graph_free(g);
    oc_store_free(store);
}

static void unknown_dimensions_are_bound_by_the_inputs(void **state)
{
    (void)state;
    oc_graph *g;
    oc_graph_new(&g, NULL);
    const int64_t n = oc_symbol(g, "N");
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(n, 2)),
                   z = oc_input(g, "z", OC_F32, OC_SHAPE(n, 1));
    const oc_value y = oc_mul(g, x, z);
    assert_int_equal(oc_value_shape(g, y).dim[0], n);
    oc_session *s;
    const oc_session_options o = { .threads = 1, .outputs = 1, .output = &y };
    float a[] = { 1, 2, 3, 4, 5, 6 }, b[] = { 10, 20, 30 }, r[6];
    assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
    for (int rows = 1; rows <= 3; rows++) {
        oc_tensor in[] = { f32(a, OC_SHAPE(rows, 2)), f32(b, OC_SHAPE(rows, 1)) },
                  out = { .data = r };
        assert_int_equal(oc_session_run(s, in, &out), OC_OK);
        assert_int_equal(out.shape.dim[0], rows);
        assert_float_equal(r[2 * rows - 1], a[2 * rows - 1] * b[rows - 1], 0);
    }
    oc_tensor in[] = { f32(a, OC_SHAPE(3, 2)), f32(b, OC_SHAPE(2, 1)) }, out = { .data = r };
    assert_int_equal(oc_session_run(s, in, &out), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "N"));
    oc_session_free(s);
    oc_graph_free(g);
}

/* d/dx sum(sigmoid(x) x + b x) with b broadcast, on every back end. */
static void gradients_meet_where_a_value_has_two_consumers(void **state)
{
    (void)state;
    float x[] = { -1.5f, 0.25f, 2, -0.5f, 1, 3 };
    for (const struct backend *const *b = oc__backend_list; *b; b++) {
        oc_graph *g;
        oc_graph_new(&g, NULL);
        const float factor[] = { 2, -1, 0.5f };
        const oc_value v = oc_input(g, "x", OC_F32, OC_SHAPE(2, 3));
        const oc_value c =
            oc_constant(g, &(oc_tensor){ OC_F32, OC_SHAPE(3), (void *)(uintptr_t)factor });
        const oc_value y = oc_sum(g, oc_add(g, oc_mul(g, oc_sigmoid(g, v), v), oc_mul(g, c, v)));
        oc_value dx;
        oc_grad(g, y, 1, &v, &dx);
        assert_int_equal(oc_graph_check(g), OC_OK);
        float r[6];
        run(g, OC_TRAIN, (*b)->name, dx, x, OC_SHAPE(2, 3), r);
        for (int i = 0; i < 6; i++) {
            const double s = 1 / (1 + exp(-(double)x[i]));
            const double slope = s + (double)x[i] * s * (1 - s) + (double)factor[i % 3];
            assert_float_equal(r[i], (float)slope, 1e-6f);
        }
        oc_graph_free(g);
    }
}

static void the_gradient_of_a_broadcast_operand_is_summed(void **state)
{
    (void)state;
    oc_graph *g;
    oc_graph_new(&g, NULL);
    float x[] = { 1, 2, 3 };
    const float rows[] = { 1, 2, 3, 4, 5, 6 };
    const oc_value v = oc_input(g, "x", OC_F32, OC_SHAPE(1, 3));
    const oc_value c =
        oc_constant(g, &(oc_tensor){ OC_F32, OC_SHAPE(2, 3), (void *)(uintptr_t)rows });
    oc_value dx;
    oc_grad(g, oc_sum(g, oc_mul(g, v, c)), 1, &v, &dx);
    float r[3];
    run(g, OC_TRAIN, NULL, dx, x, OC_SHAPE(1, 3), r);
    assert_float_equal(r[0], 5, 0);
    assert_float_equal(r[2], 9, 0);
    oc_graph_free(g);
}

/* d/dx (d/dx x^3) = 6 x, by products alone; through ReluGrad, which has no gradient, it is refused.
 */
static void a_second_derivative_is_right_or_refused(void **state)
{
    (void)state;
    oc_graph *g;
    oc_graph_new(&g, NULL);
    float x[] = { 1, -2, 0.5f }, r[3];
    const oc_value v = oc_input(g, "x", OC_F32, OC_SHAPE(3));
    oc_value dx, ddx;
    oc_grad(g, oc_mul(g, v, oc_mul(g, v, v)), 1, &v, &dx);
    oc_grad(g, dx, 1, &v, &ddx);
    run(g, OC_TRAIN, NULL, ddx, x, OC_SHAPE(3), r);
    for (int i = 0; i < 3; i++)
        assert_float_equal(r[i], 6 * x[i], 1e-6f);
    oc_grad(g, oc_relu(g, oc_mul(g, v, v)), 1, &v, &dx);
    assert_int_equal(oc_graph_check(g), OC_OK);
    oc_grad(g, dx, 1, &v, &ddx);
    assert_int_equal(oc_graph_check(g), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "ReluGrad has no gradient"));
    oc_graph_free(g);
}

static void what_does_not_depend_on_x_has_no_gradient(void **state)
{
    (void)state;
    oc_graph *g;
    oc_graph_new(&g, NULL);
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(3)),
                   z = oc_input(g, "z", OC_F32, OC_SHAPE(3));
    const oc_value of[] = { x, z };
    oc_value d[2];
    oc_grad(g, oc_sum(g, oc_relu(g, x)), 2, of, d);
    assert_true(d[0].id > 0);
    assert_int_equal(d[1].id, 0);
    oc_graph_free(g);
}

static void dropout_vanishes_in_inference_and_repeats_by_step(void **state)
{
    (void)state;
    oc_graph *g;
    oc_graph_new(&g, NULL);
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(64));
    const oc_value y = oc_apply(g, "Dropout", 1, &x, "p=0.5");
    float ones[64], infer[64], r[3][64];
    for (int i = 0; i < 64; i++)
        ones[i] = 1;
    run(g, OC_INFER, NULL, y, ones, OC_SHAPE(64), infer);
    assert_memory_equal(infer, ones, sizeof ones);
    oc_session *s;
    const oc_session_options o = { .mode = OC_TRAIN, .seed = 7, .outputs = 1, .output = &y };
    oc_session_new(&s, g, &o);
    for (int i = 0; i < 3; i++) {
        oc_tensor in = f32(ones, OC_SHAPE(64)), out = { .data = r[i] };
        oc_session_set_step(s, i == 2 ? 0 : (uint64_t)i);
        assert_int_equal(oc_session_run(s, &in, &out), OC_OK);
    }
    assert_memory_equal(r[0], r[2], sizeof r[0]);
    assert_memory_not_equal(r[0], r[1], sizeof r[0]);
    oc_session_free(s);
    oc_graph_free(g);
}

/* Linear regression by hand-made steps: gradients land in the store, and packed copies follow it.
 * */
static void parameters_learn_and_inference_follows_them(void **state)
{
    (void)state;
    oc_store *store;
    oc_graph *g;
    oc_store_new(&store, 3);
    oc_graph_new(&g, store);
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(4, 2));
    const oc_value w = oc_parameter_value(g, "w", OC_SHAPE(2, 1), OC_TRAINABLE, "zeros");
    const oc_value y = oc_matmul(g, x, w);
    float rows[] = { 1, 0, 0, 1, 1, 1, 2, -1 };
    const float wanted[] = { 3, -2, 1, 8 };
    const oc_value t =
        oc_constant(g, &(oc_tensor){ OC_F32, OC_SHAPE(4, 1), (void *)(uintptr_t)wanted });
    const oc_value e = oc_sub(g, y, t), loss = oc_mean(g, oc_mul(g, e, e));
    oc_value dw;
    oc_grad(g, loss, 1, &w, &dw);
    oc_session *train, *infer;
    const oc_session_options o = { .mode = OC_TRAIN,
                                   .outputs = 2,
                                   .output = (oc_value[]){ loss, dw } };
    const oc_session_options p = { .mode = OC_INFER, .outputs = 1, .output = &y };
    assert_int_equal(oc_session_new(&train, g, &o), OC_OK);
    assert_int_equal(oc_session_new(&infer, g, &p), OC_OK);
    float l = 0, d[2], r[4];
    oc_tensor in = f32(rows, OC_SHAPE(4, 2)), out[] = { { .data = &l }, { .data = d } },
              result = { .data = r };
    for (int step = 0; step < 400; step++) {
        assert_int_equal(oc_session_run(train, &in, out), OC_OK);
        float *value = oc_store_at(store, 0).value;
        for (int i = 0; i < 2; i++)
            value[i] -= 0.2f * d[i];
        oc_store_touch(store);
        assert_int_equal(oc_session_run(infer, &in, &result), OC_OK);
        assert_float_equal(r[0], value[0], 1e-6);
    }
    assert_true(l < 1e-8f);
    assert_float_equal(r[3], 8, 1e-3);
    oc_session_free(train);
    oc_session_free(infer);
    oc_graph_free(g);
    oc_store_free(store);
}

/* conv → norm → relu and a residual sum, rewritten for inference, against the reference as built.
 * */
static void inference_rewrites_change_nothing(void **state)
{
    (void)state;
    oc_store *store;
    oc_graph *g;
    oc_store_new(&store, 11);
    oc_graph_new(&g, store);
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(2, 3, 6, 5));
    const oc_value w =
        oc_parameter_value(g, "w", OC_SHAPE(3, 3, 3, 3), OC_TRAINABLE, "kaiming_normal");
    oc_value norm[5] = { oc_apply(g, "Conv", 2, (oc_value[]){ x, w }, "pads=1,1,1,1") };
    static const char *const names[] = { "scale", "bias", "mean", "var" };
    for (int i = 0; i < 4; i++)
        norm[i + 1] =
            oc_parameter_value(g, names[i], OC_SHAPE(3), i < 2 ? OC_TRAINABLE : OC_STATISTIC,
                               "uniform low=0.5 high=1.5");
    const oc_value y = oc_relu(g, oc_add(g, oc_apply(g, "BatchNormalization", 5, norm, NULL), x));
    assert_int_equal(oc_graph_check(g), OC_OK);
    float in[180], fast[180];
    for (int i = 0; i < 180; i++)
        in[i] = (float)sin(i);
    oc_session *s;
    double twice[180];
    oc_session_options o = { .backends = "reference", .outputs = 1, .output = &y };
    assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
    assert_int_equal(oc_session_prepare(s, (oc_shape[]){ OC_SHAPE(2, 3, 6, 5) }), OC_OK);
    char *text = oc_session_text(s);
    assert_non_null(strstr(text, "FusedConv"));
    assert_null(strstr(text, "BatchNormalization"));
    oc_string_free(text);
    oc_session_free(s);
    o.precision = OC_F64;
    oc_tensor a = f32(in, OC_SHAPE(2, 3, 6, 5)), b = { .data = twice };
    assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
    assert_int_equal(oc_session_run(s, &a, &b), OC_OK);
    for (const struct backend *const *k = oc__backend_list; *k; k++) {
        run(g, OC_INFER, (*k)->name, y, in, OC_SHAPE(2, 3, 6, 5), fast);
        for (int i = 0; i < 180; i++)
            assert_float_equal(fast[i], (float)twice[i], 2e-5f);
    }
    oc_session_free(s);
    oc_graph_free(g);
    oc_store_free(store);
}

static void running_statistics_are_committed_in_training_only(void **state)
{
    (void)state;
    oc_store *store;
    oc_graph *g;
    oc_store_new(&store, 1);
    oc_graph_new(&g, store);
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(4));
    const oc_value mean = oc_parameter_value(g, "mean", (oc_shape){ 0 }, OC_STATISTIC, "zeros");
    oc_effect(g, mean, oc_mean(g, x));
    const oc_value y = oc_relu(g, x);
    float in[] = { 1, 2, 3, 6 }, r[4];
    run(g, OC_INFER, NULL, y, in, OC_SHAPE(4), r);
    assert_float_equal(*oc_store_at(store, 0).value, 0, 0);
    run(g, OC_TRAIN, NULL, y, in, OC_SHAPE(4), r);
    assert_float_equal(*oc_store_at(store, 0).value, 3, 0);
    oc_graph_free(g);
    oc_store_free(store);
}

static void running_does_not_allocate_and_the_peak_is_known_before(void **state)
{
    (void)state;
    oc_graph *g;
    oc_graph_new(&g, NULL);
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(32, 32));
    oc_value y = x;
    for (int i = 0; i < 20; i++)
        y = oc_sigmoid(g, oc_matmul(g, y, x));
    oc_session *s;
    const oc_session_options o = { .outputs = 1, .output = &y };
    assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
    assert_int_equal(oc_session_prepare(s, (oc_shape[]){ OC_SHAPE(32, 32) }), OC_OK);
    const int64_t peak = oc_session_bytes(s);
    assert_true(peak >= 2 * 4096 && peak < 20 * 4096);  /* buffers are shared, not one a step */
    static float in[1024], out[1024];
    oc_tensor a = f32(in, OC_SHAPE(32, 32)), b = { .data = out };
    assert_int_equal(oc_session_run(s, &a, &b), OC_OK);
    const uint64_t calls = oc__mem_calls();
    for (int i = 0; i < 50; i++)
        assert_int_equal(oc_session_run(s, &a, &b), OC_OK);
    assert_int_equal(oc__mem_calls(), calls);
    assert_int_equal(oc_session_bytes(s), peak);
    oc_session_free(s);
    oc_graph_free(g);
}

/* A plan that no machine has memory for is refused with its size, before anything is taken. */
static void sizes_beyond_memory_are_refused(void **state)
{
    static const struct { int64_t n; const char *says; } row[] = {
        { INT64_C(1) << 40, "8796093022208 bytes" },
        { INT64_C(1) << 62, "more memory than can be counted" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        oc_graph *g;
        oc_session *s;
        oc_graph_new(&g, NULL);
        const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(2, 1));
        const oc_value each = oc_apply(g, "Expand", 1, &x, "shape=2,%lld", (long long)row[i].n);
        const oc_value y = oc_sum(g, oc_sigmoid(g, each));
        const oc_session_options o = { .outputs = 1, .output = &y };
        assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
        assert_int_equal(oc_session_prepare(s, (oc_shape[]){ OC_SHAPE(2, 1) }), OC_ELIMIT);
        assert_non_null(strstr(oc_error(), row[i].says));
        oc_session_free(s);
        oc_graph_free(g);
    }
}

static void a_gradient_that_is_an_input_still_reaches_the_store(void **state)
{
    (void)state;
    oc_store *store;
    oc_graph *g;
    oc_store_new(&store, 1);
    oc_graph_new(&g, store);
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(3));
    const oc_value a = oc_parameter_value(g, "a", OC_SHAPE(3), OC_TRAINABLE, "ones");
    const oc_value b = oc_parameter_value(g, "b", OC_SHAPE(3), OC_TRAINABLE, "ones");
    const oc_value y = oc_sum(g, oc_mul(g, oc_add(g, a, b), x));
    const oc_value p[] = { a, b };
    oc_value d[2];
    oc_grad(g, y, 2, p, d);
    oc_session *s;
    const oc_session_options o = {
        .mode = OC_TRAIN, .outputs = 1, .output = &y, .gradients = 2, .parameter = p, .gradient = d
    };
    assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
    float in[] = { 1, 2, 3 }, r;
    oc_tensor t = f32(in, OC_SHAPE(3)), out = { .data = &r };
    assert_int_equal(oc_session_run(s, &t, &out), OC_OK);
    assert_float_equal(r, 12, 0);
    for (int i = 0; i < 2; i++) {
        const float *gradient = oc_store_gradient(store, i);
        assert_memory_equal(gradient, in, sizeof in);
    }
    oc_session_free(s);
    oc_graph_free(g);
    oc_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_sticks_and_is_told_once),
        cmocka_unit_test(an_unknown_operator_names_the_nearest),
        cmocka_unit_test(a_parameter_has_one_shape),
        cmocka_unit_test(unknown_dimensions_are_bound_by_the_inputs),
        cmocka_unit_test(gradients_meet_where_a_value_has_two_consumers),
        cmocka_unit_test(the_gradient_of_a_broadcast_operand_is_summed),
        cmocka_unit_test(a_second_derivative_is_right_or_refused),
        cmocka_unit_test(what_does_not_depend_on_x_has_no_gradient),
        cmocka_unit_test(dropout_vanishes_in_inference_and_repeats_by_step),
        cmocka_unit_test(parameters_learn_and_inference_follows_them),
        cmocka_unit_test(inference_rewrites_change_nothing),
        cmocka_unit_test(running_statistics_are_committed_in_training_only),
        cmocka_unit_test(running_does_not_allocate_and_the_peak_is_known_before),
        cmocka_unit_test(sizes_beyond_memory_are_refused),
        cmocka_unit_test(a_gradient_that_is_an_input_still_reaches_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
