/* progress.c — the observer that people look at.
 *
 * On a terminal one line is drawn over and over while an epoch runs; an epoch that ends, and on
 * anything but a terminal only that, is a line that stays. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "watch/terminal.h"

static const double interval = 0.1;                     /* seconds between two drawings */

struct progress {
    FILE   *to;
    bool    live, watch_test;
    double  drawn;
    int64_t epochs;
    size_t  width;                                      /* of the line on the terminal */
    char    line[256];
};

/* "1:02:03" or "2:03". */
static void duration(double seconds, char text[32])
{
    const long long s = seconds > 0 && seconds < 1e9 ? (long long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, 32, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%lld:%02lld", s / 60, s % 60);
}

static double mebibytes(int64_t bytes)
{
    return (double)bytes / (1 << 20);
}

/* A line that is drawn over must not break. */
static void cut(struct progress *p)
{
    const size_t columns = (size_t)oc__terminal_cells(p->to).columns;
    if (columns < sizeof p->line)
        p->line[columns - 1] = '\0';
}

/* Draws over the live line; what is left of a longer one is blanked. */
static void draw(struct progress *p, bool stays)
{
    const size_t n = strlen(p->line);
    const size_t rest = p->live && p->width > n ? p->width - n : 0;
    fprintf(p->to, "%s%s%*s%s", p->live ? "\r" : "", p->line, (int)rest, "", stays ? "\n" : "");
    fflush(p->to);
    p->width = stays ? 0 : n;
}

static oc_status begin(void *context, const oc_train_info *info)
{
    struct progress *const p = context;
    p->watch_test = info->watch_test;
    fprintf(p->to, "device %s, %d thread%s\n", info->reason, info->threads,
            oc__plural(info->threads));
    fprintf(p->to, "data   %lld to train, ", (long long)info->train);
    if (info->val)
        fprintf(p->to, "%lld to validate, ", (long long)info->val);
    fprintf(p->to, "%lld to test%s\n", (long long)info->test,
            info->watch_test ? ", watched every epoch: the best is chosen on them" : "");
    fprintf(p->to, "model  %lld parameters", (long long)info->parameters);
    if (info->trained != info->parameters)
        fprintf(p->to, ", %lld of them trained", (long long)info->trained);
    fprintf(p->to, "; %lld step%s an epoch; %.1f MiB planned\n",
            (long long)info->steps, oc__plural(info->steps),
            mebibytes(info->planned_bytes));
    if (info->run)
        fprintf(p->to, "run    %s\n", oc__escape(info->run, p->line, sizeof p->line));
    if (info->resumed_step)
        fprintf(p->to, "goes on after step %lld\n", (long long)info->resumed_step);
    fflush(p->to);
    return OC_OK;
}

static oc_status step(void *context, const oc_progress *now)
{
    struct progress *const p = context;
    p->epochs = now->epochs;
    if (!p->live)
        return OC_OK;
    const double seconds = oc__seconds();
    if (seconds - p->drawn < interval)
        return OC_OK;
    char left[32];
    p->drawn = seconds;
    duration(now->seconds_left, left);
    snprintf(p->line, sizeof p->line, "epoch %lld/%lld  step %lld/%lld  loss %.4f  accuracy %.2f %%"
             "  %.0f images/s  %s left  %.0f MiB", (long long)now->epoch, (long long)now->epochs,
             (long long)now->step, (long long)now->steps, now->loss, 100 * now->accuracy,
             now->samples_per_second, left, mebibytes(now->rss_bytes));
    cut(p);
    draw(p, false);
    return OC_OK;
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct progress *const p = context;
    (void)watched;
    char val[64] = "";
    if (!isnan(e->val_loss))
        snprintf(val, sizeof val, "  %s loss %.6f  accuracy %.2f %%",
                 p->watch_test ? "test" : "val", e->val_loss, 100 * e->val_accuracy);
    snprintf(p->line, sizeof p->line, "epoch %lld/%lld  loss %.6f  accuracy %.2f %%%s  %.1f s",
             (long long)e->epoch, (long long)p->epochs, e->train_loss, 100 * e->train_accuracy, val,
             e->seconds);
    draw(p, true);
    return OC_OK;
}

static void end(void *context, const oc_train_result *r)
{
    struct progress *const p = context;
    if (!r && p->width)
        fprintf(p->to, "\n");
    if (r && r->stopped_early)
        fprintf(p->to, "early  stopped after epoch %lld: the %s loss has not fallen below that of "
                "epoch %lld\n", (long long)r->last_epoch, p->watch_test ? "test" : "val",
                (long long)r->best_epoch);
    if (r && r->best_epoch)
        fprintf(p->to, "best   epoch %lld, accuracy %.2f %%\n", (long long)r->best_epoch,
                100 * r->best_val_accuracy);
    if (r && !isnan(r->test_loss))
        fprintf(p->to, "test   loss %.6f  accuracy %.2f %%\n", r->test_loss,
                100 * r->test_accuracy);
    if (r)
        fprintf(p->to, "took   %.1f s, at most %.0f MiB\n", r->seconds,
                mebibytes(r->peak_rss_bytes));
    fflush(p->to);
}

oc_status oc_watch_progress(oc_observer *out, FILE *to)
{
    *out = (oc_observer){ 0 };
    struct progress *const p = oc__alloc(1, sizeof *p);
    if (!p)
        return OC_ELIMIT;
    p->to = to;
    p->live = oc__is_terminal(to);
    *out = (oc_observer){ .begin = begin, .step = step, .epoch = epoch, .end = end, .context = p };
    return OC_OK;
}
