/* plot_test.c — pictures of a training: what is drawn is what was measured. */
#include "test.h"

#include <math.h>
#include "watch/plot_page.h"
#include "watch/plot_picture.h"
#include "watch/report_facts.h"

/* ---- pages ---------------------------------------------------------------------------------- */

enum { CLASSES = 3 };

/* One sample after the other, with the probability p of its true class; the rest goes to the next
 * class. */
static void note(struct page *page, int64_t i, int64_t label, float p)
{
    float y[CLASSES] = { 0 };
    y[label] = p;
    y[(label + 1) % CLASSES] = 1 - p;
    oc__page_note(page, &(oc_evaluated){ .first = i, .n = 1, .classes = CLASSES, .label = &label,
                                         .logits = y, .probability = y });
}

static void the_worst_mistakes_come_first(void **state)
{
    (void)state;
    struct page page;
    assert_ok(oc__page_open(&page, OC_PART_VAL, 100, CLASSES));
    for (int64_t i = 0; i < 100; i++)                   /* half are mistakes, one by far */
        note(&page, i, i % CLASSES, i == 37 ? 0.001f : i % 2 ? 0.9f : 0.2f + (float)i / 500);
    assert_int_equal(page.seen, 100);
    assert_int_equal(page.correct, 49);
    assert_int_equal(page.mistakes, PAGE_MISTAKES);
    assert_int_equal(page.mistake[0].index, 37);
    assert_true(fabs(oc__sighting_loss(&page.mistake[0]) + log(0.001)) < 1e-5);
    for (int i = 1; i < page.mistakes; i++) {
        assert_true(page.mistake[i].truth_probability >= page.mistake[i - 1].truth_probability);
        assert_int_equal(page.mistake[i].index, 2 * (i - 1));
        assert_int_equal(page.mistake[i].guess, (page.mistake[i].truth + 1) % CLASSES);
    }
    oc__page_close(&page);
}

static void samples_are_spread_over_the_part(void **state)
{
    (void)state;
    struct page page;
    assert_ok(oc__page_open(&page, OC_PART_VAL, 64, CLASSES));
    for (int turn = 0; turn < 2; turn++)                /* a second evaluation begins anew */
        for (int64_t i = 0; i < 64; i++)
            note(&page, i, 0, 1);
    assert_int_equal(page.seen, 64);
    assert_int_equal(page.samples, PAGE_SAMPLES);
    assert_int_equal(page.mistakes, 0);
    for (int i = 0; i < PAGE_SAMPLES; i++)
        assert_int_equal(page.sample[i].index, 2 * i);
    oc__page_close(&page);
}

static void classes_are_measured_from_the_counts(void **state)
{
    (void)state;
    struct page page;
    assert_ok(oc__page_open(&page, OC_PART_VAL, 4, CLASSES));
    note(&page, 0, 0, 1);
    note(&page, 1, 0, 0);
    note(&page, 2, 0, 1);
    note(&page, 3, 1, 1);
    const oc_class_metrics zero = oc__page_class(&page, 0), one = oc__page_class(&page, 1);
    assert_true(zero.count == 3 && zero.precision == 1 && fabs(zero.recall - 2.0 / 3) < 1e-12);
    assert_true(one.count == 1 && one.precision == 0.5 && one.recall == 1);
    assert_true(isnan(oc__page_class(&page, 2).recall));
    note(&page, 0, 0, NAN);                             /* a network that diverged */
    assert_true(isnan(oc__sighting_loss(&page.sample[0])));
    oc__page_close(&page);
}

/* ---- tracked parameters --------------------------------------------------------------------- */

static oc_model *make_model(const char *steps, oc_shape input)
{
    static const char *const names[] = { "dark", "light" };
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){ .architecture = steps, .input = input,
                                                    .classes = 2, .class_name = names }));
    return m;
}

static void rows_of_a_linear_layer_have_the_shape_of_the_input(void **state)
{
    (void)state;
    oc_model *const m = make_model("flatten; linear classes name=fc", OC_SHAPE(1, 2, 3));
    const oc_parameter p = oc_store_at(oc_model_store(m), 0);
    struct tracks t;
    struct exhibit *rows;
    int n;
    static const float value[12] = { 1, 0, -1, 0.5f, 0, 0, 0, 0, 0, 0, 0, 0 };
    memcpy(p.value, value, sizeof value);
    assert_ok(oc__tracks_read(&t, "fc.weight,5"));
    assert_ok(oc__tracks_check(&t, m));
    assert_ok(oc__track_rows(&t.track[0], m, &rows, &n));
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].image.width, 3);
    assert_int_equal(rows[0].image.height, 2);
    const uint8_t want[] = { 0xd5, 0x5e, 0, 255, 255, 255, 0, 0x72, 0xb2 };
    assert_memory_equal(rows[0].image.pixel, want, sizeof want);
    assert_string_equal(rows[0].caption[0].name, "0: dark");
    assert_string_equal(rows[0].caption[1].number, "-1 … 1");
    oc__track_free(rows, n);
    oc_model_free(m);
}

static void filters_are_tiles_or_in_colour(void **state)
{
    (void)state;
    oc_model *const m = make_model("conv 4 kernel=5 name=a; conv 2 kernel=3 name=b; flatten; "
                                   "linear classes", OC_SHAPE(3, 8, 8));
    struct tracks t;
    struct exhibit *rows;
    int n;
    assert_ok(oc__tracks_read(&t, "a.weight,3,b.weight"));
    assert_int_equal(t.n, 2);
    assert_ok(oc__track_rows(&t.track[0], m, &rows, &n));
    assert_int_equal(n, 3);
    assert_int_equal(rows[0].image.width, 5);
    oc__track_free(rows, n);
    assert_ok(oc__track_rows(&t.track[1], m, &rows, &n));
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].image.width, 3 + 1 + 3);   /* four channels, a line between them */
    oc__track_free(rows, n);
    oc_model_free(m);
}

static void a_parameter_that_is_none_is_refused(void **state)
{
    (void)state;
    oc_model *const m = make_model("flatten; linear classes name=fc", OC_SHAPE(1, 2, 3));
    struct tracks t;
    assert_ok(oc__tracks_read(&t, "fc.wieght,5"));
    assert_int_equal(oc__tracks_check(&t, m), OC_EUSAGE);
    error_says("did you mean fc.weight?");
    assert_int_equal(oc__tracks_read(&t, "5"), OC_EUSAGE);
    assert_int_equal(oc__tracks_read(&t, "a,1000"), OC_EUSAGE);
    oc_model_free(m);
}

/* ---- a whole training ----------------------------------------------------------------------- */

static const char *const drawn[] = { "accuracy", "confusion", "learning-rate", "loss", "mistakes",
                                     "samples", "test-confusion", "test-mistakes", "test-samples",
                                     "track-fc.weight" };

static const char *in_run(const char *run, const char *name)
{
    static char path[4][640];
    static int turn;
    char *const p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", run, name);
    return p;
}

static void train(const char *run, int64_t epochs, bool plots)
{
    oc_data *d;
    oc_model *m;
    oc_train_result r;
    oc_observer o[1];
    int n = 0;
    assert_ok(oc_data_open(&d, "synth:digits,train=200,test=40"));
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "linear", .input = OC_SHAPE(1, 28, 28), .classes = 10,
        .preparation = oc_data_preparation(d) }));
    if (plots)
        assert_ok(oc_watch(o, 1, &n, "plots track=fc.weight,10"));
    const oc_train_options t = { .model_name = "linear",
                                 .data_spec = "synth:digits,train=200,test=40",
                                 .epochs = epochs, .validation = 0.2, .threads = 1, .run = run };
    assert_ok(oc_train(m, d, &t, o, n, NULL, &r));
    if (plots)
        oc_watch_free(&o[0]);
    oc_train_result_free(&r);
    oc_model_free(m);
    oc_data_free(d);
}

static void load(const char *run, const char *name, struct str *out)
{
    char *text;
    size_t n;
    assert_ok(oc__file_load(in_run(run, name), 1 << 26, &text, &n));
    oc__str_clear(out);
    oc__str_add(out, text, n);
    oc__free(text);
}

static void assert_equal_files(const char *a, const char *b, const char *name)
{
    struct str first = { 0 }, second = { 0 };
    load(a, name, &first);
    load(b, name, &second);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.text, second.text, first.n);
    oc__str_free(&first);
    oc__str_free(&second);
}

static void a_training_is_drawn_and_drawn_alike_again(void **state)
{
    (void)state;
    char a[512], b[512];
    struct names names;
    snprintf(a, sizeof a, "%s", place("a"));
    snprintf(b, sizeof b, "%s", place("b"));
    train(a, 3, true);
    train(b, 3, true);
    assert_ok(oc__list_directory(in_run(a, "plots"), &names));
    assert_int_equal(names.n, 2 * COUNT(drawn));
    oc__names_free(&names);
    for (size_t i = 0; i < COUNT(drawn); i++) {
        char name[64];
        oc_image image;
        snprintf(name, sizeof name, "plots/%s.png", drawn[i]);
        assert_ok(oc_image_load(&image, in_run(a, name)));
        assert_true(image.width >= 800 && image.height >= 400);
        oc_image_free(&image);
        assert_equal_files(a, b, name);
        snprintf(name, sizeof name, "plots/%s.svg", drawn[i]);
        assert_equal_files(a, b, name);
    }
    remove_tree(a);
    remove_tree(b);
}

static void looking_on_changes_nothing(void **state)
{
    (void)state;
    char a[512], b[512];
    snprintf(a, sizeof a, "%s", place("c"));
    snprintf(b, sizeof b, "%s", place("d"));
    train(a, 2, true);
    train(b, 2, false);
    assert_equal_files(a, b, "metrics.csv");
    assert_equal_files(a, b, "model.safetensors");
    remove_tree(a);
    remove_tree(b);
}

/* The picture's words and the table of the run say the same. */
static void the_curve_of_the_loss_has_the_numbers_of_the_table(void **state)
{
    (void)state;
    char run[512], words[256];
    struct str svg = { 0 }, html = { 0 };
    struct course course = { 0 };
    snprintf(run, sizeof run, "%s", place("e"));
    train(run, 2, true);
    assert_ok(oc__course_read(&course, in_run(run, "metrics.csv")));
    assert_int_equal(course.n, 2);
    load(run, "plots/loss.svg", &svg);
    load(run, "report.html", &html);
    const int columns[] = { COURSE_TRAIN_LOSS, COURSE_VAL_LOSS };
    for (size_t i = 0; i < COUNT(columns); i++) {
        char first[32], second[32];
        oc__double_text(course.column[columns[i]][0], first);
        oc__double_text(course.column[columns[i]][1], second);
        snprintf(words, sizeof words, "%s: 1 %s, 2 %s", i ? "validation" : "training", first,
                 second);
        assert_non_null(strstr(svg.text, words));
        snprintf(words, sizeof words, "<td class=\"n\">%.4g</td>",
                 course.column[columns[i]][1]);
        assert_non_null(strstr(html.text, words));
    }
    oc__course_free(&course);
    oc__str_free(&svg);
    oc__str_free(&html);
    remove_tree(run);
}

/* ---- reading runs --------------------------------------------------------------------------- */

static void a_table_that_is_being_written_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    static const char head[]
        = "epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate\n";
    const char *const path = place("metrics.csv");
    struct course c = { 0 };
    char text[256];
    assert_ok(oc__course_read(&c, path));
    assert_int_equal(c.n, 0);
    oc__course_free(&c);
    snprintf(text, sizeof text, "%s1,0.5,0.75,,,0.1\n2,0.25,0.8,0.5,0.7,0.1\n3,0.", head);
    assert_ok(oc__write_file(path, text, strlen(text), WRITE_REPLACE));
    assert_ok(oc__course_read(&c, path));
    assert_int_equal(c.n, 2);
    assert_int_equal(c.best, 1);
    assert_true(isnan(c.column[COURSE_VAL_LOSS][0]) && c.column[COURSE_VAL_LOSS][1] == 0.5);
    oc__course_free(&c);
    snprintf(text, sizeof text, "%s1,0.5,x,,,0.1\n", head);
    assert_ok(oc__write_file(path, text, strlen(text), WRITE_REPLACE));
    assert_int_equal(oc__course_read(&c, path), OC_EINPUT);
    error_says("line 2: column 3");
    oc__course_free(&c);
}

/* The lowest loss comes an epoch before the highest accuracy; the last epoch has no loss. */
static void the_best_epoch_is_the_one_that_the_training_keeps(void **state)
{
    (void)state;
    static const char table[]
        = "epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate\n"
          "1,1,0.5,0.9,0.5,0.1\n2,1,0.5,0.4,0.6,0.1\n3,1,0.5,0.6,0.7,0.1\n4,1,0.5,,0.7,0.1\n";
    char words[128];
    assert_ok(oc__write_file(place("metrics.csv"), table, sizeof table - 1, WRITE_REPLACE));
    for (int by_loss = 0; by_loss < 2; by_loss++) {
        struct course c = { .by_loss = by_loss };
        assert_ok(oc__course_read(&c, place("metrics.csv")));
        assert_int_equal(c.best, by_loss ? 1 : 2);
        assert_true(oc__course_ringed(&c, CURVE_LOSS) && !oc__course_ringed(&c, CURVE_RATE));
        c.best = 3;                                     /* where a diverged loss cannot be drawn */
        assert_true(!oc__course_ringed(&c, CURVE_LOSS) && oc__course_ringed(&c, CURVE_ACCURACY));
        oc__courses_key(&c, 1, CURVE_LOSS, words, sizeof words);
        assert_string_equal(words, "validation, and dashed the training");
        oc__course_free(&c);
    }
}

static void the_key_of_many_runs_tells_what_is_drawn(void **state)
{
    (void)state;
    enum { RUNS = 7 };
    const oc_epoch epoch = { 1, 1, 0.5, 1, 0.5, 0.1, 1 };
    struct course course[RUNS] = { 0 };
    char words[128];
    for (int i = 0; i < RUNS; i++)
        assert_ok(oc__course_of_epochs(&course[i], &epoch, 1));
    oc__courses_key(course, 2, CURVE_LOSS, words, sizeof words);
    assert_string_equal(words, "validation, and dashed the training; rings are the best epochs");
    oc__courses_key(course, RUNS, CURVE_LOSS, words, sizeof words);
    assert_string_equal(words, "validation; rings are the best epochs");
    for (int i = 0; i < RUNS; i++) {
        course[i].column[COURSE_VAL_LOSS][0] = NAN;
        course[i].best = -1;
    }
    oc__courses_key(course, RUNS, CURVE_LOSS, words, sizeof words);
    assert_string_equal(words, "training");
    for (int i = 0; i < RUNS; i++)
        oc__course_free(&course[i]);
}

static void the_command_of_a_run_is_quoted_for_a_shell(void **state)
{
    (void)state;
    static const char json[] = "{\"status\": \"finished\", \"settings\": {\"model\": null, "
        "\"architecture\": \"conv 8; it's\", \"data\": \"images:a b\", \"epochs\": 3, "
        "\"average\": 0, \"watch_test\": false, \"validation\": 0.1, "
        "\"seed\": \"000000000000000a\", \"classes\": [\"x\", \"y\"]}}";
    struct facts f;
    struct str command = { 0 };
    assert_ok(oc__write_file(place("run.json"), json, sizeof json - 1, WRITE_REPLACE));
    assert_ok(oc__facts_read(&f, test_directory));
    assert_string_equal(oc__fact(&f, "classes"), "x, y");
    assert_null(oc__fact(&f, "model"));
    oc__facts_command(&f, &command);
    assert_string_equal(command.text, "ocellus train --model 'conv 8; it'\\''s' "
                                      "--data 'images:a b' --epochs 3 --val 0.1 --seed 10");
    oc__str_free(&command);
    oc__facts_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_mistakes_come_first),
        cmocka_unit_test(samples_are_spread_over_the_part),
        cmocka_unit_test(classes_are_measured_from_the_counts),
        cmocka_unit_test(rows_of_a_linear_layer_have_the_shape_of_the_input),
        cmocka_unit_test(filters_are_tiles_or_in_colour),
        cmocka_unit_test(a_parameter_that_is_none_is_refused),
        cmocka_unit_test(a_training_is_drawn_and_drawn_alike_again),
        cmocka_unit_test(looking_on_changes_nothing),
        cmocka_unit_test(the_curve_of_the_loss_has_the_numbers_of_the_table),
        cmocka_unit_test(a_table_that_is_being_written_is_read_as_far_as_it_goes),
        cmocka_unit_test(the_best_epoch_is_the_one_that_the_training_keeps),
        cmocka_unit_test(the_key_of_many_runs_tells_what_is_drawn),
        cmocka_unit_test(the_command_of_a_run_is_quoted_for_a_shell),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
