/* cmd_plot.c — curves of runs, beside each other: to a picture, to the terminal, or live. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/term.h"

enum { ROWS = 24 };

struct plot {
    const char *out;
    int64_t     every;
    bool        live, force;
};

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_TEXT(struct plot, out, "out", 'o', "FILE", NULL, "a picture, .png or .svg"),
    OPT_FLAG(struct plot, live, "live", 0, "draw anew while any of the runs is under way"),
    OPT_INT(struct plot, every, "every", 0, "SECONDS", "2", "how often, when live", 1, 86400),
    OPT_FLAG(struct plot, force, "force", 'f', "replace the picture if it exists"),
    OPT_END,
};

static volatile sig_atomic_t stop;

static void request_stop(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

/* ---- showing ------------------------------------------------------------------------------- */

static void percent_cell(struct table *t, double v)
{
    if (isfinite(v))
        oc__table_cell(t, "%.2f %%", 100 * v);
    else
        oc__table_cell(t, "-");
}

static void number_cell(struct table *t, double v)
{
    if (isfinite(v))
        oc__table_cell(t, "%.4f", v);
    else
        oc__table_cell(t, "-");
}

static void print_table(const oc_plot *p)
{
    struct table t = { .columns = "llrrrrrr" };
    for (const char *const *head = (const char *const[]){ "run", "", "epochs", "loss", "val loss",
                                                          "best", "epoch", "test", NULL };
         *head; head++)
        oc__table_cell(&t, "%s", *head);
    for (int i = 0; i < oc_plot_runs(p); i++) {
        const oc_plot_run *const r = oc_plot_run_at(p, i);
        oc__table_cell(&t, "%s", oc__printable(r->name));
        oc__table_cell(&t, "%s", r->state);
        oc__table_cell(&t, "%" PRId64 "/%" PRId64, r->epochs, r->epochs_wanted);
        number_cell(&t, r->train_loss);
        number_cell(&t, r->val_loss);
        percent_cell(&t, r->best_accuracy);
        if (r->best_epoch)
            oc__table_cell(&t, "%" PRId64, r->best_epoch);
        else
            oc__table_cell(&t, "-");
        percent_cell(&t, r->test_accuracy);
    }
    oc__table_print(&t, 0);
    for (int i = 0; i < oc_plot_runs(p); i++) {
        const oc_plot_run *const r = oc_plot_run_at(p, i);
        if (*r->reason)
            printf("%s %s: %s\n", oc__printable(r->name), r->state, r->reason);
    }
}

static oc_status print(const oc_plot *p)
{
    const int rows = oc__term_height(stdout, ROWS) - oc_plot_runs(p) - 4;
    char *const text
        = oc_plot_text(p, oc__term_width(stdout), rows, oc__term_colours(stdout));
    if (!text)
        return oc__fail(OC_ELIMIT, "no memory for the curves");
    printf("%s\n", text);
    oc_string_free(text);
    print_table(p);
    fflush(stdout);
    return OC_OK;
}

/* One look at the runs; *more tells whether any is under way. */
static oc_status look(const struct plot *o, const struct operands *runs, bool clear, bool *more)
{
    oc_plot *p;
    TRY(oc_plot_open(&p, runs->word, runs->n));
    if (clear)
        fputs("\033[2J\033[H", stdout);
    oc_status status = print(p);
    *more = false;
    for (int i = 0; i < oc_plot_runs(p); i++)
        *more |= oc_plot_run_at(p, i)->running;
    if (status >= 0 && o->out)
        status = oc_plot_save(p, o->out);
    oc_plot_free(p);
    return status;
}

static oc_status follow(const struct plot *o, const struct operands *runs)
{
    const struct sigaction action = { .sa_handler = request_stop };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (bool more = true; more && !stop;) {
        TRY(look(o, runs, true, &more));
        if (more && !stop)
            sleep((unsigned)o->every);                  /* a signal ends it early */
    }
    return OC_OK;
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct plot *const o = settings;
    bool more;
    TRY(oc__output_check(o->out, o->force));
    if (o->live && oc__term_is(stdout))
        return follow(o, operands);
    return look(o, operands, false, &more);
}

const struct command oc__command_plot = {
    .name = "plot",
    .summary = "curves of runs, compared: as a picture, in the terminal, live",
    .usage = "RUN… [--out FILE] [--live]",
    .about = "RUN is the folder of a run, finished or under way, or one that holds such folders,\n"
             "as a study's does.  More pictures of a run are in its folder: plots/, report.html.",
    .options = options,
    .size = sizeof(struct plot),
    .least = 1,
    .most = -1,
    .examples = (const struct example[]){
        { "plot runs/cnn-1 runs/mlp-1", "two runs, in the terminal" },
        { "plot runs --out runs.svg", "all of them, as a picture" },
        { "plot runs/cnn-1 --live", "a training under way, from another terminal" },
        { 0 },
    },
    .run = run,
};
