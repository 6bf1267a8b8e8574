/* json_test.c — the JSON reader against a suite of hostile texts, and models as JSON. */
#include "test.h"

#include <math.h>
#include <unistd.h>

#include "base/json.h"
#include "base/rng.h"
#include "base/status.h"
#include "format/json_model.h"

/* ---- the reader ----------------------------------------------------------------------------- */

static oc_status read_any(const char *path)
{
    char *text;
    size_t n;
    struct json j;
    assert_int_equal(oc__file_load(path, 1 << 20, &text, &n), OC_OK);
    oc__json_begin(&j, path, text, n, 0, JSON_MAX_DEPTH);
    oc_status status = oc__json_skip(&j);
    if (status >= 0)
        status = oc__json_end(&j);
    oc__json_free(&j);
    oc__free(text);
    return status;
}

/* Legal texts that are refused all the same: null characters end our strings. */
static bool has_null(const char *name)
{
    return strcmp(name, "y_string_null_escape.json") == 0
        || strcmp(name, "y_object_escaped_null_in_key.json") == 0;
}

static void legal_texts_are_read_and_others_refused(void **state)
{
    (void)state;
    const char *const folder = shared_data("malformed/json");
    struct names names;
    int read = 0, refused = 0;
    assert_int_equal(oc__list_directory(folder, &names), OC_OK);
    for (size_t i = 0; i < names.n; i++) {
        char path[600];
        struct weights w;
        const char *const name = names.name[i];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        const oc_status status = read_any(path);
        assert_true(status == OC_OK || status == OC_EINPUT);
        if (name[0] != 'i' && (status == OC_OK) != (name[0] == 'y' && !has_null(name)))
            fail_msg("%s gives %d (%s)", path, status, status ? oc_error() : "");
        read += status == OC_OK;
        refused += status < 0;
        assert_int_equal(oc__weights_open(&w, path), OC_EINPUT);
        error_says(path);
        assert_int_equal(oc__json_model_open(&w, path), OC_EINPUT);
        error_says(path);
    }
    oc__names_free(&names);
    assert_true(read > 90 && refused > 180);
}

static void an_error_says_offset_line_and_column(void **state)
{
    (void)state;
    static const char text[] = "{\n  \"a\": tru\n}";
    struct json j;
    const char *key;
    oc__json_begin(&j, "file", text, strlen(text), 100, 4);
    assert_int_equal(oc__json_open(&j, '{'), OC_OK);
    assert_int_equal(oc__json_key(&j, &key), OC_OK);
    assert_string_equal(key, "a");
    snprintf(j.field, sizeof j.field, "a");
    assert_int_equal(oc__json_skip(&j), OC_EINPUT);
    assert_string_equal(oc_error(),
                        "file: offset 109 (2:8): a: 't' stands where true is expected");
    oc__json_free(&j);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const char text[] = "\"\\u00e9\\ud834\\uDD1E\\n\\/\xc3\xa9\"";
    struct json j;
    const char *decoded;
    oc__json_begin(&j, "file", text, strlen(text), 0, 1);
    assert_int_equal(oc__json_string(&j, &decoded), OC_OK);
    assert_string_equal(decoded, "\xc3\xa9\xf0\x9d\x84\x9e\n/\xc3\xa9");
    struct str quoted = { 0 };
    assert_true(oc__json_quote(&quoted, decoded));
    assert_string_equal(quoted.text, "\"\xc3\xa9\xf0\x9d\x84\x9e\\u000a/\xc3\xa9\"");
    assert_false(oc__json_quote(&quoted, "\xed\xa0\x80"));
    oc__str_free(&quoted);
    oc__json_free(&j);
}

/* ---- models --------------------------------------------------------------------------------- */

static oc_status open_text(struct weights *w, const char *text)
{
    assert_int_equal(oc__write_file(place("j"), text, strlen(text), WRITE_REPLACE), OC_OK);
    const oc_status status = oc__weights_open(w, place("j"));
    assert_int_equal(remove(place("j")), 0);
    return status;
}

#define MODEL(tensors) "{\"format\":\"ocellus\",\"tensors\":{" tensors "}}"

static void a_model_by_hand_is_read(void **state)
{
    (void)state;
    struct weights w;
    float x[4];
    assert_int_equal(open_text(&w, " \n{\"tensors\": {\"x\": {\"data\": [[1, -2.5e0], [\"NaN\", "
        "\"-Infinity\"]], \"shape\": [2, 2], \"dtype\": \"F32\"}}, \"metadata\": {\"k\": \"v\"}, "
        "\"format\": \"ocellus\"}"), OC_OK);
    assert_string_equal(w.format, "json");
    assert_string_equal(oc__weights_metadata(&w, "k"), "v");
    const oc_tensor into = { OC_F32, OC_SHAPE(2, 2), x };
    int64_t nonfinite;
    assert_int_equal(oc__weights_read(&w, oc__weights_find(&w, "x"), &into, &nonfinite), OC_OK);
    assert_true(x[0] == 1 && x[1] == -2.5f && isnan(x[2]) && x[3] < 0 && isinf(x[3]));
    assert_int_equal(nonfinite, 2);
    oc__weights_close(&w);
}

static void models_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } cases[] = {
        { "{}", "not a model" },
        { "{\"format\":\"keras\",\"tensors\":{}}", "'keras': wants" },
        { "{\"format\":\"ocellus\"}", "not a model" },
        { "{\"format\":\"ocellus\",\"tensors\":{},\"tensors\":{}}", "occurs twice" },
        { "{\"format\":\"ocellus\",\"tensors\":{},\"x\":1}", "'x' is not known" },
        { MODEL("") " {}", "the end" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data\":[1]}"), "less than shape" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data\":[1,2]}"), "more than shape" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data\":1}"), "'['" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[],\"data\":[1]}"), "a number" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data\":[1]}"), "more than shape" },
        { MODEL("\"x\":{\"dtype\":\"U8\",\"shape\":[1000000000],\"data\":[1]}"), "more elem" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data\":[1]}"), "at least 0" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data\":[1e39]}"), "exceeds" },
        { MODEL("\"x\":{\"dtype\":\"F64\",\"shape\":[1],\"data\":[1e999]}"), "too large" },
        { MODEL("\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data\":[256]}"), "exceeds" },
        { MODEL("\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data\":[1.5]}"), "whole number" },
        { MODEL("\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data\":[1]}"), "not a type" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data\":[\"nan\"]}"), "'nan'" },
        { MODEL("\"x\":{\"dtype\":\"F16\",\"shape\":[1],\"data\":[\"NaN(0x3f80)\"]}"), "NaN(" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data\":[\"NaN(0x7fc0)\"]}"), "NaN(" },
        { MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[1]}"), "wants dtype, shape and data" },
        { MODEL("\"x\":{\"dtype\":\"U8\",\"shape\":[],\"data\":1},"
                "\"x\":{\"dtype\":\"U8\",\"shape\":[],\"data\":1}"), "occurs twice" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct weights w;
        const oc_status status = open_text(&w, cases[i].text);
        if (status != OC_EINPUT)
            fail_msg("%s gives %d", cases[i].text, status);
        error_says("offset ");
        error_says(cases[i].says);
    }
}

/* Writes one tensor as JSON and compares the bits that come back. */
static void expect_same_bits(const oc_tensor *t)
{
    struct weights w;
    const struct named_tensor named = { "t", *t };
    const struct weights_content content = { &named, 1, NULL, 0 };
    void *const data = oc__block_alloc(oc_tensor_bytes(t));
    const oc_tensor back = { t->dtype, t->shape, data };
    assert_int_equal(oc__weights_write(place("t.json"), &content, WRITE_REPLACE), OC_OK);
    assert_int_equal(oc__weights_open(&w, place("t.json")), OC_OK);
    assert_int_equal(w.n, 1);
    assert_int_equal(oc__weights_read(&w, 0, &back, NULL), OC_OK);
    assert_memory_equal(data, t->data, oc_tensor_bytes(t));
    oc__weights_close(&w);
    oc__block_free(data);
    assert_int_equal(remove(place("t.json")), 0);
}

/* Random bits hold every kind of number: subnormals, infinities, NaNs with payloads. */
static void any_bits_survive_json(void **state)
{
    (void)state;
    static uint64_t bits[4096];
    for (int type = 0; type < OC_DTYPES; type++) {
        const int64_t n = (int64_t)(sizeof bits / oc_dtype_size((oc_dtype)type));
        for (size_t i = 0; i < COUNT(bits); i++)
            bits[i] = type == OC_BOOL ? oc__bits(1, i) & 0x0101010101010101u : oc__bits(1, i);
        expect_same_bits(&(oc_tensor){ (oc_dtype)type, OC_SHAPE(n / 64, 4, 16), bits });
    }
    static uint16_t halves[65536];
    for (size_t i = 0; i < COUNT(halves); i++)
        halves[i] = (uint16_t)i;
    expect_same_bits(&(oc_tensor){ OC_F16, OC_SHAPE(65536), halves });
    expect_same_bits(&(oc_tensor){ OC_BF16, OC_SHAPE(65536), halves });
    float one = -0.0f;
    expect_same_bits(&(oc_tensor){ OC_F32, { 0 }, &one });
    expect_same_bits(&(oc_tensor){ OC_F32, OC_SHAPE(1, 1, 1, 1, 1, 1, 1, 1), &one });
    expect_same_bits(&(oc_tensor){ OC_F32, OC_SHAPE(3, 0), &one });
}

static void a_model_is_written_to_be_read(void **state)
{
    (void)state;
    float x[6] = { 0.1f, -0.25f, 3, 1e-8f, NAN, -INFINITY };
    const struct named_tensor named = { "fc1.weight", { OC_F32, OC_SHAPE(2, 3), x } };
    const struct pair metadata = { "model", "mlp" };
    const struct weights_content content = { &named, 1, &metadata, 1 };
    char *text;
    size_t n;
    assert_int_equal(oc__weights_write(place("m.JSON"), &content, WRITE_NEW), OC_OK);
    assert_int_equal(oc__file_load(place("m.JSON"), 10000, &text, &n), OC_OK);
    assert_string_equal(text,
        "{\n"
        "  \"format\": \"ocellus\",\n"
        "  \"metadata\": {\n"
        "    \"model\": \"mlp\"\n"
        "  },\n"
        "  \"tensors\": {\n"
        "    \"fc1.weight\": {\n"
        "      \"dtype\": \"F32\",\n"
        "      \"shape\": [2, 3],\n"
        "      \"data\":\n"
        "        [[0.1, -0.25, 3],\n"
        "        [1e-08, \"NaN\", \"-Infinity\"]]\n"
        "    }\n"
        "  }\n"
        "}\n");
    oc__free(text);
    assert_int_equal(remove(place("m.JSON")), 0);
}

static void a_model_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    int8_t x[4] = { -1, 0, 1, 127 };
    const struct named_tensor named = { "w\xc3\xa9", { OC_I8, OC_SHAPE(2, 2), x } };
    const struct pair metadata = { "k", "v\n" };
    const struct weights_content content = { &named, 1, &metadata, 1 };
    char *text;
    size_t n;
    assert_int_equal(oc__weights_write(place("c.json"), &content, WRITE_NEW), OC_OK);
    assert_int_equal(oc__file_load(place("c.json"), 10000, &text, &n), OC_OK);
    for (size_t cut = n - 2; cut < n; cut--) {
        struct weights w;
        assert_int_equal(truncate(place("c.json"), (off_t)cut), 0);
        assert_int_equal(oc__weights_open(&w, place("c.json")), OC_EINPUT);
    }
    oc__free(text);
    assert_int_equal(remove(place("c.json")), 0);
}

static void a_model_with_any_bit_flipped_is_read_or_refused(void **state)
{
    (void)state;
    char text[] = MODEL("\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],"
                        "\"data\":[[1,-2.5],[\"NaN\",3]]}");
    const size_t n = strlen(text);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        struct weights w;
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(oc__write_file(place("f"), text, n, WRITE_REPLACE), OC_OK);
        const oc_status status = oc__json_model_open(&w, place("f"));
        assert_true(status == OC_OK || status == OC_EINPUT);
        oc__weights_close(&w);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    assert_int_equal(remove(place("f")), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_texts_are_read_and_others_refused),
        cmocka_unit_test(an_error_says_offset_line_and_column),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(a_model_by_hand_is_read),
        cmocka_unit_test(models_that_lie_are_refused),
        cmocka_unit_test(any_bits_survive_json),
        cmocka_unit_test(a_model_is_written_to_be_read),
        cmocka_unit_test(a_model_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_model_with_any_bit_flipped_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
