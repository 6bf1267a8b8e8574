/* chart_test.c — charts, as files that are read back: their size, their ink, their words. */
#include "test.h"

#include <math.h>
#include <string.h>
#include "image/draw.h"
#include "watch/chart.h"

/* ---- axes ----------------------------------------------------------------------------------- */

static void assert_ticks(struct range data, enum axis_kind kind, const char *want)
{
    struct axis a;
    char found[256] = "";
    oc__axis_make(&a, data, kind, 5);
    for (int i = 0; i < a.n; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i ? " " : "",
                 a.label[i]);
    assert_string_equal(found, want);
}

static void ticks_are_round_numbers(void **state)
{
    (void)state;
    assert_ticks((struct range){ 0.03, 0.97 }, AXIS_LINEAR, "0 0.2 0.4 0.6 0.8 1");
    assert_ticks((struct range){ 12, 4711 }, AXIS_LINEAR, "0 1000 2000 3000 4000 5000");
    assert_ticks((struct range){ 91.5, 99.1 }, AXIS_PERCENT, "90 92 94 96 98 100");
    assert_ticks((struct range){ 1, 3 }, AXIS_WHOLE, "1 2 3");
    assert_ticks((struct range){ 1, 100 }, AXIS_WHOLE, "20 40 60 80 100");
    assert_ticks((struct range){ 0.5, 1 }, AXIS_WIDE, "0.5 0.6 0.7 0.8 0.9 1");
    assert_ticks((struct range){ 0.01, 2 }, AXIS_WIDE, "0.01 0.02 0.05 0.1 0.2 0.5 1 2");
    assert_ticks((struct range){ 1e-8, 1 }, AXIS_WIDE, "1e-8 1e-6 0.0001 0.01 1");
}

static void an_axis_holds_a_single_value_and_none(void **state)
{
    (void)state;
    assert_ticks((struct range){ 7, 7 }, AXIS_WHOLE, "7");
    assert_ticks((struct range){ 100, 100 }, AXIS_PERCENT, "95 96 97 98 99 100");
    assert_ticks((struct range){ 0.01, 0.01 }, AXIS_LINEAR, "0 0.005 0.01 0.015");
    assert_ticks((struct range){ -2, -2 }, AXIS_WIDE, "-2.5 -2 -1.5 -1 -0.5 0");
    assert_ticks((struct range){ 0, 0 }, AXIS_WIDE, "-1 -0.5 0 0.5 1");
    assert_ticks((struct range){ 1, -1 }, AXIS_LINEAR, "0 0.2 0.4 0.6 0.8 1");
    struct axis a;
    oc__axis_make(&a, (struct range){ 0.01, 1 }, AXIS_WIDE, 5);
    assert_true(isnan(oc__axis_place(&a, 0)) && isnan(oc__axis_place(&a, NAN)));
    assert_true(fabs(oc__axis_place(&a, 0.1) - 0.5) < 1e-12);
}

/* ---- lines ---------------------------------------------------------------------------------- */

static const double epochs[] = { 1, 2, 3, 4 }, falling[] = { 4, 3, 2, 1 },
                    broken[] = { 1, NAN, 3, NAN };
static const struct series series[] = {
    { "training", CHART_VERMILION, false, 4, -1, epochs, falling },
    { "a < b & c", CHART_BLUE, false, 4, 2, epochs, broken },
};
static const struct chart chart = { "Loss", "under", "epoch", "loss (nats)", AXIS_LINEAR,
                                    series, 2, { 0, 0 } };

static bool has_colour(const oc_image *image, int x, int y, colour want, int radius)
{
    for (int v = y - radius; v <= y + radius; v++)
        for (int u = x - radius; u <= x + radius; u++) {
            const uint8_t *const p = image->pixel + 3 * (v * image->width + u);
            if ((colour)(p[0] << 16 | p[1] << 8 | p[2]) == want)
                return true;
        }
    return false;
}

/* The box of a colour's pixels in rows of more than ten: the edges of text have none such. */
static void ink_box(const oc_image *image, colour want, int box[4])
{
    box[0] = box[1] = INT32_MAX;
    box[2] = box[3] = -1;
    for (int y = 0; y < image->height; y++)
        for (int x = 0, run = 0; x < image->width; x++) {
            run = has_colour(image, x, y, want, 0) ? run + 1 : 0;
            if (run <= 10)
                continue;
            box[0] = x - 10 < box[0] ? x - 10 : box[0];
            box[1] = y < box[1] ? y : box[1];
            box[2] = x > box[2] ? x : box[2];
            box[3] = y > box[3] ? y : box[3];
        }
}

static void curves_lie_where_their_values_are(void **state)
{
    (void)state;
    struct str words = { 0 };
    const char *const path = place("loss.png");
    const struct figure f = oc__chart_figure(&chart, &words);
    oc_image image;
    assert_ok(oc__figure_save(&f, path, WRITE_REPLACE));
    assert_ok(oc_image_load(&image, path));
    assert_int_equal(image.width, 1440);
    assert_int_equal(image.height, 840);
    assert_int_equal(image.channels, 3);
    /* The grid tells where the plane is: it has the ticks 2 to 4 of an axis from 1 to 4. */
    int grid[4];
    ink_box(&image, CHART_GRID, grid);
    const int width = grid[2] - grid[0], height = (grid[3] - grid[1]) * 3 / 2;
    assert_true(width > 900 && height > 500);
    for (int i = 0; i < 4; i++) {
        const int x = grid[0] + width * i / 3;
        assert_true(has_colour(&image, x, grid[1] + height * i / 3, CHART_VERMILION, 4));
        const bool there = !isnan(broken[i]);
        const int y = grid[1] + (int)(height * (4 - (there ? broken[i] : 1.5)) / 3);
        assert_int_equal(has_colour(&image, x, y, CHART_BLUE, 4), there);
    }
    oc_image_free(&image);
    oc__str_free(&words);
}

/* Two pixels a point. */
static void draw(const struct chart *c, oc_image *image)
{
    struct str words = { 0 };
    const char *const path = place("chart.png");
    const struct figure f = oc__chart_figure(c, &words);
    assert_ok(oc__figure_save(&f, path, WRITE_REPLACE));
    assert_ok(oc_image_load(image, path));
    oc__str_free(&words);
}

static void the_title_of_the_y_axis_stands_left_of_its_labels(void **state)
{
    (void)state;
    const double small[] = { 0, 1, 2, 3 }, long_labels[] = { 0, 4e-5, 8e-5, 0.000125 };
    const struct series one = { "a", CHART_BLUE, false, 4, -1, epochs, small };
    const struct series other = { "b", CHART_BLUE, false, 4, -1, epochs, long_labels };
    struct chart a = { "A", NULL, "epoch", "y", AXIS_LINEAR, &one, 1, { 0, 0 } };
    struct chart b = { "B", NULL, "epoch", "y", AXIS_LINEAR, &other, 1, { 0, 0 } };
    const struct margins narrow = oc__chart_margins(&a), wide = oc__chart_margins(&b);
    oc_image image;
    int box[4];
    assert_true(wide.left > narrow.left && wide.right > narrow.right);
    a.least = wide;                                     /* then planes lie below each other */
    for (int i = 0; i < 2; i++) {
        draw(i ? &b : &a, &image);
        ink_box(&image, CHART_GRID, box);
        assert_true(abs(box[0] - (int)lround(2 * wide.left)) <= 1);
        assert_true(abs(box[2] - (int)lround(image.width - 2 * wide.right)) <= 1);
        for (int y = box[1]; y < box[3]; y++)           /* nothing between title and labels */
            assert_true(has_colour(&image, 46, y, COLOUR_WHITE, 0));
        oc_image_free(&image);
    }
}

static void a_line_that_ends_early_is_led_to_its_name(void **state)
{
    (void)state;
    static const double level[] = { 1, 1, NAN, NAN };
    const struct series lines[] = { { "long", CHART_VERMILION, false, 4, -1, epochs, falling },
                                    { "short", CHART_BLUE, false, 4, -1, epochs, level } };
    const struct chart c = { "Loss", NULL, "epoch", "y", AXIS_LINEAR, lines, 2, { 0, 0 } };
    const struct margins m = oc__chart_margins(&c);
    oc_image image;
    int box[4], found = 0;
    draw(&c, &image);
    ink_box(&image, CHART_GRID, box);
    const int from = box[0] + (box[2] - box[0]) / 2, right = image.width - (int)(2 * m.right);
    const int bottom = box[1] + (box[3] - box[1]) * 3 / 2;
    for (int x = from; x < right - 20; x++)
        for (int y = bottom - 4; y < bottom + 4; y++) {
            const uint8_t *const p = image.pixel + 3 * (y * image.width + x);
            found += p[2] > p[0] + 40;                  /* bluish */
        }
    assert_true(found > 100);
    oc_image_free(&image);
}

static void equal_pictures_are_equal_bytes(void **state)
{
    (void)state;
    struct str words = { 0 }, once = { 0 }, again = { 0 };
    oc_image image = { 2, 2, 1, (uint8_t[]){ 0, 64, 128, 255 } };
    struct exhibit exhibits[3] = { { .image = image, .caption[0] = { "one", "1" } },
                                   { .image = image, .mood = CAPTION_GOOD },
                                   { .image = image, .mood = CAPTION_BAD } };
    const struct gallery g = { "Samples", NULL, exhibits, 3, 2, 40 };
    const struct figure figures[] = { oc__chart_figure(&chart, &words),
                                      oc__gallery_figure(&g, &words) };
    for (int i = 0; i < 2; i++) {
        assert_ok(oc__figure_svg(&figures[i], &once));
        assert_ok(oc__figure_png(&figures[i], &once));
        assert_ok(oc__figure_svg(&figures[i], &again));
        assert_ok(oc__figure_png(&figures[i], &again));
        assert_int_equal(once.n, again.n);
        assert_memory_equal(once.text, again.text, once.n);
    }
    oc__str_free(&words);
    oc__str_free(&once);
    oc__str_free(&again);
}

/* Where there is no room the name is cut, as short as that may be, and what it was cut to never
 * passes the image above it: a neighbour's caption begins beyond the gap. */
static void a_caption_keeps_its_number_and_its_width(void **state)
{
    (void)state;
    struct str words = { 0 };
    oc_image image = { 1, 1, 1, (uint8_t[]){ 255 } }, drawn[2];
    struct exhibit e = { .image = image, .caption[0] = { "a name that is far too long", " 97 %" } };
    const struct gallery g = { NULL, NULL, &e, 1, 1, 72 };
    for (int i = 0; i < 2; i++) {
        const struct figure f = oc__gallery_figure(&g, &words);
        assert_ok(oc__figure_save(&f, place("caption.png"), WRITE_REPLACE));
        assert_ok(oc_image_load(&drawn[i], place("caption.png")));
        memcpy(e.caption[0].number, " 37 %", sizeof " 37 %");
    }
    assert_non_null(strstr(words.text, "far too long 37 %"));
    const int right = 2 * (18 + 72);
    int differ = 0;
    for (int y = 0; y < drawn[0].height; y++)
        for (int x = 0; x < drawn[0].width; x++) {
            const size_t at = 3 * ((size_t)y * (size_t)drawn[0].width + (size_t)x);
            differ += memcmp(drawn[0].pixel + at, drawn[1].pixel + at, 3) != 0;
            assert_true(x <= right || drawn[0].pixel[at] == 255);
        }
    assert_true(differ > 10);
    oc_image_free(&drawn[0]);
    oc_image_free(&drawn[1]);
    oc__str_free(&words);
}

static void an_svg_file_carries_its_numbers(void **state)
{
    (void)state;
    struct str words = { 0 }, svg = { 0 };
    const struct figure f = oc__chart_figure(&chart, &words);
    assert_ok(oc__figure_svg(&f, &svg));
    assert_non_null(strstr(svg.text, "<title>Loss</title>"));
    assert_non_null(strstr(svg.text, "training: 1 4, 2 3, 3 2, 4 1; a &lt; b &amp; c: 1 1, 2 -, "
                                     "3 3, 4 -</desc>"));
    oc__str_free(&words);
    oc__str_free(&svg);
}

static void a_picture_has_an_ending_that_says_its_format(void **state)
{
    (void)state;
    struct str words = { 0 };
    const struct figure f = oc__chart_figure(&chart, &words);
    assert_int_equal(oc__figure_save(&f, "loss.gif", WRITE_REPLACE), OC_EUSAGE);
    error_says("ends in .png or .svg");
    oc__str_free(&words);
}

/* ---- the terminal --------------------------------------------------------------------------- */

static void a_chart_is_written_with_braille(void **state)
{
    (void)state;
    struct str text = { 0 };
    const struct series line = { "training", CHART_BLUE, false, 4, -1, epochs, falling };
    const struct chart c = { "Loss", NULL, "epoch", "nats", AXIS_LINEAR, &line, 1, { 0, 0 } };
    oc__chart_text(&c, 24, 8, false, &text);
    assert_string_equal(text.text,
        "          Loss by epoch\n"
        "       4 ┤⠑⠢⢄          \n"
        "       3 ┤   ⠉⠢⢄⡀      \n"
        "       2 ┤      ⠈⠑⠢⣀   \n"
        "       1 ┤          ⠉⠢⢄\n"
        "         └┬───┬───┬───┬\n"
        "          1   2   3   4\n"
        "          ━━ training 1\n");
    oc__str_free(&text);
}

/* ---- a matrix ------------------------------------------------------------------------------- */

static void a_confusion_is_blue_where_right_and_orange_where_wrong(void **state)
{
    (void)state;
    struct str words = { 0 };
    const char *const path = place("confusion.png");
    const struct confusion_chart c = { "Confusion", NULL, 2, (const char *[]){ "ant", "bee" },
                                       (int64_t[]){ 9, 0, 5, 0 } };
    const struct figure f = oc__confusion_figure(&c, &words);
    oc_image image;
    int blue[4], orange[4];
    assert_string_equal(f.description, "ant: 9 0; bee: 5 0");
    assert_ok(oc__figure_save(&f, path, WRITE_REPLACE));
    assert_ok(oc_image_load(&image, path));
    ink_box(&image, CHART_BLUE, blue);
    ink_box(&image, CHART_VERMILION, orange);
    assert_int_equal(blue[2] - blue[0], orange[2] - orange[0]);
    assert_int_equal(blue[0], orange[0]);               /* both were called ants */
    assert_true(orange[1] > blue[3]);                   /* a row further down */
    oc_image_free(&image);
    oc__str_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round_numbers),
        cmocka_unit_test(an_axis_holds_a_single_value_and_none),
        cmocka_unit_test(curves_lie_where_their_values_are),
        cmocka_unit_test(the_title_of_the_y_axis_stands_left_of_its_labels),
        cmocka_unit_test(a_line_that_ends_early_is_led_to_its_name),
        cmocka_unit_test(equal_pictures_are_equal_bytes),
        cmocka_unit_test(a_caption_keeps_its_number_and_its_width),
        cmocka_unit_test(an_svg_file_carries_its_numbers),
        cmocka_unit_test(a_picture_has_an_ending_that_says_its_format),
        cmocka_unit_test(a_chart_is_written_with_braille),
        cmocka_unit_test(a_confusion_is_blue_where_right_and_orange_where_wrong),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
