/* cmd_bench.c — how fast a model runs here, and where its time goes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/term.h"

static const char *const modes[] = { [OC_INFER] = "infer", [OC_TRAIN] = "train", NULL };

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_WORDS(struct bench, mode, "mode", 'm', "train", "what a step is", modes),
    OPT_INT(struct bench, batch, "batch", 'b', "N", "64", "images a step", 1, 65536),
    OPT_INT(struct bench, threads, "threads", 't', "N", NULL, "of computation [all cores]", 1,
            4096),
    OPT_INT(struct bench, steps, "steps", 'n', "N", "30", "timed; as many warm up, at most 5",
            1, 1000000),
    OPT_INT(struct bench, rows, "rows", 0, "N", "12", "of the table of steps", 0, 100000),
    OPT_TEXT(struct bench, backends, "backend", 0, "LIST", NULL,
             "back ends in order, as in cpu,reference"),
    OPT_TEXT(struct bench, load, "load", 0, "FILE", NULL, "weights for a model of the zoo"),
    OPT_TEXT(struct bench, input, "input", 0, "C,H,W", NULL,
             "shape of the input of a new model [1,28,28]"),
    OPT_TEXT(struct bench, prepare, "prepare", 0, "STEPS", NULL,
             "of data: preparation of its images [what suits it]"),
    OPT_TEXT(struct bench, augment, "augment", 0, "STEPS", NULL,
             "of data: random changes of its images, as in training"),
    OPT_TEXT(struct bench, workers, "workers", 0, "N", NULL,
             "of data: threads that prepare images [all cores for files]"),
    OPT_FLOAT(struct bench, seconds, "seconds", 0, "S", "3", "of data: to measure for", 0.01, 1e6),
    OPT_BAD(struct bench),
    OPT_TEXT(struct bench, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct bench, force, "force", 'f', "replace the JSON file if it exists"),
    OPT_END,
};

/* ---- measuring ----------------------------------------------------------------------------- */

struct measured {
    double                median, least;                /* seconds a step */
    double                flops;                        /* of a step */
    int64_t               bytes;
    const oc_profile_row *row;                          /* of the session */
    int                   rows;
    int                  *order;                        /* of the rows, the longest first */
};

static int by_time(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static oc_status time_steps(struct probe *p, int64_t n, struct measured *m)
{
    double *const seconds = oc__alloc((size_t)n, sizeof *seconds);
    if (!seconds)
        return OC_ELIMIT;
    oc_status status = OC_OK;
    for (int64_t i = 0; status >= 0 && i < n && i < 5; i++)
        status = oc__probe_run(p);
    for (int64_t i = 0; status >= 0 && i < n; i++) {
        const double start = oc__seconds();
        status = oc__probe_run(p);
        seconds[i] = oc__seconds() - start;
    }
    qsort(seconds, (size_t)n, sizeof *seconds, by_time);
    m->median = (seconds[(n - 1) / 2] + seconds[n / 2]) / 2;
    m->least = seconds[0];
    oc__free(seconds);
    return status;
}

static double row_seconds(const oc_profile_row *r)
{
    return r->runs ? r->seconds / (double)r->runs : 0;
}

/* Insertion keeps rows of equal time in the order of the plan. */
static oc_status sort_rows(struct measured *m)
{
    m->order = oc__alloc((size_t)m->rows + 1, sizeof *m->order);
    if (!m->order)
        return OC_ELIMIT;
    for (int i = 0; i < m->rows; i++) {
        int k = i;
        for (; k > 0 && row_seconds(&m->row[m->order[k - 1]]) < row_seconds(&m->row[i]); k--)
            m->order[k] = m->order[k - 1];
        m->order[k] = i;
    }
    return OC_OK;
}

static oc_status profile(struct probe *p, int64_t n, struct measured *m)
{
    oc_session_profile(p->session, true);
    for (int64_t i = 0; i < n; i++)
        TRY(oc__probe_run(p));
    oc_session_profile(p->session, false);
    m->rows = oc_session_profile_rows(p->session, &m->row);
    m->bytes = oc_session_bytes(p->session);
    for (int i = 0; i < m->rows; i++)
        m->flops += m->row[i].runs ? m->row[i].flops : 0;
    return sort_rows(m);
}

/* ---- telling ------------------------------------------------------------------------------- */

static void print_rows(const struct measured *m, int64_t most)
{
    double all = 0;
    for (int i = 0; i < m->rows; i++)
        all += row_seconds(&m->row[i]);
    struct table t = { .columns = "lllrrr" };
    for (const char *const *head = (const char *const[]){ "step", "operator", "kernel", "ms",
                                                          "share", "GFLOP/s", NULL }; *head; head++)
        oc__table_cell(&t, "%s", *head);
    for (int i = 0; i < m->rows && i < most; i++) {
        const oc_profile_row *const r = &m->row[m->order[i]];
        const double seconds = row_seconds(r);
        oc__table_cell(&t, "%s", oc__printable(r->name));
        oc__table_cell(&t, "%s", r->op);
        oc__table_cell(&t, "%s", r->kernel);
        oc__table_cell(&t, "%.3f", 1e3 * seconds);
        oc__table_cell(&t, "%.1f %%", all > 0 ? 100 * seconds / all : 0);
        if (r->flops > 0 && seconds > 0)
            oc__table_cell(&t, "%.1f", r->flops / seconds * 1e-9);
        else
            oc__table_cell(&t, "-");
    }
    printf("\n");
    oc__table_print(&t, 0);
    if (m->rows > most)
        printf("and %d more; --rows shows them\n", m->rows - (int)most);
}

static void print(const struct bench *o, const char *word, const struct measured *m)
{
    char rate[32], bytes[32];
    printf("%s, %s, batch %" PRId64 ", %s\n\n", oc__printable(word),
           o->mode == OC_TRAIN ? "forward and gradients" : "inference", o->batch,
           oc_device_reason(NULL));
    printf("step     %s%.3f ms%s (median of %" PRId64 "; fastest %.3f ms)\n",
           oc__style(STYLE_BOLD), 1e3 * m->median, oc__style(STYLE_PLAIN), o->steps,
           1e3 * m->least);
    printf("speed    %s images/s\n", oc__rate_text((double)o->batch / m->median, rate));
    printf("compute  %.1f GFLOP/s of %.3f GFLOP a step\n", m->flops / m->median * 1e-9,
           m->flops * 1e-9);
    printf("memory   %s planned beside the parameters\n", oc__bytes_text(m->bytes, bytes));
    if (o->rows)
        print_rows(m, o->rows);
}

static json_t *json_rows(const struct measured *m)
{
    json_t *const rows = json_array();
    for (int i = 0; rows && i < m->rows; i++) {
        const oc_profile_row *const r = &m->row[m->order[i]];
        json_array_append_new(rows, json_pack("{s:o, s:s, s:o, s:o, s:o}", "name",
                                              oc__text_json(r->name), "operator", r->op, "kernel",
                                              oc__text_json(r->kernel), "seconds",
                                              oc__number_json(row_seconds(r)), "flops",
                                              oc__number_json(r->flops)));
    }
    return rows;
}

static oc_status tell(const struct bench *o, const char *word, const struct measured *m)
{
    if (!oc__output_is_stdout(o->json))
        print(o, word, m);
    if (!o->json)
        return OC_OK;
    return oc__output_json(
        o->json, o->force,
        json_pack("{s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:I, s:o}", "model", oc__text_json(word),
                  "mode", modes[o->mode], "batch", (json_int_t)o->batch, "seconds",
                  oc__number_json(m->median), "fastest", oc__number_json(m->least),
                  "images_per_second", oc__number_json((double)o->batch / m->median), "flops",
                  oc__number_json(m->flops), "planned_bytes", (json_int_t)m->bytes, "steps",
                  json_rows(m)));
}

static oc_status measure(const struct bench *o, const char *word, struct probe *p)
{
    struct measured m = { 0 };
    oc_status status = time_steps(p, o->steps, &m);
    if (status >= 0)
        status = profile(p, o->steps, &m);
    if (status >= 0)
        status = tell(o, word, &m);
    oc__free(m.order);
    return status;
}

static oc_status bench_training(const struct bench *o, const struct model_request *r,
                                const struct probe_options *how)
{
    oc_model *model;
    struct probe p;
    TRY(oc__open_model(&model, r));
    oc_status status = oc__probe_training(&p, model, how);
    if (status >= 0)
        status = measure(o, r->word, &p);
    oc__probe_close(&p);
    oc_model_free(model);
    return status;
}

static oc_status bench_inference(const struct bench *o, const struct model_request *r,
                                 const struct probe_options *how)
{
    struct network net;
    struct probe p = { 0 };
    oc_status status = oc__network_open(&net, r, how->batch);
    if (status >= 0)
        status = oc__probe_inference(&p, &net, how);
    if (status >= 0)
        status = measure(o, r->word, &p);
    oc__probe_close(&p);
    oc__network_close(&net);
    return status;
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct bench *const o = settings;
    TRY(oc__output_check(o->json, o->force));
    if (operands->n && strcmp(operands->word[0], "data") == 0)
        return oc__bench_data(o, operands);
    if (operands->n > 1)
        return oc__fail(OC_EUSAGE, "bench: one model at a time, or data SPEC [MODEL]");
    const char *const word = operands->n ? operands->word[0] : "cnn";
    const struct probe_options how = { .batch = o->batch, .threads = (int)o->threads,
                                       .backends = o->backends };
    const struct model_request request = { .word = word, .load = o->load, .input = o->input };
    return (o->mode == OC_TRAIN ? bench_training : bench_inference)(o, &request, &how);
}

const struct command oc__command_bench = {
    .name = "bench",
    .summary = "time a model's step and what takes long in it, or how fast data comes",
    .usage = "[MODEL_OR_FILE] [options]\ndata SPEC [MODEL_OR_FILE] [options]",
    .about = "A step of training is the forward pass, the loss and all gradients, without the\n"
             "optimizer's update.  The table is measured in a second pass of as many steps.\n"
             "With `data`, images per second of the loader alone, and how long a training of\n"
             "MODEL would wait for them.",
    .options = options,
    .size = sizeof(struct bench),
    .most = 3,
    .examples = (const struct example[]){
        { "bench", "a training step of the cnn, batch 64" },
        { "bench mlp --mode infer --batch 1 --threads 1", "latency of one image on one core" },
        { "bench model.onnx --mode infer --batch 1 --input 3,64,64", "a model of ONNX" },
        { "bench data images:pets cnn --workers 4 --augment \"flip; rotate 10\"",
          "does the training wait for the pictures?" },
        { "bench runs/cnn-1 --backend reference", "by the operators' own plain code" },
        { 0 },
    },
    .computes = true,
    .run = run,
};
