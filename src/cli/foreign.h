/* foreign.h — models of ONNX on the command line: looked at, run on arrays, timed.
 *
 * They come without a preparation of images, so they are run on arrays by the names of inputs. */
#ifndef OC_CLI_FOREIGN_H
#define OC_CLI_FOREIGN_H

#include "cli/probe.h"
#include "ocellus.h"

/* Whether a word names a file of ONNX, by its ending or its content. */
bool oc__names_onnx(const char *word);

struct foreign_inspect {
    const char          *path, *json;
    struct probe_options how;
    const char          *shape;                         /* of the first input; NULL: the file's */
    bool                 plan, force;
};
oc_status oc__foreign_inspect(const struct foreign_inspect *o);

struct foreign_predict {
    const char *path;
    const char *inputs;                                 /* "x=a.npy,y=b.npy" */
    const char *output;                                 /* name of any value; NULL: all outputs */
    const char *out;                                    /* .npy or .png to write; NULL: none */
    const char *backends;
    int         threads;
    bool        force;
};
oc_status oc__foreign_predict(const struct foreign_predict *o);

/* Loads a model for a probe on made-up input: dimensions that the file leaves open are the batch
 * (the first) and those of `shape`, "3,224,224". */
oc_status oc__foreign_probe(struct probe *p, oc_onnx **model, const char *path, const char *shape,
                            const struct probe_options *how);

#endif
