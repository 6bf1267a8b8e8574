/* canvas_test.c — a picture that is prepared while it is decoded becomes what it does when it was
 * decoded before, and what cannot be decoded fails alike. */
#include "test.h"

#include "base/status.h"
#include "image/prepare.h"

static const char *const programs[] = {
    "rgb; resize 24,40; scale", "resize 30; centercrop 28,20", "letterbox 33 filter=bicubic",
    "grayscale; resize 20,20", "bgr; resize 17,40 filter=lanczos", "resize 40,40 filter=nearest",
    "invert; resize 9,9", "trim; resize 12,12", "rgb", "", "resize 700,900",
};

static struct reading how(const struct prepare_program *p)
{
    return (struct reading){ p, false };
}

/* The picture in memory first, decoded with as much detail as the program asks for. */
static oc_status prepare_whole(const char *path, const struct prepare_program *p,
                               struct canvas *canvas)
{
    *canvas = (struct canvas){ .owned = false };
    TRY(oc__image_load(&canvas->image, path, how(p)));
    canvas->owned = true;
    return oc__prepare_pixels(p, true, canvas);
}

static oc_status prepare_coming(const char *path, const struct prepare_program *p,
                                struct canvas *canvas)
{
    TRY(oc__canvas_open(canvas, path, how(p)));
    return oc__prepare_pixels(p, true, canvas);
}

static void expect_same(const char *path, const struct canvas *a, const struct canvas *b)
{
    const struct view v = oc__canvas_view(a), w = oc__canvas_view(b);
    assert_null(b->coming);
    assert_int_equal(a->image.width, b->image.width);
    assert_int_equal(a->image.height, b->image.height);
    assert_int_equal(a->image.channels, b->image.channels);
    if (memcmp(a->image.pixel, b->image.pixel, oc__image_bytes(&a->image)) != 0)
        fail_msg("%s is another picture when it is prepared while it is decoded", path);
    assert_memory_equal(&v, &w, sizeof v);
}

/* Whether the error names the file, and once. */
static void expect_name_once(const char *path)
{
    const char *const at = strstr(oc_error(), path);
    if (at != oc_error() || strstr(at + 1, path))
        fail_msg("the error is \"%s\"", oc_error());
}

static int tried, coming;

static void try_file(const char *path)
{
    for (size_t i = 0; i < COUNT(programs); i++) {
        struct prepare_program *p;
        struct canvas a, b;
        assert_ok(oc__prepare_parse(&p, programs[i]));
        const oc_status whole = prepare_whole(path, p, &a);
        assert_int_equal(prepare_coming(path, p, &b), whole);
        if (whole == OC_OK)
            expect_same(path, &a, &b);
        else
            expect_name_once(path);
        oc__canvas_free(&a);
        oc__canvas_free(&b);
        const oc_status opened = oc__canvas_open(&b, path, how(p));
        assert_true(opened == OC_OK || opened == whole);
        coming += b.coming != NULL;
        tried++;
        oc__canvas_free(&b);                            /* before any row was asked for */
        oc__prepare_free(p);
    }
}

static void try_folder(const char *folder)
{
    struct names names;
    char path[4096];
    assert_ok(oc__list_directory(folder, &names));
    for (size_t i = 0; i < names.n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        if (oc__is_file(path) && !strstr(path, ".png"))
            try_file(path);
    }
    oc__names_free(&names);
}

static void preparing_while_decoding_gives_the_same(void **state)
{
    (void)state;
    try_folder(shared_data("images/jpeg"));
    try_folder(shared_data("images/jpeg/mozilla"));
    try_folder(shared_data("images/photos"));
    printf("%d of %d came by rows\n", coming, tried);
    assert_true(coming > tried / 2);
}

static void hostile_files_fail_alike(void **state)
{
    (void)state;
    tried = 0;
    try_folder(shared_data("malformed/jpeg"));
    assert_true(tried > 50);
}

/* ---- turned and torn ---------------------------------------------------------------------- */

/* rgb.jpg, with an EXIF block that tells an orientation, and no more than `most` bytes of it. */
static const char *write_turned(int orientation, size_t most)
{
    static const uint8_t exif[] = { 0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42,
                                    0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0,
                                    0, 0, 0, 0 };
    const char *const path = place("turned.jpg");
    size_t n;
    char  *data;
    assert_ok(oc__file_load(shared_data("images/jpeg/rgb.jpg"), 1 << 24, &data, &n));
    FILE *const f = fopen(path, "wb");
    assert_non_null(f);
    uint8_t block[sizeof exif];
    memcpy(block, exif, sizeof exif);
    block[29] = (uint8_t)orientation;
    most = most < n ? most : n;
    assert_int_equal(fwrite(data, 1, 2, f) + fwrite(block, 1, sizeof block, f)
                         + fwrite(data + 2, 1, most - 2, f), most + sizeof block);
    assert_int_equal(fclose(f), 0);
    oc__free(data);
    return path;
}

static void turned_pictures_stand_upright(void **state)
{
    (void)state;
    struct canvas upright = { .owned = false }, turned = { .owned = false };
    struct prepare_program *p;
    assert_ok(oc__prepare_parse(&p, "resize 24"));
    for (int orientation = 1; orientation <= 8; orientation++)
        try_file(write_turned(orientation, SIZE_MAX));
    assert_ok(prepare_coming(write_turned(1, SIZE_MAX), p, &upright));
    assert_ok(prepare_coming(write_turned(6, SIZE_MAX), p, &turned));
    assert_int_equal(turned.image.width, upright.image.height);
    assert_int_equal(turned.image.height, upright.image.width);
    oc__canvas_free(&upright);
    oc__canvas_free(&turned);
    oc__prepare_free(p);
}

static void a_torn_picture_is_told_once(void **state)
{
    (void)state;
    struct prepare_program *p;
    struct canvas canvas;
    const char *const path = write_turned(1, 2000);
    assert_ok(oc__prepare_parse(&p, "rgb; resize 24,24; scale"));
    assert_ok(oc__canvas_open(&canvas, path, how(p)));
    assert_non_null(canvas.coming);
    assert_int_equal(oc__prepare_pixels(p, true, &canvas), OC_EINPUT);
    error_says("truncated");
    expect_name_once(path);
    oc__canvas_free(&canvas);
    oc__prepare_free(p);
}

/* Rows and whole alike, down to where the file ends. */
static void a_lenient_reader_takes_what_is_there(void **state)
{
    (void)state;
    struct prepare_program *p;
    struct canvas whole = { .owned = false }, streamed, intact;
    assert_ok(oc__prepare_parse(&p, "rgb; resize 24,24"));
    assert_ok(prepare_coming(write_turned(1, SIZE_MAX), p, &intact));
    const char *const path = write_turned(1, 100000);
    const struct reading lenient = { p, true };
    assert_ok(oc__image_load(&whole.image, path, lenient));
    whole.owned = true;
    assert_ok(oc__prepare_pixels(p, true, &whole));
    assert_ok(oc__canvas_open(&streamed, path, lenient));
    assert_non_null(streamed.coming);
    assert_ok(oc__prepare_pixels(p, true, &streamed));
    expect_same(path, &whole, &streamed);
    assert_memory_equal(intact.image.pixel, streamed.image.pixel, 3 * 24 * 3);
    assert_memory_not_equal(intact.image.pixel, streamed.image.pixel, 3 * 24 * 24);
    oc__canvas_free(&intact);
    oc__canvas_free(&whole);
    oc__canvas_free(&streamed);
    oc__prepare_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preparing_while_decoding_gives_the_same),
        cmocka_unit_test(hostile_files_fail_alike),
        cmocka_unit_test(turned_pictures_stand_upright),
        cmocka_unit_test(a_torn_picture_is_told_once),
        cmocka_unit_test(a_lenient_reader_takes_what_is_there),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
