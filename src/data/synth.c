/* synth.c — the kind `synth`: sets that the program draws itself, so that there is always data. */
#include <string.h>
#include "base/status.h"
#include "data/synth.h"

enum { SAMPLES_MAX = 10000000 };

static const struct attr attrs[] = {
    ATTR_RANGE(struct synth, INT, train, "10000", "digits for training", 1, SAMPLES_MAX),
    ATTR_RANGE(struct synth, INT, test, "2000", "digits for testing", 1, SAMPLES_MAX),
    ATTR(struct synth, INT, seed, "1", "another seed draws other digits, or divides otherwise"),
    { 0 }
};

static const struct { const char *name; oc_status (*open)(oc_data *d, const struct synth *a); }
sets[] = {
    { "digits", oc__synth_digits }, { "numbers", oc__synth_numbers },
    { "colors", oc__synth_colors },
};

static oc_status open_set(oc_data *d, const char *place, const void *attr)
{
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (strcmp(place, sets[i].name) == 0)
            return sets[i].open(d, attr);
    return oc__fail(OC_EUSAGE, "synth:%s: what can be drawn: synth:digits, synth:numbers, "
                    "synth:colors", oc__quote_z(place));
}

const struct data_kind oc__data_synth = {
    .entry = { .name = "synth", .summary = "synth:digits, synth:numbers or synth:colors, drawn by "
                                           "the program itself",
               .attrs = attrs, .size = sizeof(struct synth) },
    .open = open_set,
};
