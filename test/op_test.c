/* op_test.c — every operator, every case, every back end, by its tables alone.
 *
 * A new operator is tested here as soon as it is in op/list.h.  Failures print operator and case;
 * the end prints how many cases each back end took. */
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "backend/backend.h"
#include "run/check.h"

/* Calls `each` for every operator and case; counts what it finds wrong. */
typedef bool case_function(const struct op *op, const char *text, void *context);

static int for_each_case(case_function *each, void *context)
{
    int wrong = 0;
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        const struct op *const op = oc__op_find((*e)->name);
        for (const char *const *text = op->cases; text && *text; text++)
            if (!each(op, *text, context)) {
                print_error("%s %s\n", op->entry.name, *text);
                wrong++;
            }
    }
    return wrong;
}

static void every_operator_has_cases(void **state)
{
    (void)state;
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        const struct op *const op = oc__op_find((*e)->name);
        if (!strstr((*e)->name, "Grad") && !op->control && (!op->cases || !*op->cases))
            fail_msg("%s has no case", (*e)->name);
    }
}

static bool shapes_hold(const struct op *op, const char *text, void *context)
{
    (void)context;
    const oc_status status = oc__check_shapes(op, text);
    if (status)
        print_error("%s: ", oc_error());
    return status == OC_OK;
}

static void what_is_inferred_is_what_a_run_produces(void **state)
{
    (void)state;
    assert_int_equal(for_each_case(shapes_hold, NULL), 0);
}

/* Whether the gradient passes in every form; adds to the count of cases in *context. */
static bool gradient_holds(const struct op *op, const char *text, void *context)
{
    bool good = true;
    for (int form = 0; form < TRIAL_FORMS; form++) {
        struct check c;
        const oc_status status = oc__check_gradient(op, text, (enum trial_form)form, &c);
        if (status || c.error > OC_GRADIENT_TOLERANCE) {
            print_error("form %d: %s: ", form, status ? oc_error() : c.where);
            good = false;
        }
        *(int *)context += c.compared > 0;
    }
    return good;
}

static void gradients_agree_with_central_differences(void **state)
{
    int checked = 0;
    (void)state;
    assert_int_equal(for_each_case(gradient_holds, &checked), 0);
    print_message("%d gradients checked\n", checked);
    assert_true(checked > 0);
}

/* ---- back ends ---------------------------------------------------------------------------- */

/* A case by its text, or all cases of an operator (NULL); "*" is any operator. */
struct some_cases { const char *op, *text; };

static bool is_named(const char *const *list, const struct op *op)
{
    while (*list && strcmp(*list, op->entry.name) != 0)
        list++;
    return *list != NULL;
}

static bool holds(const struct some_cases *list, const struct op *op, const char *text)
{
    for (; list->op; list++)
        if ((!strcmp(list->op, op->entry.name) || !strcmp(list->op, "*"))
            && (!list->text || !strcmp(list->text, text)))
            return true;
    return false;
}

/* What the portable back end leaves to the reference wholly, or in its gradient. */
static const char *const cpu_leaves_all[] = {
    "AffineGrid", "ArgMax", "ArgMin", "AttentionBias", "BatchNormalizationInference",
    "BatchNormalizationInferenceGrad", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr",
    "BitwiseXor", "CenterCropPad", "Col2Im", "Compress", "CumProd", "CumSum", "DFT",
    "DepthToSpace", "DequantizeLinear", "Det", "DropoutSeeded", "DynamicQuantizeLinear", "Einsum",
    "Gather", "GatherElements", "GatherND", "GlobalMaxPool", "GridSample", "Hardmax", "IsInf",
    "IsNaN", "LRN", "LpPool", "MaxPoolGrad", "NegativeLogLikelihoodLoss", "OneHot", "Pad",
    "QuantizeLinear", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
    "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReverseSequence", "RoiAlign",
    "ScatterElements", "ScatterND", "Slice", "SpaceToDepth", "TensorScatter", "Tile", "TopK",
    "Trilu", NULL
};

/* Single cases that it leaves; it takes all else in f32.  A new operator is served, or stands here.
 */
static const struct some_cases cpu_leaves[] = {
    { "Cast", "2x7 to=i32" }, { "Cast", "w:2x7 to=u8" }, { "Cast", "i5:2x7" },
    { "Equal", "i3:2x3x4 i3:4" }, { "Greater", "i3:2x3x4 i3:4" },
    { "GreaterOrEqual", "i3:2x3x4 i3:4" }, { "Less", "i3:2x3x4 i3:4" },
    { "LessOrEqual", "i3:2x3x4 i3:4" }, { "MatMul", "2x1x3x4 5x4x2" }, { "Pow", "p:2x3 i4:3" },
    { "ReduceMean", "2x3x4 axes=1" }, { "ReduceSum", "2x3x4 axes=1" },
    { "Resize", "2x3x5 scales=2 mode=linear" }, { "Resize", "1x1x2x3x2 scales=2 mode=linear" },
    { "Resize", "1x1x5x6 sizes=3,9 mode=cubic" },
    { "Resize", "1x1x5x6 sizes=7,4 mode=cubic exclude_outside=true cubic_coeff_a=-0.5" },
    { "Resize", "1x1x7x6 sizes=3,4 mode=linear antialias=true" },
    { "Resize", "1x1x7x6 scales=0.4,0.6 mode=cubic antialias=true" },
    { "Resize", "2x5x6 sizes=3,4 axes=2,1 keep_aspect_ratio_policy=not_larger" },
    { "Resize", "2x5x6 scales=0.6 axes=-1 mode=linear "
                "coordinate_transformation_mode=half_pixel_symmetric" },
    { "Resize", "1x1x4x4 sizes=3,3 axes=2,3 mode=linear "
                "coordinate_transformation_mode=tf_crop_and_resize roi=0.4,0.6,1.2,0.9 "
                "extrapolation_value=10" },
    { NULL, NULL }
};

/* What onednn takes from plain memory, but for the cases below; its kernels for images that lie in
 * its own layouts are held in layout_test.c. */
static const struct some_cases onednn_takes[] = {
    { "Abs", NULL }, { "Conv", NULL }, { "ConvGradInput", NULL }, { "ConvGradWeight", NULL },
    { "ConvTranspose", NULL }, { "Elu", NULL }, { "Exp", NULL }, { "FusedConv", NULL },
    { "FusedGemm", NULL }, { "Gelu", NULL }, { "Gemm", NULL }, { "HardSwish", NULL },
    { "LeakyRelu", NULL }, { "MatMul", NULL },
    { "Mish", NULL }, { "Sigmoid", NULL }, { "Softmax", NULL }, { "Sqrt", NULL },
    { "Tanh", NULL }, { NULL, NULL }
};
static const struct some_cases onednn_leaves[] = {
    { "*", "()" }, { "*", "0x3" },
    { "FusedGemm", "40x20 20x33 - activation=Tanh alpha=0.3" },
    { "FusedGemm", "3x4 4x5 5 activation=HardSigmoid activation_alpha=0.2 activation_beta=0.5" },
    { "Gemm", "4x3 4x5 3x5 transA=true alpha=0.5 beta=2" },
    { "MatMul", "4 4" }, { "Softmax", "w:2x5x3 axis=1" }, { "Softmax", "4x2 axis=0" },
    { NULL, NULL }
};

/* Whether a back end takes what the tables say.  A view needs no step: nothing is to be taken; what
 * an operator is composed of is in the tables itself. */
static bool takes_as_stated(const char *backend, const struct op *op, const char *text,
                            const struct check *c)
{
    const bool cpu = !strcmp(backend, "cpu");
    const bool stated = cpu ? !is_named(cpu_leaves_all, op) && !holds(cpu_leaves, op, text)
                            : holds(onednn_takes, op, text) && !holds(onednn_leaves, op, text);
    const bool takes = cpu ? c->complete : c->accepted;
    if (op->view || op->compose || takes == stated)
        return true;
    print_error("%s %s: ", backend, stated ? "declines" : "takes, against its list,");
    return false;
}

struct against { const char *backend; oc_dtype type; int accepted; };

static bool backend_agrees(const struct op *op, const char *text, void *context)
{
    struct against *const a = context;
    struct check c;
    const oc_status status = oc__check_backend(op, text, a->backend, a->type, &c);
    a->accepted += c.accepted;
    if (!status && a->type == OC_F32 && !takes_as_stated(a->backend, op, text, &c))
        return false;
    if (!status && c.error <= oc__check_tolerance(a->type))
        return true;
    print_error("%s %s: %s: ", a->backend, oc_dtype_name(a->type), status ? oc_error() : c.where);
    return false;
}

static void every_back_end_agrees_with_the_reference(void **state)
{
    static const oc_dtype types[] = { OC_F32, OC_F64, OC_F16, OC_BF16 };
    int wrong = 0;
    (void)state;
    for (const struct backend *const *b = oc__backend_list; *b; b++)
        for (size_t i = 0; strcmp((*b)->name, "reference") != 0 && i < 4; i++) {
            struct against a = { (*b)->name, types[i], 0 };
            wrong += for_each_case(backend_agrees, &a);
            print_message("%s took %d cases in %s\n", a.backend, a.accepted, oc_dtype_name(a.type));
        }
    assert_int_equal(wrong, 0);
}

struct tally { int names, bad; };

static void count_row(void *context, const char *name, double error, bool good)
{
    struct tally *const t = context;
    assert_true(strlen(name) > 0 && good == (error <= OC_GRADIENT_TOLERANCE));
    t->names++;
    t->bad += !good;
}

static void the_public_check_reports_every_operator_once(void **state)
{
    struct tally t = { 0 };
    int expected = 0, composed = 0;
    (void)state;
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        const struct op *const op = oc__op_find((*e)->name);
        expected += op->grad && op->cases;
        composed += op->compose != NULL;
    }
    assert_int_equal(oc_check_operators(count_row, &t), OC_OK);
    assert_int_equal(t.bad, 0);
    assert_in_range(t.names, expected, expected + composed);
}

/* ---- the check itself --------------------------------------------------------------------- */

/* Sigmoid's gradient, 1 % too large. */
static void wrong_gradient(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                           oc_value *dx)
{
    oc__op_sigmoid.grad(g, n, dy, want, dx);
    dx[0] = oc_mul(g, dx[0], oc_scalar(g, 1.01));
}

static void a_planted_wrong_gradient_is_caught(void **state)
{
    struct op broken = oc__op_sigmoid;
    struct check c;
    (void)state;
    assert_int_equal(oc__check_gradient(&broken, "2x3", TRIAL_PLAIN, &c), OC_OK);
    assert_true(c.compared > 0 && c.error <= OC_GRADIENT_TOLERANCE);
    broken.grad = wrong_gradient;
    assert_int_equal(oc__check_gradient(&broken, "2x3", TRIAL_PLAIN, &c), OC_OK);
    assert_true(c.error > 0.009 && c.error < 0.011);
}

static void no_gradient(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                        oc_value *dx)
{
    (void)g, (void)n, (void)dy, (void)want, (void)dx;
}

static void a_planted_missing_gradient_is_caught(void **state)
{
    struct op broken = oc__op_mul;
    struct check c;
    (void)state;
    broken.grad = no_gradient;
    assert_int_equal(oc__check_gradient(&broken, "2x3 3", TRIAL_PLAIN, &c), OC_OK);
    assert_true(c.error > 0.5);
}

/* A shape rule that forgets a dimension. */
static oc_status wrong_shape(const struct infer *s)
{
    s->y[0] = *s->x[0];
    s->y[0].dim[0] = s->x[0]->dim[0] < 0 ? 5 : s->x[0]->dim[0];
    return OC_OK;
}

static void a_planted_wrong_inference_is_caught(void **state)
{
    struct op broken = oc__op_relu;
    (void)state;
    broken.shape = wrong_shape;
    assert_int_equal(oc__check_shapes(&broken, "5x3"), OC_OK);
    assert_true(oc__check_shapes(&broken, "2x3") < 0);
}

/* ---- what cases cannot say ---------------------------------------------------------------- */

/* Applies one operator to f64 inputs on the reference; reads output 0 and, for n_dx > 0, the
 * gradients of its sum. */
static void evaluate(const char *op, const char *attributes, int n, oc_tensor *in, oc_tensor *y,
                     int n_dx, oc_tensor *dx)
{
    oc_graph *g;
    oc_session *s;
    oc_value x[4], out[5] = { { 0 } };
    oc_tensor result[5] = { *y };
    assert_int_equal(oc_graph_new(&g, NULL), OC_OK);
    for (int i = 0; i < n; i++)
        x[i] = oc_input(g, "x", in[i].dtype, in[i].shape);
    out[0] = oc_apply(g, op, n, x, "%s", attributes);
    oc_grad(g, out[0], n_dx, x, out + 1);
    for (int i = 0; i < n_dx; i++)
        result[1 + i] = dx[i];
    const oc_session_options o = { .mode = OC_TRAIN, .precision = OC_F64, .backends = "reference",
                                   .threads = 1, .outputs = 1 + n_dx, .output = out };
    assert_int_equal(oc_graph_check(g), OC_OK);
    assert_int_equal(oc_session_new(&s, g, &o), OC_OK);
    assert_int_equal(oc_session_run(s, in, result), OC_OK);
    oc_session_free(s);
    oc_graph_free(g);
}

#define F64(data, ...) ((oc_tensor){ OC_F64, OC_SHAPE(__VA_ARGS__), data })
#define I64(data, ...) ((oc_tensor){ OC_I64, OC_SHAPE(__VA_ARGS__), data })

static void assert_near(const double *got, const double *expected, int n, double within)
{
    for (int i = 0; i < n; i++)
        if (!(fabs(got[i] - expected[i]) <= within))
            fail_msg("element %d is %.12g, expected %.12g", i, got[i], expected[i]);
}

static void equal_largest_share_no_gradient(void **state)
{
    double x[] = { 1, 3, 3, 2, 5, 5 }, y[2], dx[6];
    (void)state;
    evaluate("ReduceMax", "axes=1", 1, (oc_tensor[]){ F64(x, 2, 3) }, &F64(y, 2, 1), 1,
             &F64(dx, 2, 3));
    assert_near(y, (double[]){ 3, 5 }, 2, 0);
    assert_near(dx, (double[]){ 0, 1, 0, 0, 1, 0 }, 6, 0);
}

static void equal_operands_of_max_give_the_first_the_gradient(void **state)
{
    double a[] = { 1, 2, 3 }, b[] = { 1, 5, 0 }, y[3], da[3], db[3];
    (void)state;
    evaluate("Max", "", 2, (oc_tensor[]){ F64(a, 3), F64(b, 3) }, &F64(y, 3), 2,
             (oc_tensor[]){ F64(da, 3), F64(db, 3) });
    assert_near(da, (double[]){ 1, 0, 1 }, 3, 0);
    assert_near(db, (double[]){ 0, 1, 0 }, 3, 0);
}

static void gather_counts_back_and_adds_up(void **state)
{
    double x[] = { 10, 20, 30 }, y[5], dx[3];
    int64_t k[] = { -1, 0, -1, 7, 2 };
    (void)state;
    evaluate("Gather", "", 2, (oc_tensor[]){ F64(x, 3), I64(k, 5) }, &F64(y, 5), 1, &F64(dx, 3));
    assert_near(y, (double[]){ 30, 10, 30, 0, 30 }, 5, 0);
    assert_near(dx, (double[]){ 1, 0, 3 }, 3, 0);
}

static void a_product_with_zeros_has_its_gradient(void **state)
{
    double x[] = { 0, 2, 3, 0, 0, 4 }, y[2], dx[6];
    (void)state;
    evaluate("ReduceProd", "axes=1", 1, (oc_tensor[]){ F64(x, 2, 3) }, &F64(y, 2, 1), 1,
             &F64(dx, 2, 3));
    assert_near(y, (double[]){ 0, 0 }, 2, 0);
    assert_near(dx, (double[]){ 6, 0, 0, 0, 0, 0 }, 6, 0);
}

static void halves_round_to_even_and_casts_cut(void **state)
{
    double x[] = { -2.5, -1.5, -0.5, 0.5, 1.5, 2.5 }, y[6];
    int32_t cut[6];
    (void)state;
    evaluate("Round", "", 1, (oc_tensor[]){ F64(x, 6) }, &F64(y, 6), 0, NULL);
    assert_near(y, (double[]){ -2, -2, 0, 0, 2, 2 }, 6, 0);
    evaluate("Cast", "to=i32", 1, (oc_tensor[]){ F64(x, 6) },
             &(oc_tensor){ OC_I32, OC_SHAPE(6), cut }, 0, NULL);
    for (int i = 0; i < 6; i++)
        assert_int_equal(cut[i], (int32_t)x[i]);
}

static void large_scores_do_not_overflow(void **state)
{
    double x[] = { 1000, 1001, -1000, 0 }, y[4];
    (void)state;
    evaluate("Softmax", "", 1, (oc_tensor[]){ F64(x, 2, 2) }, &F64(y, 2, 2), 0, NULL);
    assert_near(y, (double[]){ 0.268941421369995, 0.731058578630005, 0, 1 }, 4, 1e-14);
    evaluate("Softplus", "", 1, (oc_tensor[]){ F64(x, 4) }, &F64(y, 4), 0, NULL);
    assert_near(y, (double[]){ 1000, 1001, 0, 0.693147180559945 }, 4, 1e-12);
    evaluate("ReduceLogSumExp", "axes=1", 1, (oc_tensor[]){ F64(x, 2, 2) }, &F64(y, 2, 1), 0, NULL);
    assert_near(y, (double[]){ 1001.31326168751822, 0 }, 2, 1e-11);
}

/* Made with torch.nn.functional.cross_entropy in double precision. */
static void cross_entropy_follows_pytorch(void **state)
{
    double x[12], weight[] = { 0.5, 1.5, 2, 1 }, y[3];
    int64_t label[] = { 1, 3, 0 };
    static const struct { const char *attributes; int n; double loss[3]; } row[] = {
        { "reduction=mean label_smoothing=0 ignore_index=-100", 1, { 0.5870686949589491 } },
        { "reduction=mean label_smoothing=0 ignore_index=3", 1, { 0.6413142896169434 } },
        { "reduction=mean label_smoothing=0.1 ignore_index=-100", 1, { 0.7921710880455326 } },
        { "reduction=mean label_smoothing=0.1 ignore_index=3", 1, { 0.8544345310841339 } },
        { "reduction=sum label_smoothing=0 ignore_index=-100", 1, { 1.761206084876847 } },
        { "reduction=sum label_smoothing=0 ignore_index=3", 1, { 1.282628579233887 } },
        { "reduction=sum label_smoothing=0.1 ignore_index=-100", 1, { 2.376513264136598 } },
        { "reduction=sum label_smoothing=0.1 ignore_index=3", 1, { 1.708869062168268 } },
        { "reduction=none label_smoothing=0 ignore_index=-100", 3,
          { 1.129968672213591, 0.4785775056429606, 0.1526599070202957 } },
        { "reduction=none label_smoothing=0 ignore_index=3", 3,
          { 1.129968672213591, 0, 0.1526599070202957 } },
        { "reduction=none label_smoothing=0.1 ignore_index=-100", 3,
          { 1.272954260043738, 0.66764420196833, 0.4359148021245301 } },
        { "reduction=none label_smoothing=0.1 ignore_index=3", 3,
          { 1.272954260043738, 0, 0.4359148021245301 } },
    };
    (void)state;
    for (int i = 0; i < 12; i++)
        x[i] = sin(i + 1.0) * 2;
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        oc_tensor in[] = { F64(x, 3, 4), I64(label, 3), F64(weight, 4) };
        oc_tensor out = row[r].n == 3 ? F64(y, 3) : (oc_tensor){ OC_F64, { 0 }, y };
        evaluate("SoftmaxCrossEntropyLoss", row[r].attributes, 3, in, &out, 0, NULL);
        assert_near(y, row[r].loss, row[r].n, 1e-12);
    }
}

static void dropout_keeps_its_share_and_scales_it(void **state)
{
    enum { N = 20000 };
    static double x[N], y[N], dx[N];
    int kept = 0;
    (void)state;
    for (int i = 0; i < N; i++)
        x[i] = i + 1;
    evaluate("Dropout", "p=0.3 key=5", 1, (oc_tensor[]){ F64(x, N) }, &F64(y, N), 1, &F64(dx, N));
    for (int i = 0; i < N; i++) {
        assert_true(y[i] == 0 || fabs(y[i] - x[i] / 0.7) < 1e-9);
        assert_true((y[i] == 0) == (dx[i] == 0));
        kept += y[i] != 0;
    }
    assert_true(abs(kept - 14000) < 4 * 65);            /* four standard deviations */
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        const char *op, *attributes;
        oc_shape a, b;
        int n;
        const char *says;
    } row[] = {
        { "Add", "", { 2, { 2, 3 } }, { 1, { 4 } }, 2, "[2, 3] and [4] do not broadcast" },
        { "Reshape", "shape=4,-1", { 2, { 2, 3 } }, { 0 }, 1, "not a multiple" },
        { "Reshape", "shape=5", { 2, { 2, 3 } }, { 0 }, 1, "do not fill" },
        { "Concat", "axis=2", { 2, { 2, 3 } }, { 2, { 2, 3 } }, 2, "axis 2 is outside rank 2" },
        { "Concat", "axis=0", { 2, { 2, 3 } }, { 2, { 2, 4 } }, 2, "a part has shape" },
        { "Split", "split=1,2", { 2, { 4, 3 } }, { 0 }, 1, "leave 1 of 4" },
        { "Slice", "starts=0 ends=2 steps=0", { 1, { 4 } }, { 0 }, 1, "no step" },
        { "Pad", "pads=1", { 1, { 4 } }, { 0 }, 1, "two per axis" },
        { "Transpose", "perm=0,0", { 2, { 2, 3 } }, { 0 }, 1, "named twice" },
        { "ReluGrad", "", { 2, { 2, 3 } }, { 1, { 6 } }, 2, "an operand has shape [6]" },
        { "ReduceSumGrad", "", { 2, { 2, 3 } }, { 2, { 2, 3 } }, 2, "dy has shape" },
        { "SumTo", "", { 1, { 3 } }, { 2, { 2, 3 } }, 2, "the stretched x" },
        { "Where", "", { 1, { 3 } }, { 1, { 3 } }, 2, "3 inputs" },
        { "Squeeze", "axes=0", { 1, { 3 } }, { 0 }, 1, "dimension 0 is 3, not 1" },
    };
    (void)state;
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        oc_graph *g;
        assert_int_equal(oc_graph_new(&g, NULL), OC_OK);
        const oc_value x[] = { oc_input(g, "a", OC_F32, row[r].a),
                               oc_input(g, "b", OC_F32, row[r].b) };
        oc_apply(g, row[r].op, row[r].n, x, "%s", row[r].attributes);
        assert_int_equal(oc_graph_check(g), OC_EUSAGE);
        if (!strstr(oc_error(), row[r].says) && strcmp(row[r].op, "Where") != 0)
            fail_msg("%s: \"%s\" does not say \"%s\"", row[r].op, oc_error(), row[r].says);
        oc_graph_free(g);
    }
}

static void symbols_pass_through_shapes(void **state)
{
    oc_graph *g;
    (void)state;
    assert_int_equal(oc_graph_new(&g, NULL), OC_OK);
    const int64_t n = oc_symbol(g, "N");
    const oc_value x = oc_input(g, "x", OC_F32, OC_SHAPE(n, 2, 3, 4));
    const struct { const char *op, *attributes; oc_shape y; } row[] = {
        { "Flatten", "", OC_SHAPE(n, 24) },
        { "Reshape", "shape=-1,24", OC_SHAPE(n, 24) },
        { "Reshape", "shape=0,-1", OC_SHAPE(n, 24) },
        { "Reshape", "shape=0,2,-1", OC_SHAPE(n, 2, 12) },
        { "Reshape", "shape=-1,12", OC_SHAPE(OC_UNKNOWN, 12) },
        { "Transpose", "", OC_SHAPE(4, 3, 2, n) },
        { "ReduceMean", "axes=-1,-2 keepdims=false", OC_SHAPE(n, 2) },
        { "Slice", "starts=1 ends=9 axes=3", OC_SHAPE(n, 2, 3, 3) },
        { "Pad", "pads=1,2 axes=2", OC_SHAPE(n, 2, 6, 4) },
        { "Expand", "shape=2,1,1", OC_SHAPE(n, 2, 3, 4) },
        { "ArgMax", "axis=1", OC_SHAPE(n, 1, 3, 4) },
    };
    for (size_t r = 0; r < sizeof row / sizeof *row; r++) {
        const oc_value y = oc_apply(g, row[r].op, 1, &x, "%s", row[r].attributes);
        assert_int_equal(oc_graph_check(g), OC_OK);
        const oc_shape shape = oc_value_shape(g, y);
        if (!oc_shape_equal(&shape, &row[r].y))
            fail_msg("%s %s: the shape is another", row[r].op, row[r].attributes);
    }
    oc_graph_free(g);
}

static void the_manual_describes_every_operator(void **state)
{
    char heading[80];
    char *const manual = oc_operators_manual();
    (void)state;
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        snprintf(heading, sizeof heading, strstr((*e)->name, "Grad") ? "\n| %s |" : "\n## %s\n",
                 (*e)->name);
        if (!strstr(manual, heading))
            fail_msg("%s is not in the manual", (*e)->name);
    }
    oc_string_free(manual);
}

static void the_manual_is_up_to_date(void **state)
{
    char *file, *const manual = oc_operators_manual();
    size_t n;
    (void)state;
    assert_int_equal(oc__file_load("docs/operators.md", 1 << 20, &file, &n), OC_OK);
    if (strcmp(file, manual) != 0)
        fail_msg("docs/operators.md is out of date: run `make docs`");
    oc__free(file);
    oc_string_free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_cases),
        cmocka_unit_test(what_is_inferred_is_what_a_run_produces),
        cmocka_unit_test(gradients_agree_with_central_differences),
        cmocka_unit_test(the_public_check_reports_every_operator_once),
        cmocka_unit_test(every_back_end_agrees_with_the_reference),
        cmocka_unit_test(a_planted_wrong_gradient_is_caught),
        cmocka_unit_test(a_planted_missing_gradient_is_caught),
        cmocka_unit_test(a_planted_wrong_inference_is_caught),
        cmocka_unit_test(equal_largest_share_no_gradient),
        cmocka_unit_test(equal_operands_of_max_give_the_first_the_gradient),
        cmocka_unit_test(gather_counts_back_and_adds_up),
        cmocka_unit_test(a_product_with_zeros_has_its_gradient),
        cmocka_unit_test(halves_round_to_even_and_casts_cut),
        cmocka_unit_test(large_scores_do_not_overflow),
        cmocka_unit_test(cross_entropy_follows_pytorch),
        cmocka_unit_test(dropout_keeps_its_share_and_scales_it),
        cmocka_unit_test(shapes_that_do_not_fit_are_refused),
        cmocka_unit_test(symbols_pass_through_shapes),
        cmocka_unit_test(the_manual_describes_every_operator),
        cmocka_unit_test(the_manual_is_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
