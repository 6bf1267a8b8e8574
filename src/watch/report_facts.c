/* report_facts.c — reads run.json for people. */
#include "watch/report_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"
#include "base/status.h"
#include "train/run.h"

enum { RUN_JSON_MAX = 64 << 20, DEPTH = 8 };

/* ---- reading ------------------------------------------------------------------------------- */

/* Appends a value that is no object as text. */
static oc_status read_text(struct json *j, struct str *out)
{
    const char *text;
    char number[32];
    double v;
    bool flag, more;
    switch (oc__json_peek(j)) {
    case '"':
        TRY(oc__json_string(j, &text));
        oc__str_addz(out, text);
        return OC_OK;
    case '0':
        TRY(oc__json_number(j, &v));
        oc__str_addz(out, oc__double_text(v, number));
        return OC_OK;
    case '[':
        TRY(oc__json_open(j, '['));
        TRY(oc__json_item(j, &more));
        for (bool first = true; more; first = false) {
            oc__str_addz(out, first ? "" : ", ");
            TRY(read_text(j, out));
            TRY(oc__json_item(j, &more));
        }
        return OC_OK;
    case 't':
    case 'f':
        TRY(oc__json_bool(j, &flag));
        oc__str_addz(out, flag ? "true" : "false");
        return OC_OK;
    default:
        return oc__json_skip(j);
    }
}

static oc_status keep(struct facts *f, const char *key, bool null, const struct str *value)
{
    if (f->n == FACTS_MAX)
        return OC_OK;                                   /* more than a page would show */
    struct fact *const fact = &f->fact[f->n++];
    fact->value = null ? NULL : oc__pool_strdup(&f->pool, oc__str_text(value));
    fact->key = key;
    return value->failed || (!null && !fact->value) ? OC_ELIMIT : OC_OK;
}

static oc_status read_object(struct facts *f, struct json *j, struct str *value)
{
    TRY(oc__json_open(j, '{'));
    for (const char *key;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            return OC_OK;
        key = oc__pool_strdup(&f->pool, key);
        if (!key)
            return OC_ELIMIT;
        if (oc__json_peek(j) == '{') {
            TRY(read_object(f, j, value));
            continue;
        }
        const bool null = oc__json_peek(j) == 'n';
        oc__str_clear(value);
        TRY(read_text(j, value));
        TRY(keep(f, key, null, value));
    }
}

static oc_status read_file(struct facts *f, const char *path)
{
    struct json json;
    struct str value = { 0 };
    char *text;
    size_t n;
    TRY(oc__file_load(path, RUN_JSON_MAX, &text, &n));
    oc__json_begin(&json, path, text, n, 0, DEPTH);
    const oc_status status = read_object(f, &json, &value);
    oc__json_free(&json);
    oc__str_free(&value);
    oc__free(text);
    return status;
}

oc_status oc__facts_read(struct facts *f, const char *folder)
{
    struct str path = { 0 };
    *f = (struct facts){ 0 };
    oc__str_addf(&path, "%s/run.json", folder);
    const oc_status status = path.failed ? OC_ELIMIT : read_file(f, path.text);
    oc__str_free(&path);
    if (status < 0)
        oc__facts_free(f);
    return status;
}

void oc__facts_free(struct facts *f)
{
    oc__pool_free(&f->pool);
    *f = (struct facts){ 0 };
}

const char *oc__fact(const struct facts *f, const char *key)
{
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->fact[i].key, key) == 0)
            return f->fact[i].value;
    return NULL;
}

/* ---- the state ----------------------------------------------------------------------------- */

static bool is_locked(const char *folder)
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s/lock", folder);
    const bool locked = path.failed || oc__is_locked(path.text);
    oc__str_free(&path);
    return locked;
}

const char *oc__facts_state(const struct facts *f, const char *folder)
{
    const char *const status = oc__fact(f, "status"), *const early = oc__fact(f, "stopped_early");
    enum run_state state = RUN_RUNNING;
    for (int i = 0; status && i < RUN_STATES; i++)
        if (strcmp(status, oc__run_states[i]) == 0)
            state = (enum run_state)i;
    if (state == RUN_RUNNING && !is_locked(folder))
        state = RUN_INTERRUPTED;
    if (state == RUN_FINISHED && early && strcmp(early, "true") == 0)
        return "stopped early";
    return oc__run_states[state];
}

/* ---- the command --------------------------------------------------------------------------- */

/* In single quotes unless all of it is harmless. */
static void add_quoted(struct str *out, const char *word)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "_-./:,=+@%";
    if (*word && !word[strspn(word, harmless)]) {
        oc__str_addz(out, word);
        return;
    }
    oc__str_addz(out, "'");
    for (; *word; word++)
        oc__str_add(out, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    oc__str_addz(out, "'");
}

static void add_option(struct str *out, const char *option, const char *value)
{
    oc__str_addf(out, " %s ", option);
    add_quoted(out, value);
}

/* Settings as options, unless they stand at what an option's absence means. */
static const struct { const char *key, *option, *usual; } options[] = {
    { "weights", "--load", NULL },        { "preparation", "--prepare", NULL },
    { "augmentation", "--augment", NULL }, { "freeze", "--freeze", NULL },
    { "loss", "--loss", NULL },
    { "optimizer", "--optimizer", NULL }, { "schedule", "--schedule", NULL },
    { "epochs", "--epochs", NULL },       { "batch", "--batch", NULL },
    { "accumulate", "--accumulate", "1" }, { "clip_norm", "--clip", "0" },
    { "average", "--average", "0" },      { "patience", "--early-stop", "0" },
    { "precision", "--precision", "f32" }, { "backends", "--backend", NULL },
    { "threads", "--threads", NULL },
};

/* A file brings weights that no initialiser made. */
static void add_model(const struct facts *f, struct str *out)
{
    const char *const model = oc__fact(f, "model"), *const steps = oc__fact(f, "architecture");
    const char *const init = oc__fact(f, "init");
    if (model)
        oc__str_addz(out, " ");
    if (model)
        add_quoted(out, model);
    else if (steps)
        add_option(out, "--model", steps);
    if (init && (!model || oc_zoo_find(model)))
        add_option(out, "--init", init);
}

/* Where the division has a seed of its own, --data-seed gives it to the data too. */
static void add_data(const struct facts *f, struct str *out)
{
    const char *const data = oc__fact(f, "data"), *const seed = oc__fact(f, "seed");
    const char *const split = oc__fact(f, "split_seed");
    char own[40];
    if (!data)
        return;
    if (!seed || !split || strcmp(seed, split) == 0) {
        add_option(out, "--data", data);
        return;
    }
    struct str rest = { 0 };
    const int n = snprintf(own, sizeof own, ",seed=%llu", strtoull(split, NULL, 16));
    const char *const at = strstr(data, own);
    const bool given = at && (!at[n] || at[n] == ',');
    oc__str_add(&rest, data, given ? (size_t)(at - data) : strlen(data));
    oc__str_addz(&rest, given ? at + n : "");
    add_option(out, "--data", oc__str_text(&rest));
    add_option(out, "--data-seed", own + strlen(",seed="));
    out->failed |= rest.failed;
    oc__str_free(&rest);
}

static void add_validation(const struct facts *f, struct str *out)
{
    const char *const test = oc__fact(f, "watch_test"), *const share = oc__fact(f, "validation");
    if (test && strcmp(test, "true") == 0)
        add_option(out, "--val", "test");
    else if (share)
        add_option(out, "--val", share);
}

void oc__facts_command(const struct facts *f, struct str *out)
{
    const char *const seed = oc__fact(f, "seed");
    oc__str_addz(out, "ocellus train");
    add_model(f, out);
    add_data(f, out);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const char *const value = oc__fact(f, options[i].key);
        if (value && (!options[i].usual || strcmp(value, options[i].usual) != 0))
            add_option(out, options[i].option, value);
    }
    add_validation(f, out);
    if (seed)
        oc__str_addf(out, " --seed %llu", strtoull(seed, NULL, 16));
}
