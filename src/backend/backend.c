/* backend.c — the table of back ends, and how one is chosen for a node.
 *
 * A back end is here when its folder is: the Makefile defines OC_BACKEND_name for each, and
 * this file is the only one that asks.  The reference is always here, and last. */
#include "backend/backend.h"

#include <string.h>
#include "backend/wide.h"

#ifdef OC_BACKEND_onednn
extern const struct backend oc__backend_onednn;
#endif
#ifdef OC_BACKEND_cpu
extern const struct backend oc__backend_cpu;
#endif
extern const struct backend oc__backend_reference;

const struct backend *const oc__backend_list[] = {
#ifdef OC_BACKEND_onednn
    &oc__backend_onednn,
#endif
#ifdef OC_BACKEND_cpu
    &oc__backend_cpu,
#endif
    &oc__backend_reference,
    NULL
};

void oc__backend_identify(struct str *out)
{
    oc__str_addz(out, oc__wide_units());
    for (const struct backend *const *b = oc__backend_list; *b; b++)
        if ((*b)->identify) {
            oc__str_addf(out, ", %s ", (*b)->name);
            (*b)->identify(out);
        }
}

/* Whether a list "a,b" holds this name of length n. */
static bool is_named(const char *names, const char *name, size_t n)
{
    for (const char *p = names; *p;) {
        const size_t length = strcspn(p, ",");
        if (length == n && !strncmp(p, name, n))
            return true;
        p += length + (p[length] == ',');
    }
    return false;
}

static oc_status unknown(const char *name, size_t n)
{
    struct str all = { 0 };
    for (const struct backend *const *b = oc__backend_list; *b; b++)
        oc__str_addf(&all, "%s%s", b == oc__backend_list ? "" : ", ", (*b)->name);
    oc__fail(OC_EUSAGE, "unknown back end %s: this build has %s", oc__quote(name, n),
             oc__str_text(&all));
    oc__str_free(&all);
    return OC_EUSAGE;
}

oc_status oc__backend_check(const char *names)
{
    for (const char *p = names; p && *p;) {
        const size_t length = strcspn(p, ",");
        bool known = false;
        for (const struct backend *const *b = oc__backend_list; *b; b++)
            known |= is_named((*b)->name, p, length);
        if (!known)
            return unknown(p, length);
        p += length + (p[length] == ',');
    }
    return OC_OK;
}

static bool choose_kernel(const struct backend *b, const struct request *r, struct offer *o)
{
    for (const struct kernel *const *k = b->kernels; *k; k++) {
        if ((*k)->op && strcmp((*k)->op, r->op->entry.name) != 0)
            continue;
        *o = (struct offer){ .kernel = *k, .in_place = -1 };
        if ((*k)->accept(r, o))
            return true;
        if (o->no_memory)
            break;
    }
    return false;
}

oc_status oc__backend_choose(const char *names, const struct request *r, struct offer *o,
                        const struct backend **chosen)
{
    for (const struct backend *const *b = oc__backend_list; *b; b++) {
        const bool asked = !names || is_named(names, (*b)->name, strlen((*b)->name));
        *chosen = *b;
        *o = (struct offer){ 0 };
        if ((asked || *b == &oc__backend_reference) && choose_kernel(*b, r, o))
            return OC_OK;
        if (o->no_memory)
            return OC_ELIMIT;
    }
    return oc__fail(OC_EUSAGE, "%s: no back end can run %s", r->name, r->op->entry.name);
}
