/* dropout_seeded.c — Dropout as ONNX's own implementation draws it: its mask follows from a seed.
 *
 * A model whose Dropout says by an input that it is in training drops elements in inference too,
 * those for which the next number of MT19937 is below the ratio (Matsumoto and Nishimura,
 * "Mersenne Twister", 1998; numbers of 53 bits from two of its words, as numpy makes them).  What
 * trains here is Dropout, whose draws need no order. */
#include "op/attributes.h"
#include "op/onnx.h"

enum { WORDS = 624, MIDDLE = 397 };
struct twister { uint32_t word[WORDS]; int at; };

static void begin(struct twister *t, uint32_t seed)
{
    for (int i = 0; i < WORDS; i++) {
        t->word[i] = seed;
        seed = 1812433253u * (seed ^ seed >> 30) + (uint32_t)i + 1;
    }
    t->at = WORDS;
}

static void turn(struct twister *t)
{
    for (int i = 0; i < WORDS; i++) {
        const uint32_t y = (t->word[i] & 0x80000000u) | (t->word[(i + 1) % WORDS] & 0x7fffffffu);
        t->word[i] = t->word[(i + MIDDLE) % WORDS] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    t->at = 0;
}

static uint32_t next_word(struct twister *t)
{
    if (t->at == WORDS)
        turn(t);
    uint32_t y = t->word[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

static double next_uniform(struct twister *t)
{
    const uint32_t high = next_word(t) >> 5, low = next_word(t) >> 6;
    return ((double)high * 67108864.0 + (double)low) / 9007199254740992.0;
}

static const struct attr attrs[] = {
    ATTR_RANGE(struct dropout_seeded, FLOAT, ratio, "0.5", "probability of 0, less than 1", 0,
               0.999999),
    ATTR(struct dropout_seeded, INT, seed, "0", "where the draws begin"),
    ATTR(struct dropout_seeded, BOOL, training_mode, "false", "else nothing is dropped"),
    { 0 }
};

static oc_status take(void *attr, const struct infer *s)
{
    struct dropout_seeded *const a = attr;
    double training = a->training_mode;
    TRY(oc__take_float(s, 1, &a->ratio));
    TRY(oc__take_float(s, 2, &training));
    a->training_mode = training != 0;
    if (!(a->ratio >= 0 && a->ratio < 1))
        return oc__fail(OC_EUSAGE, "ratio: %g is not in 0 to 1", a->ratio);
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    s->yt[1] = OC_BOOL;
    return oc__shape_same(s);
}

static void run(const struct call *c)
{
    const struct dropout_seeded *const a = c->attr;
    struct twister t;
    begin(&t, (uint32_t)a->seed);
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const bool keep = !a->training_mode || a->ratio == 0 || next_uniform(&t) >= a->ratio;
        c->y[1][i] = keep;
        c->y[0][i] = keep ? c->x[0][i] / (a->training_mode ? 1 - a->ratio : 1) : 0;
    }
}

static const char *const cases[] = {
    "4x7", "c:4x7 training_mode=true", "c:2x400 training_mode=true seed=7 ratio=0.25", NULL
};

const struct op oc__op_dropout_seeded = {
    .entry = { "DropoutSeeded", "y = x / (1 - ratio) or 0, by numbers that follow from a seed",
               attrs, sizeof(struct dropout_seeded) },
    .inputs = "x ratio? training_mode?", .outputs = "y mask", .by_value = 6, .take = take,
    .shape = shape, .run = run, .cases = cases,
};
