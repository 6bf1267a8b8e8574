/* command.h — what a command of the program is.
 *
 * A command is one `const struct command` at the end of its own file cmd_NAME.c, named once in
 * list.h.  It states its options (a table), how many operands it takes, and examples; reading the
 * command line, help and suggestions follow from that.  `run` returns a status; main prints the
 * error's line and turns the status into the exit code. */
#ifndef OC_CLI_COMMAND_H
#define OC_CLI_COMMAND_H

#include "base/status.h"
#include "cli/opt.h"

struct example { const char *line, *says; };            /* the line without "ocellus" */

struct command {
    const char           *name, *summary;
    const char           *usage;                        /* "[MODEL] [options]", one form a line */
    const char           *about;                        /* paragraphs for the help; NULL: none */
    const struct option  *options;
    size_t                size;                         /* of the struct of options, at least 1 */
    int                   least, most;                  /* operands; most -1: any number */
    const struct example *examples;                     /* ends in a NULL line */
    bool                  computes;                     /* with several threads, for long */
    oc_status           (*run)(const void *options, const struct operands *operands);
};

/* What every command understands beside its own options. */
struct common { bool help, log_json; };
extern const struct option oc__common_options[];

extern const struct command *const oc__command_list[];  /* ends in NULL */

/* Appends a command's help, and the list of all commands. */
void oc__help_text(const struct command *c, struct str *out);
void oc__help_overview(struct str *out);

/* From now on only warnings and errors are told, no notes. */
void oc__quiet(void);

/* The command of that name; OC_EUSAGE names the nearest. */
oc_status oc__command_find(const char *name, const struct command **out);

#define COMMAND(name) extern const struct command oc__command_##name;
#include "cli/list.h"
#undef COMMAND

#endif
