/* masks_test.c — photographs with masks: found by name, and moved along with their pixels. */
#include "test.h"

#include <math.h>
#include "data/loader.h"
#include "image/image.h"
#include "image/mask.h"

enum { W = 96, H = 64, PHOTOS = 3 };

/* A photograph that is red where its mask is white: a soft blob, elsewhere in each. */
static void write_pair(const char *photo, const char *mask, int number)
{
    oc_image a, b;
    assert_ok(oc__image_new(&a, "test", W, H, 3));
    assert_ok(oc__image_new(&b, "test", W, H, 1));
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const double dx = (x - 30.0 - 9 * number) / 20, dy = (y - 30.0 + 4 * number) / 14;
            const uint8_t v = (uint8_t)lround(255 * exp(-dx * dx - dy * dy));
            b.pixel[y * W + x] = a.pixel[3 * (y * W + x)] = v;
            a.pixel[3 * (y * W + x) + 1] = (uint8_t)(x * 2);
        }
    assert_ok(oc_image_save(&a, photo));
    assert_ok(oc_image_save(&b, mask));
    oc_image_free(&a);
    oc_image_free(&b);
}

static void make_set(void)
{
    char photo[32], mask[32];
    for (int i = 0; i < PHOTOS; i++) {
        snprintf(photo, sizeof photo, "p%d.png", i);
        snprintf(mask, sizeof mask, "p%d_mask.png", i);
        write_pair(place(photo), place(mask), i);
    }
}

static oc_data *open_set(const char *cache)
{
    oc_data *d;
    char spec[2048];
    snprintf(spec, sizeof spec, "masks:%s,masks=%s,suffix=_mask,split=1,0,0%s", test_directory,
             test_directory, cache);
    assert_ok(oc_data_open(&d, spec));
    return d;
}

/* How far the red of a batch and its masks may be apart at most, and by the mean. */
struct tolerance { double most, mean; };

static void compare_batch(const struct batch *b, oc_shape s, struct tolerance allowed)
{
    const int64_t plane = s.dim[1] * s.dim[2], n = b->n * plane;
    double sum = 0, apart = 0, light = 0;
    assert_int_equal(b->n, PHOTOS);
    for (int64_t i = 0; i < n; i++) {
        const double red = (double)b->x[i / plane * 3 * plane + i % plane];
        const double v = (double)b->mask[i];
        apart = fmax(apart, fabs(red - v));
        sum += fabs(red - v);
        light += v;
    }
    if (!(apart <= allowed.most) || !(sum / (double)n <= allowed.mean) || light / (double)n < 0.02)
        fail_msg("%g apart, %g by the mean, %g light", apart, sum / (double)n, light / (double)n);
}

/* Twice, so that the second epoch comes from a cache where there is one. */
static void compare(const char *preparation, const char *augmentation, double most, double mean)
{
    static const char *const caches[] = { "", ",cache=ram", ",cache=prepared" };
    struct prepare_program *prepare;
    struct augment_program *augment = NULL;
    struct batch b;
    assert_ok(oc__prepare_parse(&prepare, preparation));
    if (augmentation)
        assert_ok(oc__augment_parse(&augment, augmentation));
    for (size_t c = 0; c < COUNT(caches); c++) {
        oc_data *const d = open_set(caches[c]);
        struct loader *l;
        assert_ok(oc__loader_new(&l, &(struct loader_options){
            .data = d, .prepare = prepare, .augment = augment, .part = OC_PART_TRAIN,
            .masks = true, .seed = 3, .workers = 2 }));
        for (int64_t epoch = 0; epoch < 2; epoch++) {
            oc__loader_epoch(l, epoch, 0);
            assert_ok(oc__loader_next(l, &b));
            compare_batch(&b, oc__loader_shape(l), (struct tolerance){ most, mean });
        }
        oc__loader_free(l);
        oc_data_free(d);
    }
    oc__prepare_free(prepare);
    oc__augment_free(augment);
}

static void masks_go_where_preparation_takes_their_photographs(void **state)
{
    (void)state;
    make_set();
    compare("rgb; resize 40,56; scale", NULL, 0, 0);
    compare("rgb; resize 32; centercrop 32; scale", NULL, 0.06, 0.02);
    compare("rgb; centercrop 48; scale", NULL, 0, 0);
    compare("rgb; letterbox 96; scale", NULL, 0, 0);
    compare("rgb; letterbox 60; scale", NULL, 0.02, 0.003);
    compare("rgb; resize 40; centercrop 32; scale", NULL, 0.06, 0.02);
}

static void masks_go_where_augmentation_takes_their_photographs(void **state)
{
    (void)state;
    make_set();
    compare("rgb; resize 40,56; scale", "flip p=1", 0, 0);
    compare("rgb; resize 40,56; scale", "crop 32 padding=8; flip vertical p=1", 0, 0);
    compare("rgb; resize 40,56; scale", "resizedcrop 32 least=0.3", 0, 0);
    compare("rgb; resize 40,56; scale", "crop 32; rotate 30 border=black", 0, 0);
    compare("rgb; resize 40,56; scale", "affine degrees=20 scale=0.2 border=reflect", 0, 0);
}

static void a_photograph_without_mask_is_named(void **state)
{
    oc_data *d;
    char spec[2048];
    (void)state;
    make_set();
    snprintf(spec, sizeof spec, "masks:%s,masks=%s,suffix=_sk", test_directory, test_directory);
    assert_int_equal(oc_data_open(&d, spec), OC_EINPUT);
    error_says("p0.png: has no mask p0_sk.png");
    snprintf(spec, sizeof spec, "masks:%s", test_directory);
    assert_int_equal(oc_data_open(&d, spec), OC_EUSAGE);
    error_says("masks=FOLDER");
    snprintf(spec, sizeof spec, "masks:%s,masks=%s:%s,suffix=_mask", test_directory,
             test_directory, test_directory);
    assert_int_equal(oc_data_open(&d, spec), OC_EUSAGE);
    error_says("as many folders");
}

static void a_mask_of_other_proportions_is_refused(void **state)
{
    const oc_image photo = { 96, 64, 3, NULL }, turned = { 64, 96, 1, NULL };
    const oc_image half = { 48, 32, 1, NULL }, near = { 41, 27, 1, NULL };
    (void)state;
    assert_ok(oc__mask_check(&half, &photo));
    assert_ok(oc__mask_check(&near, &photo));
    assert_int_equal(oc__mask_check(&turned, &photo), OC_EINPUT);
    error_says("64x96");
}

static void a_map_comes_back_to_the_size_of_its_photograph(void **state)
{
    static float v[20 * 20];
    oc_image out;
    const oc_image photo = { 60, 30, 3, NULL };
    (void)state;
    for (int i = 0; i < 400; i++)
        v[i] = i / 20 >= 5 && i / 20 < 15 ? 1 : 0;      /* the photograph's rows of a square */
    const struct shares shares = { 20, 20, v };
    assert_ok(oc__mask_return(&out, &shares, (struct view){ 0, -15, 60, 60 }, &photo));
    assert_int_equal(out.width, 60);
    assert_int_equal(out.height, 30);
    for (int i = 0; i < 60 * 26; i++)
        assert_int_equal(out.pixel[2 * 60 + i], 255);
    oc_image_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_go_where_preparation_takes_their_photographs),
        cmocka_unit_test(masks_go_where_augmentation_takes_their_photographs),
        cmocka_unit_test(a_photograph_without_mask_is_named),
        cmocka_unit_test(a_mask_of_other_proportions_is_refused),
        cmocka_unit_test(a_map_comes_back_to_the_size_of_its_photograph),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
