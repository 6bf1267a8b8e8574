/* steps.c — lists of steps: `name [value] [key=value …]; name …`. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/status.h"

static const char space[] = " \t\n\r";

size_t oc__step_length(const char *text)
{
    const char *p = text;
    for (bool inside = false; *p && (inside || *p != ';'); p++) {
        if (inside && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            inside = !inside;
    }
    return (size_t)(p - text);
}

/* One step from its own text, which it cuts in two. */
static oc_status parse_step(struct steps *out, const struct entry *const *list, const char *what,
                            char *text)
{
    text += strspn(text, space);
    const size_t n = strcspn(text, space);
    if (n == 0)
        return oc__fail(OC_EUSAGE, "step %d is empty; wants the name of %s %s", out->n + 1,
                        strchr("aeiou", *what) ? "an" : "a", what);
    char *const rest = text + n + (text[n] != '\0');
    text[n] = '\0';
    struct step *const step = &out->step[out->n];
    TRY(oc__entry_find(list, what, text, &step->entry));
    step->attr = oc__pool_alloc(&out->pool, step->entry->size);
    if (!step->attr)
        return OC_ELIMIT;
    oc__attr_defaults(step->entry, step->attr);
    char where[128];
    snprintf(where, sizeof where, "step %d (%s)", out->n + 1, step->entry->name);
    TRY(oc__attr_parse(step->entry, step->attr, where, rest));
    out->n++;
    return OC_OK;
}

static oc_status parse_all(struct steps *out, const struct entry *const *list, const char *what,
                           char *text)
{
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += *p == ';';
    out->step = oc__pool_alloc(&out->pool, most * sizeof *out->step);
    if (!out->step)
        return OC_ELIMIT;
    while (text[strspn(text, space)]) {
        const size_t n = oc__step_length(text);
        const bool more = text[n] == ';';
        text[n] = '\0';
        TRY(parse_step(out, list, what, text));
        text += n + more;
    }
    return OC_OK;
}

oc_status oc__steps_parse(struct steps *out, const struct entry *const *list, const char *what,
                          const char *text)
{
    *out = (struct steps){ 0 };
    char *const copy = oc__pool_strdup(&out->pool, text);
    const oc_status status = copy ? parse_all(out, list, what, copy) : OC_ELIMIT;
    if (status < 0)
        oc__steps_free(out);
    return status;
}

void oc__steps_print(const struct steps *steps, struct str *out)
{
    struct str attrs = { 0 };
    for (int i = 0; i < steps->n; i++) {
        oc__str_clear(&attrs);
        oc__attr_print(steps->step[i].entry, steps->step[i].attr, false, &attrs);
        oc__str_addf(out, "%s%s%s%s", i ? "; " : "", steps->step[i].entry->name,
                     attrs.n ? " " : "", oc__str_text(&attrs));
        out->failed |= attrs.failed;
    }
    oc__str_free(&attrs);
}

void oc__steps_free(struct steps *steps)
{
    oc__pool_free(&steps->pool);
    *steps = (struct steps){ 0 };
}
