/* prepare_nodes_test.c — the preparation as nodes of a graph makes the very numbers that the
 * preparation of images makes, whether sizes are known before or not. */
#include "test.h"

#include <math.h>

#include "image/nodes.h"

/* ---- what several tests need --------------------------------------------------------------- */

/* Every kind of pixel, smooth and abrupt. */
static oc_image picture(int width, int height, int channels)
{
    oc_image image;
    assert_ok(oc__image_new(&image, "test", width, height, channels));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = 0; k < channels; k++) {
                const uint32_t noise = (uint32_t)(y * width + x) * 2654435761u >> 27;
                const int wave = x * 3 + y * (k + 2), box = x > width / 2 && y > height / 3;
                image.pixel[(y * width + x) * channels + k] =
                    (uint8_t)(box ? 255 - wave % 40 : (wave + (int)noise) % 200);
            }
    return image;
}

/* Runs the program as nodes on so many copies of the image; sides are told before, or are open. */
static void run_nodes(const struct prepare_program *p, const oc_image *image, bool open, int n,
                      const char *backends, const oc_shape *shape, oc_tensor *y)
{
    oc_graph *g;
    oc_session *s;
    oc_value x;
    const size_t bytes = oc__image_bytes(image);
    const oc_shape own = OC_SHAPE(n, image->height, image->width, image->channels);
    uint8_t *const pixels = oc__alloc((size_t)n, bytes);
    assert_non_null(pixels);
    for (int i = 0; i < n; i++)
        memcpy(pixels + (size_t)i * bytes, image->pixel, bytes);
    assert_ok(oc_graph_new(&g, NULL));
    const oc_shape declared = open ? OC_SHAPE(oc_symbol(g, "N"), oc_symbol(g, "H"),
                                              oc_symbol(g, "W"), image->channels) : own;
    const oc_value in = oc_input(g, "image", OC_U8, declared);
    assert_ok(oc__prepare_nodes(p, g, in, shape, &x));
    const oc_shape made = oc_value_shape(g, x);
    assert_memory_equal(&made.dim[1], shape->dim, 3 * sizeof *shape->dim);
    assert_ok(oc_session_new(&s, g, &(oc_session_options){ .outputs = 1, .output = &x,
                                                           .threads = 1,
                                                           .backends = backends }));
    const oc_tensor given = { OC_U8, own, pixels };
    assert_ok(oc_session_results(s, &given, y));
    oc_session_free(s);
    oc_graph_free(g);
    oc__free(pixels);
}

/* Holds both against each other, up to `limit` of a number. */
static void check(const char *steps, oc_image image, bool open, const char *backends, float limit)
{
    struct prepare_program *p;
    oc_tensor want, y;
    assert_ok(oc__prepare_parse(&p, steps));
    assert_ok(oc_image_prepare(&want, &image, steps));
    run_nodes(p, &image, open, 2, backends, &want.shape, &y);
    const int64_t count = oc_shape_count(&want.shape);
    assert_int_equal(oc_shape_count(&y.shape), 2 * count);
    for (int64_t i = 0; i < 2 * count; i++) {
        const float a = ((const float *)y.data)[i], b = ((const float *)want.data)[i % count];
        if (!(fabsf(a - b) <= limit))
            fail_msg("%s of %dx%dx%d, %s: number %lld is %.9g, not %.9g", steps, image.width,
                     image.height, image.channels, open ? "open" : "known", (long long)i,
                     (double)a, (double)b);
    }
    oc_tensor_free(&want);
    oc_tensor_free(&y);
    oc_image_free(&image);
    oc__prepare_free(p);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void steps_of_pixels_make_the_same_bytes(void **state)
{
    static const char *const steps[] = {
        "", "grayscale", "rgb", "bgr", "light_on_dark", "light_on_dark; invert", "minmax",
        "grayscale; minmax", "invert", "adaptive_invert", "invert; adaptive_invert",
        "resize 24,32", "resize 24", "resize 100", "resize 24,32 filter=nearest",
        "resize 33,20 filter=bicubic", "resize 50 filter=bicubic", "resize 19,23 filter=lanczos",
        "resize 90,70 filter=lanczos", "resize 91,71 filter=nearest", "letterbox 32",
        "letterbox 20,60 fill=114", "letterbox 60,20 fill=7 filter=bicubic", "centercrop 20",
        "centercrop 51,33 fill=9", "centercrop 99", "resize 40; centercrop 32",
        "rgb; resize 31; centercrop 28,24; minmax; bgr", "grayscale; letterbox 16; light_on_dark",
    };
    static const struct { int width, height; } sizes[] = { { 40, 56 }, { 61, 47 }, { 33, 33 } };
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++)
        for (size_t k = 0; k < COUNT(sizes); k++)
            for (int channels = 1; channels < 4; channels += 2)
                for (int open = 0; open < 2; open++)
                    check(steps[i], picture(sizes[k].width, sizes[k].height, channels), open,
                          k ? NULL : "reference", 0);
}

/* Ratios that bring many means exactly between two bytes. */
static void resizing_rounds_to_the_same_side(void **state)
{
    static const struct { int from, to; const char *filter; } cases[] = {
        { 96, 64, "bilinear" }, { 90, 36, "bilinear" }, { 80, 40, "bicubic" },
        { 42, 36, "bilinear" }, { 35, 70, "bilinear" }, { 60, 24, "bicubic" },
        { 75, 50, "lanczos" }, { 20, 6, "nearest" }, { 250, 14, "bilinear" },
        { 100, 30, "nearest" }, { 49, 14, "nearest" }, { 1, 9, "bicubic" }, { 9, 1, "lanczos" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char steps[64];
        snprintf(steps, sizeof steps, "resize %d,%d filter=%s", cases[i].to, cases[i].to + 1,
                 cases[i].filter);
        check(steps, picture(cases[i].from, cases[i].from, 3), i % 2, NULL, 0);
        check(steps, picture(cases[i].from, cases[i].from, 1), !(i % 2), NULL, 0);
    }
}

static void photographs_become_the_same_bytes(void **state)
{
    static const char *const steps[] = { "rgb; resize 256; centercrop 224",
                                         "rgb; resize 320,320 filter=bicubic", "letterbox 352" };
    static const char *const names[] = { "dog", "eagle", "giraffe", "horses", "person", "scream" };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[64];
        oc_image image;
        snprintf(path, sizeof path, "images/photos/%s.jpg", names[i]);
        assert_ok(oc_image_load(&image, shared_data(path)));
        check(steps[i % COUNT(steps)], image, i % 2, NULL, 0);
    }
}

static void numbers_are_the_same_but_for_their_last_bit(void **state)
{
    static const struct { const char *steps; float limit; } cases[] = {
        { "scale", 0 }, { "scale; normalize imagenet", 6e-7f }, { "normalize imagenet", 6e-7f },
        { "grayscale; normalize imagenet", 6e-7f },
        { "normalize mean=127.5 std=128", 0 }, { "normalize 0.5 std=0.25", 0 },
        { "normalize mean=123.675,116.28,103.53 std=58.395,57.12,57.375", 6e-7f },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int open = 0; open < 2; open++)
            check(cases[i].steps, picture(31, 23, 3), open, NULL, cases[i].limit);
}

static void a_digit_of_the_right_size_is_left_as_it_is(void **state)
{
    (void)state;
    check("grayscale; light_on_dark; digit 28; scale", picture(28, 28, 1), false, NULL, 0);
}

static void what_cannot_be_nodes_is_refused_with_its_step(void **state)
{
    static const struct { const char *steps, *says; } cases[] = {
        { "grayscale; trim; resize 28,28", "step 2 (trim) cannot be nodes: the box" },
        { "light_on_dark; digit 28; scale", "those of 28x28 alone" },
        { "resize 28,28; scale", "[1, 28, 28]" },
        { "rgb; resize 28,28; scale", "[3, 28, 28]" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct prepare_program *p;
        oc_graph *g;
        oc_value x;
        assert_ok(oc__prepare_parse(&p, cases[i].steps));
        assert_ok(oc_graph_new(&g, NULL));
        const oc_value in = oc_input(g, "image", OC_U8, OC_SHAPE(1, oc_symbol(g, "H"), 30, 1));
        const oc_shape shape = OC_SHAPE(1 + (i == 2), 28, 28);
        assert_int_equal(oc__prepare_nodes(p, g, in, &shape, &x), OC_EUSAGE);
        error_says(cases[i].says);
        oc_graph_free(g);
        oc__prepare_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_pixels_make_the_same_bytes),
        cmocka_unit_test(resizing_rounds_to_the_same_side),
        cmocka_unit_test(photographs_become_the_same_bytes),
        cmocka_unit_test(numbers_are_the_same_but_for_their_last_bit),
        cmocka_unit_test(a_digit_of_the_right_size_is_left_as_it_is),
        cmocka_unit_test(what_cannot_be_nodes_is_refused_with_its_step),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
