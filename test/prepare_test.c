/* prepare_test.c — programs of preparation steps, and digits made like MNIST's. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/rng.h"
#include "image/image.h"
#include "image/prepare.h"

static const char mnist[] = "grayscale; light_on_dark; digit 28; scale";

/* ---- help --------------------------------------------------------------------------------- */

static struct prepare_program *parse(const char *text)
{
    struct prepare_program *p;
    if (oc__prepare_parse(&p, text) != OC_OK)
        fail_msg("%s", oc_error());
    return p;
}

static oc_image filled(int width, int height, int channels, int value)
{
    oc_image image;
    assert_int_equal(oc__image_new(&image, "test", width, height, channels), OC_OK);
    memset(image.pixel, value, oc__image_bytes(&image));
    return image;
}

static void fill_box(oc_image *image, int x, int y, int width, int height, int value)
{
    for (int v = y; v < y + height; v++)
        memset(image->pixel + ((size_t)v * (size_t)image->width + (size_t)x), value,
               (size_t)width);
}

/* Prepares a grey image as a digit and frees it. */
static void prepare_digit(oc_image *image, float x[784])
{
    struct prepare_program *p = parse(mnist);
    assert_int_equal(oc__prepare_run(p, image, &OC_SHAPE(1, 28, 28), x), OC_OK);
    oc__prepare_free(p);
    oc_image_free(image);
}

struct field { double mass, x, y; int left, top, right, bottom; };

/* Centre of mass, and the box of what is brighter than a quarter. */
static struct field measure(const float x[784])
{
    struct field f = { .left = 28, .top = 28 };
    for (int i = 0; i < 784; i++) {
        const int u = i % 28, v = i / 28;
        f.mass += x[i];
        f.x += x[i] * (u + 0.5);
        f.y += x[i] * (v + 0.5);
        if (x[i] < 0.25f)
            continue;
        f.left = u < f.left ? u : f.left;
        f.right = u + 1 > f.right ? u + 1 : f.right;
        f.top = v < f.top ? v : f.top;
        f.bottom = v + 1;
    }
    f.x /= f.mass;
    f.y /= f.mass;
    return f;
}

/* ---- programs ----------------------------------------------------------------------------- */

static void a_program_has_a_canonical_text(void **state)
{
    (void)state;
    struct prepare_program *p = parse("rgb;resize size=8,9 ; scale; normalize std=2 mean=1,2,3");
    struct prepare_program *again = parse(oc__prepare_text(p));
    assert_string_equal(oc__prepare_text(p), oc__prepare_text(again));
    oc__prepare_free(p);
    oc__prepare_free(again);
    p = parse("");
    assert_string_equal(oc__prepare_text(p), "");
    oc__prepare_free(p);
}

/* The mean and deviation of grey are the luma of ImageNet's three. */
static void imagenets_numbers_suit_grey_too(void **state)
{
    (void)state;
    struct prepare_program *p = parse("grayscale; scale; normalize imagenet");
    uint8_t        grey[2] = { 51, 255 };
    float          x[2];
    const oc_shape shape = OC_SHAPE(1, 1, 2);
    assert_int_equal(oc__prepare_run(p, &(oc_image){ 2, 1, 1, grey }, &shape, x), OC_OK);
    assert_float_equal(x[0], (0.2f - 0.458971f) / 0.225609f, 1e-5f);
    assert_float_equal(x[1], (1.0f - 0.458971f) / 0.225609f, 1e-5f);
    oc__prepare_free(p);
}

static void a_wrong_program_is_explained(void **state)
{
    (void)state;
    static const struct { const char *text, *message; } wrong[] = {
        { "grayscal", "did you mean grayscale?" },
        { "scale; grayscale", "step 2 (grayscale) works on pixels and must come before scale" },
        { "resize", "resize takes one or two numbers, not 0" },
        { "resize 1,2,3", "not 3" },
        { "resize 0,5", "resize" },
        { "normalize mean=a", "not a list of numbers" },
        { "normalize mean=1,2", "one number or three" },
        { "normalize mean=1,2,3,4", "one number or three" },
        { "normalize std=0", "not above zero" },
        { "grayscale; normalize mean=1,2,3", "three numbers for 1 channels" },
        { "rgb; digit", "digit takes one channel, not 3" },
        { "letterbox", "letterbox takes one or two numbers, not 0" },
        { "centercrop 1,2,3", "centercrop takes one or two numbers, not 3" },
        { "resize 8 filter=bicubik", "did you mean bicubic?" },
        { "normalize imagenet std=2", "imagenet brings its own std" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct prepare_program *p;
        assert_int_equal(oc__prepare_parse(&p, wrong[i].text), OC_EUSAGE);
        if (strstr(oc_error(), wrong[i].message) == NULL)
            fail_msg("%s: %s", wrong[i].text, oc_error());
        assert_null(p);
    }
}

static void the_shape_is_known_as_far_as_the_steps_tell(void **state)
{
    (void)state;
    oc_shape                shape;
    struct prepare_program *p = parse(mnist);
    assert_int_equal(oc__prepare_shape(p, NULL, &shape), OC_OK);
    assert_true(oc_shape_equal(&shape, &OC_SHAPE(1, 28, 28)));
    oc__prepare_free(p);
    p = parse("rgb; resize 10; scale");
    assert_int_equal(oc__prepare_shape(p, NULL, &shape), OC_OK);
    assert_true(oc_shape_equal(&shape, &OC_SHAPE(3, OC_UNKNOWN, OC_UNKNOWN)));
    assert_int_equal(oc__prepare_shape(p, &OC_SHAPE(1, 30, 20), &shape), OC_OK);
    assert_true(oc_shape_equal(&shape, &OC_SHAPE(3, 15, 10)));
    oc__prepare_free(p);
}

static void numbers_are_scaled_and_normalized_by_channel(void **state)
{
    (void)state;
    oc_image image = filled(2, 1, 3, 0);
    float    x[6];
    memcpy(image.pixel, ((uint8_t[]){ 0, 51, 102, 153, 204, 255 }), 6);
    struct prepare_program *p = parse("scale; normalize 0.1,0.2,0.3 std=0.5,0.25,2");
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(3, 1, 2), x), OC_OK);
    const double expected[6] = { -0.2, 1, 0, 2.4, 0.05, 0.35 };
    for (int i = 0; i < 6; i++)
        assert_true(fabs(x[i] - expected[i]) < 1e-6);
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(3, 2, 1), x), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "[3, 1, 2], but [3, 2, 1] is wanted"));
    oc__prepare_free(p);
    oc_image_free(&image);
    image = filled(2, 1, 1, 9);
    p = parse("normalize 1,2,3");
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(1, 1, 2), x), OC_EINPUT);
    oc__prepare_free(p);
    oc_image_free(&image);
}

static void alpha_lies_over_white_and_grey_is_luma(void **state)
{
    (void)state;
    oc_image image = filled(3, 1, 4, 0);
    float    x[9];
    memcpy(image.pixel, ((uint8_t[]){ 200, 100, 50, 255, 9, 9, 9, 0, 0, 0, 0, 128 }), 12);
    struct prepare_program *p = parse("grayscale");
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(1, 1, 3), x), OC_OK);
    assert_true(x[0] == 124 && x[1] == 255 && x[2] == 127);
    oc__prepare_free(p);
    p = parse("rgb");
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(3, 1, 3), x), OC_OK);
    assert_true(x[0] == 200 && x[3] == 100 && x[6] == 50 && x[4] == 255);
    oc__prepare_free(p);
    p = parse("bgr; normalize mean=1,2,3");
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(3, 1, 3), x), OC_OK);
    assert_true(x[0] == 49 && x[3] == 98 && x[6] == 197 && x[5] == 125);
    oc__prepare_free(p);
    oc_image_free(&image);
}

/* ---- boxes and tones ---------------------------------------------------------------------- */

/* Runs a program on an image, which it frees; x has room for `shape`. */
static void run(const char *program, oc_image image, oc_shape shape, float *x)
{
    struct prepare_program *p = parse(program);
    if (oc__prepare_run(p, &image, &shape, x) != OC_OK)
        fail_msg("%s: %s", program, oc_error());
    oc__prepare_free(p);
    oc_image_free(&image);
}

/* Content of 10 x 4 in an image of 60 x 40: the box grows to 10 x 7, the nearest to 3 : 2. */
static void trimming_leaves_the_content_in_the_proportions_of_the_whole(void **state)
{
    (void)state;
    oc_image image = filled(60, 40, 1, 250);
    float    x[70];
    fill_box(&image, 30, 20, 10, 4, 10);
    image.pixel[3 * 60 + 5] = 240;                      /* a speck below the tolerance */
    run("trim", image, OC_SHAPE(1, 7, 10), x);
    for (int i = 0; i < 70; i++)
        assert_true(x[i] == (i / 10 >= 1 && i / 10 < 5 ? 10 : 250));
    image = filled(60, 40, 1, 250);
    fill_box(&image, 0, 0, 1, 1, 0);                    /* the ground is black, all else content */
    float *all = oc__alloc(60 * 40, sizeof *all);
    run("trim", image, OC_SHAPE(1, 40, 60), all);
    run("trim", filled(60, 40, 1, 7), OC_SHAPE(1, 40, 60), all);
    oc__free(all);
}

/* Content in a corner: the grown box is moved inside. */
static void a_trimmed_box_stays_inside_the_image(void **state)
{
    (void)state;
    oc_image image = filled(40, 40, 1, 0);
    float    x[100];
    fill_box(&image, 36, 10, 4, 10, 200);
    run("trim", image, OC_SHAPE(1, 10, 10), x);
    for (int i = 0; i < 100; i++)
        assert_true(x[i] == (i % 10 >= 6 ? 200 : 0));
}

static void a_letterbox_holds_the_whole_image(void **state)
{
    (void)state;
    float x[64];
    run("letterbox 8 fill=9", filled(100, 50, 1, 200), OC_SHAPE(1, 8, 8), x);
    for (int i = 0; i < 64; i++)
        assert_true(x[i] == (i / 8 >= 2 && i / 8 < 6 ? 200 : 9));
    run("letterbox 8x6", filled(10, 40, 1, 200), OC_SHAPE(1, 8, 6), x);
    for (int i = 0; i < 48; i++)
        assert_true(x[i] == (i % 6 >= 2 && i % 6 < 4 ? 200 : 0));
}

static void the_middle_is_cut_out_and_padded_where_it_is_missing(void **state)
{
    (void)state;
    oc_image image = filled(5, 4, 1, 1);
    float    x[36];
    fill_box(&image, 2, 1, 2, 2, 9);
    run("centercrop 2,2", image, OC_SHAPE(1, 2, 2), x);
    for (int i = 0; i < 4; i++)
        assert_true(x[i] == 9);
    run("centercrop 6", filled(4, 2, 1, 3), OC_SHAPE(1, 6, 6), x);
    for (int i = 0; i < 36; i++)
        assert_true(x[i] == (i / 6 >= 2 && i / 6 < 4 && i % 6 >= 1 && i % 6 < 5 ? 3 : 0));
}

static void tones_are_stretched_and_negated_without_the_alpha(void **state)
{
    (void)state;
    static const uint8_t rgba[] = { 50, 0, 7, 100, 100, 255, 7, 40, 75, 51, 7, 70 };
    float    x[12];
    oc_image image = filled(3, 1, 4, 0);
    memcpy(image.pixel, rgba, sizeof rgba);
    run("minmax", image, OC_SHAPE(4, 1, 3), x);
    static const float stretched[] = { 0, 255, 128, 0, 255, 51, 7, 7, 7, 100, 40, 70 };
    assert_memory_equal(x, stretched, sizeof x);
    image = filled(3, 1, 4, 0);
    memcpy(image.pixel, rgba, sizeof rgba);
    run("invert", image, OC_SHAPE(4, 1, 3), x);
    for (int i = 0; i < 12; i++)
        assert_true(x[i] == (i < 9 ? 255 - rgba[i % 3 * 4 + i / 3] : rgba[i % 3 * 4 + 3]));
}

static void only_an_image_with_a_dark_corner_is_inverted_adaptively(void **state)
{
    (void)state;
    float    x[4];
    oc_image image = filled(2, 2, 1, 200);
    image.pixel[0] = 127;
    run("adaptive_invert", image, OC_SHAPE(1, 2, 2), x);
    assert_true(x[0] == 128 && x[1] == 55 && x[3] == 55);
    image = filled(2, 2, 1, 20);
    image.pixel[0] = 128;
    run("adaptive_invert", image, OC_SHAPE(1, 2, 2), x);
    assert_true(x[0] == 128 && x[1] == 20);
}

static void imagenet_is_normalized_alike_with_and_without_scale(void **state)
{
    (void)state;
    float    x[3], y[3], z[3];
    run("normalize imagenet", filled(1, 1, 3, 100), OC_SHAPE(3, 1, 1), x);
    run("scale; normalize imagenet", filled(1, 1, 3, 100), OC_SHAPE(3, 1, 1), y);
    run("scale; normalize 0.485,0.456,0.406 std=0.229,0.224,0.225", filled(1, 1, 3, 100),
        OC_SHAPE(3, 1, 1), z);
    assert_memory_equal(x, y, sizeof x);
    assert_memory_equal(y, z, sizeof x);
    assert_true(fabs(x[0] - (100 / 255.0 - 0.485) / 0.229) < 1e-6);
}

/* Pixels are parted into planes and turned into numbers some at a time; whatever their count, each
 * is the formula's in double, rounded once. */
static void every_pixel_becomes_the_number_of_its_value(void **state)
{
    (void)state;
    static const double mean[] = { 0.485, 0.456, 0.406 }, std[] = { 0.229, 0.224, 0.225 };
    static const int    counts[] = { 1, 15, 16, 17, 255, 256, 257, 700 };
    static float        x[3 * 700];
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        const int n = counts[k];
        oc_image  image = filled(n, 1, 3, 0);
        for (int i = 0; i < 3 * n; i++)
            image.pixel[i] = (uint8_t)(i * 89 % 256);
        struct prepare_program *p = parse("normalize imagenet");
        assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(3, 1, n), x), OC_OK);
        for (int i = 0; i < 3 * n; i++)
            assert_true(x[i % 3 * n + i / 3]
                        == (float)((image.pixel[i] / 255.0 - mean[i % 3]) / std[i % 3]));
        oc__prepare_free(p);
        oc_image_free(&image);
    }
}

/* ---- digits ------------------------------------------------------------------------------- */

static void an_image_of_mnist_is_left_alone_and_costs_no_memory(void **state)
{
    (void)state;
    oc_image image = filled(28, 28, 1, 0);
    float    x[784];
    for (int i = 0; i < 784; i++)
        image.pixel[i] = (uint8_t)(oc__bits(1, (uint64_t)i) % 128);
    struct prepare_program *p = parse(mnist);
    const uint64_t          calls = oc__mem_calls();
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(1, 28, 28), x), OC_OK);
    assert_true(oc__mem_calls() == calls);
    for (int i = 0; i < 784; i++)
        assert_true(x[i] == (float)(image.pixel[i] / 255.0));
    for (int i = 0; i < 784; i++)
        image.pixel[i] = (uint8_t)(255 - image.pixel[i]);
    float negated[784];
    assert_int_equal(oc__prepare_run(p, &image, &OC_SHAPE(1, 28, 28), negated), OC_OK);
    assert_memory_equal(x, negated, sizeof x);
    oc__prepare_free(p);
    oc_image_free(&image);
}

static void a_black_on_white_drawing_is_centred_like_mnist(void **state)
{
    (void)state;
    /* An L, far off the middle: its box is 40 wide and 80 high. */
    oc_image image = filled(300, 200, 1, 255);
    float    x[784];
    fill_box(&image, 200, 20, 12, 80, 0);
    fill_box(&image, 200, 88, 40, 12, 0);
    prepare_digit(&image, x);
    const struct field f = measure(x);
    assert_int_equal(f.bottom - f.top, 20);
    assert_int_equal(f.right - f.left, 10);
    assert_true(fabs(f.x - 14) <= 0.5 && fabs(f.y - 14) <= 0.5);
    assert_true(x[0] == 0 && x[783] == 0);
    assert_true(x[(f.top + 5) * 28 + f.left + 1] == 1);
}

static void noise_and_specks_do_not_move_the_digit(void **state)
{
    (void)state;
    oc_image clean = filled(200, 200, 1, 250), dirty = filled(200, 200, 1, 250);
    float    x[784], y[784];
    fill_box(&clean, 50, 30, 14, 110, 30);
    fill_box(&dirty, 50, 30, 14, 110, 30);
    for (size_t i = 0; i < 200 * 200; i++) {
        const double v = dirty.pixel[i] + 6 * oc__normal(4, i);
        dirty.pixel[i] = (uint8_t)fmin(255, fmax(0, v));
    }
    for (uint64_t i = 0; i < 60; i++)
        dirty.pixel[oc__below(5, i, 200 * 200)] = 0;
    fill_box(&dirty, 185, 190, 5, 5, 0);
    prepare_digit(&clean, x);
    prepare_digit(&dirty, y);
    const struct field a = measure(x), b = measure(y);
    assert_int_equal(a.left, b.left);
    assert_int_equal(a.right, b.right);
    assert_int_equal(a.top, b.top);
    assert_int_equal(a.bottom, b.bottom);
    assert_true(fabs(a.mass - b.mass) < 0.1 * a.mass);
}

static void a_thin_pen_does_not_fade(void **state)
{
    (void)state;
    oc_image image = filled(1500, 1500, 1, 240);
    float    x[784], most = 0;
    fill_box(&image, 700, 200, 4, 1000, 20);
    prepare_digit(&image, x);
    for (int i = 0; i < 784; i++)
        most = x[i] > most ? x[i] : most;
    assert_true(most == 1);
}

static void an_empty_sheet_is_an_empty_field(void **state)
{
    (void)state;
    oc_image image = filled(50, 60, 1, 200);
    float    x[784];
    prepare_digit(&image, x);
    for (int i = 0; i < 784; i++)
        assert_true(x[i] == 0);
}

static void images_of_one_pixel_and_of_one_line_are_prepared(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 1, 1 }, { 1, 500 }, { 500, 1 }, { 2, 2 }, { 27, 29 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        oc_image image = filled(sizes[i][0], sizes[i][1], 1, 10);
        float    x[784];
        image.pixel[oc__image_bytes(&image) / 2] = 200;
        prepare_digit(&image, x);
        for (int k = 0; k < 784; k++)
            assert_true(x[k] >= 0 && x[k] <= 1);
    }
}

static void one_image_is_prepared_without_a_model(void **state)
{
    (void)state;
    oc_image  image = filled(5, 3, 3, 0);
    oc_tensor x;
    image.pixel[2] = 255;                               /* blue of the first pixel */
    assert_int_equal(oc_image_prepare(&x, &image, "bgr; scale"), OC_OK);
    assert_true(oc_shape_equal(&x.shape, &OC_SHAPE(3, 3, 5)));
    for (int i = 0; i < 45; i++)
        assert_true(oc_tensor_get(&x, i) == (i == 0));
    oc_tensor_free(&x);
    assert_int_equal(oc_image_prepare(&x, &image, "bgr; nothing"), OC_EUSAGE);
    assert_null(x.data);
    oc_image_free(&image);
    image = filled(5, 3, 1, 0);
    assert_int_equal(oc_image_prepare(&x, &image, "normalize imagenet"), OC_EINPUT);
    assert_null(x.data);
    oc_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_has_a_canonical_text),
        cmocka_unit_test(imagenets_numbers_suit_grey_too),
        cmocka_unit_test(a_wrong_program_is_explained),
        cmocka_unit_test(the_shape_is_known_as_far_as_the_steps_tell),
        cmocka_unit_test(numbers_are_scaled_and_normalized_by_channel),
        cmocka_unit_test(alpha_lies_over_white_and_grey_is_luma),
        cmocka_unit_test(trimming_leaves_the_content_in_the_proportions_of_the_whole),
        cmocka_unit_test(a_trimmed_box_stays_inside_the_image),
        cmocka_unit_test(a_letterbox_holds_the_whole_image),
        cmocka_unit_test(the_middle_is_cut_out_and_padded_where_it_is_missing),
        cmocka_unit_test(tones_are_stretched_and_negated_without_the_alpha),
        cmocka_unit_test(only_an_image_with_a_dark_corner_is_inverted_adaptively),
        cmocka_unit_test(imagenet_is_normalized_alike_with_and_without_scale),
        cmocka_unit_test(every_pixel_becomes_the_number_of_its_value),
        cmocka_unit_test(an_image_of_mnist_is_left_alone_and_costs_no_memory),
        cmocka_unit_test(a_black_on_white_drawing_is_centred_like_mnist),
        cmocka_unit_test(noise_and_specks_do_not_move_the_digit),
        cmocka_unit_test(a_thin_pen_does_not_fade),
        cmocka_unit_test(an_empty_sheet_is_an_empty_field),
        cmocka_unit_test(one_image_is_prepared_without_a_model),
        cmocka_unit_test(images_of_one_pixel_and_of_one_line_are_prepared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
