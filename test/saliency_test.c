/* saliency_test.c — U-2-Net and what it is made of, and the task of finding what stands out. */
#include "test.h"

#include <math.h>
#include "base/rng.h"
#include "image/image.h"
#include "nn/model.h"
#include "op/op.h"
#include "task/task.h"

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

/* ---- the task ------------------------------------------------------------------------------- */

/* A network of the same parts, small enough for seconds. */
static const char small[] =
    "rsu 6 inside=4 depth=4 name=stage1; keep hx1; maxpool 2 ceil; "
    "rsu 6 inside=4 depth=3 dilated name=stage2; keep hx2; upsample like=hx1; concat hx1; "
    "rsu 6 inside=4 depth=3 name=stage1d; conv 1 padding=1 name=side1; keep d1; output; "
    "from hx2; conv 1 padding=1 name=side2; upsample like=d1; keep d2; output; "
    "from d1; concat d2; conv 1 kernel=1 name=outconv";

static void print_row(void *context, const char *name, double error, bool good)
{
    (void)context;
    if (!good)
        print_error("%s is off by %g\n", name, error);
}

static void gradients_of_nested_blocks_agree_with_differences(void **state)
{
    (void)state;
    oc_model *const m = open_model(small, OC_SHAPE(3, 9, 7));
    assert_ok(oc_check_model(m, 2, 6, print_row, NULL));
    oc_model_free(m);
}

static double f_beta(double p, double r)
{
    return p > 0 ? 1.3 * p * r / (0.3 * p + r) : 0;
}

static double sigmoid(double v) { return 1 / (1 + exp(-v)); }

/* The largest F of mean precision and recall, by the definition. */
static double max_f(const float *logits, const float *masks, int images, int pixels)
{
    double best = 0;
    for (int k = 0; k < 256; k++) {
        double p = 0, r = 0;
        for (int i = 0; i < images; i++) {
            double hit = 0, found = 0, truth = 0;
            for (int j = i * pixels; j < (i + 1) * pixels; j++) {
                const bool meant = floor(255 * sigmoid((double)logits[j])) >= k;
                found += meant;
                truth += masks[j] > 0.5f;
                hit += meant && masks[j] > 0.5f;
            }
            p += (found > 0 ? hit / found : truth == 0) / images;
            r += (truth > 0 ? hit / truth : found == 0) / images;
        }
        best = fmax(best, f_beta(p, r));
    }
    return best;
}

static void measures_follow_their_definitions(void **state)
{
    enum { IMAGES = 3, PIXELS = 8 * 8 };
    float logits[IMAGES * PIXELS], masks[IMAGES * PIXELS];
    oc_metrics m;
    double error = 0;
    (void)state;
    oc_model *const model = open_model("conv 1 padding=1", OC_SHAPE(3, 8, 8));
    const struct task *const task = &oc__task_saliency;
    void *const tally = task->tally_new(model);
    for (int i = 0; i < IMAGES * PIXELS; i++) {
        masks[i] = i % 8 > 3 + i / PIXELS ? 1 : i % 8 == 2 ? 0.25f : 0;
        logits[i] = (float)(oc__uniform(5, (uint64_t)i) * 6 - 3) + masks[i] * 2;
        error += fabs(sigmoid((double)logits[i]) - (double)masks[i]);
    }
    task->tally_add(tally, logits, masks, 2, 0.5);
    task->tally_add(tally, logits + 2 * PIXELS, masks + 2 * PIXELS, 1, 2);
    assert_ok(task->tally_metrics(tally, &m));
    assert_int_equal(m.samples, IMAGES);
    assert_true(fabs(m.loss - 1) < 1e-12);
    assert_true(fabs(m.map.mae - error / (IMAGES * PIXELS)) < 1e-12);
    assert_true(fabs(m.map.max_f - max_f(logits, masks, IMAGES, PIXELS)) < 1e-12);
    assert_true(m.map.max_f > 0.5 && m.map.adaptive_f <= m.map.max_f + 0.1);
    assert_true(m.map.iou > 0.3 && m.map.iou < 1);
    oc_metrics_free(&m);
    task->tally_free(tally);
    oc_model_free(model);
}

static void a_perfect_answer_measures_as_one(void **state)
{
    enum { PIXELS = 8 * 8 };
    float logits[2 * PIXELS], masks[2 * PIXELS];
    oc_metrics m;
    (void)state;
    oc_model *const model = open_model("conv 1 padding=1", OC_SHAPE(3, 8, 8));
    const struct task *const task = &oc__task_saliency;
    void *const tally = task->tally_new(model);
    for (int i = 0; i < 2 * PIXELS; i++) {
        masks[i] = i < PIXELS && i % 8 < 3 ? 1 : 0;     /* nothing is on the second */
        logits[i] = masks[i] > 0 ? 100 : -100;
    }
    task->tally_add(tally, logits, masks, 2, 0);
    assert_ok(task->tally_metrics(tally, &m));
    assert_true(m.map.mae < 1e-12 && m.map.iou == 1 && m.map.max_f > 1 - 1e-12);
    assert_true(m.accuracy == 1);
    oc_metrics_free(&m);
    task->tally_free(tally);
    oc_model_free(model);
}

/* ---- learning ------------------------------------------------------------------------------- */

enum { W = 48, H = 40 };

/* A disc of another colour than its ground, and its mask. */
static void write_pair(int number)
{
    oc_image photo, mask;
    char name[32];
    assert_ok(oc__image_new(&photo, "test", W, H, 3));
    assert_ok(oc__image_new(&mask, "test", W, H, 1));
    for (int i = 0; i < W * H; i++) {
        const int x = i % W - 16 - 12 * number, y = i / W - 16 - 6 * number;
        mask.pixel[i] = x * x + y * y < 90 ? 255 : 0;
        for (int k = 0; k < 3; k++)
            photo.pixel[3 * i + k] = (uint8_t)(mask.pixel[i] ? 200 - 60 * k : 40 + 30 * k + i % 9);
    }
    snprintf(name, sizeof name, "p%d.png", number);
    assert_ok(oc_image_save(&photo, place(name)));
    snprintf(name, sizeof name, "p%d_mask.png", number);
    assert_ok(oc_image_save(&mask, place(name)));
    oc_image_free(&photo);
    oc_image_free(&mask);
}

static oc_data *two_samples(void)
{
    char spec[1200];
    oc_data *d;
    write_pair(0);
    write_pair(1);
    snprintf(spec, sizeof spec, "masks:%s,masks=%s,suffix=_mask,split=1,0,0", test_directory,
             test_directory);
    assert_ok(oc_data_open(&d, spec));
    assert_string_equal(oc_data_task(d), "saliency");
    return d;
}

static void pictures_have_the_photographs_size(oc_model *m)
{
    oc_image photo;
    oc_picture picture[OC_PICTURES_MAX];
    oc_predictor *p;
    int n;
    assert_ok(oc_image_load(&photo, place("p1.png")));
    assert_ok(oc_predictor_new(&p, m, NULL));
    assert_ok(oc_predict_pictures(p, &photo, picture, &n));
    assert_int_equal(n, 3);
    for (int i = 0; i < n; i++) {
        assert_int_equal(picture[i].image.width, W);
        assert_int_equal(picture[i].image.height, H);
    }
    assert_string_equal(picture[0].name, "mask");
    assert_int_equal(picture[0].image.channels, 1);
    assert_true(picture[0].image.pixel[22 * W + 28] > 200);     /* inside the disc */
    assert_true(picture[0].image.pixel[2 * W + 2] < 55);
    assert_int_equal(picture[2].image.channels, 4);
    for (int i = 0; i < W * H; i++) {
        assert_int_equal(picture[2].image.pixel[4 * i + 3], picture[0].image.pixel[i]);
        assert_memory_equal(picture[2].image.pixel + 4 * i, photo.pixel + 3 * i, 3);
    }
    oc_pictures_free(picture, n);
    oc_predictor_free(p);
    oc_image_free(&photo);
}

static void two_photographs_are_learnt_by_heart(void **state)
{
    oc_model *m, *again;
    oc_train_result result;
    oc_metrics before, after, reread, mean;
    (void)state;
    oc_data *const d = two_samples();
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = small, .input = OC_SHAPE(3, 32, 32), .task = "saliency", .seed = 1,
        .preparation = "rgb; resize 32,32; normalize imagenet" }));
    assert_ok(oc_evaluate(m, d, OC_PART_TRAIN, NULL, &before));
    assert_ok(oc_train(m, d, &(oc_train_options){
        .optimizer = "adam learning_rate=0.01", .epochs = 80, .batch = 2, .seed = 1,
        .augment = "flip" }, NULL, 0, NULL, &result));
    assert_ok(oc_evaluate(m, d, OC_PART_TRAIN, NULL, &after));
    assert_ok(oc_evaluate_mean(m, d, OC_PART_TRAIN, &mean));
    print_message("MAE %.3f to %.3f, IoU %.3f to %.3f; of the mean mask %.3f, %.3f\n",
                  before.map.mae, after.map.mae, before.map.iou, after.map.iou, mean.map.mae,
                  mean.map.iou);
    assert_true(mean.map.iou < 0.6 && mean.map.mae > 0.05);
    oc_metrics_free(&mean);
    assert_true(after.map.iou > 0.9 && after.map.mae < 0.05 && after.map.max_f > 0.95);
    assert_true(before.map.iou < 0.6);
    pictures_have_the_photographs_size(m);
    assert_ok(oc_model_save(m, place("saliency.safetensors"), true));
    assert_ok(oc_model_load(&again, place("saliency.safetensors"), NULL));
    assert_string_equal(oc_model_task(again), "saliency");
    assert_ok(oc_evaluate(again, d, OC_PART_TRAIN, NULL, &reread));
    assert_true(reread.loss == after.loss && reread.map.mae == after.map.mae);
    oc_train_result_free(&result);
    oc_metrics_free(&before);
    oc_metrics_free(&after);
    oc_metrics_free(&reread);
    oc_model_free(again);
    oc_model_free(m);
    oc_data_free(d);
}

static void the_mean_answer_to_labels_is_their_shares(void **state)
{
    oc_model *m;
    oc_data *d;
    oc_metrics metrics;
    double loss = 0;
    int64_t count[10] = { 0 }, most = 0;
    (void)state;
    assert_ok(oc_data_open(&d, "synth:digits,train=100,test=40"));
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "flatten; linear classes", .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = oc_data_preparation(d) }));
    assert_ok(oc_evaluate_mean(m, d, OC_PART_TRAIN, &metrics));
    for (int64_t i = 0; i < 100; i++)
        count[oc_data_label(d, OC_PART_TRAIN, i)]++;
    for (int k = 0; k < 10; k++) {
        most = count[k] > most ? count[k] : most;
        loss -= count[k] ? (double)count[k] / 100 * log((double)count[k] / 100) : 0;
    }
    assert_true(fabs(metrics.loss - loss) < 1e-5);
    assert_true(fabs(metrics.accuracy - (double)most / 100) < 1e-12);
    oc_metrics_free(&metrics);
    oc_model_free(m);
    oc_data_free(d);
}

static void models_and_data_of_other_tasks_do_not_meet(void **state)
{
    oc_model *m;
    oc_metrics metrics;
    oc_train_result result;
    oc_data *labels;
    (void)state;
    oc_data *const d = two_samples();
    assert_ok(oc_data_open(&labels, "synth:digits,train=20,test=20"));
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "flatten; linear classes", .input = OC_SHAPE(3, 32, 32), .classes = 2,
        .preparation = "rgb; resize 32,32; scale" }));
    assert_int_equal(oc_evaluate(m, d, OC_PART_TRAIN, NULL, &metrics), OC_EUSAGE);
    error_says("the data has masks");
    oc_model_free(m);
    m = open_model("conv 1 padding=1", OC_SHAPE(1, 28, 28));
    assert_int_equal(oc_evaluate(m, labels, OC_PART_TRAIN, NULL, &metrics), OC_EUSAGE);
    error_says("the data has labels");
    oc_model_free(m);
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "conv 1 padding=1", .input = OC_SHAPE(3, 32, 32), .task = "saliency",
        .preparation = "rgb; resize 32,32; scale" }));
    assert_int_equal(oc_train(m, d, &(oc_train_options){ .epochs = 1, .augment = "mixup" }, NULL, 0,
                              NULL, &result), OC_EUSAGE);
    error_says("mixup and cutmix blend classes");
    oc_train_result_free(&result);
    oc_model_free(m);
    oc_data_free(labels);
    oc_data_free(d);
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
        cmocka_unit_test(gradients_of_nested_blocks_agree_with_differences),
        cmocka_unit_test(measures_follow_their_definitions),
        cmocka_unit_test(a_perfect_answer_measures_as_one),
        cmocka_unit_test(two_photographs_are_learnt_by_heart),
        cmocka_unit_test(the_mean_answer_to_labels_is_their_shares),
        cmocka_unit_test(models_and_data_of_other_tasks_do_not_meet),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
