/* layers.c — N fully connected layers: [linear, dropout, batch norm, LeakyReLU] for each width,
 * then linear, dropout and batch norm for the classes; the softmax is the loss's.
 *
 * "layers:100,50,dropout=0.2" has two hidden layers; "layers:norm=false,bias=true" is one layer and
 * nothing else.  A bias is left out where a norm follows, which has one. */
#include "nn/zoo/zoo.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/status.h"

enum { WIDTHS_MAX = 64 };

struct family { double dropout; bool norm, bias; };

static const struct attr attrs[] = {
    ATTR_RANGE(struct family, FLOAT, dropout, "0", "probability of becoming zero", 0, 0.999999),
    ATTR(struct family, BOOL, norm, "true", "batch norm after each layer"),
    ATTR(struct family, BOOL, bias, "false", "a bias in each layer"),
    { 0 }
};
static const struct entry family_entry = { .name = "layers", .summary = "", .attrs = attrs,
                                           .size = sizeof(struct family) };

/* Linear, dropout and norm number i, as far as wanted. */
static void add_layer(struct str *out, const struct family *f, const char *width, int i)
{
    char number[32];
    oc__str_addf(out, "; linear %s bias=%s name=fc%d", width, f->bias ? "true" : "false", i);
    if (f->dropout > 0)
        oc__str_addf(out, "; dropout %s", oc__double_text(f->dropout, number));
    if (f->norm)
        oc__str_addf(out, "; batchnorm name=bn%d", i);
}

/* Cuts the text at its commas: widths first, then key=value. */
static oc_status read_settings(char *text, struct family *f, const char *width[WIDTHS_MAX], int *n)
{
    for (char *word; (word = strsep(&text, ","));) {
        char *const value = strchr(word, '=');
        if (value) {
            *value = '\0';
            TRY(oc__attr_set(&family_entry, f, "layers", word, value + 1));
        } else if (*word) {
            if (strspn(word, "0123456789") != strlen(word))
                return oc__fail(OC_EUSAGE, "layers: %s: wants widths and settings, as in "
                                           "layers:100,50,dropout=0.2", oc__quote_z(word));
            if (*n == WIDTHS_MAX)
                return oc__fail(OC_EUSAGE, "layers: more than %d", WIDTHS_MAX);
            width[(*n)++] = word;
        }
    }
    return OC_OK;
}

static oc_status steps_of(const char *settings, char **steps)
{
    struct str out = { 0 };
    struct family f;
    const char *width[WIDTHS_MAX];
    int n = 0;
    *steps = NULL;
    char *const text = oc__strdup(settings);
    if (!text)
        return OC_ELIMIT;
    oc__attr_defaults(&family_entry, &f);
    const oc_status status = read_settings(text, &f, width, &n);
    oc__str_addz(&out, "flatten");
    for (int i = 0; i < n && !status; i++) {
        add_layer(&out, &f, width[i], i + 1);
        oc__str_addz(&out, "; leakyrelu");
    }
    add_layer(&out, &f, "classes", n + 1);
    oc__free(text);
    if (!status && !out.failed) {
        *steps = out.text;
        return OC_OK;
    }
    oc__str_free(&out);
    return status ? status : OC_ELIMIT;
}

const oc_zoo_entry oc__zoo_layers = {
    .name = "layers",
    .summary = "layers:100,50 has two hidden layers; dropout=0, norm=true, bias=false",
    .layers = "flatten; linear classes bias=false name=fc1; batchnorm name=bn1",
    .loss = "softmax",
    .optimizer = "adam learning_rate=0.001",
    .batch = 64,
    .epochs = 10,
    .family = steps_of,
};
