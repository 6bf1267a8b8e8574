/* image_test.c — decoding, encoding and resizing of images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <webp/encode.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "image/exif.h"
#include "image/image.h"
#include "image/prepare.h"

/* ---- help --------------------------------------------------------------------------------- */

static const char *data_path(const char *name)
{
    static char path[4096];
    const char *root = getenv("OC_DATA");
    snprintf(path, sizeof path, "%s/%s", root != NULL ? root : "../shared/data", name);
    return path;
}

static void need(const char *path)
{
    if (access(path, R_OK) == 0)
        return;
    printf("skipped: %s is absent\n", path);
    skip();
}

/* Calls `visit` for every file of a folder and returns how many there are. */
static size_t for_each(const char *folder, void (*visit)(const char *path, const char *name))
{
    struct names names;
    char         at[4096], path[4400];
    snprintf(at, sizeof at, "%s", data_path(folder));
    need(at);
    assert_int_equal(oc__list_directory(at, &names), OC_OK);
    for (size_t i = 0; i < names.n; i++) {
        snprintf(path, sizeof path, "%s/%s", at, names.name[i]);
        if (oc__is_file(path))
            visit(path, names.name[i]);
    }
    const size_t n = names.n;
    oc__names_free(&names);
    return n;
}

static bool ends_in(const char *text, const char *end)
{
    return strlen(text) > strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

/* A grey-to-colour ramp with noise; every pixel differs from its neighbours. */
static oc_image picture(int width, int height, int channels)
{
    oc_image image;
    assert_int_equal(oc__image_new(&image, "test", width, height, channels), OC_OK);
    for (size_t i = 0; i < oc__image_bytes(&image); i++)
        image.pixel[i] = (uint8_t)oc__bits(11, i);
    return image;
}

static void expect_same(const oc_image *a, const oc_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    assert_memory_equal(a->pixel, b->pixel, oc__image_bytes(a));
}

/* ---- PNG ---------------------------------------------------------------------------------- */

static void visit_pngsuite(const char *path, const char *name)
{
    oc_image image;
    if (!ends_in(name, ".png"))
        return;
    const oc_status status = oc_image_load(&image, path);
    if (name[0] == 'x') {
        assert_int_equal(status, OC_EINPUT);
        assert_non_null(strstr(oc_error(), path));
        assert_null(image.pixel);
        return;
    }
    if (status != OC_OK)
        fail_msg("%s", oc_error());
    assert_in_range(image.channels, 1, 4);
    oc_image_free(&image);
}

static void the_png_suite_decodes_and_its_broken_files_are_refused(void **state)
{
    (void)state;
    assert_true(for_each("images/pngsuite", visit_pngsuite) > 170);
}

static void expect_alike(const char *a_name, const char *b_name)
{
    oc_image a, b;
    char     path[4096];
    snprintf(path, sizeof path, "%s", data_path(a_name));
    need(path);
    assert_int_equal(oc_image_load(&a, path), OC_OK);
    assert_int_equal(oc_image_load(&b, data_path(b_name)), OC_OK);
    expect_same(&a, &b);
    oc_image_free(&a);
    oc_image_free(&b);
}

static void interlaced_files_hold_the_same_pixels_as_plain_ones(void **state)
{
    (void)state;
    static const char *const kinds[] = { "0g01", "0g02", "0g04", "0g08", "0g16",
                                         "2c08", "2c16", "3p01", "3p02", "3p04",
                                         "3p08", "4a08", "4a16", "6a08", "6a16" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char plain[64], interlaced[64];
        snprintf(plain, sizeof plain, "images/pngsuite/basn%s.png", kinds[i]);
        snprintf(interlaced, sizeof interlaced, "images/pngsuite/basi%s.png", kinds[i]);
        expect_alike(plain, interlaced);
    }
}

static void a_transparent_palette_becomes_an_alpha_channel(void **state)
{
    (void)state;
    oc_image image;
    need(data_path("images/pngsuite/tbbn3p08.png"));
    assert_int_equal(oc_image_load(&image, data_path("images/pngsuite/tbbn3p08.png")), OC_OK);
    assert_int_equal(image.channels, 4);
    assert_int_equal(image.pixel[3], 0);
    oc_image_free(&image);
    assert_int_equal(oc_image_load(&image, data_path("images/pngsuite/tbbn0g04.png")), OC_OK);
    assert_int_equal(image.channels, 2);
    oc_image_free(&image);
}

static void a_saved_image_loads_to_the_same_pixels(void **state)
{
    (void)state;
    char folder[] = "/tmp/ocellus-image-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/image.png", folder);
    for (int channels = 1; channels <= 4; channels++) {
        oc_image image = picture(31, 7, channels), back;
        assert_int_equal(oc_image_save(&image, path), OC_OK);
        assert_int_equal(oc_image_load(&back, path), OC_OK);
        expect_same(&image, &back);
        oc_image_free(&image);
        oc_image_free(&back);
    }
    unlink(path);
    rmdir(folder);
}

static void every_truncation_of_a_png_is_refused(void **state)
{
    (void)state;
    oc_image   image = picture(9, 5, 3);
    struct str png = { 0 };
    assert_int_equal(oc__png_encode(&image, &png), OC_OK);
    oc_image_free(&image);
    for (size_t n = 0; n < png.n; n++) {
        uint8_t *cut = oc__alloc(n, 1);                 /* its own block: a read past it shows */
        memcpy(cut, png.text, n);
        const struct encoded in = { .name = "cut.png", .bytes = cut, .n = n };
        assert_int_equal(oc__image_decode(&image, &in), OC_EINPUT);
        assert_non_null(strstr(oc_error(), "cut.png: offset "));
        oc__free(cut);
    }
    oc__str_free(&png);
}

static void every_flipped_bit_of_a_png_is_survived(void **state)
{
    (void)state;
    oc_image   image = picture(4, 3, 4);
    struct str png = { 0 };
    assert_int_equal(oc__png_encode(&image, &png), OC_OK);
    oc_image_free(&image);
    for (size_t bit = 0; bit < 8 * png.n; bit++) {
        png.text[bit / 8] ^= (char)(1 << bit % 8);
        const struct encoded flipped = { .name = "flip.png", .bytes = (uint8_t *)png.text,
                                         .n = png.n };
        if (oc__image_decode(&image, &flipped) != OC_OK)
            assert_null(image.pixel);
        oc_image_free(&image);
        png.text[bit / 8] ^= (char)(1 << bit % 8);
    }
    oc__str_free(&png);
}

/* ---- WebP --------------------------------------------------------------------------------- */

/* A lossless file of an image of 3 or 4 channels; to be freed with WebPFree(). */
static uint8_t *encode_webp(const oc_image *image, size_t *n)
{
    uint8_t *file = NULL;
    *n = (image->channels == 4 ? WebPEncodeLosslessRGBA : WebPEncodeLosslessRGB)(
        image->pixel, image->width, image->height, image->width * image->channels, &file);
    assert_true(*n > 0);
    return file;
}

static void a_webp_holds_the_same_pixels_with_and_without_alpha(void **state)
{
    (void)state;
    for (int channels = 3; channels <= 4; channels++) {
        size_t   n;
        oc_image image = picture(31, 17, channels), out;
        for (size_t i = 3; channels == 4 && i < oc__image_bytes(&image); i += 4)
            image.pixel[i] = (uint8_t)(1 + image.pixel[i] / 2);
        uint8_t *file = encode_webp(&image, &n);
        const struct encoded in = { .name = "a.webp", .bytes = file, .n = n };
        assert_int_equal(oc__image_decode(&out, &in),
                         OC_OK);
        expect_same(&image, &out);
        oc_image_free(&out);
        oc_image_free(&image);
        WebPFree(file);
    }
}

static void a_damaged_webp_is_refused_or_survived(void **state)
{
    (void)state;
    size_t   n;
    oc_image image = picture(40, 30, 3), out;
    uint8_t *file = encode_webp(&image, &n);
    for (size_t k = 0; k < n; k++) {
        uint8_t *cut = oc__alloc(k, 1);                 /* of its own, so that overruns show */
        memcpy(cut, file, k);
        const struct encoded in = { .name = "cut.webp", .bytes = cut, .n = k };
        assert_int_equal(oc__image_decode(&out, &in), OC_EINPUT);
        assert_null(out.pixel);
        oc__free(cut);
    }
    for (size_t bit = 0; bit < 8 * n; bit += 3) {
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        oc__image_decode(&out, &(struct encoded){ .name = "flip.webp", .bytes = file, .n = n });
        oc_image_free(&out);
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    oc_image_free(&image);
    WebPFree(file);
}

/* ---- JPEG --------------------------------------------------------------------------------- */

/* The largest and the mean difference of the pixels; a file that ends early is read leniently. */
static void compare(const char *jpeg, const char *png, int *most, double *mean)
{
    oc_image a, b;
    assert_int_equal(oc__image_load(&a, jpeg, (struct reading){ NULL, true }), OC_OK);
    assert_int_equal(oc_image_load(&b, png), OC_OK);
    assert_int_equal(a.width, b.width);
    assert_int_equal(a.height, b.height);
    *most = 0;
    *mean = 0;
    const size_t n = (size_t)a.width * (size_t)a.height;
    for (size_t i = 0; i < n * (size_t)a.channels; i++) {
        const size_t c = (size_t)a.channels, k = i % c;
        const size_t other = i / c * (size_t)b.channels + (b.channels < 3 ? 0 : k);
        const int    apart = abs(a.pixel[i] - b.pixel[other]);
        *most = apart > *most ? apart : *most;
        *mean += apart / (double)(n * c);
    }
    oc_image_free(&a);
    oc_image_free(&b);
}

static size_t compared;

static void visit_jpeg(const char *path, const char *name)
{
    char   png[4400];
    int    most;
    double mean;
    if (!ends_in(name, ".jpg"))
        return;
    snprintf(png, sizeof png, "%.*spng", (int)strlen(path) - 3, path);
    compare(path, png, &most, &mean);
    if (mean > 1.5)
        fail_msg("%s differs from %s by %g on average, %d at most", path, png, mean, most);
    compared++;
}

static void jpegs_decode_like_their_references(void **state)
{
    (void)state;
    compared = 0;
    for_each("images/jpeg", visit_jpeg);
    for_each("images/jpeg/mozilla", visit_jpeg);
    assert_true(compared > 30);
}

static void missing_scans_are_refused_by_name(void **state)
{
    (void)state;
    oc_image image;
    need(data_path("images/jpeg"));
    assert_int_equal(oc_image_load(&image, data_path("images/jpeg/partial_progressive.jpg")),
                     OC_EINPUT);
    assert_non_null(strstr(oc_error(), "premature end"));
}

/* The references were scaled in the DCT by another decoder, whose rounding differs. */
static void a_jpeg_is_decoded_smaller_where_that_is_enough(void **state)
{
    (void)state;
    static const struct { int wanted[2]; const char *like; } cases[] = {
        { { 501, 1 }, "rgb.png" }, { { 251, 10 }, "rgb.png" }, { { 250, 166 }, "rgb_250x167.png" },
        { { 125, 83 }, "rgb_125x84.png" }, { { 60, 41 }, "rgb_63x42.png" },
        { { 1, 1 }, "rgb_63x42.png" },
    };
    char    *data;
    size_t   n;
    oc_image image, like;
    need(data_path("images/jpeg"));
    assert_int_equal(oc__file_load(data_path("images/jpeg/rgb.jpg"), 1 << 24, &data, &n), OC_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double               apart = 0;
        char program[64];
        snprintf(program, sizeof program, "bgr; resize %d,%d", cases[i].wanted[1],
                 cases[i].wanted[0]);
        struct encoded          in = { .name = "rgb.jpg", .bytes = (const uint8_t *)data, .n = n };
        struct prepare_program *p;
        assert_int_equal(oc__prepare_parse(&p, program), OC_OK);
        in.prepare = p;
        assert_int_equal(oc__image_decode(&image, &in), OC_OK);
        oc__prepare_free(p);
        char name[64];
        snprintf(name, sizeof name, "images/jpeg/%s", cases[i].like);
        assert_int_equal(oc_image_load(&like, data_path(name)), OC_OK);
        assert_int_equal(image.width, like.width);
        assert_int_equal(image.height, like.height);
        for (size_t k = 0; k < oc__image_bytes(&image); k++)
            apart += abs(image.pixel[k] - like.pixel[k]) / (double)oc__image_bytes(&image);
        if (apart > 5)
            fail_msg("%s is %g away", name, apart);
        oc_image_free(&image);
        oc_image_free(&like);
    }
    oc__free(data);
}

static void a_truncated_jpeg_is_refused_and_a_flipped_bit_survived(void **state)
{
    (void)state;
    char    *bytes;
    size_t   n;
    oc_image image;
    need(data_path("images/jpeg/mozilla/jpg-size-8x8.jpg"));
    assert_int_equal(oc__file_load(data_path("images/jpeg/mozilla/jpg-size-8x8.jpg"), 1 << 20,
                                   &bytes, &n), OC_OK);
    for (size_t k = 0; k < n; k++) {
        uint8_t *cut = oc__alloc(k, 1);
        memcpy(cut, bytes, k);
        const struct encoded in = { .name = "cut.jpg", .bytes = cut, .n = k };
        assert_int_equal(oc__image_decode(&image, &in), OC_EINPUT);
        assert_non_null(strstr(oc_error(), "cut.jpg: offset "));
        oc__free(cut);
    }
    const struct encoded flipped = { .name = "flip.jpg", .bytes = (uint8_t *)bytes, .n = n };
    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        if (oc__image_decode(&image, &flipped) == OC_OK)
            oc_image_free(&image);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    oc__free(bytes);
}

static void more_than_a_hundred_scans_are_refused(void **state)
{
    (void)state;
    char       *bytes;
    size_t      n, scan = 0, end;
    oc_image    image;
    struct str  many = { 0 };
    const char *path = data_path("images/jpeg/mozilla/jpg-progressive.jpg");
    need(path);
    assert_int_equal(oc__file_load(path, 1 << 20, &bytes, &n), OC_OK);
    while (memcmp(bytes + scan, "\xFF\xDA", 2) != 0)
        scan++;
    for (end = scan + 2; bytes[end] != '\xFF' || bytes[end + 1] == 0; end++)
        ;
    oc__str_add(&many, bytes, end);                     /* up to the end of the first scan */
    for (int i = 0; i < 150; i++)
        oc__str_add(&many, bytes + scan, end - scan);
    oc__str_add(&many, bytes + end, n - end);
    const struct encoded in = { .name = "many.jpg", .bytes = (const uint8_t *)many.text,
                                .n = many.n };
    assert_int_equal(oc__image_decode(&image, &in), OC_EINPUT);
    if (strstr(oc_error(), "scan 101 exceeds limit 100") == NULL)
        fail_msg("%s", oc_error());
    oc__str_free(&many);
    oc__free(bytes);
}

/* ---- both --------------------------------------------------------------------------------- */

static void visit_hostile(const char *path, const char *name)
{
    (void)name;
    oc_image image;
    if (oc_image_load(&image, path) == OC_OK) {
        assert_non_null(image.pixel);
        oc_image_free(&image);
    } else {
        assert_null(image.pixel);
        assert_non_null(strstr(oc_error(), path));
    }
}

static void hostile_files_neither_crash_nor_hang(void **state)
{
    (void)state;
    assert_true(for_each("malformed/png", visit_hostile) > 100);
    assert_true(for_each("malformed/jpeg", visit_hostile) > 50);
}

static void what_is_not_an_image_is_named(void **state)
{
    (void)state;
    oc_image             image;
    const struct encoded gif = { .name = "a", .bytes = (const uint8_t *)"GIF89a..", .n = 8 };
    assert_int_equal(oc__image_decode(&image, &gif), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "a: offset 0: not a PNG, JPEG or WebP image"));
    assert_int_equal(oc_image_load(&image, "/nonexistent.png"), OC_EIO);
    assert_int_equal(oc_image_load(&image, "/tmp"), OC_EIO);
}

/* An IHDR of the given size with nothing behind it. */
static oc_status decode_header(uint32_t width, uint32_t height)
{
    oc_image    one = picture(1, 1, 1), image;
    struct str  png = { 0 };
    assert_int_equal(oc__png_encode(&one, &png), OC_OK);
    oc_image_free(&one);
    uint8_t *b = (uint8_t *)png.text;
    for (int i = 0; i < 4; i++) {
        b[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        b[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    uint32_t crc = 0xFFFFFFFF;
    for (int i = 12; i < 29; i++) {
        crc ^= b[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0xEDB88320 & -(crc & 1));
    }
    crc = ~crc;
    for (int i = 0; i < 4; i++)
        b[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    const struct encoded in = { .name = "big.png", .bytes = b, .n = png.n };
    const oc_status      status = oc__image_decode(&image, &in);
    oc__str_free(&png);
    return status;
}

static void too_large_an_image_is_a_limit(void **state)
{
    (void)state;
    assert_int_equal(decode_header(65501, 1), OC_ELIMIT);
    assert_int_equal(decode_header(1, 65501), OC_ELIMIT);
    assert_int_equal(decode_header(10001, 10000), OC_ELIMIT);
    assert_int_equal(decode_header(2000000000, 2000000000), OC_ELIMIT);
    assert_int_equal(decode_header(0, 1), OC_EINPUT);
    assert_int_equal(decode_header(2, 2), OC_EINPUT);
}

/* ---- orientation -------------------------------------------------------------------------- */

static void an_exif_block_tells_the_orientation(void **state)
{
    (void)state;
    uint8_t intel[] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    uint8_t motorola[] = "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0";
    assert_int_equal(oc__exif_orientation(intel, sizeof intel - 1), 6);
    assert_int_equal(oc__exif_orientation(motorola, sizeof motorola - 1), 8);
    assert_int_equal(oc__exif_orientation(intel, 20), -1);
    assert_int_equal(oc__exif_orientation((const uint8_t *)"http://ns.adobe.com/", 20), 0);
    for (uint8_t out_of_range = 9; out_of_range < 11; out_of_range++) {
        intel[24] = out_of_range;
        assert_int_equal(oc__exif_orientation(intel, sizeof intel - 1), -1);
    }
    intel[24] = 0;
    assert_int_equal(oc__exif_orientation(intel, sizeof intel - 1), -1);
    intel[18] = 4;                                      /* another type than a short number */
    assert_int_equal(oc__exif_orientation(intel, sizeof intel - 1), -1);
}

static void every_orientation_turns_the_image_upright(void **state)
{
    (void)state;
    /* The upright image is 0 1 2 / 3 4 5; `stored` is how a camera held otherwise keeps it. */
    static const struct { int width, height; uint8_t stored[6]; } turned[9] = {
        [1] = { 3, 2, { 0, 1, 2, 3, 4, 5 } }, [2] = { 3, 2, { 2, 1, 0, 5, 4, 3 } },
        [3] = { 3, 2, { 5, 4, 3, 2, 1, 0 } }, [4] = { 3, 2, { 3, 4, 5, 0, 1, 2 } },
        [5] = { 2, 3, { 0, 3, 1, 4, 2, 5 } }, [6] = { 2, 3, { 2, 5, 1, 4, 0, 3 } },
        [7] = { 2, 3, { 5, 2, 4, 1, 3, 0 } }, [8] = { 2, 3, { 3, 0, 4, 1, 5, 2 } },
    };
    for (int i = 1; i <= 8; i++) {
        oc_image image;
        assert_int_equal(oc__image_new(&image, "t", turned[i].width, turned[i].height, 1), OC_OK);
        memcpy(image.pixel, turned[i].stored, 6);
        assert_int_equal(oc__image_orient(&image, i), OC_OK);
        assert_int_equal(image.width, 3);
        assert_memory_equal(image.pixel, ((uint8_t[]){ 0, 1, 2, 3, 4, 5 }), 6);
        oc_image_free(&image);
    }
}

/* ---- resizing ----------------------------------------------------------------------------- */

static double mean_of(const oc_image *image)
{
    double sum = 0;
    for (size_t i = 0; i < oc__image_bytes(image); i++)
        sum += image->pixel[i];
    return sum / (double)oc__image_bytes(image);
}

static void resizing_keeps_a_constant(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 1, 1 }, { 3, 50 }, { 17, 23 }, { 200, 5 } };
    oc_image image = picture(17, 23, 3), out;
    memset(image.pixel, 201, oc__image_bytes(&image));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(oc__image_resize(&out, &image, sizes[i][0], sizes[i][1], i % 4), OC_OK);
        for (size_t k = 0; k < oc__image_bytes(&out); k++)
            assert_int_equal(out.pixel[k], 201);
        oc_image_free(&out);
    }
    oc_image_free(&image);
}

static void shrinking_keeps_the_mean(void **state)
{
    (void)state;
    oc_image image = picture(320, 240, 1), out;
    assert_int_equal(oc__image_resize(&out, &image, 20, 15, FILTER_BILINEAR), OC_OK);
    assert_true(mean_of(&out) - mean_of(&image) < 1 && mean_of(&image) - mean_of(&out) < 1);
    double spread = 0;
    for (size_t i = 0; i < oc__image_bytes(&out); i++)
        spread += (out.pixel[i] - 127.5) * (out.pixel[i] - 127.5) / (double)oc__image_bytes(&out);
    assert_true(spread < 100);                          /* the noise of 5461 is averaged away */
    oc_image_free(&out);
    oc_image_free(&image);
}

static void the_same_size_is_the_same_image(void **state)
{
    (void)state;
    oc_image image = picture(13, 8, 4), out;
    assert_int_equal(oc__image_resize(&out, &image, 13, 8, FILTER_BILINEAR), OC_OK);
    expect_same(&image, &out);
    oc_image_free(&out);
    oc_image_free(&image);
}

/* The values are those of Pillow 9.4, Image.resize((3, 1), filter) and (8, 1). */
static void resizing_agrees_with_an_established_library(void **state)
{
    (void)state;
    static const struct { enum filter filter; uint8_t three[3], eight[8]; } known[] = {
        { FILTER_NEAREST, { 0, 10, 200 }, { 0, 0, 255, 10, 10, 100, 200, 200 } },
        { FILTER_BILINEAR, { 109, 84, 157 }, { 0, 112, 240, 87, 38, 94, 156, 200 } },
        { FILTER_BICUBIC, { 111, 86, 154 }, { 0, 113, 253, 79, 13, 93, 165, 207 } },
        { FILTER_LANCZOS, { 115, 90, 146 }, { 0, 121, 255, 91, 0, 88, 175, 207 } },
    };
    oc_image image, out;
    assert_int_equal(oc__image_new(&image, "test", 5, 1, 1), OC_OK);
    memcpy(image.pixel, ((uint8_t[]){ 0, 255, 10, 100, 200 }), 5);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(oc__image_resize(&out, &image, 3, 1, known[i].filter), OC_OK);
        assert_memory_equal(out.pixel, known[i].three, 3);
        oc_image_free(&out);
        assert_int_equal(oc__image_resize(&out, &image, 8, 1, known[i].filter), OC_OK);
        assert_memory_equal(out.pixel, known[i].eight, 8);
        oc_image_free(&out);
    }
    oc_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_png_suite_decodes_and_its_broken_files_are_refused),
        cmocka_unit_test(interlaced_files_hold_the_same_pixels_as_plain_ones),
        cmocka_unit_test(a_transparent_palette_becomes_an_alpha_channel),
        cmocka_unit_test(a_saved_image_loads_to_the_same_pixels),
        cmocka_unit_test(every_truncation_of_a_png_is_refused),
        cmocka_unit_test(every_flipped_bit_of_a_png_is_survived),
        cmocka_unit_test(a_webp_holds_the_same_pixels_with_and_without_alpha),
        cmocka_unit_test(a_damaged_webp_is_refused_or_survived),
        cmocka_unit_test(jpegs_decode_like_their_references),
        cmocka_unit_test(missing_scans_are_refused_by_name),
        cmocka_unit_test(a_jpeg_is_decoded_smaller_where_that_is_enough),
        cmocka_unit_test(a_truncated_jpeg_is_refused_and_a_flipped_bit_survived),
        cmocka_unit_test(more_than_a_hundred_scans_are_refused),
        cmocka_unit_test(hostile_files_neither_crash_nor_hang),
        cmocka_unit_test(what_is_not_an_image_is_named),
        cmocka_unit_test(too_large_an_image_is_a_limit),
        cmocka_unit_test(an_exif_block_tells_the_orientation),
        cmocka_unit_test(every_orientation_turns_the_image_upright),
        cmocka_unit_test(resizing_keeps_a_constant),
        cmocka_unit_test(shrinking_keeps_the_mean),
        cmocka_unit_test(the_same_size_is_the_same_image),
        cmocka_unit_test(resizing_agrees_with_an_established_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
