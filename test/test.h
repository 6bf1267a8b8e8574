/* test.h — what the test programs share: cmocka, and a way to look at errors and data. */
#ifndef OC_TEST_H
#define OC_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "ocellus.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static inline void error_says(const char *part)
{
    if (!strstr(oc_error(), part))
        fail_msg("the error is \"%s\", without \"%s\"", oc_error(), part);
}

/* Fails with the error's text. */
static inline void assert_ok(oc_status status)
{
    if (status != OC_OK)
        fail_msg("status %d: %s", (int)status, oc_error());
}

/* A path in a directory of this program's own; valid until the fourth call after this one. */
static char test_directory[] = "/tmp/ocellus-test-XXXXXX";

static inline const char *place(const char *name)
{
    static char path[4][512];
    static int turn;
    char *const p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", test_directory, name);
    return p;
}

static inline size_t files_in_place(void)
{
    struct names names;
    assert_int_equal(oc__list_directory(test_directory, &names), OC_OK);
    const size_t n = names.n;
    oc__names_free(&names);
    return n;
}

static inline int make_place(void **state)
{
    (void)state;
    return mkdtemp(test_directory) ? 0 : -1;
}

static inline int remove_place(void **state)
{
    (void)state;
    struct names names;
    if (oc__list_directory(test_directory, &names) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++)
        remove(place(names.name[i]));
    oc__names_free(&names);
    return remove(test_directory);
}

/* Removes a folder with all that is in it; where there is none, does nothing. */
static inline void remove_tree(const char *folder)
{
    struct names names;
    char path[1024];
    if (oc__list_directory(folder, &names) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        const int n = snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        assert_true(n < (int)sizeof path);
        if (remove(path) != 0)
            remove_tree(path);
    }
    oc__names_free(&names);
    assert_int_equal(remove(folder), 0);
}

/* A path in the shared data (OC_DATA, or ../shared/data); where it is missing, skips the test. */
static inline const char *shared_data(const char *name)
{
    static char path[4][512];
    static int turn;
    char *const p = path[turn++ % 4];
    const char *const root = getenv("OC_DATA");
    snprintf(p, sizeof path[0], "%s/%s", root ? root : "../shared/data", name);
    if (!oc__is_file(p) && !oc__is_directory(p)) {
        printf("skipped: %s is not here\n", p);
        skip();
    }
    return p;
}

#endif
