/* synth.h — the sets that the program draws itself. */
#ifndef OC_DATA_SYNTH_H
#define OC_DATA_SYNTH_H

#include "data/dataset.h"

struct synth { int64_t train, test, seed; };

oc_status oc__synth_digits(oc_data *d, const struct synth *a);
oc_status oc__synth_numbers(oc_data *d, const struct synth *a);
oc_status oc__synth_colors(oc_data *d, const struct synth *a);

#endif
