/* classes_test.c — the classes of a model and those of data meet by their names. */
#include "test.h"

#include <sys/stat.h>

#include "data/dataset.h"
#include "nn/model.h"
#include "param/store.h"

/* ---- pictures ------------------------------------------------------------------------------ */

/* Folders of pictures, each class of one grey value: DIR/NAME/0.png … */
static void put(const char *set, const char *class, int value, int n)
{
    char path[600];
    uint8_t pixel[8 * 8 * 3];
    memset(pixel, value, sizeof pixel);
    snprintf(path, sizeof path, "%s/%s", test_directory, set);
    (void)mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", test_directory, set, class);
    (void)mkdir(path, 0777);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s/%s/%d.png", test_directory, set, class, i);
        assert_ok(oc_image_save(&(oc_image){ 8, 8, 3, pixel }, path));
    }
}

static oc_data *open_set(const char *set)
{
    char spec[700];
    oc_data *d;
    snprintf(spec, sizeof spec, "images:%s/%s,split=1,0,0", test_directory, set);
    assert_ok(oc_data_open(&d, spec));
    return d;
}

static oc_model *make(int classes, const char *const *name)
{
    oc_model *m;
    assert_ok(oc_model_new(&m, &(oc_model_options){
        .architecture = "flatten; linear 5 name=fc1; relu; linear classes name=fc2",
        .input = OC_SHAPE(3, 8, 8), .preparation = "rgb; resize 8,8; scale", .classes = classes,
        .class_name = name, .seed = 1 }));
    return m;
}

static const char *const animals[] = { "ant", "bee", "cat" };

static int make_sets(void **state)
{
    if (make_place(state) != 0)
        return -1;
    put("same", "ant", 10, 4), put("same", "bee", 100, 4), put("same", "cat", 250, 4);
    put("few", "bee", 100, 3), put("few", "cat", 250, 2);
    put("other", "ant", 10, 2), put("other", "zebra", 250, 2);
    put("numbers", "0", 10, 2), put("numbers", "1", 250, 2);
    return 0;
}

static int remove_sets(void **state)
{
    (void)state;
    remove_tree(test_directory);
    return 0;
}

/* ---- matching ------------------------------------------------------------------------------ */

static void labels_follow_the_names(void **state)
{
    (void)state;
    oc_model *const m = make(3, animals);
    oc_data *const d = open_set("few");
    oc_metrics metrics;
    assert_int_equal(oc_evaluate(m, d, OC_PART_TRAIN, NULL, &metrics), OC_EUSAGE);
    error_says("oc_model_match");
    assert_ok(oc_model_match(m, d));
    assert_int_equal(oc_data_classes(d), 3);
    assert_string_equal(oc_data_class_name(d, 0), "ant");
    for (int64_t i = 0; i < 5; i++) {
        const int64_t label = oc_data_label(d, OC_PART_TRAIN, i);
        assert_non_null(strstr(oc_data_name(d, OC_PART_TRAIN, i), animals[label]));
    }
    assert_ok(oc_model_match(m, d));                    /* again changes nothing */
    assert_ok(oc_evaluate(m, d, OC_PART_TRAIN, NULL, &metrics));
    assert_int_equal(metrics.per_class[0].count, 0);
    assert_int_equal(metrics.per_class[1].count, 3);
    assert_int_equal(metrics.per_class[2].count, 2);
    oc_metrics_free(&metrics);
    oc_data_free(d);
    oc_model_free(m);
}

static void unknown_classes_are_refused(void **state)
{
    (void)state;
    static const char *const two[] = { "x", "y" };
    oc_model *const m = make(3, animals), *const small = make(2, two);
    oc_data *const d = open_set("other"), *const more = open_set("same");
    assert_int_equal(oc_model_match(m, d), OC_EUSAGE);
    error_says("class 'zebra' of the data is none of the model's (ant, bee …)");
    assert_int_equal(oc_model_match(small, more), OC_EUSAGE);
    error_says("the data has 3 classes, the model knows 2");
    assert_int_equal(oc_data_classes(d), 2);
    oc_data_free(more);
    oc_data_free(d);
    oc_model_free(small);
    oc_model_free(m);
}

static void classes_without_names_follow_in_order(void **state)
{
    (void)state;
    oc_model *const named = make(3, animals), *const numbered = make(3, NULL);
    oc_data *const names = open_set("other"), *const numbers = open_set("numbers");
    assert_ok(oc_model_match(numbered, names));
    assert_ok(oc_model_match(named, numbers));
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(oc_data_label(names, OC_PART_TRAIN, i), i / 2);
        assert_int_equal(oc_data_label(numbers, OC_PART_TRAIN, i), i / 2);
    }
    oc_data_free(numbers);
    oc_data_free(names);
    oc_model_free(numbered);
    oc_model_free(named);
}

static void a_training_matches_and_resumes(void **state)
{
    (void)state;
    char run[600];
    snprintf(run, sizeof run, "%s/run", test_directory);
    oc_model *const m = make(3, animals);
    oc_data *d = open_set("few");
    const uint64_t hash = oc_data_hash(d);
    bool stop = true;                                   /* after the first step */
    oc_train_result result;
    assert_int_equal(oc_train(m, d, &(oc_train_options){ .epochs = 1, .batch = 2, .run = run },
                              NULL, 0, &stop, &result), OC_EINTERRUPTED);
    oc_train_result_free(&result);
    oc_data_free(d);
    d = open_set("few");
    assert_true(oc_data_hash(d) == hash);
    oc_training *t;
    assert_ok(oc_training_resume(&t, run, d, NULL, NULL, 0, NULL));
    assert_int_equal(oc_data_classes(d), 3);
    assert_ok(oc_training_end(t, OC_OK, &result));
    oc_train_result_free(&result);
    oc_data_free(d);
    oc_model_free(m);
}

/* ---- heads --------------------------------------------------------------------------------- */

static const float *values(const oc_model *m, const char *name)
{
    for (int i = 0; i < oc_store_count(oc_model_store(m)); i++) {
        const oc_parameter p = oc_store_at(oc_model_store(m), i);
        if (strcmp(p.name, name) == 0)
            return p.value;
    }
    fail_msg("no parameter %s", name);
    return NULL;
}

static void other_classes_get_a_head_of_their_own(void **state)
{
    (void)state;
    oc_model *const m = make(3, animals), *again;
    assert_ok(oc_model_save(m, place("animals.safetensors"), true));
    static const struct { const char *set; int classes; bool new_head; } cases[] = {
        { "same", 3, false }, { "few", 3, false }, { "other", 2, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        oc_data *const d = open_set(cases[i].set);
        assert_ok(oc_model_load(&again, place("animals.safetensors"),
                                &(oc_model_options){ .data = d, .seed = 9 }));
        assert_int_equal(oc_model_classes(again), cases[i].classes);
        assert_memory_equal(values(m, "fc1.weight"), values(again, "fc1.weight"),
                            5 * 192 * sizeof(float));
        const bool kept = !memcmp(values(m, "fc2.weight"), values(again, "fc2.weight"),
                                  10 * sizeof(float));
        assert_int_equal(kept, !cases[i].new_head);
        assert_ok(oc_model_match(again, d));
        oc_model_free(again);
        oc_data_free(d);
    }
    oc_model_free(m);
}

static void a_run_folder_gives_its_weights(void **state)
{
    (void)state;
    oc_model *const m = make(3, animals), *const other = make(3, animals);
    char folder[600];
    snprintf(folder, sizeof folder, "%s/kept", test_directory);
    assert_int_equal(mkdir(folder, 0777), 0);
    for (int i = 0; i < 15; i++)
        oc_store_at(oc_model_store(m), 2).value[i] = (float)i;
    assert_ok(oc_model_save(m, place("kept/model.safetensors"), true));
    assert_ok(oc_model_read(other, folder));
    assert_memory_equal(values(m, "fc2.weight"), values(other, "fc2.weight"), 15 * sizeof(float));
    oc_model_free(other);
    oc_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_follow_the_names),
        cmocka_unit_test(unknown_classes_are_refused),
        cmocka_unit_test(classes_without_names_follow_in_order),
        cmocka_unit_test(a_training_matches_and_resumes),
        cmocka_unit_test(other_classes_get_a_head_of_their_own),
        cmocka_unit_test(a_run_folder_gives_its_weights),
    };
    return cmocka_run_group_tests(tests, make_sets, remove_sets);
}
