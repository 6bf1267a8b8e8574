/* explain_test.c — what decisions rest on: each method against what it must find, and where the
 * preparation has put it. */
#include "test.h"

#include <math.h>
#include "image/image.h"
#include "image/prepare.h"
#include "nn/model.h"

/* ---- where a prepared image lies on the photograph ------------------------------------------ */

static void view_is(const char *steps, int width, int height, struct view want)
{
    struct prepare_program *p;
    struct view view;
    oc_image image;
    oc_shape shape;
    assert_ok(oc__image_new(&image, "photograph", width, height, 3));
    assert_ok(oc__prepare_parse(&p, steps));
    assert_ok(oc__prepare_shape(p, &OC_SHAPE(3, height, width), &shape));
    float *const x = oc__alloc((size_t)oc_shape_count(&shape), sizeof *x);
    assert_ok(oc__prepare_view(p, &image, &shape, x, &view));
    const double got[] = { view.left, view.top, view.width, view.height };
    const double wanted[] = { want.left, want.top, want.width, want.height };
    for (int i = 0; i < 4; i++)
        if (fabs(got[i] - wanted[i]) > 1e-9)
            fail_msg("%s: number %d of the view is %g, not %g", steps, i, got[i], wanted[i]);
    oc__free(x);
    oc__prepare_free(p);
    oc_image_free(&image);
}

static void the_view_follows_sizes_and_crops(void **state)
{
    (void)state;
    view_is("rgb; scale", 30, 20, (struct view){ 0, 0, 30, 20 });
    view_is("rgb; resize 8,8; scale", 30, 20, (struct view){ 0, 0, 30, 20 });
    view_is("rgb; resize 10; centercrop 10; scale", 40, 20, (struct view){ 10, 0, 20, 20 });
    view_is("centercrop 10,20; bgr; resize 5,10; scale", 40, 20, (struct view){ 10, 5, 20, 10 });
    view_is("letterbox 10; scale", 40, 20, (struct view){ 0, -8, 40, 40 });
    view_is("resize 10; centercrop 8; centercrop 4", 40, 20, (struct view){ 16, 6, 8, 8 });
}

/* The box around the content of a drawing, seen through trim and through digit. */
static void the_view_follows_what_is_cut_out(void **state)
{
    struct prepare_program *p;
    struct view view;
    oc_image image;
    float x[28 * 28];
    (void)state;
    assert_ok(oc__image_new(&image, "drawing", 100, 50, 1));
    for (int y = 10; y < 30; y++)
        for (int i = 60; i < 70; i++)
            image.pixel[y * 100 + i] = 255;
    assert_ok(oc__prepare_parse(&p, "digit 28"));
    assert_ok(oc__prepare_view(p, &image, &OC_SHAPE(1, 28, 28), x, &view));
    oc__prepare_free(p);
    /* 10 x 20 pixels become 10 x 20 of the field of 28, so a pixel stays a pixel. */
    assert_true(fabs(view.width - 28) < 1e-9 && fabs(view.height - 28) < 1e-9);
    assert_true(fabs(view.left + view.width / 2 - 65) <= 0.5);
    assert_true(fabs(view.top + view.height / 2 - 20) <= 0.5);
    assert_ok(oc__prepare_parse(&p, "trim; resize 28,28"));
    assert_ok(oc__prepare_view(p, &image, &OC_SHAPE(1, 28, 28), x, &view));
    oc__prepare_free(p);
    assert_true(view.top == 10 && view.height == 20 && view.width == 40 && view.left == 45);
    oc_image_free(&image);
}

static void bgr_turns_colours_around(void **state)
{
    struct prepare_program *p;
    uint8_t pixel[] = { 10, 20, 30, 40, 50, 60 };
    float x[6];
    (void)state;
    const oc_image image = { 2, 1, 3, pixel };
    assert_ok(oc__prepare_parse(&p, "bgr"));
    assert_ok(oc__prepare_run(p, &image, &OC_SHAPE(3, 1, 2), x));
    oc__prepare_free(p);
    const float want[] = { 30, 60, 20, 50, 10, 40 };
    assert_memory_equal(x, want, sizeof want);
}

/* ---- grad-cam ------------------------------------------------------------------------------- */

static oc_model *model_of(const char *steps, oc_shape input, int classes)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = steps, .input = input, .classes = classes, .preparation = "scale",
        .seed = 3 }));
    return m;
}

static void set(oc_model *m, const char *name, int n, const float *value)
{
    oc_store *const s = oc_model_store(m);
    const int i = oc_store_find(s, name);
    assert_true(i >= 0);
    const oc_parameter p = oc_store_at(s, i);
    assert_int_equal(oc_shape_count(&p.shape), n);
    memcpy(p.value, value, (size_t)n * sizeof *value);
    oc_store_touch(s);
}

static void explain(oc_model *m, const char *method, const char *layer, const oc_image *image,
                    int class_index, oc_explanation *out)
{
    oc_explainer *e;
    const oc_explain_options o = { .method = method, .layer = layer, .threads = 1,
                                   .backends = "reference" };
    assert_ok(oc_explainer_new(&e, m, &o));
    assert_ok(oc_explain(e, image, class_index, out));
    oc_explainer_free(e);
}

/* Two maps, x and 1 - x, made by a 1x1 convolution of a 2x2 image; the linear layer on top has
 * weights of its own for each place. */
static void grad_cam_is_the_formula_by_hand(void **state)
{
    uint8_t pixel[] = { 51, 102, 153, 255 };            /* 0.2 0.4 0.6 1 */
    const oc_image image = { 2, 2, 1, pixel };
    oc_explanation e;
    (void)state;
    oc_model *const m = model_of("conv 2 kernel=1 name=c; relu; flatten; linear classes name=f",
                                 OC_SHAPE(1, 2, 2), 2);
    set(m, "c.weight", 2, (float[]){ 1, -1 });
    set(m, "c.bias", 2, (float[]){ 0, 1 });
    set(m, "f.weight", 16, (float[]){ 1, 2, 3, 6, -4, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0 });
    set(m, "f.bias", 2, (float[]){ 0, 0 });
    /* alpha = mean of (1, 2, 3, 6) = 3 and mean of (-4, 0, 0, 0) = -1; where relu(1 - x) is 0, at
     * the last place, its gradient counts all the same: the maps are taken after the relu.
     * heat = 3 x - (1 - x) = 4 x - 1 = -0.2 0.6 1.4 3 */
    explain(m, "grad-cam", NULL, &image, 0, &e);
    const double want[] = { 0, 0.6 / 3, 1.4 / 3, 1 };
    assert_true(fabs(e.strongest - 3) < 1e-6);
    for (int i = 0; i < 4; i++)
        assert_true(fabs((double)e.heat[i] - want[i]) < 1e-6);
    oc_explanation_free(&e);
    /* Before the relu the second map is 1 - x too, but at the last place no gradient comes. */
    explain(m, NULL, "c", &image, 0, &e);
    assert_true(fabs(e.strongest - 3) < 1e-6);
    oc_explanation_free(&e);
    /* Place by place: x (1, 2, 3, 6) + (1 - x) (-4, 0, 0, 0) = -3 0.8 1.8 6. */
    explain(m, "grad-cam weights=place", NULL, &image, 0, &e);
    assert_true(fabs(e.strongest - 6) < 1e-6 && e.heat[0] == 0);
    assert_true(fabs((double)e.heat[1] - 0.8 / 6) < 1e-6);
    oc_explanation_free(&e);
    /* Nothing speaks for the other class. */
    explain(m, NULL, NULL, &image, 1, &e);
    assert_true(e.strongest == 0 && e.heat[3] == 0 && e.class_index == 1);
    oc_explanation_free(&e);
    oc_model_free(m);
}

/* Cells of maps made without padding lie where they look: the middle of a 9x9 image seen by a 5x5
 * window with stride 2 is cell 1 of 3. */
static void maps_lie_where_they_look(void **state)
{
    uint8_t pixel[81] = { 0 };
    const oc_image image = { 9, 9, 1, pixel };
    oc_explanation e;
    float delta[25] = { 0 };
    (void)state;
    oc_model *const m = model_of("conv 1 kernel=5 stride=2 name=c; flatten; linear classes name=f",
                                 OC_SHAPE(1, 9, 9), 2);
    delta[12] = 1;                                      /* looks at its middle alone */
    set(m, "c.weight", 25, delta);
    set(m, "c.bias", 1, (float[]){ 0 });
    set(m, "f.weight", 18, (float[18]){ 1, 1, 1, 1, 1, 1, 1, 1, 1 });
    pixel[6 * 9 + 4] = 255;                             /* cell (2, 1): its middle is (6, 4) */
    explain(m, NULL, NULL, &image, 0, &e);
    assert_true(fabs((double)e.heat[6 * 9 + 4] - 1) < 1e-6);
    assert_true(e.heat[4 * 9 + 4] == 0 && e.heat[0] == 0 && e.heat[6 * 9 + 4 - 2] == 0);
    oc_explanation_free(&e);
    oc_model_free(m);
}

static void a_layer_that_is_not_there_lists_those_that_are(void **state)
{
    oc_explainer *e;
    (void)state;
    oc_model *const m = model_of("conv 2 kernel=3 name=c1; relu; conv 2 kernel=3 name=c2; flatten; "
                                 "linear classes", OC_SHAPE(1, 8, 8), 2);
    assert_int_equal(oc_explainer_new(&e, m, &(oc_explain_options){ .layer = "c3" }), OC_EUSAGE);
    error_says("convolutions are: c1, c2");
    assert_int_equal(oc_explainer_new(&e, m, &(oc_explain_options){ .method = "oclusion" }),
                     OC_EUSAGE);
    error_says("did you mean occlusion?");
    assert_int_equal(oc_explainer_new(&e, m, &(oc_explain_options){ .method = "occlusion",
                                                                    .layer = "c1" }), OC_EUSAGE);
    error_says("looks at the image");
    oc_model *const flat = model_of("flatten; linear classes", OC_SHAPE(1, 8, 8), 2);
    assert_int_equal(oc_explainer_new(&e, flat, &(oc_explain_options){ .method = "grad-cam" }),
                     OC_EUSAGE);
    error_says("no convolution");
    oc_model_free(flat);
    oc_model_free(m);
}

/* ---- input gradient ------------------------------------------------------------------------- */

/* The logit of a class on prepared x, by a session. */
static double logit_of(oc_model *m, const float *x, int class_index)
{
    oc_graph *g;
    oc_session *s;
    float logits[8];
    assert_ok(oc_graph_new(&g, oc_model_store(m)));
    const oc_value in = oc__model_input(m, g, 1);
    const oc_value y = oc_model_build(m, g, in);
    assert_ok(oc_session_new(&s, g, &(oc_session_options){ .backends = "reference", .outputs = 1,
                                                           .output = &y }));
    const oc_tensor t = { OC_F32, oc_value_shape(g, in), (void *)(uintptr_t)x };
    assert_ok(oc_session_run(s, &t, &(oc_tensor){ .data = logits }));
    oc_session_free(s);
    oc_graph_free(g);
    return (double)logits[class_index];
}

/* Of a network with a norm and dropout, which must be those of inference. */
static void the_input_gradient_is_the_difference_quotient(void **state)
{
    enum { SIDE = 6, PLACES = SIDE * SIDE };
    uint8_t pixel[PLACES * 3];
    float x[3 * PLACES];
    oc_explanation e;
    (void)state;
    oc_model *const m = model_of("conv 4 kernel=3 padding=1 name=c; batchnorm name=b; sigmoid; "
                                 "dropout 0.5; flatten; linear classes name=f",
                                 OC_SHAPE(3, SIDE, SIDE), 3);
    set(m, "b.running_mean", 4, (float[]){ 0.1f, -0.2f, 0.3f, 0 });
    set(m, "b.running_var", 4, (float[]){ 0.5f, 2, 1, 0.25f });
    for (int i = 0; i < PLACES * 3; i++)
        pixel[i] = (uint8_t)(i * 37 % 256);
    const oc_image image = { SIDE, SIDE, 3, pixel };
    explain(m, "input-gradient samples=1 blur=0", NULL, &image, 2, &e);
    assert_ok(oc_model_prepare(m, &image, x));
    int compared = 0;
    for (int i = 0; i < PLACES; i++) {
        double most = 0;
        for (int c = 0; c < 3; c++) {
            const float kept = x[c * PLACES + i], h = 0.01f;
            x[c * PLACES + i] = kept + h;
            const double above = logit_of(m, x, 2);
            x[c * PLACES + i] = kept - h;
            const double below = logit_of(m, x, 2);
            x[c * PLACES + i] = kept;
            most = fmax(most, fabs(above - below) / (2 * (double)h));
        }
        if (e.heat[i] == 1)
            continue;                                   /* may have been cut */
        assert_true(fabs((double)e.heat[i] * e.strongest - most) < 2e-3 * e.strongest);
        compared++;
    }
    assert_true(compared >= PLACES - 2);
    oc_explanation_free(&e);
    oc_model_free(m);
}

/* The gradient of a linear network is the same everywhere, whatever noise is added. */
static void noise_does_not_change_a_constant_slope(void **state)
{
    uint8_t pixel[16] = { 0, 255 };
    const oc_image image = { 4, 4, 1, pixel };
    oc_explanation plain, smooth;
    (void)state;
    oc_model *const m = model_of("flatten; linear classes", OC_SHAPE(1, 4, 4), 2);
    explain(m, "input-gradient samples=1 blur=0", NULL, &image, 0, &plain);
    explain(m, "input-gradient samples=5 blur=0 noise=0.5", NULL, &image, 0, &smooth);
    for (int i = 0; i < 16; i++)
        assert_true(fabs((double)plain.heat[i] - (double)smooth.heat[i]) < 1e-6);
    oc_explanation_free(&plain);
    oc_explanation_free(&smooth);
    oc_model_free(m);
}

/* ---- occlusion ------------------------------------------------------------------------------ */

/* The score is the brightness of one 4x4 patch; all else does not matter. */
static void occlusion_finds_the_one_patch_that_matters(void **state)
{
    enum { SIDE = 24, PATCH = 4, TOP = 12, LEFT = 4 };
    uint8_t pixel[SIDE * SIDE];
    float weight[2 * SIDE * SIDE] = { 0 };
    oc_explanation e;
    (void)state;
    oc_model *const m = model_of("flatten; linear classes name=f", OC_SHAPE(1, SIDE, SIDE), 2);
    for (int i = 0; i < PATCH * PATCH; i++)
        weight[(TOP + i / PATCH) * SIDE + LEFT + i % PATCH] = 1;
    set(m, "f.weight", 2 * SIDE * SIDE, weight);
    memset(pixel, 255, sizeof pixel);
    const oc_image image = { SIDE, SIDE, 1, pixel };
    explain(m, "occlusion size=4 stride=4", NULL, &image, 0, &e);
    const double fall = PATCH * PATCH * (1 - 128 / 255.0);
    assert_true(fabs(e.strongest - fall) < 1e-4);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const bool in = y >= TOP && y < TOP + PATCH && x >= LEFT && x < LEFT + PATCH;
            assert_true(fabs((double)e.heat[y * SIDE + x] - in) < 1e-5);
        }
    oc_explanation_free(&e);
    explain(m, "occlusion", NULL, &image, 0, &e);       /* patches that overlap */
    int hottest = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        hottest = e.heat[i] > e.heat[hottest] ? i : hottest;
    assert_in_range(hottest / SIDE, TOP, TOP + PATCH - 1);
    assert_in_range(hottest % SIDE, LEFT, LEFT + PATCH - 1);
    oc_explanation_free(&e);
    oc_explainer *none;
    assert_ok(oc_explainer_new(&none, m, &(oc_explain_options){ .method = "occlusion 2 stride=3",
                                                                .threads = 1 }));
    assert_int_equal(oc_explain(none, &image, 0, &e), OC_EUSAGE);
    error_says("stride 3 is more than the patch");
    assert_int_equal(oc_explain(none, &image, 2, &e), OC_EUSAGE);
    error_says("class 2");
    oc_explainer_free(none);
    oc_model_free(m);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static void the_picture_glows_where_it_is_hot_and_pales_where_nothing_is_seen(void **state)
{
    enum { SIDE = 256 };
    oc_image photo, picture;
    (void)state;
    assert_ok(oc__image_new(&photo, "photo", SIDE, SIDE, 1));
    memset(photo.pixel, 100, oc__image_bytes(&photo));
    oc_explanation e = { .width = SIDE, .height = SIDE, .left = 64, .top = 0, .seen_width = 192,
                         .seen_height = 256 };
    e.heat = oc__alloc(SIDE * SIDE, sizeof *e.heat);
    e.heat[100 * SIDE + 200] = 1;
    assert_ok(oc_explanation_draw(&e, &photo, "a legend", &picture));
    assert_int_equal(picture.width, SIDE);
    assert_true(picture.height > SIDE && picture.channels == 3);
    const uint8_t *const hot = picture.pixel + 3 * (100 * SIDE + 200);
    const uint8_t *const cold = picture.pixel + 3 * (101 * SIDE + 200);
    const uint8_t *const unseen = picture.pixel + 3 * (101 * SIDE + 10);
    assert_true(hot[0] > 180 && hot[1] > 180 && hot[0] > hot[2]);
    assert_true(cold[0] == cold[1] && cold[1] == cold[2] && cold[0] < 100);
    assert_true(unseen[0] == unseen[2] && unseen[0] > 150);
    oc_image_free(&picture);
    photo.width = 10;
    assert_int_equal(oc_explanation_draw(&e, &photo, "", &picture), OC_EUSAGE);
    photo.width = SIDE;
    oc_explanation_free(&e);
    oc_image_free(&photo);
}

static void the_scale_of_a_narrow_picture_has_its_number(void **state)
{
    (void)state;
    oc_image photo, picture[2];
    int differ = 0;
    assert_ok(oc__image_new(&photo, "photo", 20, 300, 1));
    oc_explanation e = { .width = 20, .height = 300, .seen_width = 20, .seen_height = 300 };
    e.heat = oc__alloc(20 * 300, sizeof *e.heat);
    for (int i = 0; i < 2; i++) {
        e.strongest = i ? 0.25 : 0.75;
        assert_ok(oc_explanation_draw(&e, &photo, "a legend", &picture[i]));
    }
    assert_true(picture[0].width >= 200 && picture[0].width == picture[1].width);
    for (int y = 0; y < picture[0].height; y++)
        for (int x = 0; x < 3 * picture[0].width; x++) {
            const int at = y * 3 * picture[0].width + x;
            const bool same = picture[0].pixel[at] == picture[1].pixel[at];
            differ += !same;
            assert_true(same || y >= 300);
        }
    assert_true(differ > 10);
    oc_image_free(&picture[0]);
    oc_image_free(&picture[1]);
    oc_explanation_free(&e);
    oc_image_free(&photo);
}

/* The network sees the smaller one; heat and box are of the larger. */
static void heat_lies_over_the_whole_of_what_was_decoded_small(void **state)
{
    (void)state;
    oc_image seen, whole;
    oc_explainer *e;
    oc_explanation small, large;
    oc_model *const m = model_of("flatten; linear classes name=fc", OC_SHAPE(1, 4, 4), 2);
    assert_ok(oc__image_new(&seen, "seen", 4, 4, 1));
    assert_ok(oc__image_new(&whole, "whole", 8, 12, 1));
    memset(seen.pixel, 200, 4);
    assert_ok(oc_explainer_new(&e, m, &(oc_explain_options){ .threads = 1 }));
    assert_string_equal(oc_explainer_method(e), "occlusion");
    assert_ok(oc_explain(e, &seen, 0, &small));
    assert_ok(oc_explain_whole(e, &seen, &whole, 0, &large));
    assert_true(large.width == 8 && large.height == 12);
    assert_true(large.seen_width == 8 && large.seen_height == 12);
    assert_true(large.probability == small.probability && large.strongest == small.strongest);
    oc_explanation_free(&small);
    oc_explanation_free(&large);
    oc_explainer_free(e);
    oc_image_free(&seen);
    oc_image_free(&whole);
    oc_model_free(m);
}

/* ---- a trained network ---------------------------------------------------------------------- */

/* The bee sits in the box from (135, 70) to (300, 300): the heat must lie there, by every
 * method. */
static void squeezenet_knows_a_bee_by_the_bee(void **state)
{
    static const char *const methods[] = { "grad-cam", "input-gradient samples=8", "occlusion" };
    oc_image image;
    oc_model *m;
    (void)state;
    const char *const weights
        = shared_data("models/squeezenet1.1/squeezenet1.1_from_ncnn_f16.safetensors");
    assert_ok(oc_image_load(&image, shared_data("hymenoptera/val/bees/10870992_eebeeb3a12.jpg")));
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "squeezenet1_1", .input = OC_SHAPE(3, 227, 227), .classes = 1000,
        .preparation = "bgr; resize 227,227; normalize mean=104,117,123" }));
    assert_ok(oc_model_read(m, weights));
    for (size_t i = 0; i < COUNT(methods); i++) {
        oc_explanation e;
        oc_explainer *x;
        double all = 0, on_bee = 0;
        assert_ok(oc_explainer_new(&x, m, &(oc_explain_options){ .method = methods[i] }));
        assert_ok(oc_explain(x, &image, -1, &e));
        assert_int_equal(e.class_index, 309);           /* ImageNet's bee */
        for (int k = 0; k < e.width * e.height; k++) {
            const int px = k % e.width, py = k / e.width;
            const double v = (double)e.heat[k] * (double)e.heat[k];
            all += v;
            on_bee += px >= 135 && px < 300 && py >= 70 && py < 300 ? v : 0;
        }
        printf("%s: %.0f %% of the squared heat is on the bee\n", methods[i], 100 * on_bee / all);
        assert_true(on_bee > 0.4 * all);                /* on a sixth of the photograph */
        oc_explanation_free(&e);
        oc_explainer_free(x);
    }
    oc_model_free(m);
    oc_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_view_follows_sizes_and_crops),
        cmocka_unit_test(the_view_follows_what_is_cut_out),
        cmocka_unit_test(bgr_turns_colours_around),
        cmocka_unit_test(grad_cam_is_the_formula_by_hand),
        cmocka_unit_test(maps_lie_where_they_look),
        cmocka_unit_test(a_layer_that_is_not_there_lists_those_that_are),
        cmocka_unit_test(the_input_gradient_is_the_difference_quotient),
        cmocka_unit_test(noise_does_not_change_a_constant_slope),
        cmocka_unit_test(occlusion_finds_the_one_patch_that_matters),
        cmocka_unit_test(the_picture_glows_where_it_is_hot_and_pales_where_nothing_is_seen),
        cmocka_unit_test(the_scale_of_a_narrow_picture_has_its_number),
        cmocka_unit_test(heat_lies_over_the_whole_of_what_was_decoded_small),
        cmocka_unit_test(squeezenet_knows_a_bee_by_the_bee),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
