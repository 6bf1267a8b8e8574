/* result.c — a training's result as JSON: fractions, not percents; null for what there is not. */
#include <math.h>
#include "base/json.h"
#include "base/str.h"
#include "ocellus.h"

static void number(struct str *out, const char *before, double v)
{
    char text[32];
    oc__str_addz(out, before);
    oc__str_addz(out, isfinite(v) ? oc__double_text(v, text) : "null");
}

static void write_epoch(struct str *out, const oc_epoch *e)
{
    oc__str_addf(out, "{\"epoch\": %lld", (long long)e->epoch);
    number(out, ", \"train_loss\": ", e->train_loss);
    number(out, ", \"train_accuracy\": ", e->train_accuracy);
    number(out, ", \"val_loss\": ", e->val_loss);
    number(out, ", \"val_accuracy\": ", e->val_accuracy);
    number(out, ", \"learning_rate\": ", e->learning_rate);
    number(out, ", \"seconds\": ", e->seconds);
    oc__str_addz(out, "}");
}

static void write_best(struct str *out, const oc_train_result *r)
{
    if (r->best_epoch == 0) {
        oc__str_addz(out, "],\n  \"best\": null");
        return;
    }
    oc__str_addf(out, "],\n  \"best\": {\"epoch\": %lld", (long long)r->best_epoch);
    number(out, ", \"val_accuracy\": ", r->best_val_accuracy);
    oc__str_addz(out, "}");
}

char *oc_train_result_json(const oc_train_result *r)
{
    struct str out = { 0 };
    oc__str_addz(&out, "{\n  \"epochs\": [");
    for (int64_t i = 0; i < r->epochs; i++) {
        oc__str_addz(&out, i ? ",\n    " : "\n    ");
        write_epoch(&out, &r->epoch[i]);
    }
    write_best(&out, r);
    oc__str_addf(&out, ",\n  \"stopped_early\": %s", r->stopped_early ? "true" : "false");
    number(&out, ",\n  \"test\": {\"loss\": ", r->test_loss);
    number(&out, ", \"accuracy\": ", r->test_accuracy);
    number(&out, "},\n  \"seconds\": ", r->seconds);
    oc__str_addf(&out, ",\n  \"peak_rss_bytes\": %lld,\n  \"finished_before\": %s,\n  \"model\": ",
                 (long long)r->peak_rss_bytes, r->finished_before ? "true" : "false");
    const bool written = r->model[0] && oc__json_quote(&out, r->model);
    oc__str_addz(&out, written ? "\n}\n" : "null\n}\n");
    if (out.failed)
        oc__str_free(&out);
    return out.text;
}
