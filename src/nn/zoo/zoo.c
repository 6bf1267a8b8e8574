/* zoo.c — the table of the models that ship. */
#include "nn/zoo/zoo.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

#define ZOO(name) &oc__zoo_##name,
static const oc_zoo_entry *const zoo[] = {
#include "nn/zoo/list.h"
};
#undef ZOO

int oc_zoo_count(void) { return (int)(sizeof zoo / sizeof *zoo); }

const oc_zoo_entry *oc_zoo_at(int i) { return i < 0 || i >= oc_zoo_count() ? NULL : zoo[i]; }

/* A family is found by what stands before the colon. */
const oc_zoo_entry *oc_zoo_find(const char *name)
{
    const size_t n = strcspn(name, ":");
    for (int i = 0; i < oc_zoo_count(); i++)
        if (!strcmp(zoo[i]->name, name)
            || (zoo[i]->family && name[n] && strlen(zoo[i]->name) == n
                && !strncmp(zoo[i]->name, name, n)))
            return zoo[i];
    return NULL;
}

oc_status oc_zoo_steps(const char *name, char **steps)
{
    const oc_zoo_entry *const zoo_entry = oc_zoo_find(name);
    const char *const colon = strchr(name, ':');
    *steps = NULL;
    if (!zoo_entry)
        return oc__fail(OC_EUSAGE, "unknown model %s", oc__quote_z(name));
    if (zoo_entry->family)
        return zoo_entry->family(colon ? colon + 1 : "", steps);
    *steps = oc__strdup(zoo_entry->layers);
    return *steps ? OC_OK : OC_ELIMIT;
}
