/* zoo.c — the table of the models that ship. */
#include "nn/zoo/zoo.h"

#include <string.h>

#define ZOO(name) &oc__zoo_##name,
static const oc_zoo_entry *const zoo[] = {
#include "nn/zoo/list.h"
};
#undef ZOO

int oc_zoo_count(void) { return (int)(sizeof zoo / sizeof *zoo); }

const oc_zoo_entry *oc_zoo_at(int i) { return i < 0 || i >= oc_zoo_count() ? NULL : zoo[i]; }

const oc_zoo_entry *oc_zoo_find(const char *name)
{
    for (int i = 0; i < oc_zoo_count(); i++)
        if (!strcmp(zoo[i]->name, name))
            return zoo[i];
    return NULL;
}
