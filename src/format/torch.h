/* torch.h — the weights in PyTorch's own files, .pt and .pth, as torch.save() has written them
 * since version 1.6.
 *
 * The file is a ZIP archive of stored entries: NAME/data.pkl, a pickle of nested dictionaries whose
 * leaves are tensors, and NAME/data/KEY, the bytes of each storage that tensors are views of.
 * Names of nested dictionaries are joined by dots; where the outermost has a state_dict,
 * model_state_dict or model, that alone is read.  What is no tensor is left out.  Tensors that lie
 * in their storage in order stay in the file, others are gathered.  The pickle makes tensors and
 * nothing else (pickle.h). */
#ifndef OC_FORMAT_TORCH_H
#define OC_FORMAT_TORCH_H

#include "format/weights.h"

/* Do the first bytes of a file look like one, of this form or of the one before? */
bool      oc__torch_is(const unsigned char *head, size_t n);

/* Reads and checks the whole description; closed with oc__weights_close(). */
oc_status oc__torch_open(struct weights *w, const char *path);

#endif
