/* chart_axis.c — round numbers for axes.
 *
 * Linear ticks are multiples of 1, 2 or 5 times a power of ten.  Logarithmic ones are the powers of
 * ten themselves, over short ranges also their 2nd and 5th multiples, over long ones every k-th. */
#include "watch/chart_axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"

static const double log_from = 20;                      /* times larger than the smallest */

/* "0.25", "1e-5": the shortest text, without zeroes in the exponent. */
static void write_label(char label[AXIS_LABEL_MAX], double v)
{
    char text[32];
    oc__double_text(v, text);
    char *const exponent = strchr(text, 'e');
    if (exponent && exponent[1] == '-' && exponent[2] == '0')
        memmove(exponent + 2, exponent + 3, strlen(exponent + 3) + 1);
    snprintf(label, AXIS_LABEL_MAX, "%.15s", text);
}

static void add_tick(struct axis *a, double v)
{
    if (a->n == AXIS_TICKS_MAX)
        return;
    a->tick[a->n] = v;
    write_label(a->label[a->n++], v);
}

/* ---- linear -------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, not below v. */
static double round_up(double v)
{
    const double power = pow(10, floor(log10(v) + 1e-9)), rest = v / power;
    return power * (rest <= 1 + 1e-9 ? 1 : rest <= 2 + 1e-9 ? 2 : rest <= 5 + 1e-9 ? 5 : 10);
}

/* Multiple k of the step as the nearest double to its decimal: 3 / 5 is 0.6, 3 * 0.2 is not. */
static double multiple(double k, double step)
{
    return step < 1 ? k / round(1 / step) : k * step;
}

static void make_linear(struct axis *a, struct range data, enum axis_kind kind, int wanted)
{
    double step = round_up((data.high - data.low) / wanted);
    if (kind == AXIS_WHOLE)
        step = fmax(1, step);
    double first = floor(data.low / step + 1e-9), last = ceil(data.high / step - 1e-9);
    a->low = multiple(first, step);
    a->high = multiple(last, step);
    if (kind == AXIS_WHOLE) {
        a->low = data.low;
        a->high = data.high;
        first = ceil(data.low / step - 1e-9);
        last = floor(data.high / step + 1e-9);
    }
    for (double k = first; k <= last; k++)
        add_tick(a, multiple(k, step));
}

/* ---- logarithmic --------------------------------------------------------------------------- */

static void add_decade(struct axis *a, double exponent, bool with_parts)
{
    static const double parts[] = { 1, 2, 5 };
    for (int i = 0; i < (with_parts ? 3 : 1); i++) {
        const double power = pow(10, fabs(exponent));
        const double v = exponent < 0 ? parts[i] / power : parts[i] * power;
        if (v >= a->low * (1 - 1e-9) && v <= a->high * (1 + 1e-9))
            add_tick(a, v);
    }
}

static void make_log(struct axis *a, struct range data, int wanted)
{
    const double margin = pow(data.high / data.low, 0.04);
    a->log = true;
    a->low = data.low / margin;
    a->high = data.high * margin;
    const double decades = log10(a->high / a->low), every = fmax(1, ceil(decades / wanted));
    const double last = floor(log10(a->high)) + 1;
    for (double e = floor(log10(a->low)); e <= last; e++)
        if (fmod(e, every) == 0)
            add_decade(a, e, decades < 3.2);
}

/* ---- any ----------------------------------------------------------------------------------- */

/* Something around a single value, or around nothing. */
static struct range widen(struct range data, enum axis_kind kind)
{
    if (!(data.low <= data.high))
        return (struct range){ kind == AXIS_WHOLE ? 1 : 0, kind == AXIS_PERCENT ? 100 : 1 };
    if (data.high > data.low)
        return data;
    if (kind == AXIS_WHOLE)
        return (struct range){ data.low - 0.5, data.high + 0.5 };
    if (kind != AXIS_PERCENT && data.low != 0)          /* from 0, and not at the very edge */
        return (struct range){ fmin(0, 1.25 * data.low), fmax(0, 1.25 * data.low) };
    const double half = kind == AXIS_PERCENT ? 5 : 1;
    return (struct range){ data.low - half, data.high + half };
}

void oc__axis_make(struct axis *a, struct range data, enum axis_kind kind, int wanted)
{
    const bool log = kind == AXIS_WIDE && data.low > 0 && data.high > log_from * data.low;
    *a = (struct axis){ 0 };
    data = widen(data, kind);
    if (kind == AXIS_PERCENT)
        data = (struct range){ fmax(data.low, 0), fmin(data.high, 100) };
    if (log)
        make_log(a, data, wanted);
    else
        make_linear(a, data, kind, wanted);
}

double oc__axis_place(const struct axis *a, double v)
{
    if (!isfinite(v) || (a->log && v <= 0))
        return NAN;
    if (a->log)
        return log(v / a->low) / log(a->high / a->low);
    return (v - a->low) / (a->high - a->low);
}
