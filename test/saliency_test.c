/* saliency_test.c — U-2-Net, and what it is made of: steps that branch, blocks, all outputs. */
#include "test.h"

#include <math.h>
#include "nn/model.h"
#include "op/op.h"

static oc_model *open_model(const char *architecture, oc_shape input)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = architecture, .input = input,
                                                    .task = "saliency", .seed = 5 }));
    return m;
}

static void refuses(const char *architecture, const char *says)
{
    oc_model *m;
    const oc_model_options o = { .architecture = architecture, .input = OC_SHAPE(3, 8, 8),
                                 .task = "saliency" };
    assert_int_equal(oc_model_new(&m, &o), OC_EUSAGE);
    error_says(says);
}

/* ---- the network ---------------------------------------------------------------------------- */

/* Weights, biases and the norms' two numbers of a 3x3 convolution. */
static int64_t part(int64_t in, int64_t out) { return 9 * in * out + out + 2 * out; }

/* Parameters of a block, by the paper's figure. */
static int64_t block(int64_t in, int64_t inside, int64_t out, int64_t depth)
{
    int64_t n = part(in, out) + part(out, inside) + part(2 * inside, out);
    n += (depth - 1) * part(inside, inside) + (depth - 2) * part(2 * inside, inside);
    return n;
}

static int64_t network(const int64_t b[11][4])
{
    static const int64_t side[] = { 10, 9, 8, 7, 6, 5 };
    int64_t n = 6 + 1;                                  /* outconv */
    for (int i = 0; i < 11; i++)
        n += block(b[i][0], b[i][1], b[i][2], b[i][3]);
    for (int i = 0; i < 6; i++)
        n += 9 * b[side[i]][2] + 1;
    return n;
}

static void u2net_has_its_authors_parameters(void **state)
{
    static const int64_t full[11][4] = {
        { 3, 32, 64, 7 },      { 64, 32, 128, 6 },    { 128, 64, 256, 5 },   { 256, 128, 512, 4 },
        { 512, 256, 512, 4 },  { 512, 256, 512, 4 },  { 1024, 256, 512, 4 }, { 1024, 128, 256, 4 },
        { 512, 64, 128, 5 },   { 256, 32, 64, 6 },    { 128, 16, 64, 7 },
    };
    static const int64_t small[11][4] = {
        { 3, 16, 64, 7 },   { 64, 16, 64, 6 },  { 64, 16, 64, 5 },  { 64, 16, 64, 4 },
        { 64, 16, 64, 4 },  { 64, 16, 64, 4 },  { 128, 16, 64, 4 }, { 128, 16, 64, 4 },
        { 128, 16, 64, 5 }, { 128, 16, 64, 6 }, { 128, 16, 64, 7 },
    };
    (void)state;
    assert_int_equal(network(full), 44009869);
    assert_int_equal(network(small), 1131181);
    oc_model *m = open_model("u2net", OC_SHAPE(3, 64, 64));
    assert_int_equal(oc_store_elements(oc_model_store(m)), 44009869);
    oc_model_free(m);
    m = open_model("u2netp", OC_SHAPE(3, 64, 64));
    assert_int_equal(oc_store_elements(oc_model_store(m)), 1131181);
    oc_model_free(m);
}

static void has(oc_store *s, const char *name, oc_shape shape)
{
    const int i = oc_store_find(s, name);
    if (i < 0)
        fail_msg("there is no %s", name);
    const oc_parameter p = oc_store_at(s, i);
    assert_true(oc_shape_equal(&p.shape, &shape));
}

static void u2net_has_its_authors_names_and_shapes(void **state)
{
    (void)state;
    oc_model *const m = open_model("u2net", OC_SHAPE(3, 64, 64));
    oc_store *const s = oc_model_store(m);
    has(s, "stage1.rebnconvin.conv_s1.weight", OC_SHAPE(64, 3, 3, 3));
    has(s, "stage1.rebnconvin.bn_s1.running_var", OC_SHAPE(64));
    has(s, "stage1.rebnconv7.conv_s1.bias", OC_SHAPE(32));
    has(s, "stage1.rebnconv6d.conv_s1.weight", OC_SHAPE(32, 64, 3, 3));
    has(s, "stage2.rebnconv1d.conv_s1.weight", OC_SHAPE(128, 64, 3, 3));
    has(s, "stage4.rebnconv4.bn_s1.weight", OC_SHAPE(128));
    has(s, "stage6.rebnconv3d.conv_s1.weight", OC_SHAPE(256, 512, 3, 3));
    has(s, "stage5d.rebnconvin.conv_s1.weight", OC_SHAPE(512, 1024, 3, 3));
    has(s, "stage1d.rebnconv1d.bn_s1.bias", OC_SHAPE(64));
    has(s, "side1.weight", OC_SHAPE(1, 64, 3, 3));
    has(s, "side6.bias", OC_SHAPE(1));
    has(s, "outconv.weight", OC_SHAPE(1, 6, 1, 1));
    /* six tensors a convolution with its norm, and those of the seven maps, of which none is left
     * over: 8 + 6, 7 + 5, 6 + 4, 5 + 3 convolutions in blocks of 7, 6, 5, 4 levels */
    assert_int_equal(oc_store_count(s), 6 * (2 * (14 + 12 + 10 + 8) + 3 * 8) + 2 * 7);
    oc_model_free(m);
}

static void all_seven_outputs_have_the_inputs_size(void **state)
{
    enum { H = 37, W = 52 };                            /* odd at every level */
    static float x[3 * H * W], y[7][H * W];
    oc_graph *g;
    oc_session *session;
    oc_value out[OUTPUTS_MAX + 1];
    oc_tensor result[7];
    (void)state;
    oc_model *const m = open_model("u2netp", OC_SHAPE(3, H, W));
    assert_int_equal(oc_model_outputs(m), 7);
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    const oc_value in = oc__model_input(m, g, 1);
    assert_int_equal(oc_model_build_all(m, g, in, out), 7);
    for (int i = 0; i < 7; i++) {
        const oc_shape s = oc_value_shape(g, out[i]), want = OC_SHAPE(1, 1, H, W);
        assert_true(oc_shape_equal(&s, &want));
        result[i] = (oc_tensor){ .data = y[i] };
    }
    for (int i = 0; i < 3 * H * W; i++)
        x[i] = (float)(i % 97) / 97;
    assert_ok(oc_session_new(&session, g, &(oc_session_options){ .outputs = 7, .output = out }));
    const oc_tensor tensor = { OC_F32, oc_value_shape(g, in), x };
    assert_ok(oc_session_run(session, &tensor, result));
    /* the result is the six maps, weighted */
    oc_store *const s = oc_model_store(m);
    const oc_parameter w = oc_store_at(s, oc_store_find(s, "outconv.weight"));
    const oc_parameter b = oc_store_at(s, oc_store_find(s, "outconv.bias"));
    for (int i = 0; i < H * W; i++) {
        float sum = *b.value;
        for (int k = 0; k < 6; k++)
            sum += w.value[k] * y[1 + k][i];
        assert_true(fabsf(sum - y[0][i]) < 1e-4f * (1 + fabsf(sum)));
    }
    oc_session_free(session);
    oc_graph_free(g);
    oc_model_free(m);
}

/* ---- branches ------------------------------------------------------------------------------- */

static void kept_values_are_joined_added_and_gone_back_to(void **state)
{
    oc_graph *g;
    oc_value out[OUTPUTS_MAX + 1];
    (void)state;
    oc_model *const m = open_model("keep x; conv 4 padding=1; keep a; add a; maxpool; keep b; "
                                   "output; upsample like=a; concat a,x; conv 1 kernel=1; keep y; "
                                   "from b; upsample 2 mode=nearest; conv 1 kernel=1; add y",
                                   OC_SHAPE(3, 8, 6));
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    assert_int_equal(oc_model_build_all(m, g, oc__model_input(m, g, 2), out), 2);
    assert_ok(oc_graph_check(g));
    const oc_shape s = oc_value_shape(g, out[1]), want = OC_SHAPE(2, 4, 4, 3);
    assert_true(oc_shape_equal(&s, &want));
    has(oc_model_store(m), "conv2.weight", OC_SHAPE(1, 4 + 4 + 3, 1, 1));
    oc_graph_free(g);
    oc_model_free(m);
}

static void branches_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    refuses("keep a; conv 1; concat b", "nothing is kept by the name 'b'; there is: a");
    refuses("keep a; keep a", "step 2 (keep): the name a is kept already");
    refuses("keep", "wants a name");
    refuses("conv 1; concat", "wants the names");
    refuses("from a; conv 1", "there is: nothing");
}

static void a_result_that_is_no_map_is_refused(void **state)
{
    oc_graph *g;
    (void)state;
    oc_model *const m = open_model("conv 1", OC_SHAPE(3, 8, 8));
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    oc_model_build(m, g, oc__model_input(m, g, 2));
    assert_int_equal(oc_graph_check(g), OC_EUSAGE);
    error_says("the model's result");
    oc_graph_free(g);
    oc_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u2net_has_its_authors_parameters),
        cmocka_unit_test(u2net_has_its_authors_names_and_shapes),
        cmocka_unit_test(all_seven_outputs_have_the_inputs_size),
        cmocka_unit_test(kept_values_are_joined_added_and_gone_back_to),
        cmocka_unit_test(branches_that_lead_nowhere_are_refused),
        cmocka_unit_test(a_result_that_is_no_map_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
