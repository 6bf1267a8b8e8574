/* images_test.c — data sets of picture files: folders, divisions, broken files, any workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "image/image.h"

/* ---- help --------------------------------------------------------------------------------- */

/* All pictures of the set prepared at once would be 7 MB an epoch.  Sanitizers keep what is freed
 * for a while. */
#ifdef __SANITIZE_ADDRESS__
enum { GROWTH_MAX = 300 << 20 };
#else
enum { GROWTH_MAX = 2 << 20 };
#endif

static char root[] = "/tmp/ocellus-images-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

/* A path below the root; four may be in use at once. */
static const char *below(const char *name)
{
    static char path[4][256];
    static int  turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

/* A picture of one colour, a little larger for every number, with the number as its red. */
static void put_picture(const char *set, const char *name, int number)
{
    char folder[256], *slash;
    snprintf(folder, sizeof folder, "%s/%s", below(set), name);
    slash = strrchr(folder, '/');
    *slash = 0;
    assert_int_equal(oc__make_directories(folder), OC_OK);
    *slash = '/';
    oc_image image = { 4 + number % 5, 3 + number % 4, 3, NULL };
    image.pixel = oc__alloc((size_t)image.width * (size_t)image.height, 3);
    for (int i = 0; i < image.width * image.height; i++) {
        image.pixel[3 * i] = (uint8_t)number;
        image.pixel[3 * i + 1] = 7;
    }
    assert_int_equal(oc_image_save(&image, folder), OC_OK);
    oc_image_free(&image);
}

static void put_pictures(const char *set, const char *class, int n, int first)
{
    char name[64];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s/%03d.png", class, i);
        put_picture(set, name, first + i);
    }
}

static oc_data *open_set(const char *set, const char *settings)
{
    char     spec[300];
    oc_data *d;
    snprintf(spec, sizeof spec, "images:%s%s", below(set), settings);
    if (oc_data_open(&d, spec) < 0)
        fail_msg("%s: %s", spec, oc_error());
    return d;
}

static void assert_parts(const oc_data *d, int64_t train, int64_t val, int64_t test)
{
    assert_int_equal(oc_data_count(d, OC_PART_TRAIN), train);
    assert_int_equal(oc_data_count(d, OC_PART_VAL), val);
    assert_int_equal(oc_data_count(d, OC_PART_TEST), test);
}

static int64_t of_class(const oc_data *d, oc_part part, int class)
{
    int64_t n = 0;
    for (int64_t i = 0; i < d->part[part].n; i++)
        n += d->samples.label[d->part[part].index[i]] == class;
    return n;
}

static const char *data_path(const char *name)
{
    static char path[2][4096];
    static int  turn;
    const char *data = getenv("OC_DATA");
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", data ? data : "../shared/data", name);
    return path[turn];
}

static void need(const char *path)
{
    if (access(path, R_OK) == 0)
        return;
    printf("skipped: %s is absent\n", path);
    skip();
}

/* ---- folders ------------------------------------------------------------------------------ */

static void folders_are_classes_and_files_beside_them_have_no_label(void **state)
{
    (void)state;
    put_pictures("plain", "cat", 20, 0);
    put_pictures("plain", "dog/puppies", 40, 100);
    put_picture("plain", "alone.PNG", 200);
    put_picture("plain", ".hidden/x.png", 201);
    assert_int_equal(oc__write_file(below("plain/notes.txt"), "no", 2, WRITE_REPLACE), OC_OK);
    oc_data *d = open_set("plain", "");
    assert_int_equal(oc_data_classes(d), 3);
    assert_string_equal(oc_data_class_name(d, 0), "cat");
    assert_string_equal(oc_data_class_name(d, 1), "dog");
    assert_string_equal(oc_data_class_name(d, 2), "no_label");
    assert_parts(d, 43, 9, 9);
    assert_int_equal(of_class(d, OC_PART_VAL, 0), 3);
    assert_int_equal(of_class(d, OC_PART_TEST, 1), 6);
    assert_int_equal(oc_data_shape(d).dim[1], OC_UNKNOWN);
    for (int p = 0; p < OC_PARTS; p++)
        for (int64_t i = 0; i < oc_data_count(d, (oc_part)p); i++) {
            oc_image image;
            int64_t  label;
            assert_int_equal(oc_data_sample(d, (oc_part)p, i, &image, &label), OC_OK);
            assert_int_equal(label, image.pixel[0] >= 200 ? 2 : image.pixel[0] >= 100);
            assert_non_null(strstr(oc_data_name(d, (oc_part)p, i),
                                   label == 0 ? "/cat/" : label == 1 ? "/puppies/" : "/alone"));
            oc_image_free(&image);
        }
    assert_string_equal(oc_data_name(d, OC_PART_TEST, 9), "");
    oc_data_free(d);
}

static void folders_named_as_parts_are_the_parts(void **state)
{
    (void)state;
    put_pictures("parts", "train/a", 6, 0);
    put_pictures("parts", "train/b", 4, 10);
    put_pictures("parts", "val/b", 3, 20);
    put_pictures("parts", "test/c", 2, 30);
    oc_data *d = open_set("parts", "");
    assert_int_equal(oc_data_classes(d), 3);
    assert_parts(d, 10, 3, 2);
    assert_int_equal(of_class(d, OC_PART_VAL, 1), 3);
    assert_int_equal(of_class(d, OC_PART_TEST, 2), 2);
    oc_data_free(d);
    d = open_set("parts", ",split=0.5,0.5");
    assert_parts(d, 7, 8, 0);
    oc_data_free(d);
}

static void parts_may_lack_a_train_folder_and_be_written_in_capitals(void **state)
{
    (void)state;
    put_pictures("held", "Val/a", 3, 0);
    put_pictures("held", "TEST/a", 2, 10);
    put_pictures("held", "TEST/b", 4, 20);
    oc_data *d = open_set("held", "");
    assert_int_equal(oc_data_classes(d), 2);
    assert_parts(d, 0, 3, 6);
    assert_int_equal(oc_data_gather(d, OC_PART_TEST), OC_OK);
    assert_parts(d, 0, 0, 9);
    oc_data_free(d);
    put_pictures("held", "Train/b", 1, 30);
    d = open_set("held", "");
    assert_parts(d, 1, 3, 6);
    oc_data_free(d);
    d = open_set("held", ",split=0,0,1");
    assert_parts(d, 0, 0, 10);
    oc_data_free(d);
}

static void a_folder_that_others_stand_beside_is_a_class_though_named_as_a_part(void **state)
{
    (void)state;
    put_pictures("trials", "test", 4, 0);
    put_pictures("trials", "other", 4, 10);
    oc_data *d = open_set("trials", ",split=1,0,0");
    assert_int_equal(oc_data_classes(d), 2);
    assert_parts(d, 8, 0, 0);
    oc_data_free(d);
}

static void the_split_depends_on_the_seed_and_keeps_shares_of_classes(void **state)
{
    (void)state;
    put_pictures("many", "a", 100, 0);
    put_pictures("many", "b", 40, 100);
    oc_data *one = open_set("many", ",split=0.5,0.3,0.2,seed=1");
    oc_data *same = open_set("many", ",seed=1,split=0.5,0.3,0.2");
    oc_data *other = open_set("many", ",split=0.5,0.3,0.2,seed=2");
    assert_parts(one, 70, 42, 28);
    assert_int_equal(of_class(one, OC_PART_TRAIN, 0), 50);
    assert_int_equal(of_class(one, OC_PART_VAL, 1), 12);
    for (int p = 0; p < OC_PARTS; p++) {
        const size_t bytes = (size_t)one->part[p].n * sizeof(int64_t);
        assert_memory_equal(one->part[p].index, same->part[p].index, bytes);
        assert_memory_not_equal(one->part[p].index, other->part[p].index, bytes);
    }
    assert_true(oc_data_hash(one) == oc_data_hash(other));
    oc_data_free(one);
    oc_data_free(same);
    oc_data_free(other);
}

static void every_file_is_validated_in_exactly_one_fold(void **state)
{
    (void)state;
    int seen[140] = { 0 };
    for (int fold = 0; fold < 4; fold++) {
        char settings[64];
        snprintf(settings, sizeof settings, ",split=1,0,folds=4,fold=%d", fold);
        oc_data *d = open_set("many", settings);
        assert_parts(d, 105, 35, 0);
        assert_int_equal(of_class(d, OC_PART_VAL, 1), 10);
        for (int64_t i = 0; i < 35; i++)
            seen[d->part[OC_PART_VAL].index[i]]++;
        oc_data_free(d);
    }
    for (int i = 0; i < 140; i++)
        assert_int_equal(seen[i], 1);
}

static void more_classes_than_a_byte_can_count_keep_their_labels(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "class%03d/x.png", i);
        put_picture("wide", name, i % 250);
    }
    oc_data *d = open_set("wide", ",split=1,0,0");
    assert_int_equal(oc_data_classes(d), 300);
    for (int64_t i = 0; i < 300; i++) {
        oc_image image;
        int64_t  label;
        assert_int_equal(oc_data_sample(d, OC_PART_TRAIN, i, &image, &label), OC_OK);
        assert_int_equal(label, i);
        oc_image_free(&image);
    }
    oc_data_free(d);
}

static void specifications_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct { const char *settings, *says; oc_status status; } wrong[] = {
        { ",split=0.7", "add up to 1", OC_EUSAGE },
        { ",split=0.7,0.2,0.2", "add up to 1", OC_EUSAGE },
        { ",split=0,0,0", "add up to 1", OC_EUSAGE },
        { ",split=x,1", "add up to 1", OC_EUSAGE },
        { ",folds=3,fold=3", "fold 3 of 3", OC_EUSAGE },
        { ",fold=3", "fold: wants folds too", OC_EUSAGE },
        { ",fold=0", "fold: wants folds too", OC_EUSAGE },
        { ",split=0.5,0.3,0.2,folds=3", "split and folds exclude each other", OC_EUSAGE },
        { ",on_bad=maybe", "on_bad", OC_EUSAGE },
        { ",colour=red", "colour", OC_EUSAGE },
        { ",cachex=ram", "'cachex': did you mean cache? Known: on_bad, max_bad, split, seed, "
          "folds, fold, cache, cache_limit", OC_EUSAGE },
        { "/absent", "absent", OC_EIO },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char     spec[300];
        oc_data *d;
        snprintf(spec, sizeof spec, "images:%s%s", below("many"), wrong[i].settings);
        assert_int_equal(oc_data_open(&d, spec), wrong[i].status);
        if (!strstr(oc_error(), wrong[i].says))
            fail_msg("%s: %s", spec, oc_error());
    }
}

/* ---- broken files ------------------------------------------------------------------------- */

struct heard { int lines; char last[512]; };

static void hear(void *context, oc_log_level level, const char *line)
{
    struct heard *heard = context;
    if (level != OC_WARNING)
        return;
    heard->lines++;
    snprintf(heard->last, sizeof heard->last, "%s", line);
}

static void put_broken_set(void)
{
    put_pictures("broken", "a", 5, 0);
    put_pictures("broken", "b", 5, 50);
    assert_int_equal(oc__write_file(below("broken/a/003.png"), "\x89PNG\r\n", 6, WRITE_REPLACE),
                     OC_OK);
    assert_int_equal(oc__write_file(below("broken/b/zzz.jpg"), "", 0, WRITE_REPLACE), OC_OK);
}

static void broken_files_can_be_left_out_and_are_told(void **state)
{
    (void)state;
    struct heard heard = { 0 };
    put_broken_set();
    oc_log_set(hear, &heard);
    oc_data *d = open_set("broken", ",split=1,0,on_bad=skip");
    oc_log_set(NULL, NULL);
    assert_parts(d, 9, 0, 0);
    assert_int_equal(heard.lines, 3);
    assert_string_equal(heard.last, "2 of 11 files are broken and left out");
    for (int64_t i = 0; i < 9; i++) {
        oc_image image;
        int64_t  label;
        assert_int_equal(oc_data_sample(d, OC_PART_TRAIN, i, &image, &label), OC_OK);
        assert_int_equal(label, image.pixel[0] >= 50);
        oc_image_free(&image);
    }
    oc_data_free(d);
}

/* ---- tables ------------------------------------------------------------------------------- */

static oc_status open_table(oc_data **d, const char *text, const char *settings)
{
    char spec[300];
    assert_int_equal(oc__write_file(below("table.csv"), text, strlen(text), WRITE_REPLACE), OC_OK);
    snprintf(spec, sizeof spec, "csv:%s%s", below("table.csv"), settings);
    return oc_data_open(d, spec);
}

static void a_table_names_files_labels_and_parts(void **state)
{
    (void)state;
    oc_data *d;
    put_picture("t", "a, \"b\".png", 1);
    put_picture("t", "c.png", 2);
    put_picture("t", "d.png", 3);
    assert_int_equal(open_table(&d, "label,note,path\r\n"
                                    "cat,\"two\nlines\",\"t/a, \"\"b\"\".png\"\r\n"
                                    "\r\n,,t/c.png\n\"a dog\",x,t/d.png", ",split=1,0"), OC_OK);
    assert_parts(d, 3, 0, 0);
    assert_string_equal(oc_data_class_name(d, 0), "a dog");
    assert_string_equal(oc_data_class_name(d, 1), "cat");
    assert_string_equal(oc_data_class_name(d, 2), "no_label");
    assert_int_equal(d->samples.label[0], 1);
    oc_data_free(d);
    assert_int_equal(open_table(&d, "path,label,part\nt/c.png,x,test\nt/d.png,y,val\n", ""), OC_OK);
    assert_parts(d, 0, 1, 1);
    oc_data_free(d);
    assert_int_equal(open_table(&d, "path,label\nt/c.png,x\nt/none.png,y\n", ",on_bad=skip"),
                     OC_OK);
    assert_parts(d, 1, 0, 0);
    oc_data_free(d);
}

static void a_broken_table_is_refused_with_the_line(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } wrong[] = {
        { "", "line 1: no column is named path" },
        { "path,class\n", "line 1: no column is named label" },
        { "path,label\n", "no rows" },
        { "path,label\nt/c.png,x\nt/c.png\n", "line 3: 1 fields, but the first line names 2" },
        { "path,label\n\"t/c.png,x\n", "line 2: a quote is not closed" },
        { "path,label\n\"t/c.png\"x,x\n", "line 2: something stands behind" },
        { "path,note,label\n\"t/c.png\",\"x\ny\",x\n\nt/none.png,,x\n", "line 5: " },
        { "path,label\nt/c.png,x\nt/d.png,\"x\ny\"\n", "line 3: label 'x\\x0ay': a class" },
        { "path,label,part\nt/c.png,x,often\n", "line 2: part 'often'" },
        { "path,label\n,x\n", "line 2: the path is empty" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        oc_data *d;
        assert_int_equal(open_table(&d, wrong[i].text, ""), OC_EINPUT);
        if (!strstr(oc_error(), wrong[i].says))
            fail_msg("%zu: %s", i, oc_error());
    }
}

/* ---- loading ------------------------------------------------------------------------------ */

static struct loader *load(const oc_data *d, struct prepare_program *p, int workers)
{
    struct loader *l;
    const struct loader_options o = { .data = d, .prepare = p, .batch = 8, .seed = 5,
                                      .shuffle = true, .workers = workers };
    assert_int_equal(oc__loader_new(&l, &o), OC_OK);
    return l;
}

static void a_broken_file_ends_the_epoch_with_its_name(void **state)
{
    (void)state;
    struct prepare_program *p;
    oc_data *d = open_set("broken", ",split=1,0");
    assert_int_equal(oc__prepare_parse(&p, "rgb; resize 4,4; scale"), OC_OK);
    for (int workers = 0; workers < 4; workers += 3) {
        struct loader *l = load(d, p, workers);
        struct batch   b = { .n = 1 };
        oc_status      status = OC_OK;
        while (status == OC_OK && b.n > 0)
            status = oc__loader_next(l, &b);
        assert_int_equal(status, OC_EINPUT);
        assert_non_null(strstr(oc_error(), "/broken/"));
        oc__loader_free(l);
    }
    oc__prepare_free(p);
    oc_data_free(d);
}

static uint64_t drain(struct loader *l, int64_t values)
{
    struct batch b;
    uint64_t     hash = 1;
    for (;;) {
        assert_int_equal(oc__loader_next(l, &b), OC_OK);
        if (b.n == 0)
            return hash;
        for (int64_t i = 0; i < b.n * values; i++) {
            uint32_t bits;
            memcpy(&bits, &b.x[i], sizeof bits);
            hash = oc__bits(hash ^ bits, 0);
        }
        for (int64_t i = 0; i < b.n; i++)
            hash = oc__bits(hash ^ (uint64_t)b.label[i], 0);
    }
}

static void files_of_many_sizes_load_the_same_with_any_workers(void **state)
{
    (void)state;
    struct prepare_program *p;
    uint64_t expected = 0;
    oc_data *d = open_set("many", "");
    assert_int_equal(oc__prepare_parse(&p, "rgb; resize 6,6; scale"), OC_OK);
    for (int workers = 0; workers < 6; workers += workers + 1) {
        struct loader *l = load(d, p, workers);
        oc__loader_epoch(l, 1, 0);
        const uint64_t hash = drain(l, 3 * 6 * 6);
        if (workers == 0)
            expected = hash;
        assert_true(hash == expected);
        oc__loader_free(l);
    }
    oc__prepare_free(p);
    oc_data_free(d);
}

static void keep_in_memory(const char *cache)
{
    struct prepare_program *p;
    put_pictures("brief", "a", 20, 0);
    put_pictures("brief", "b", 20, 50);
    oc_data *plain = open_set("brief", ",split=1,0");
    oc_data *d = open_set("brief", cache);
    assert_int_equal(oc__prepare_parse(&p, "rgb; resize 6,6; scale"), OC_OK);
    struct loader *l = load(d, p, 3), *expected = load(plain, p, 0);
    assert_true(drain(l, 108) == drain(expected, 108));
    for (int64_t i = 0; i < 40; i++)
        assert_int_equal(unlink(oc_data_name(d, OC_PART_TRAIN, i)), 0);
    oc__loader_epoch(l, 1, 0);
    drain(l, 108);
    struct batch b;
    oc__loader_epoch(expected, 1, 0);
    assert_int_equal(oc__loader_next(expected, &b), OC_EIO);
    oc__loader_free(l);
    oc__loader_free(expected);
    oc__prepare_free(p);
    oc_data_free(plain);
    oc_data_free(d);
}

static void a_cache_gives_the_same_and_needs_no_file_twice(void **state)
{
    (void)state;
    keep_in_memory(",split=1,0,cache=ram");
    keep_in_memory(",split=1,0,cache=prepared");
}

static struct canvas block(int side)
{
    struct canvas c = { .owned = true };
    assert_int_equal(oc__image_new(&c.image, "block", side, side, 1), OC_OK);
    return c;
}

static void a_cache_holds_no_more_than_its_limit(void **state)
{
    (void)state;
    struct image_cache *cache;
    oc_image view;
    assert_int_equal(oc__cache_new(&cache, CACHE_DECODED, 3, 2500), OC_OK);
    const int one = oc__cache_shelf(cache, 1), other = oc__cache_shelf(cache, 2);
    assert_true(one == oc__cache_shelf(cache, 1) && one != other);
    for (int i = 0; i < 3; i++) {                       /* 900, 1600, and 100 that are too many */
        struct canvas c = block(i < 2 ? 30 + 10 * i : 10);
        oc__cache_put(cache, i == 1 ? other : one, i, &c);
        assert_true(c.owned == (i == 2));
        if (c.owned)
            oc_image_free(&c.image);
    }
    assert_true(oc__cache_get(cache, one, 0, &view) && view.width == 30);
    assert_true(oc__cache_get(cache, other, 1, &view) && view.width == 40);
    assert_false(oc__cache_get(cache, one, 1, &view) || oc__cache_get(cache, one, 2, &view));
    oc__cache_free(cache);
}

static void what_a_cache_will_hold_is_known_before(void **state)
{
    (void)state;
    struct prepare_program *p;
    assert_int_equal(oc__prepare_parse(&p, "rgb; resize 6,6; scale"), OC_OK);
    static const struct { const char *settings; int64_t least, most; } cases[] = {
        { "", 0, 0 },
        { ",cache=prepared", 40 * 108, 40 * 108 },
        { ",cache=ram", 40 * 3, 40 * 300000 },
    };
    put_pictures("brief", "a", 20, 0);
    put_pictures("brief", "b", 20, 50);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        oc_data             *d = open_set("brief", cases[i].settings);
        struct loader       *l = load(d, p, 1);
        const int64_t        bytes = oc__loader_cached_bytes(l);
        assert_true(bytes >= cases[i].least && bytes <= cases[i].most);
        oc__loader_free(l);
        oc_data_free(d);
    }
    oc__prepare_free(p);
}

static void memory_stays_the_same_over_epochs(void **state)
{
    (void)state;
    struct prepare_program *p;
    oc_data *d = open_set("many", ",split=1,0");
    assert_int_equal(oc__prepare_parse(&p, "rgb; resize 64,64; scale"), OC_OK);
    struct loader *l = load(d, p, 2);
    int64_t        before = 0;
    for (int epoch = 0; epoch < 60; epoch++) {
        oc__loader_epoch(l, epoch, 0);
        drain(l, 3 * 64 * 64);
        if (epoch == 5)
            before = oc__rss_bytes();
    }
    assert_in_range(oc__rss_bytes(), 0, before + GROWTH_MAX);
    oc__loader_free(l);
    oc__prepare_free(p);
    oc_data_free(d);
}

static void photographs_load(void **state)
{
    (void)state;
    struct prepare_program *p;
    oc_data *d;
    char     spec[4200];
    need(data_path("hymenoptera"));
    snprintf(spec, sizeof spec, "images:%s", data_path("hymenoptera"));
    assert_int_equal(oc_data_open(&d, spec), OC_OK);
    assert_parts(d, 120, 120, 0);
    assert_string_equal(oc_data_class_name(d, 1), "bees");
    assert_string_equal(oc_data_preparation(d), "rgb; resize 224,224; scale");
    assert_int_equal(oc__prepare_parse(&p, oc_data_preparation(d)), OC_OK);
    struct loader *l = load(d, p, 2);
    struct batch   b;
    assert_int_equal(oc__loader_next(l, &b), OC_OK);
    assert_int_equal(b.n, 8);
    oc__loader_free(l);
    oc__prepare_free(p);
    oc_data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_classes_and_files_beside_them_have_no_label),
        cmocka_unit_test(folders_named_as_parts_are_the_parts),
        cmocka_unit_test(parts_may_lack_a_train_folder_and_be_written_in_capitals),
        cmocka_unit_test(a_folder_that_others_stand_beside_is_a_class_though_named_as_a_part),
        cmocka_unit_test(the_split_depends_on_the_seed_and_keeps_shares_of_classes),
        cmocka_unit_test(every_file_is_validated_in_exactly_one_fold),
        cmocka_unit_test(more_classes_than_a_byte_can_count_keep_their_labels),
        cmocka_unit_test(specifications_that_make_no_sense_are_refused),
        cmocka_unit_test(broken_files_can_be_left_out_and_are_told),
        cmocka_unit_test(a_table_names_files_labels_and_parts),
        cmocka_unit_test(a_broken_table_is_refused_with_the_line),
        cmocka_unit_test(a_broken_file_ends_the_epoch_with_its_name),
        cmocka_unit_test(files_of_many_sizes_load_the_same_with_any_workers),
        cmocka_unit_test(a_cache_gives_the_same_and_needs_no_file_twice),
        cmocka_unit_test(a_cache_holds_no_more_than_its_limit),
        cmocka_unit_test(what_a_cache_will_hold_is_known_before),
        cmocka_unit_test(memory_stays_the_same_over_epochs),
        cmocka_unit_test(photographs_load),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
