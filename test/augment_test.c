/* augment_test.c — random steps change samples as they say, boxes and masks along with pixels. */
#include "test.h"

#include <math.h>
#include "base/rng.h"
#include "image/augment.h"
#include "image/tone.h"
#include "image/warp.h"

/* ---- help --------------------------------------------------------------------------------- */

static struct augment_program *parse(const char *text)
{
    struct augment_program *p;
    assert_ok(oc__augment_parse(&p, text));
    return p;
}

/* Runs a program on a sample. */
static void augment(const char *text, uint64_t key, struct sample *s)
{
    struct augment_program *p = parse(text);
    assert_ok(oc__augment_run(p, key, s));
    oc__augment_free(p);
}

static oc_image picture(int width, int height, int channels)
{
    oc_image image;
    assert_ok(oc__image_new(&image, "test", width, height, channels));
    for (size_t i = 0; i < oc__image_bytes(&image); i++)
        image.pixel[i] = (uint8_t)(oc__bits(7, i) % 256);
    return image;
}

/* A grey ground with a red rectangle; the mask is 1 there, and the object is its box. */
static struct sample marked(int width, int height, struct object *o)
{
    struct sample s = { .owns_image = true, .owns_mask = true, .object = o, .objects = 1 };
    assert_ok(oc__image_new(&s.image, "test", width, height, 3));
    assert_ok(oc__image_new(&s.mask, "test", width, height, 1));
    memset(s.image.pixel, 90, oc__image_bytes(&s.image));
    for (int y = (int)o->top; y < (int)o->bottom; y++)
        for (int x = (int)o->left; x < (int)o->right; x++) {
            memcpy(s.image.pixel + 3 * (y * width + x), (uint8_t[]){ 255, 0, 0 }, 3);
            s.mask.pixel[y * width + x] = 1;
        }
    return s;
}

/* The box around the pixels that are more red than grey, or around those of the mask. */
static struct object find(const struct sample *s, bool mask)
{
    struct object o = { 1e9, 1e9, -1, -1, 0 };
    for (int y = 0; y < s->image.height; y++)
        for (int x = 0; x < s->image.width; x++) {
            const int      i = y * s->image.width + x;
            const uint8_t *p = s->image.pixel + 3 * i;
            if (mask ? s->mask.pixel[i] != 1 : p[0] - p[1] < 128)
                continue;
            o.left = fmin(o.left, x);
            o.right = fmax(o.right, x + 1);
            o.top = fmin(o.top, y);
            o.bottom = fmax(o.bottom, y + 1);
        }
    return o;
}

static void expect_near(const char *text, uint64_t key, struct object a, struct object b,
                        double tolerance)
{
    const double off = fmax(fmax(fabs(a.left - b.left), fabs(a.right - b.right)),
                            fmax(fabs(a.top - b.top), fabs(a.bottom - b.bottom)));
    if (!(off <= tolerance))
        fail_msg("%s, key %d: %g %g %g %g is not %g %g %g %g", text, (int)key, a.left, a.top,
                 a.right, a.bottom, b.left, b.top, b.right, b.bottom);
}

/* ---- programs ----------------------------------------------------------------------------- */

static void a_program_has_a_canonical_text(void **state)
{
    (void)state;
    struct augment_program *p = parse("flip;crop 32x32 padding=4; rotate 10; noise sigma=0.02");
    struct augment_program *again = parse(oc__augment_text(p));
    assert_string_equal(oc__augment_text(p), oc__augment_text(again));
    oc__augment_free(p);
    oc__augment_free(again);
}

static void a_wrong_program_is_explained(void **state)
{
    (void)state;
    static const struct { const char *text, *message; } wrong[] = {
        { "rotat 10", "did you mean rotate?" },
        { "rotate angle=3", "rotate" },
        { "flip;; crop 32", "step 2 is empty; wants the name of an augmentation" },
        { "crop", "crop takes one or two numbers, not 0" },
        { "flip direction=sideways", "horizontal" },
        { "flip p=2", "0 to 1" },
        { "mixup; cutmix", "one of mixup and cutmix" },
        { "clones 100; clones 100", "more than 1000 clones" },
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct augment_program *p;
        assert_int_equal(oc__augment_parse(&p, wrong[i].text), OC_EUSAGE);
        error_says(wrong[i].message);
        assert_null(p);
    }
}

static const char *const all[] = {
    "flip p=1", "flip vertical p=1", "crop 40x50 padding=6 border=reflect", "resizedcrop 48",
    "rotate 30", "affine degrees=20 translate=0.2 scale=0.3 shear=15", "perspective p=1",
    "jitter 0.4 contrast=0.4 saturation=0.4 hue=0.2", "grayscale p=1", "blur p=1", "noise 0.1",
    "erase p=1", "erase p=1 noise", "randaugment 3 magnitude=20", "trivialaugment",
};

static void the_key_alone_decides_what_is_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        oc_image      image = picture(60, 44, 3);
        struct sample a = { .image = image }, b = { .image = image };
        bool          differs = false;
        augment(all[i], 5, &a);
        augment(all[i], 5, &b);
        assert_int_equal(oc__image_bytes(&a.image), oc__image_bytes(&b.image));
        assert_memory_equal(a.image.pixel, b.image.pixel, oc__image_bytes(&a.image));
        oc__sample_free(&b);
        for (uint64_t key = 6; key < 12 && strstr(all[i], "flip") == NULL && i != 8; key++) {
            b = (struct sample){ .image = image };
            augment(all[i], key, &b);
            differs |= memcmp(a.image.pixel, b.image.pixel, oc__image_bytes(&a.image)) != 0;
            oc__sample_free(&b);
        }
        if (!differs && strstr(all[i], "flip") == NULL && i != 8)
            fail_msg("%s draws the same for every key", all[i]);
        oc__sample_free(&a);
        oc_image_free(&image);
    }
}

/* The borrowed image must not change, whatever its size and number of channels. */
static void any_image_is_augmented_and_the_original_kept(void **state)
{
    (void)state;
    static const int sizes[][3] = { { 1, 1, 3 }, { 1, 9, 1 }, { 7, 1, 4 }, { 2, 3, 2 },
                                    { 33, 20, 4 } };
    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t k = 0; k < COUNT(sizes); k++)
            for (uint64_t key = 0; key < 20; key++) {
                oc_image image = picture(sizes[k][0], sizes[k][1], sizes[k][2]);
                oc_image same = picture(sizes[k][0], sizes[k][1], sizes[k][2]);
                struct sample s = { .image = image };
                augment(all[i], key, &s);
                assert_int_equal(s.image.channels, image.channels);
                assert_memory_equal(image.pixel, same.pixel, oc__image_bytes(&image));
                oc__sample_free(&s);
                oc_image_free(&image);
                oc_image_free(&same);
            }
}

/* ---- geometry ----------------------------------------------------------------------------- */

/* Interpolated edges are blurred over a pixel, and a crop may magnify that. */
static void boxes_and_masks_move_along_with_the_pixels(void **state)
{
    (void)state;
    static const struct { const char *text; double tolerance; } steps[] = {
        { "flip p=1", 0 }, { "flip vertical p=1", 0 }, { "crop 60x70", 0 },
        { "crop 80x100 padding=20", 0 }, { "resizedcrop 90x90 least=0.4", 1.5 },
        { "rotate 180", 1.5 }, { "affine degrees=30 translate=0.3 scale=0.3 shear=20", 1.5 },
        { "perspective 0.6 p=1", 1.5 },
        { "flip; crop 90 padding=9; rotate 20 border=black; affine; perspective", 4 },
    };
    int seen = 0;
    for (size_t i = 0; i < COUNT(steps); i++)
        for (uint64_t key = 0; key < 40; key++) {
            struct object o = { 34, 27, 61, 44, 3 };
            struct sample s = marked(100, 80, &o);
            augment(steps[i].text, key, &s);
            const struct object pixels = find(&s, false), mask = find(&s, true);
            if (s.objects == 0) {
                assert_true(pixels.right - pixels.left < 3 || pixels.bottom - pixels.top < 3);
            } else {
                expect_near(steps[i].text, key, o, pixels, steps[i].tolerance);
                expect_near(steps[i].text, key, o, mask, steps[i].tolerance);
                assert_int_equal(o.label, 3);
                seen++;
            }
            oc__sample_free(&s);
        }
    assert_true(seen > 300);
}

static void an_object_that_leaves_the_image_is_dropped(void **state)
{
    (void)state;
    struct object o[3] = { { 0, 0, 5, 5, 1 }, { 10, 10, 30, 30, 2 }, { 35, 35, 40, 40, 3 } };
    const struct matrix moved = { { 1, 0, -9, 0, 1, -9, 0, 0, 1 } };
    struct sample s = { .object = o, .objects = 3 };
    oc__objects_map(&s, &moved, 25, 25);
    assert_int_equal(s.objects, 1);
    assert_true(o[0].label == 2 && o[0].left == 1 && o[0].right == 21);
}

static void corners_go_where_a_perspective_sends_them(void **state)
{
    (void)state;
    double to[4][2] = { { 10, 5 }, { 90, 12 }, { 85, 70 }, { 3, 77 } };
    const struct matrix m = oc__matrix_corners(100, 80, to);
    const double from[4][2] = { { 0, 0 }, { 100, 0 }, { 100, 80 }, { 0, 80 } };
    for (int i = 0; i < 4; i++) {
        const double x = from[i][0], y = from[i][1], z = m.m[6] * x + m.m[7] * y + m.m[8];
        assert_true(fabs((m.m[0] * x + m.m[1] * y + m.m[2]) / z - to[i][0]) < 1e-9);
        assert_true(fabs((m.m[3] * x + m.m[4] * y + m.m[5]) / z - to[i][1]) < 1e-9);
    }
}

static void a_turn_by_nothing_changes_nothing(void **state)
{
    (void)state;
    oc_image      image = picture(31, 17, 3);
    struct sample s = { .image = image };
    augment("rotate 0; affine translate=0 scale=0; perspective 0 p=1; noise 0; "
            "jitter 0 contrast=0 saturation=0", 1, &s);
    assert_memory_equal(s.image.pixel, image.pixel, oc__image_bytes(&image));
    oc__sample_free(&s);
    oc_image_free(&image);
}

static void a_border_repeats_mirrors_or_is_black(void **state)
{
    (void)state;
    static const int edge[] = { 0, 0, 0, 0, 1, 2, 2, 2, 2 };
    static const int reflect[] = { 2, 1, 0, 0, 1, 2, 2, 1, 0 };
    static const int black[] = { -1, -1, -1, 0, 1, 2, -1, -1, -1 };
    for (int i = 0; i < 9; i++) {
        assert_int_equal(oc__border_index(BORDER_EDGE, i - 3, 3), edge[i]);
        assert_int_equal(oc__border_index(BORDER_REFLECT, i - 3, 3), reflect[i]);
        assert_int_equal(oc__border_index(BORDER_BLACK, i - 3, 3), black[i]);
    }
}

/* ---- colours ------------------------------------------------------------------------------ */

static void noise_has_the_deviation_that_was_asked_for(void **state)
{
    (void)state;
    oc_image image = picture(200, 200, 1);
    double   sum = 0, squares = 0;
    memset(image.pixel, 128, oc__image_bytes(&image));
    struct sample s = { .image = image };
    augment("noise sigma=0.05", 3, &s);
    for (size_t i = 0; i < oc__image_bytes(&image); i++) {
        const double v = s.image.pixel[i] - 128.0;
        sum += v / 40000;
        squares += v * v / 40000;
    }
    assert_true(fabs(sum) < 0.3);
    assert_true(fabs(sqrt(squares) - 0.05 * 255) < 0.3);
    oc__sample_free(&s);
    oc_image_free(&image);
}

static void hue_turns_red_to_green_to_blue(void **state)
{
    (void)state;
    uint8_t  pixel[3] = { 200, 20, 20 };
    oc_image image = { 1, 1, 3, pixel };
    oc__tone_hue(&image, 1 / 3.0);
    assert_memory_equal(pixel, ((uint8_t[]){ 20, 200, 20 }), 3);
    oc__tone_hue(&image, 1 / 3.0);
    assert_memory_equal(pixel, ((uint8_t[]){ 20, 20, 200 }), 3);
    oc__tone_hue(&image, -0.5);
    assert_memory_equal(pixel, ((uint8_t[]){ 200, 200, 20 }), 3);
}

static void erasing_takes_a_rectangle_of_the_area_asked_for(void **state)
{
    (void)state;
    for (uint64_t key = 0; key < 20; key++) {
        oc_image image = picture(100, 100, 1);
        int      erased = 0;
        memset(image.pixel, 9, oc__image_bytes(&image));
        struct sample s = { .image = image };
        augment("erase p=1 least=0.1 most=0.2 fill=200", key, &s);
        for (int i = 0; i < 10000; i++)
            erased += s.image.pixel[i] == 200;
        assert_true(erased > 900 && erased < 2100);
        oc__sample_free(&s);
        oc_image_free(&image);
    }
}

/* ---- batches ------------------------------------------------------------------------------ */

enum { N = 4, VALUES = 6 * 8 };

/* Sample i of the batch is i everywhere. */
static void mix(const char *text, uint64_t key, float x[N * VALUES], double *share)
{
    float         spare[VALUES];
    struct mixing m = { N, OC_SHAPE(1, 6, 8), x, spare, 0 };
    for (int i = 0; i < N * VALUES; i++)
        x[i] = (float)(i / VALUES);
    struct augment_program *p = parse(text);
    oc__augment_mix(p, key, &m);
    oc__augment_free(p);
    *share = m.share;
}

static void mixup_adds_neighbours_in_the_share_it_names(void **state)
{
    (void)state;
    double mean = 0;
    for (uint64_t key = 0; key < 400; key++) {
        float  x[N * VALUES];
        double share;
        mix("flip; mixup alpha=0.5", key, x, &share);
        assert_true(share >= 0 && share <= 1);
        mean += share / 400;
        for (int i = 0; i < N * VALUES; i++) {
            const int own = i / VALUES, other = (own + N - 1) % N;
            assert_true(fabs(x[i] - (share * own + (1 - share) * other)) < 1e-5);
        }
    }
    assert_true(fabs(mean - 0.5) < 0.05);
}

static void cutmix_swaps_a_window_as_large_as_the_rest_of_the_share(void **state)
{
    (void)state;
    bool some = false;
    for (uint64_t key = 0; key < 50; key++) {
        float  x[N * VALUES];
        double share;
        mix("cutmix", key, x, &share);
        for (int n = 0; n < N; n++) {
            int own = 0;
            for (int i = 0; i < VALUES; i++) {
                const int from = (int)x[n * VALUES + i];
                assert_true(from == n || from == (n + N - 1) % N);
                own += from == n;
            }
            assert_true(fabs(share - own / (double)VALUES) < 1e-9);
        }
        some |= share > 0.2 && share < 0.8;
    }
    assert_true(some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_has_a_canonical_text),
        cmocka_unit_test(a_wrong_program_is_explained),
        cmocka_unit_test(the_key_alone_decides_what_is_drawn),
        cmocka_unit_test(any_image_is_augmented_and_the_original_kept),
        cmocka_unit_test(boxes_and_masks_move_along_with_the_pixels),
        cmocka_unit_test(an_object_that_leaves_the_image_is_dropped),
        cmocka_unit_test(corners_go_where_a_perspective_sends_them),
        cmocka_unit_test(a_turn_by_nothing_changes_nothing),
        cmocka_unit_test(a_border_repeats_mirrors_or_is_black),
        cmocka_unit_test(noise_has_the_deviation_that_was_asked_for),
        cmocka_unit_test(hue_turns_red_to_green_to_blue),
        cmocka_unit_test(erasing_takes_a_rectangle_of_the_area_asked_for),
        cmocka_unit_test(mixup_adds_neighbours_in_the_share_it_names),
        cmocka_unit_test(cutmix_swaps_a_window_as_large_as_the_rest_of_the_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
