/* sheet_test.c — contact sheets: pictures of one grey each, so that a pixel tells what is where. */
#include "test.h"

#include "image/image.h"

enum { SIDE = 16, CELL = 112, STEP = 122, GAP = 10 };

/* A picture whose left half has one value and whose right half another. */
static void write_picture(const char *name, int left, int right)
{
    oc_image image;
    assert_ok(oc__image_new(&image, "test", SIDE, SIDE, 1));
    for (int i = 0; i < SIDE * SIDE; i++)
        image.pixel[i] = (uint8_t)(i % SIDE < SIDE / 2 ? left : right);
    assert_ok(oc_image_save(&image, place(name)));
    oc_image_free(&image);
}

static void make_directory(const char *name)
{
    assert_ok(oc__make_directories(place(name)));
}

static oc_data *open_images(const char *folder)
{
    oc_data *d;
    char spec[1024];
    snprintf(spec, sizeof spec, "images:%s", place(folder));
    assert_ok(oc_data_open(&d, spec));
    return d;
}

/* A pixel of a cell, as far from its left side as `part` says. */
static const uint8_t *pixel(const oc_image *sheet, int column, int row_top, double part)
{
    const int x = GAP + column * STEP + (int)(part * CELL), y = row_top + CELL / 2;
    return sheet->pixel + 3 * (y * sheet->width + x);
}

static void samples_are_spread_over_the_classes(void **state)
{
    (void)state;
    oc_image sheet;
    make_directory("spread/train/ant");
    make_directory("spread/train/bee");
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "spread/train/ant/%d.png", i);
        write_picture(name, 40, 40);
    }
    write_picture("spread/train/bee/0.png", 200, 200);
    oc_data *const d = open_images("spread");
    assert_ok(oc_data_sheet(d, &(oc_sheet_options){ .part = OC_PART_TRAIN, .count = 3,
                                                    .preparation = "" }, &sheet));
    assert_int_equal(pixel(&sheet, 0, GAP, 0.5)[0], 40);
    assert_int_equal(pixel(&sheet, 1, GAP, 0.5)[0], 200);
    assert_int_equal(pixel(&sheet, 2, GAP, 0.5)[0], 40);
    assert_int_equal(sheet.pixel[0], 255);              /* the ground is that of other pictures */
    int letters = 0;                                    /* the name of the class, below it */
    for (int y = GAP + CELL; y < GAP + CELL + 20; y++)
        for (int x = GAP; x < GAP + CELL; x++)
            letters += sheet.pixel[3 * (y * sheet.width + x)] < 128;
    assert_true(letters > 20);
    oc_image_free(&sheet);
    oc_data_free(d);
}

static void what_is_mixed_is_drawn_mixed(void **state)
{
    (void)state;
    static const char *const steps[] = { "mixup alpha=5", "cutmix" };
    make_directory("mixed/train/ant");
    make_directory("mixed/train/bee");
    write_picture("mixed/train/ant/0.png", 0, 0);
    write_picture("mixed/train/bee/0.png", 200, 200);
    oc_data *const d = open_images("mixed");
    for (size_t i = 0; i < COUNT(steps); i++) {
        oc_image sheet;
        int between = 0, other = 0;
        assert_ok(oc_data_sheet(d, &(oc_sheet_options){
            .part = OC_PART_TRAIN, .count = 2, .preparation = "", .augment = steps[i],
            .variants = 6 }, &sheet));
        for (int column = 1; column <= 6; column++)
            for (int x = 1; x < 16; x++) {
                const int v = pixel(&sheet, column, GAP, x / 16.0)[0];
                between += v > 0 && v < 200;
                other += v == 200;
            }
        assert_true(i == 0 ? between == 6 * 15 && other == 0 : between == 0 && other > 0);
        assert_int_equal(pixel(&sheet, 0, GAP, 0.5)[0], 0);
        oc_image_free(&sheet);
    }
    oc_data_free(d);
}

/* Grey photographs are tinted where their masks are white: orange has more red than blue. */
static void masks_move_along(void **state)
{
    (void)state;
    oc_data *d;
    oc_image sheet;
    char spec[2048];
    make_directory("photos");
    make_directory("masks");
    write_picture("photos/a.png", 100, 100);
    write_picture("masks/a.png", 255, 0);
    snprintf(spec, sizeof spec, "masks:%s,split=1,0,0,masks=%s", place("photos"), place("masks"));
    assert_ok(oc_data_open(&d, spec));
    assert_ok(oc_data_sheet(d, &(oc_sheet_options){
        .part = OC_PART_TRAIN, .count = 1, .preparation = "rgb", .augment = "flip p=1",
        .variants = 1 }, &sheet));
    for (int column = 0; column < 2; column++)
        for (int half = 0; half < 2; half++) {
            const uint8_t *const p = pixel(&sheet, column, GAP, 0.25 + 0.5 * half);
            assert_true(half == column ? p[0] > p[2] + 50 : p[0] == 100 && p[2] == 100);
        }
    oc_image_free(&sheet);
    oc_data_free(d);
}

static int remove_sets(void **state)
{
    (void)state;
    remove_tree(test_directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_spread_over_the_classes),
        cmocka_unit_test(what_is_mixed_is_drawn_mixed),
        cmocka_unit_test(masks_move_along),
    };
    return cmocka_run_group_tests(tests, make_place, remove_sets);
}
