/* data_words.c — from options to settings of a specification: kind:place,key=value. */
#include "cli/data_words.h"

#include <stdlib.h>

#include "base/status.h"

oc_status oc__data_spec(const char *spec, const struct data_words *words, struct str *out)
{
    const struct { const char *key, *value; } more[] = {
        { "split", words->split }, { "seed", words->data_seed }, { "folds", words->folds },
        { "fold", words->fold }, { "on_bad", words->on_bad }, { "max_bad", words->max_bad },
        { "cache", words->cache },
    };
    oc__str_addz(out, spec);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (more[i].value)
            oc__str_addf(out, ",%s=%s", more[i].key, more[i].value);
    return out->failed ? oc__fail(OC_ELIMIT, "data: no memory for its name") : OC_OK;
}

oc_status oc__data_open_with(oc_data **out, const char *spec, const struct data_words *words)
{
    struct str whole = { 0 };
    *out = NULL;
    oc_status status = oc__data_spec(spec, words, &whole);
    if (status >= 0)
        status = oc_data_open(out, oc__str_text(&whole));
    oc__str_free(&whole);
    return status;
}

oc_status oc__read_workers(const char *command, const char *text, int *out)
{
    enum { MOST = 256 };                                /* of a loader */
    char *end;
    const long n = strtol(text, &end, 10);
    if (end == text || *end || n < 0 || n > MOST)
        return oc__fail(OC_EUSAGE, "%s: --workers: %s: wants a whole number from 0 to %d", command,
                        oc__quote_z(text), MOST);
    *out = n ? (int)n : -1;
    return OC_OK;
}
