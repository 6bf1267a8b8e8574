/* branch_test.c — an If whose condition follows from the shapes of inputs is no step of its own. */
#include "test.h"

#include "op/control.h"
#include "op/op.h"
#include "run/session.h"

/* y = If(first dimension of x > 1): then_op(x) else else_op(x), x [N, 2]. */
struct network { oc_graph *g; oc_value x, y, condition; };

static struct control_body body(oc_graph *around, oc_value x, const char *op)
{
    struct control_body b = { .captures = 1, .outputs = 1 };
    assert_ok(oc_graph_new(&b.g, NULL));
    b.g->next_body = around->bodies;
    around->bodies = b.g;
    const oc_value in = oc_input(b.g, "x", OC_F32, OC_SHAPE(OC_UNKNOWN, 2));
    oc_value *const lists = oc__pool_alloc(&b.g->pool, 2 * sizeof *lists);
    lists[0] = x;
    lists[1] = oc_apply(b.g, op, 1, &in, NULL);
    b.capture = &lists[0];
    b.output = &lists[1];
    assert_ok(oc_graph_check(b.g));
    return b;
}

static struct network make(const char *then_op, const char *else_op)
{
    struct network n;
    const int64_t first = 0, one = 1;
    assert_ok(oc_graph_new(&n.g, NULL));
    n.x = oc_input(n.g, "x", OC_F32, OC_SHAPE(oc_symbol(n.g, "N"), 2));
    const oc_value at = oc_constant(n.g, &(oc_tensor){ OC_I64, { 0 }, (void *)(uintptr_t)&first });
    const oc_value one_value
        = oc_constant(n.g, &(oc_tensor){ OC_I64, { 0 }, (void *)(uintptr_t)&one });
    const oc_value shape = oc_apply(n.g, "Shape", 1, &n.x, NULL);
    const oc_value batch = oc_apply(n.g, "Gather", 2, (oc_value[]){ shape, at }, NULL);
    n.condition = oc_apply(n.g, "Greater", 2, (oc_value[]){ batch, one_value }, NULL);
    struct control a = { .kind = CONTROL_IF, .outputs = 1 };
    a.body[0] = body(n.g, n.x, then_op);
    a.body[1] = body(n.g, n.x, else_op);
    n.y = oc__apply(n.g, &oc__op_if, &a, 3, (oc_value[]){ n.condition, n.x, n.x });
    n.y = oc_apply(n.g, "Abs", 1, &n.y, NULL);
    assert_ok(oc_graph_check(n.g));
    return n;
}

static oc_tensor run(oc_session *s, int64_t rows, const float *x)
{
    const oc_tensor in = { OC_F32, OC_SHAPE(rows, 2), (void *)(uintptr_t)x };
    oc_tensor y = { 0 };
    assert_ok(oc_session_results(s, &in, &y));
    return y;
}

static bool is_whole(const oc_session *s)
{
    return s->current->plan->stage.n == 0 && s->current->plan->stage.controls == 0;
}

static void a_condition_that_shapes_decide_leaves_its_branch_alone(void **state)
{
    static const float x[] = { -1, 2, 3, -4 };
    const struct { int64_t rows; float y[4]; const char *kept, *left; } cases[] = {
        { 1, { 0, 2 }, "Relu", "Neg" }, { 2, { 1, 2, 3, 4 }, "Neg", "Relu" },
    };
    (void)state;
    const struct network n = make("Neg", "Relu");
    oc_session *s;
    assert_ok(oc_session_new(&s, n.g, &(oc_session_options){ .outputs = 1, .output = &n.y }));
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            oc_tensor y = run(s, cases[i].rows, x);
            assert_int_equal(oc_shape_count(&y.shape), 2 * cases[i].rows);
            assert_memory_equal(y.data, cases[i].y, 8 * (size_t)cases[i].rows);
            oc_tensor_free(&y);
            assert_true(is_whole(s));
            char *const text = oc_session_text(s);
            assert_non_null(strstr(text, cases[i].kept));
            assert_null(strstr(text, cases[i].left));
            oc_string_free(text);
        }
    oc_session_free(s);
    oc_graph_free(n.g);
}

static void a_branch_that_only_a_run_knows_is_run(void **state)
{
    static const float x[] = { 0, 2, 3, 0 };
    (void)state;
    const struct network n = make("NonZero", "Relu");
    const oc_value found = oc_output(n.g, oc__maker(n.g, n.y)->in[0], 0);
    oc_session *s;
    assert_ok(oc_session_new(&s, n.g, &(oc_session_options){ .outputs = 1, .output = &found }));
    oc_tensor y = run(s, 2, x);
    assert_int_equal(y.dtype, OC_I64);
    assert_true(oc_shape_equal(&y.shape, &OC_SHAPE(2, 2)));
    assert_memory_equal(y.data, ((int64_t[]){ 0, 1, 1, 0 }), 4 * sizeof(int64_t));
    oc_tensor_free(&y);
    oc_session_free(s);
    oc_graph_free(n.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_that_shapes_decide_leaves_its_branch_alone),
        cmocka_unit_test(a_branch_that_only_a_run_knows_is_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
