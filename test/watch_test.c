/* watch_test.c — what observers write, given a training that is only told. */
#include "test.h"

#include <math.h>

static const oc_train_info begun = {
    .device = "cpu", .reason = "cpu (as asked)", .threads = 2, .train = 90, .val = 10, .test = 20,
    .parameters = 12345, .trained = 12345, .steps = 9, .planned_bytes = 3 << 20, .run = "runs/a",
};

/* The observer of that name that writes to a path. */
static oc_observer watch(const char *name, const char *path)
{
    char step[1024];
    oc_observer o;
    int n = 0;
    snprintf(step, sizeof step, "%s \"%s\"", name, path);
    assert_ok(oc_watch(&o, 1, &n, step));
    assert_int_equal(n, 1);
    return o;
}

static void tell(const oc_observer *o, const oc_train_info *info, int64_t first, int64_t last)
{
    assert_ok(o->begin(o->context, info));
    for (int64_t e = first; e <= last; e++) {
        const oc_progress p = { .epoch = e, .epochs = 3, .step = 1, .steps = 9, .loss = 0.5,
                                .accuracy = 0.25 };
        const oc_epoch epoch = { e, 1.0 / (double)e, 0.5, e == 2 ? NAN : 0.25, e == 2 ? NAN : 0.875,
                                 0.1, 12.5 };
        if (o->step)
            assert_ok(o->step(o->context, &p));
        assert_ok(o->epoch(o->context, &epoch, NULL));
    }
}

static void assert_file_holds(const char *path, const char *text)
{
    char *found;
    size_t n;
    assert_ok(oc__file_load(path, 1 << 20, &found, &n));
    assert_string_equal(found, text);
    oc__free(found);
}

/* ---- csv ------------------------------------------------------------------------------------ */

#define HEADER "epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate\n"

static void a_table_has_a_header_and_rows_that_agree(void **state)
{
    (void)state;
    const char *const path = place("table.csv");
    oc_observer o = watch("csv", path);
    tell(&o, &begun, 1, 2);
    assert_file_holds(path, HEADER "1,1,0.5,0.25,0.875,0.1\n" "2,0.5,0.5,,,0.1\n");
    o.end(o.context, NULL);
    oc_watch_free(&o);
    assert_null(o.context);
}

static void a_table_of_a_resumed_training_repeats_no_epoch(void **state)
{
    (void)state;
    const char *const path = place("resumed.csv");
    static const char old[] = HEADER "1,7,7,7,7,7\n" "2,8,8,8,8,8\n" "3,9,9,9";
    oc_train_info resumed = begun;
    resumed.resumed_step = 9 + 4;                       /* within the second epoch */
    assert_ok(oc__write_file(path, old, sizeof old - 1, WRITE_NEW));
    oc_observer o = watch("csv", path);
    tell(&o, &resumed, 2, 2);
    assert_file_holds(path, HEADER "1,7,7,7,7,7\n" "2,0.5,0.5,,,0.1\n");
    o.end(o.context, NULL);
    oc_watch_free(&o);
}

static void a_table_that_cannot_be_written_stops_the_training(void **state)
{
    (void)state;
    oc_observer o = watch("csv", place("no/such/folder.csv"));
    assert_int_equal(o.begin(o.context, &begun), OC_EIO);
    error_says("no/such/folder.csv");
    o.end(o.context, NULL);
    oc_watch_free(&o);
}

/* ---- the list -------------------------------------------------------------------------------- */

static void observers_are_made_from_steps(void **state)
{
    (void)state;
    oc_observer list[2];
    int n = 0;
    assert_ok(oc_watch(list, 2, &n, "csv a.csv; csv file=\"b c.csv\""));
    assert_int_equal(n, 2);
    assert_int_equal(oc_watch(list, 2, &n, "csv"), OC_ELIMIT);
    assert_int_equal(n, 2);
    oc_watch_free(&list[0]);
    oc_watch_free(&list[1]);
    n = 0;
    assert_int_equal(oc_watch(list, 2, &n, "csv; cvs"), OC_EUSAGE);
    error_says("did you mean csv?");
    assert_int_equal(n, 0);
    assert_null(list[0].context);
}

/* ---- progress ------------------------------------------------------------------------------- */

static void progress_into_a_file_is_plain_lines(void **state)
{
    (void)state;
    const char *const path = place("progress.txt");
    const oc_train_result r = { .best_epoch = 1, .best_val_accuracy = 0.875, .test_loss = 0.5,
                                .test_accuracy = 0.75, .seconds = 30, .peak_rss_bytes = 64 << 20 };
    FILE *const to = fopen(path, "w");
    oc_observer o;
    assert_non_null(to);
    assert_ok(oc_watch_progress(&o, to));
    tell(&o, &begun, 1, 2);
    o.end(o.context, &r);
    oc_watch_free(&o);
    fclose(to);
    assert_file_holds(path,
        "device cpu (as asked), 2 threads\n"
        "data   90 to train, 10 to validate, 20 to test\n"
        "model  12345 parameters; 9 steps an epoch; 3.0 MiB planned\n"
        "run    runs/a\n"
        "epoch 1/3  loss 1.000000  accuracy 50.00 %  val loss 0.250000  accuracy 87.50 %  12.5 s\n"
        "epoch 2/3  loss 0.500000  accuracy 50.00 %  12.5 s\n"
        "best   epoch 1, accuracy 87.50 %\n"
        "test   loss 0.500000  accuracy 75.00 %\n"
        "took   30.0 s, at most 64 MiB\n");
}

static void test_data_that_is_watched_is_called_so(void **state)
{
    (void)state;
    const char *const path = place("watched.txt");
    oc_train_info info = begun;
    FILE *const to = fopen(path, "w");
    oc_observer o;
    info.val = 0;
    info.watch_test = true;
    assert_non_null(to);
    assert_ok(oc_watch_progress(&o, to));
    tell(&o, &info, 1, 1);
    oc_watch_free(&o);
    fclose(to);
    assert_file_holds(path,
        "device cpu (as asked), 2 threads\n"
        "data   90 to train, 20 to test, watched every epoch: the best is chosen on "
        "them\n"
        "model  12345 parameters; 9 steps an epoch; 3.0 MiB planned\n"
        "run    runs/a\n"
        "epoch 1/3  loss 1.000000  accuracy 50.00 %  test loss 0.250000  accuracy 87.50 %"
        "  12.5 s\n");
}

static void what_is_frozen_is_told(void **state)
{
    (void)state;
    const char *const path = place("frozen.txt");
    oc_train_info info = begun;
    FILE *const to = fopen(path, "w");
    oc_observer o;
    info.trained = 130;
    assert_non_null(to);
    assert_ok(oc_watch_progress(&o, to));
    assert_ok(o.begin(o.context, &info));
    oc_watch_free(&o);
    fclose(to);
    assert_file_holds(path,
        "device cpu (as asked), 2 threads\n"
        "data   90 to train, 10 to validate, 20 to test\n"
        "model  12345 parameters, 130 of them trained; 9 steps an epoch; 3.0 MiB planned\n"
        "run    runs/a\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_a_header_and_rows_that_agree),
        cmocka_unit_test(a_table_of_a_resumed_training_repeats_no_epoch),
        cmocka_unit_test(a_table_that_cannot_be_written_stops_the_training),
        cmocka_unit_test(observers_are_made_from_steps),
        cmocka_unit_test(progress_into_a_file_is_plain_lines),
        cmocka_unit_test(test_data_that_is_watched_is_called_so),
        cmocka_unit_test(what_is_frozen_is_told),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
