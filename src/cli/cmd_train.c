/* cmd_train.c — trains a model, or continues a run.
 *
 * SIGINT and SIGTERM set a flag that the training looks at after each step: it saves and ends with
 * exit code 7.  A second signal ends the program at once. */
#include "cli/cmd_train.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/run_folder.h"
#include "cli/run_settings.h"
#include "cli/study.h"
#include "cli/term.h"


static const char *const varies[] = { "model", "data", NULL };   /* enum vary */

const struct option oc__train_table[] = {
    OPT_HEADING("Model and data"),
    OPT_TEXT(struct train, model, "model", 'm', "STEPS", NULL,
             "the network as text, or a name or file as MODEL; see `ocellus help layers`"),
    OPT_TEXT(struct train, data, "data", 'd', "SPEC", "synth:digits",
             "data set; see `ocellus help data`"),
    OPT_TEXT(struct train, val, "val", 0, "FRACTION", NULL,
             "of the training data held back to choose the best model [what the data holds for it, "
             "else 0.1]; `test` watches the test data instead"),
    OPT_DIVISION(struct train),
    OPT_BAD(struct train),
    OPT_TEXT(struct train, words.cache, "cache", 0, "none|ram|prepared", NULL,
             "images kept in memory: decoded, or prepared too [none]"),
    OPT_TEXT(struct train, prepare, "prepare", 0, "STEPS", NULL,
             "preparation of images [what suits the data]"),
    OPT_TEXT(struct train, augment, "augment", 0, "STEPS", NULL,
             "random changes of the training images, as in \"flip; crop 32 padding=4\"; see "
             "`ocellus help augmentation`"),
    OPT_TEXT(struct train, load, "load", 0, "FILE", NULL,
             "weights to begin with, .safetensors, .json, .pth or .pt, or a run's best"),
    OPT_TEXT(struct train, classes, "classes", 0, "FILE", NULL,
             "names of the model's classes, one a line, the data's among them [the data's]"),
    OPT_TEXT(struct train, freeze, "freeze", 0, "PATTERN", NULL,
             "parameters that stay as they are, as in \"features.*\" or \"conv1.*,*.bias\""),
    OPT_TEXT(struct train, init, "init", 0, "STEP", NULL,
             "initialiser of weights, as in glorot_uniform [the layers' own]"),
    OPT_INT(struct train, seed, "seed", 's', "N", "0", "of everything random", 0, 1e18),
    OPT_HEADING("Optimization (what is not given suits the model)"),
    OPT_INT(struct train, epochs, "epochs", 'e', "N", NULL, "passes over the training data", 1,
            1e7),
    OPT_TEXT(struct train, batch, "batch", 'b', "N", NULL, "images per update, or full"),
    OPT_TEXT(struct train, optimizer, "optimizer", 'o', "STEP", NULL,
             "as in adamw or \"sgd 0.1 momentum=0.9 nesterov\"; see `ocellus help optimizers`"),
    OPT_TEXT(struct train, learning_rate, "learning-rate", 'l', "RATE", NULL, "of the optimizer"),
    OPT_TEXT(struct train, momentum, "momentum", 0, "M", NULL, "of the optimizer"),
    OPT_TEXT(struct train, weight_decay, "weight-decay", 0, "D", NULL, "of the optimizer"),
    OPT_FLAG(struct train, decay_norms, "decay-norms", 0,
             "let weights decay in biases and norms too"),
    OPT_TEXT(struct train, schedule, "schedule", 0, "STEP", NULL,
             "of the learning rate, as in cosine; see `ocellus help schedules`"),
    OPT_TEXT(struct train, warmup, "warmup", 0, "STEPS", NULL,
             "updates over which the learning rate rises"),
    OPT_TEXT(struct train, loss, "loss", 0, "STEP", NULL,
             "as in \"softmax smoothing=0.1\"; see `ocellus help losses`"),
    OPT_FLOAT(struct train, clip, "clip", 0, "NORM", NULL, "largest norm of the gradient", 0, 1e30),
    OPT_INT(struct train, accumulate, "accumulate", 0, "N", NULL, "batches per update", 1, 1e6),
    OPT_FLOAT(struct train, average, "average", 0, "DECAY", NULL,
              "use a moving average of the weights, as in 0.999", 0, 1),
    OPT_INT(struct train, patience, "early-stop", 0, "PATIENCE", NULL,
            "epochs without a lower validation loss to stop after; the model of the lowest loss is "
            "kept", 1, 1e7),
    OPT_HEADING("Machine"),
    OPT_INT(struct train, threads, "threads", 't', "N", NULL, "of computation [all cores]", 1,
            4096),
    OPT_TEXT(struct train, workers, "workers", 0, "N", NULL, "threads that prepare images"),
    OPT_WORDS(struct train, device, "device", 0, "auto", "where to compute", oc__train_devices),
    OPT_TEXT(struct train, backends, "backend", 0, "LIST", NULL,
             "back ends in order, as in cpu,reference"),
    OPT_WORDS(struct train, precision, "precision", 0, "f32",
              "f64 computes forward, loss, gradient and validation in double; weights, their "
              "update and what is saved stay in f32", oc__train_precisions),
    OPT_HEADING("Checks"),
    OPT_TEXT(struct train, watch.check_gradients, "check-gradients", 0, "off|warn|stop", NULL,
             "hold gradients against central differences as training goes on [off]"),
    OPT_INT(struct train, watch.check_every, "check-every", 0, "K", NULL,
            "epochs from one check of gradients to the next [1]", 1, 1e9),
    OPT_INT(struct train, watch.check_entries, "check-entries", 0, "M", NULL,
            "numbers of each parameter to check the gradient of [4]", 1, 1e6),
    OPT_TEXT(struct train, watch.check_values, "check-values", 0, "off|warn|stop", NULL,
             "look for activations, gradients and weights that are not finite, and tell where a "
             "softmax is exactly 0 or 1 [off]"),
    OPT_HEADING("Several experiments (see docs/experiments.md)"),
    OPT_FLAG(struct train, experiment, "experiment", 0,
             "opens another experiment: options before the first are common to all, those behind "
             "it, MODEL too, are its own"),
    OPT_TEXT(struct train, name, "name", 0, "NAME", NULL,
             "of the experiment; before the first, of the folder runs/NAME-N"),
    OPT_INT(struct train, repeat, "repeat", 0, "N", NULL, "runs with seeds of their own [1]", 1,
            1000),
    OPT_WORDS(struct train, vary, "vary", 0, "model",
              "which seed: of weights, shuffling and dropout, or of the data's division and "
              "drawing", varies),
    OPT_TEXT(struct train, study, "study", 0, "FILE", NULL,
             "experiments from a file: key = value, and [name] opens one"),
    OPT_HEADING("Files"),
    OPT_TEXT(struct train, out, "out", 0, "DIR", NULL, "the run's folder [runs/NAME-N, the next]"),
    OPT_TEXT(struct train, resume, "resume", 'r', "RUN", NULL,
             "continue a run with its own settings, and who looked on; what looks on for a person "
             "(--live, --metrics-port, --dump-batches) is given anew"),
    OPT_FLAG(struct train, not_exact, "not-exact", 0,
             "let another program or number of threads continue a run, in other bits"),
    OPT_INT(struct train, checkpoint_every, "checkpoint-every", 0, "N", NULL,
            "updates [an epoch]", 1, 1e15),
    OPT_INT(struct train, keep, "keep", 0, "N", NULL, "checkpoints to keep [3]", 1, 1e9),
    OPT_TEXT(struct train, watch.csv, "csv", 0, "FILE", NULL, "a row per epoch"),
    OPT_TEXT(struct train, watch.track, "track", 0, "NAME,ROWS", NULL,
             "draw rows of parameters as images, as in c1.weight,16,fc.weight"),
    OPT_TEXT(struct train, watch.dump, "dump-batches", 0, "DIR", NULL,
             "draw the first batches as the network sees them"),
    OPT_INT(struct train, watch.dump_count, "dump-count", 0, "K", NULL, "of them [4]", 1, 1e6),
    OPT_FLAG(struct train, watch.live, "live", 0, "draw curves on the terminal as epochs end"),
    OPT_FLAG(struct train, watch.no_plots, "no-plots", 0, "draw no pictures and no report"),
    OPT_TEXT(struct train, watch.metrics_port, "metrics-port", 0, "PORT", NULL,
             "serve the numbers at http://localhost:PORT/metrics, as Prometheus reads them; 0: "
             "any port that is free"),
    OPT_TEXT(struct train, watch.metrics_host, "metrics-host", 0, "ADDRESS", NULL,
             "where to listen for that [127.0.0.1]"),
    OPT_FLAG(struct train, watch.tensorboard, "tensorboard", 0,
             "write files for TensorBoard into events/ of the run's folder"),
    OPT_TEXT(struct train, watch.steps, "watch", 0, "STEPS", NULL,
             "who else looks on, as in \"csv table.csv\"; see `ocellus help observers`"),
    OPT_TEXT(struct train, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct train, force, "force", 'f', "replace the run and files that exist"),
    OPT_FLAG(struct train, quiet, "quiet", 'q', "say nothing but warnings and errors"),
    OPT_END,
};

/* ---- stopping ------------------------------------------------------------------------------ */

static volatile bool stop;

static void request_stop(int signal_number)
{
    const struct sigaction usual = { .sa_handler = SIG_DFL };
    (void)signal_number;
    stop = true;
    sigaction(SIGINT, &usual, NULL);
    sigaction(SIGTERM, &usual, NULL);
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = request_stop, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* ---- looking on ---------------------------------------------------------------------------- */

/* People read standard output, unless the result goes there. */
static FILE *people(const struct train *t)
{
    return oc__output_is_stdout(t->json) ? stderr : stdout;
}

static oc_status watch(const struct train *t, const char *recorded, struct watchers *w)
{
    const char *const live = people(t) == stderr ? "live to=stderr" : "live";
    *w = (struct watchers){ 0 };
    if (t->watch.live)                                  /* stands below what the others print */
        TRY(oc_watch(w->list, WATCHERS_MAX, &w->n, live));
    if (!t->quiet) {
        TRY(oc_watch_progress(&w->list[w->n], people(t)));
        w->n++;
    }
    return oc__train_watch(&t->watch, recorded, w);
}

/* Who looks on sees the progress, and needs no notes of it. */
static void hush(const struct train *t, const char *recorded)
{
    if (t->quiet || (oc__term_is(stderr) && !oc__train_tells(&t->watch, recorded)))
        oc__quiet();
}

/* ---- the end ------------------------------------------------------------------------------- */

static void tell(FILE *to, const char *run, const oc_train_result *r)
{
    if (r->finished_before)
        fprintf(to, "%s: was finished before; nothing is left to do\n",
                oc__printable(run));
    fprintf(to, "model  %s\n", oc__printable(r->model));
    fprintf(to, "next   ocellus eval %s\n       ocellus predict %s IMAGE…\n", oc__printable(run),
            oc__printable(run));
}

static oc_status finish(const struct train *t, const char *run, oc_status status,
                        const oc_train_result *r)
{
    if (status == OC_EINTERRUPTED)
        return oc__fail(status, "state saved; to continue: ocellus train --resume %s",
                        run);
    if (status < 0)
        return status;
    if (!t->quiet)
        tell(people(t), run, r);
    if (!t->json)
        return OC_OK;
    char *const text = oc_train_result_json(r);
    if (!text)
        return oc__fail(OC_ELIMIT, "no memory for the JSON result");
    status = oc__output_text(t->json, t->force, text, strlen(text));
    oc_string_free(text);
    return status;
}

/* ---- beginning ----------------------------------------------------------------------------- */

/* All other options must stand at their defaults; *data becomes where the data lies now, or
 * NULL. */
static bool only_resumes(const struct train *t, const char **data)
{
    struct train plain;
    memset(&plain, 0, sizeof plain);                    /* its padding too, for memcmp() */
    oc__opt_defaults(oc__train_table, &plain);
    *data = t->data == plain.data ? NULL : t->data;
    plain.resume = t->resume;
    plain.data = t->data;
    plain.threads = t->threads;
    plain.watch = t->watch;
    plain.json = t->json;
    plain.not_exact = t->not_exact;
    plain.quiet = t->quiet;
    plain.force = t->force;
    return memcmp(&plain, t, sizeof plain) == 0;
}

static oc_status resume_run(const struct train *t, const char *data)
{
    const oc_resume_options how
        = { .threads = (int)t->threads, .not_exact = t->not_exact, .data_spec = data };
    struct watchers w = { 0 };
    oc_train_result result = { 0 };
    char *recorded;
    oc_status status = oc__run_watch(t->resume, &recorded);
    hush(t, recorded ? recorded : "");
    if (status >= 0)
        status = watch(t, recorded, &w);
    if (status >= 0)
        status = oc_resume(t->resume, &how, w.list, w.n, &stop, &result);
    oc__train_unwatch(&w);
    oc__free(recorded);
    status = finish(t, t->resume, status, &result);
    oc_train_result_free(&result);
    return status;
}

static oc_status choose_folder(const struct train *t, const char *usual, struct str *folder)
{
    if (t->out) {
        oc__str_addz(folder, t->out);
        return folder->failed ? OC_ELIMIT : oc__run_folder_clear(t->out, t->force);
    }
    struct str name = { 0 };
    oc__train_run_name(t->name ? t->name : usual, &name);
    const oc_status status = oc__run_folder_next(oc__str_text(&name), folder);
    oc__str_free(&name);
    return status;
}

static oc_status train(const struct train *t, oc_train_options *o, oc_model *model, oc_data *data)
{
    struct str folder = { 0 };
    struct watchers w = { 0 };
    oc_train_result result = { 0 };
    oc_status status = watch(t, NULL, &w);              /* before a run is cleared away */
    if (status >= 0)
        status = choose_folder(t, t->model, &folder);
    o->run = oc__str_text(&folder);
    o->watch = oc__str_text(&w.steps);
    if (status >= 0)
        status = oc_train(model, data, o, w.list, w.n, &stop, &result);
    oc__train_unwatch(&w);
    status = finish(t, o->run, status, &result);
    oc_train_result_free(&result);
    oc__str_free(&folder);
    return status;
}

static oc_status begin(const struct train *t)
{
    struct train_texts texts = { 0 };
    oc_train_options o;
    oc_data *data = NULL;
    oc_model *model = NULL;
    oc_status status = oc__train_options(t, &texts, &o);
    if (status >= 0)
        status = oc__train_data(t, &o, &data);
    if (status >= 0)
        status = oc__train_model(t, data, &model);
    if (status >= 0)
        status = train(t, &o, model, data);
    oc_model_free(model);
    oc_data_free(data);
    oc__train_texts_free(&texts);
    return status;
}

/* ---- studies ------------------------------------------------------------------------------- */

static oc_status train_study(struct study *s, const struct train *t, const char *folder,
                             bool resumes)
{
    return oc__study_train(s, &(struct study_orders){
        .folder = folder, .json = t->json, .force = t->force, .resumes = resumes,
        .resume = { .threads = (int)t->threads, .not_exact = t->not_exact },
        .people = t->quiet ? NULL : people(t), .stop = &stop });
}

static oc_status begin_study(const struct train *whole, const struct operands *words)
{
    struct study s;
    struct str folder = { 0 };
    oc_status status = oc__study_read(&s, whole, words);
    const struct train *const t = &s.common;
    if (status >= 0)
        status = oc__study_check(&s);
    if (status >= 0)
        status = choose_folder(t, t->study ? t->study : "study", &folder);
    if (status >= 0)
        status = train_study(&s, t, oc__str_text(&folder), false);
    oc__str_free(&folder);
    oc__study_free(&s);
    return status;
}

static oc_status resume(const struct train *t)
{
    struct study s;
    oc_resume_options how = { 0 };
    if (!only_resumes(t, &how.data_spec))
        return oc__fail(OC_EUSAGE, "train: --resume continues with the run's own settings; beside "
                                   "it may stand --threads, --not-exact, --data (where it lies "
                                   "now), --csv, --tensorboard, --metrics-…, --track, "
                                   "--no-plots, --live, --dump-…, --watch, --check-…, --json, "
                                   "--force, --quiet");
    oc_status status = oc__study_load(&s, t->resume);
    if (s.n)
        hush(t, "");
    if (status >= 0 && s.n == 0)
        status = resume_run(t, how.data_spec);
    else if (status >= 0 && (how.data_spec || oc__train_watches(&t->watch)))
        status = oc__fail(OC_EUSAGE, "train: --data, --csv, --watch and --check-…: %s is a study, "
                                     "whose runs have their own", t->resume);
    else if (status >= 0)
        status = train_study(&s, t, t->resume, true);
    oc__study_free(&s);
    return status;
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct train *const t = settings;
    const bool study = oc__study_wanted(t, operands);
    if (!study)
        TRY(oc__train_operands(t, operands));
    TRY(oc__output_check(t->json, t->force));
    TRY(oc__output_check(t->watch.csv, t->force || t->resume));
    catch_signals();
    if (!t->resume)
        hush(t, "");
    if (t->resume && (operands->n || study))
        return oc__fail(OC_EUSAGE, "train: --resume continues a run, which has its model");
    if (t->resume)
        return resume(t);
    if (study)
        return begin_study(t, operands);
    struct train one = *t;
    one.model = operands->n ? operands->word[0] : t->model ? t->model : "cnn";
    return begin(&one);
}

const struct command oc__command_train = {
    .name = "train",
    .summary = "train a model, or continue a run",
    .usage = "[MODEL] [options]\n[options] --experiment [MODEL] [options] …\n"
             "--study FILE [options]\n"
             "--resume RUN",
    .about = "MODEL is a name of the zoo (`ocellus help models`), a file, or a network as steps;\n"
             "with nothing given, the cnn learns digits that the program draws itself.  All that\n"
             "is written goes to the run's folder: the settings, metrics.csv, checkpoints, and\n"
             "model.safetensors, which is the best model.  A run that was stopped or killed is\n"
             "continued bit for bit by --resume.",
    .options = oc__train_table,
    .size = sizeof(struct train),
    .most = -1,                                         /* one for each experiment */
    .examples = (const struct example[]){
        { "train", "the cnn on synth:digits" },
        { "train mlp --data mnist:DIR --epochs 5 --learning-rate 0.05", "real digits" },
        { "train --model \"conv 32 kernel=5; relu; maxpool 2; flatten; linear classes\" --epochs 2",
          "a network of one's own" },
        { "train linear --val test --batch full --optimizer sgd --learning-rate 1 --epochs 100",
          "full-batch descent, the test data watched at every step" },
        { "train linear --experiment --optimizer \"sgd 0.1\" --experiment --optimizer adam",
          "two experiments by turns, and a table of both" },
        { "train mlp --repeat 3 --early-stop 5", "three seeds; mean and deviation" },
        { "train --resume runs/cnn-1", "continue" },
        { 0 },
    },
    .computes = true,
    .run = run,
};
