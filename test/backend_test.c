/* backend_test.c — how back ends are chosen, and what holds for the portable one beyond the
 * cases of the operators: large and crooked sizes, threads, work in place, layouts of others.
 * */
#include "test.h"

#include "backend/backend.h"
#include "run/check.h"

static const struct backend *find(const char *name)
{
    for (const struct backend *const *b = oc__backend_list; *b; b++)
        if (!strcmp((*b)->name, name))
            return *b;
    print_message("skipped: this build has no back end \"%s\"\n", name);
    skip();
    return NULL;
}

static void an_unknown_back_end_is_refused_and_the_list_shown(void **state)
{
    (void)state;
    assert_ok(oc__backend_check(NULL));
    assert_ok(oc__backend_check("reference"));
    assert_int_equal(oc__backend_check("reference,cqu"), OC_EUSAGE);
    error_says("'cqu'");
    error_says("reference");
}

static void the_reference_is_the_last_and_always_there(void **state)
{
    (void)state;
    const oc_shape shape = OC_SHAPE(2, 3);
    const struct operand x = { OC_F64, &shape, NULL, false }, y = x;
    const struct request r = { oc__op_find("Erf"), NULL, "erf", 1, 1, &x, &y, OC_INFER, 1, 0 };
    const struct backend *chosen;
    struct offer o;
    int n = 0;
    while (oc__backend_list[n + 1])
        n++;
    assert_string_equal(oc__backend_list[n]->name, "reference");
    assert_ok(oc__backend_choose(NULL, &r, &o, &chosen));
    assert_string_equal(chosen->name, "reference");
    assert_int_equal(o.in_place, -1);
    assert_int_equal(o.scratch, 0);                     /* doubles are used where they lie */
}

/* Sizes around those of tiles and blocks, which the operators' own cases are too small for. */
static const char *const large[][2] = {
    { "Gemm", "1x300 300x1 1" },
    { "Gemm", "1x3000 70x3000 70 transB=true alpha=0.5" },
    { "FusedGemm", "1x33 33x1100 1100 activation=Relu" },
    { "Gemm", "200x7 7x530 530" },
    { "Gemm", "7x600 600x49 7x49 beta=0.5 alpha=-1" },
    { "Gemm", "260x33 530x260 - transA=true transB=true" },
    { "FusedGemm", "33x257 257x65 65 activation=Relu" },
    { "MatMul", "3x1x40x70 5x70x33" },
    { "Conv", "2x3x40x37 20x3x5x3 20 pads=2,1,2,1 strides=1" },
    { "Conv", "3x24x20x20 16x12x3x3 - group=2 strides=2 pads=1" },
    { "Conv", "2x30x9x9 40x30x3x3 40 dilations=2 pads=2" },
    { "ConvGradInput", "2x8x32x32 8x24x3x3 2x24x32x32 pads=1" },
    { "ConvGradInput", "2x16x16x16 16x20x3x3 2x20x32x31 pads=1 strides=2" },
    { "ConvGradWeight", "3x24x20x20 3x16x20x20 16x24x3x3 pads=1" },
    { "ConvTranspose", "2x8x17x17 8x24x4x4 24 strides=2 pads=1" },
    { "MaxPool", "2x3x31x45 kernel_shape=2 strides=2" },
    { "BatchNormalization", "8x5x40x40 5 5 5 p:5" },
    { "ConvGradBias", "8x5x40x40" },
    { "SumTo", "300x50 50" },
    { "Dropout", "3x500 p=0.3" },
    { "Add", "3x1x2100 5x1" },
    { "Mul", "2100x1 1x13" },
    { "Pow", "p:3x1 5x3x1100" },
    { "PRelu", "2x3x40x41 3x1x1" },
    { "Where", "b:40x1 1 40x1500" },
    { "Less", "300x1 1x300" },
    { "SigmoidCrossEntropy", "50x70 50x70" },
    { "MeanSquaredError", "3000 3000 reduction=sum" },
    { "LayerNormalization", "5x3000 3000 3000" },
    { "GroupNormalization", "3x8x33x35 8 8 num_groups=2" },
    { "InstanceNormalization", "2x3x41x43 3 3" },
};

static void crooked_sizes_agree_with_the_reference(void **state)
{
    (void)state;
    find("cpu");
    for (size_t i = 0; i < COUNT(large); i++) {
        struct check c;
        assert_ok(oc__check_backend(oc__op_find(large[i][0]), large[i][1], "cpu", OC_F32, &c));
        if (!c.accepted || c.error > oc__check_tolerance(OC_F32))
            fail_msg("%s %s: accepted %d, %s", large[i][0], large[i][1], c.accepted, c.where);
    }
}

/* The gradients of sum(relu(conv(x, w) + b)^2) by w, b and x, with so many threads. */
static void conv_gradients(int threads, int images, float *dw, float *db, float *dx)
{
    oc_graph *g;
    oc_session *s;
    const int64_t channels = 12, side = 20, outs = 24;
    const oc_shape shapes[] = { OC_SHAPE(images, channels, side, side),
                                OC_SHAPE(outs, channels, 3, 3), OC_SHAPE(outs) };
    oc_value in[3], d[3];
    oc_tensor data[3], out[3] = { { .data = dx }, { .data = dw }, { .data = db } };
    assert_ok(oc_graph_new(&g, NULL));
    for (int i = 0; i < 3; i++) {
        const int64_t n = oc_shape_count(&shapes[i]);
        data[i] = (oc_tensor){ OC_F32, shapes[i], oc__block_alloc((size_t)n * sizeof(float)) };
        for (int64_t k = 0; k < n; k++)
            ((float *)data[i].data)[k] = (float)((k * 7919 + i) % 1009) / 1009 - 0.5f;
        in[i] = oc_input(g, i ? i > 1 ? "b" : "w" : "x", OC_F32, shapes[i]);
    }
    const oc_value y = oc_relu(g, oc_apply(g, "Conv", 3, in, "pads=1"));
    oc_grad(g, oc_sum(g, oc_mul(g, y, y)), 3, in, d);
    const oc_session_options o = { .mode = OC_TRAIN, .backends = "cpu", .threads = threads,
                                   .outputs = 3, .output = d };
    assert_ok(oc_session_new(&s, g, &o));
    assert_ok(oc_session_run(s, data, out));
    for (int i = 0; i < 3; i++)
        oc__block_free(data[i].data);
    oc_session_free(s);
    oc_graph_free(g);
}

enum { DW = 24 * 12 * 9, DB = 24, DX = 12 * 400, IMAGES = 5 };

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    static float dw[2][DW], db[2][DB], dx[2][IMAGES * DX];
    (void)state;
    find("cpu");
    for (int images = 1; images <= IMAGES; images += IMAGES - 1) {
        conv_gradients(1, images, dw[0], db[0], dx[0]);
        for (int threads = 2; threads < 5; threads++) {
            conv_gradients(threads, images, dw[1], db[1], dx[1]);
            assert_memory_equal(dw[0], dw[1], sizeof dw[0]);
            assert_memory_equal(db[0], db[1], sizeof db[0]);
            assert_memory_equal(dx[0], dx[1], (size_t)images * DX * sizeof(float));
        }
    }
}

/* The portable kernel's offer to an operator of `n` operands of this shape and layout. */
static struct offer offer_of(const char *op, int n, const oc_shape *shape,
                             const struct layout *layout, struct request *r,
                             struct operand *operands)
{
    const struct backend *chosen;
    struct offer o;
    for (int i = 0; i < 3; i++)
        operands[i] = (struct operand){ OC_F32, shape, i < n ? layout : NULL, false };
    *r = (struct request){ oc__op_find(op), NULL, op, n, 1, operands, operands + n, OC_TRAIN, 1,
                            0 };
    assert_ok(oc__backend_choose("cpu", r, &o, &chosen));
    assert_string_equal(chosen->name, "cpu");
    return o;
}

static void elementwise_kernels_take_the_layout_that_all_operands_have(void **state)
{
    static const struct { const char *op; int n; bool keeps_zero; } row[] = {
        { "Relu", 1, true }, { "Sigmoid", 1, false }, { "ReluGrad", 2, true }, { "Add", 2, true },
        { "Div", 2, false },
    };
    const oc_shape shape = OC_SHAPE(2, 16, 3, 3);
    const struct layout dense = { .name = "dense", .bytes = 1152 };
    const struct layout padded = { .name = "padded", .bytes = 2048, .padded = true };
    struct operand operands[3];
    struct request r;
    (void)state;
    find("cpu");
    for (size_t i = 0; i < COUNT(row); i++) {
        struct offer o = offer_of(row[i].op, row[i].n, &shape, &dense, &r, operands);
        assert_ptr_equal(o.x[0], &dense);
        assert_ptr_equal(o.y[0], &dense);
        assert_int_equal(o.in_place, 0);
        o = offer_of(row[i].op, row[i].n, &shape, &padded, &r, operands);
        assert_ptr_equal(o.x[0], row[i].keeps_zero ? &padded : NULL);
    }
}

static void a_gradient_made_in_place_of_dy_is_the_same(void **state)
{
    enum { N = 1000 };
    static float dy[N], y[N], aside[N];
    const oc_shape shape = OC_SHAPE(N);
    struct operand operands[3];
    struct request r;
    (void)state;
    find("cpu");
    const struct offer o = offer_of("TanhGrad", 2, &shape, NULL, &r, operands);
    for (int i = 0; i < N; i++) {
        dy[i] = (float)(i % 17) - 8;
        y[i] = (float)(i % 13) / 13;
    }
    struct execution e = { .request = &r, .x = (const void *[]){ dy, y }, .y = (void *[]){ aside },
                           .threads = 1 };
    o.kernel->run(&e);
    e.y = (void *[]){ dy };
    o.kernel->run(&e);
    assert_memory_equal(dy, aside, sizeof dy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_back_end_is_refused_and_the_list_shown),
        cmocka_unit_test(the_reference_is_the_last_and_always_there),
        cmocka_unit_test(crooked_sizes_agree_with_the_reference),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(elementwise_kernels_take_the_layout_that_all_operands_have),
        cmocka_unit_test(a_gradient_made_in_place_of_dy_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
