/* main.c — the program: finds the command, reads its options, runs it, and says what went wrong.
 *
 * Every failure is one line on standard error, "ocellus: error: …", and an exit code that tells its
 * kind: the status negated (see oc_status).  With --log-json the lines are JSON. */
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/term.h"

const struct option oc__common_options[] = {
    OPT_HEADING("Everywhere"),
    OPT_FLAG(struct common, help, "help", 'h', "this page"),
    OPT_FLAG(struct common, log_json, "log-json", 0, "errors and warnings as lines of JSON"),
    OPT_END,
};

#define COMMAND(name) &oc__command_##name,
const struct command *const oc__command_list[] = {
#include "cli/list.h"
    NULL,
};
#undef COMMAND

/* ---- help ---------------------------------------------------------------------------------- */

static void examples(const struct command *c, struct str *out)
{
    oc__str_addz(out, "\nExamples\n");
    for (const struct example *e = c->examples; e->line; e++)
        oc__str_addf(out, "  ocellus %s\n      %s\n", e->line, e->says);
}

void oc__help_text(const struct command *c, struct str *out)
{
    const int width = oc__term_width(stdout) < 100 ? oc__term_width(stdout) : 100;
    oc__str_addf(out, "ocellus %s — %s\n\n", c->name, c->summary);
    const char *lead = "Usage: ";
    for (const char *form = c->usage; *form;) {
        const size_t n = strcspn(form, "\n");
        oc__str_addf(out, "%socellus %s %.*s\n", lead, c->name, (int)n, form);
        lead = "       ";
        form += n + (form[n] == '\n');
    }
    if (c->about)
        oc__str_addf(out, "\n%s\n", c->about);
    if (c->options) {
        oc__str_addz(out, "\n");
        oc__opt_help(c->options, width, out);
    }
    oc__str_addz(out, "\n");
    oc__opt_help(oc__common_options, width, out);
    if (c->examples)
        examples(c, out);
}

void oc__help_overview(struct str *out)
{
    oc__str_addz(out, "Ocellus trains, evaluates and runs vision models.\n\n"
                      "Usage: ocellus COMMAND [options]\n\n");
    for (const struct command *const *c = oc__command_list; *c; c++)
        oc__str_addf(out, "  %-8s  %s\n", (*c)->name, (*c)->summary);
    oc__str_addz(out, "\n`ocellus COMMAND --help` explains a command with examples, "
                      "`ocellus help TOPIC` a topic.\n"
                      "The first thing to try: `ocellus train`.\n");
}

oc_status oc__command_find(const char *name, const struct command **out)
{
    enum { MOST = 32 };
    const char *known[MOST + 1];
    int n = 0;
    for (const struct command *const *c = oc__command_list; *c && n < MOST; c++) {
        if (strcmp((*c)->name, name) == 0) {
            *out = *c;
            return OC_OK;
        }
        known[n++] = (*c)->name;
    }
    known[n] = NULL;
    const char *const near = oc__nearest(name, known);
    if (near)
        return oc__fail(OC_EUSAGE, "unknown command %s: did you mean %s?", oc__quote_z(name), near);
    return oc__fail(OC_EUSAGE, "unknown command %s; `ocellus help` lists them", oc__quote_z(name));
}

/* ---- what goes wrong ----------------------------------------------------------------------- */

static bool log_json, quiet;                            /* set before anything can fail */

void oc__quiet(void)
{
    quiet = true;
}

static void say(const char *level, const char *line, int code)
{
    if (!log_json) {
        const char *const clear = oc__term_is(stderr) ? "\r\033[K" : "";  /* a line of progress */
        fprintf(stderr, "%socellus: %s: %s\n", clear, level, line);
        return;
    }
    json_t *const object = json_pack("{s:s, s:s}", "level", level, "message", line);
    if (object && code)
        json_object_set_new(object, "exit", json_integer(code));
    if (object)
        json_dumpf(object, stderr, JSON_COMPACT | JSON_ENSURE_ASCII);
    fputc('\n', stderr);
    json_decref(object);
}

static void log_line(void *context, oc_log_level level, const char *line)
{
    (void)context;
    if (level == OC_WARNING || !quiet)
        say(level == OC_WARNING ? "warning" : "note", line, 0);
}

/* What was printed must have arrived; a reader that went away (`| head`) is told nothing more. */
static oc_status flush(oc_status status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    const int error = errno;
    if (status >= 0)
        status = oc__fail_errno(error, "standard output");
    return error == EPIPE ? OC_EIO : status;
}

/* ---- running ------------------------------------------------------------------------------- */

static oc_status print_help(const struct command *c)
{
    struct str text = { 0 };
    oc__help_text(c, &text);
    fputs(oc__str_text(&text), stdout);
    oc__str_free(&text);
    return OC_OK;
}

/* The forms of a command in one line, as a message is. */
static oc_status wants_more(const struct command *c)
{
    struct str forms = { 0 };
    for (const char *form = c->usage; *form;) {
        const size_t n = strcspn(form, "\n");
        oc__str_addf(&forms, "%s%.*s", forms.n ? ", or " : "", (int)n, form);
        form += n + (form[n] == '\n');
    }
    const oc_status status = oc__fail(OC_EUSAGE, "%s: wants %s; see `ocellus %s --help`", c->name,
                                      oc__str_text(&forms), c->name);
    oc__str_free(&forms);
    return status;
}

static oc_status check_operands(const struct command *c, const struct operands *operands)
{
    if (operands->n < c->least)
        return wants_more(c);
    if (c->most >= 0 && operands->n > c->most)
        return oc__fail(OC_EUSAGE, "%s: %s is one word too many; see `ocellus %s --help`", c->name,
                        oc__quote_z(operands->word[c->most]), c->name);
    return OC_OK;
}

static oc_status run(const struct command *c, int argc, char **argv)
{
    struct common common = { 0 };
    struct operands operands = { 0 };
    void *const options = oc__alloc(1, c->size);
    static const struct option none[] = { OPT_END };
    const struct option *const table = c->options ? c->options : none;
    const struct opt_table tables[]
        = { { table, options }, { oc__common_options, &common }, { NULL, NULL } };
    oc_status status = options ? OC_OK : OC_ELIMIT;
    if (status >= 0) {
        oc__opt_defaults(table, options);
        status = oc__opt_read(c->name, tables, argc, argv, &operands);
    }
    if (status >= 0 && common.help)
        status = print_help(c);
    else if (status >= 0 && (status = check_operands(c, &operands)) >= 0)
        status = c->run(options, &operands);
    oc__operands_free(&operands);
    oc__free(options);
    return status;
}

static oc_status overview(void)
{
    struct str text = { 0 };
    oc__help_overview(&text);
    fputs(oc__str_text(&text), stdout);
    oc__str_free(&text);
    return OC_OK;
}

/* Threads of libgomp wait for each other by spinning, about a millisecond by default.  Where
 * another process has one of the cores, a wait lasts until the scheduler steps in, and a training
 * step of the cnn takes ten times as long as with a short spin, which loses nothing where the cores
 * are free.  It is read when the program is loaded, so the program begins anew; whoever has chosen
 * otherwise is heeded. */
static void spin_briefly(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")
        || setenv("GOMP_SPINCOUNT", "2000", 1) != 0)
        return;
    execv("/proc/self/exe", argv);                      /* where that fails, all is as it was */
}

static oc_status dispatch(int argc, char **argv)
{
    char **const whole = argv;
    while (argc > 1 && strcmp(argv[1], "--log-json") == 0) {
        argv++;
        argc--;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return overview();
    if (strcmp(argv[1], "--version") == 0) {
        puts("ocellus " OC_VERSION);
        return OC_OK;
    }
    if (argv[1][0] == '-')
        return oc__fail(OC_EUSAGE, "unknown option %s; the command comes first, as in "
                                   "`ocellus train --epochs 3`", oc__quote_z(argv[1]));
    const struct command *command;
    TRY(oc__command_find(argv[1], &command));
    if (command->computes)
        spin_briefly(whole);
    return run(command, argc - 2, argv + 2);
}

/* Images come and go by the thousand, and each is a block of its own: blocks of up to 4 MiB are
 * taken from the heap, and what is free on top of it stays.  Otherwise the kernel maps and clears
 * pages for every image, which costs a tenth of the time of decoding.  Blocks for numbers that are
 * aligned to huge pages exceed that and are given back when they are freed: the heap keeps none of
 * what an evaluation took. */
static void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int main(int argc, char **argv)
{
    keep_memory();
    signal(SIGPIPE, SIG_IGN);                           /* they come back as errors of writing */
    signal(SIGXFSZ, SIG_IGN);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        log_json |= strcmp(argv[i], "--log-json") == 0;
    oc_log_set(log_line, NULL);
    const oc_status status = flush(dispatch(argc, argv));
    if (status < 0 && *oc_error())
        say(status == OC_EINTERRUPTED ? "stopped" : "error", oc_error(), -status);
    return -status;
}
