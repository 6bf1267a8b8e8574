/* report_facts.h — what a run.json says, as pairs of words, and the command that it amounts to. */
#ifndef OC_WATCH_REPORT_FACTS_H
#define OC_WATCH_REPORT_FACTS_H

#include "base/mem.h"
#include "base/str.h"
#include "ocellus.h"

enum { FACTS_MAX = 96 };

/* Objects within the object are laid flat; a list is its words with commas; null is no value. */
struct fact  { const char *key, *value; };
struct facts { int n; struct fact fact[FACTS_MAX]; struct pool pool; };

/* Reads run.json of a folder. */
oc_status   oc__facts_read(struct facts *f, const char *folder);
void        oc__facts_free(struct facts *f);

const char *oc__fact(const struct facts *f, const char *key);   /* NULL: no such key, or null */

/* What became of the run in that folder: "running", "finished", "stopped early", "interrupted"
 * (also where the process was killed), "diverged" or "failed". */
const char *oc__facts_state(const struct facts *f, const char *folder);

/* Appends `ocellus train …` with every setting that makes the result, quoted for a shell. */
void        oc__facts_command(const struct facts *f, struct str *out);

#endif
