/* saliency.h — the parts of the task `saliency`: its measures, and its pictures.
 *
 * Measured are images of saliency S against masks G, both from 0 to 1:
 *
 *     MAE          the mean of |S - G|
 *     F_beta       (1 + b) P R / (b P + R) with b = beta^2 = 0.3, of precision P = |M and T| / |M|
 *                  and recall R = |M and T| / |T|, where T = G > 1/2 and M = S >= a threshold
 *     max F        of P and R that are means over images, the largest of 256 thresholds k / 255
 *     adaptive F   the mean over images of F at twice the image's mean of S, at most 1
 *     IoU          the mean over images of |M and T| / |M or T| with M = S > 1/2
 *
 * (Achanta et al., "Frequency-tuned salient region detection", 2009, for F_beta and the adaptive
 * threshold; Borji et al., "Salient object detection: a benchmark", 2015; Qin et al., "U^2-Net",
 * 2020, section 4.3, for MAE and max F.)  Where nothing is found and nothing is there, P, R, F and
 * IoU are 1; where only one of them is empty they are 0. */
#ifndef OC_TASK_SALIENCY_H
#define OC_TASK_SALIENCY_H

#include "task/task.h"

void     *oc__saliency_tally_new(const oc_model *m);
void      oc__saliency_tally_add(void *tally, const float *logits, const void *masks, int64_t n,
                                 double mean_loss);
oc_status oc__saliency_tally_metrics(const void *tally, oc_metrics *out);
void      oc__saliency_tally_free(void *tally);

/* "mask", grey in the image's size; "overlay", the image with what stands out in colour; "cutout",
 * the image with the mask as its alpha. */
oc_status oc__saliency_draw(const struct answer *a, oc_picture *picture, int *n);

#endif
