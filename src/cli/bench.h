/* bench.h — the options of `ocellus bench`, and its part that looks at data. */
#ifndef OC_CLI_BENCH_H
#define OC_CLI_BENCH_H

#include "base/status.h"
#include "cli/data_words.h"
#include "cli/opt.h"

struct bench {
    const char *load, *input, *backends, *json, *prepare, *augment, *workers;
    int64_t     batch, threads, steps, rows;
    double      seconds;
    int         mode;
    bool        force;
    struct data_words words;
};

/* bench data SPEC [MODEL] */
oc_status oc__bench_data(const struct bench *o, const struct operands *operands);

#endif
