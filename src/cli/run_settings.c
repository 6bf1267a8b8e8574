/* run_settings.c — the lines of run.json that other commands use. */
#include "cli/run_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/status.h"

enum { RUN_FILE_MAX = 16 << 20 };

static oc_status read_watch(struct json *j, char **watch)
{
    const char *text;
    TRY(oc__json_string(j, &text));
    oc__free(*watch);
    *watch = oc__strdup(text);
    return *watch ? OC_OK : OC_ELIMIT;
}

static oc_status read_setting(struct json *j, const char *key, struct run_settings *out)
{
    const char *text;
    if (strcmp(key, "validation") == 0)
        return oc__json_number(j, &out->validation);
    if (strcmp(key, "watch") == 0 && out->watch && oc__json_peek(j) == '"')
        return read_watch(j, out->watch);
    if (oc__json_peek(j) != '"' || (strcmp(key, "data") != 0 && strcmp(key, "split_seed") != 0))
        return oc__json_skip(j);
    const bool seed = strcmp(key, "split_seed") == 0;
    TRY(oc__json_string(j, &text));
    if (seed)
        out->seed = strtoull(text, NULL, 16);
    else if (snprintf(out->data, sizeof out->data, "%s", text) >= (int)sizeof out->data)
        return oc__json_fail(j, "the name of the data is too long");
    return OC_OK;
}

static oc_status read_status(struct json *j, struct run_settings *out)
{
    const char *text;
    TRY(oc__json_string(j, &text));
    out->finished = strcmp(text, "finished") == 0;
    return OC_OK;
}

/* Walks an object: its "settings" on the outer level, single settings within. */
static oc_status read_object(struct json *j, bool outer, struct run_settings *out)
{
    TRY(oc__json_open(j, '{'));
    for (const char *key;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            return OC_OK;
        if (!outer)
            TRY(read_setting(j, key, out));
        else if (strcmp(key, "settings") == 0)
            TRY(read_object(j, false, out));
        else if (strcmp(key, "status") == 0)
            TRY(read_status(j, out));
        else
            TRY(oc__json_skip(j));
    }
}

static oc_status read_run(const char *path, struct run_settings *out)
{
    char *text;
    size_t n;
    struct json j;
    TRY(oc__file_load(path, RUN_FILE_MAX, &text, &n));
    oc__json_begin(&j, path, text, n, 0, JSON_MAX_DEPTH);
    const oc_status status = read_object(&j, true, out);
    oc__json_free(&j);
    oc__free(text);
    return status;
}

static oc_status read_folder(const char *word, struct run_settings *out)
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s/run.json", word);
    oc_status status = path.failed ? OC_ELIMIT : OC_OK;
    out->begun = status >= 0 && oc__is_file(oc__str_text(&path));
    if (out->begun)
        status = read_run(oc__str_text(&path), out);
    oc__str_free(&path);
    return status;
}

oc_status oc__run_settings(const char *word, struct run_settings *out)
{
    *out = (struct run_settings){ 0 };
    return read_folder(word, out);
}

oc_status oc__run_watch(const char *run, char **watch)
{
    struct run_settings settings = { .watch = watch };
    *watch = NULL;
    const oc_status status = read_folder(run, &settings);
    if (status < 0) {
        oc__free(*watch);
        *watch = NULL;
    }
    return status;
}
