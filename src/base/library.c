/* library.c — see library.h. */
#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/status.h"

static oc_status fill(const struct library *l, void *handle)
{
    for (int i = 0; l->name[i]; i++) {
        void *const found = dlsym(handle, l->name[i]);
        if (!found)
            return oc__fail(OC_EIO, "%s: has no function %s", l->file, l->name[i]);
        memcpy((char *)l->function + (size_t)i * sizeof found, &found, sizeof found);
    }
    return OC_OK;
}

oc_status oc__library_open(struct library *l)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    oc_status status = OC_OK;
    pthread_mutex_lock(&lock);
    if (!l->open) {
        void *const handle = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
        status = handle ? fill(l, handle)
                        : oc__fail(OC_EIO, "%s need a library: %s", l->purpose, dlerror());
        l->open = status == OC_OK;
    }
    pthread_mutex_unlock(&lock);
    return status;
}
