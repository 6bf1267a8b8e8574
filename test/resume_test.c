/* resume_test.c — trainings that are killed, stopped, or run out of disk, and then go on.
 *
 * Every training runs in a child process of its own, which is what kill -9 kills; the parent, which
 * must not have started threads of its own before it forks, only looks at files.  The rule is one:
 * whatever happened, the run that was resumed ends with the bytes of one that was left alone. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/rng.h"
#include "base/status.h"
#include "base/str.h"

/* ---- calls that fail where a test wants it --------------------------------------------------- */

static struct { int at, count; bool sticky; } fault;    /* which fsync fails, from 1; 0: none */

int fsync(int fd)
{
    fault.count++;
    if (fault.at && (fault.count == fault.at || (fault.sticky && fault.count > fault.at))) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* ---- a training in a child ------------------------------------------------------------------- */

/* What a child does. */
struct job {
    const char *run;
    bool        resume;
    int         stop_at;                                /* step after which to stop it; 0: never */
    bool        loaded;                                 /* weights that no settings tell */
    rlim_t      file_limit;                             /* bytes; 0: none */
    int         fail_at;                                /* which fsync; 0: none */
    bool        fail_on;                                /* and all after it */
    oc_resume_options options;
    oc_train_options  train;                            /* where it differs from the usual */
};

static volatile bool stop;
static int           steps_seen;

static oc_status count_step(void *context, const oc_progress *p)
{
    (void)p;
    stop = ++steps_seen == ((const struct job *)context)->stop_at;
    return OC_OK;
}

static void to_file(void *context, oc_log_level level, const char *line)
{
    (void)level;
    fprintf(context, "%s\n", line);
    fflush(context);
}

static oc_model *new_model(const oc_data *d)
{
    oc_model *m;
    const oc_model_options o = {
        .architecture = "flatten; linear 24; batchnorm; relu; dropout 0.5; linear classes",
        .input = OC_SHAPE(1, 28, 28), .classes = 10, .preparation = oc_data_preparation(d),
        .seed = 2,
    };
    return oc_model_new(&m, &o) < 0 ? NULL : m;
}

static oc_status begin(const struct job *job, const oc_observer *o, oc_train_result *result)
{
    oc_data *d;
    const char *const spec = "synth:digits,train=300,test=60";
    TRY(oc_data_open(&d, spec));
    oc_model *const m = new_model(d);
    oc_train_options t = job->train;
    t.optimizer = t.optimizer ? t.optimizer : "adamw learning_rate=0.01";
    t.schedule = t.schedule ? t.schedule : "cosine warmup=5";
    t.epochs = t.epochs ? t.epochs : 8;
    t.batch = 16;
    t.threads = t.threads ? t.threads : 1;
    t.seed = 9;
    t.validation = 0.2;
    t.average = t.accumulate ? 0 : 0.9;
    t.augment = "crop 28 padding=2; rotate 10; noise sigma=0.02; mixup";
    t.data_spec = spec;
    t.run = job->run;
    if (job->loaded)
        oc_store_at(oc_model_store(m), 0).value[400] = 0.125;
    const oc_status status = m ? oc_train(m, d, &t, o, 1, &stop, result) : OC_EBUG;
    oc_model_free(m);
    oc_data_free(d);
    return status;
}

/* Leaves its log in RUN.log, for the parent to read. */
static int child(const struct job *job)
{
    char log_name[600];
    snprintf(log_name, sizeof log_name, "%s.log", job->run);
    FILE *const log = fopen(log_name, "w");
    const oc_observer o = { .step = count_step, .context = (void *)(uintptr_t)job };
    oc_train_result result;
    oc_log_set(to_file, log);
    signal(SIGXFSZ, SIG_IGN);
    if (job->file_limit)
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ job->file_limit, job->file_limit });
    fault.count = 0;
    fault.at = job->fail_at;
    fault.sticky = job->fail_on;
    const oc_status status = job->resume ? oc_resume(job->run, &job->options, &o, 1, &stop, &result)
                                         : begin(job, &o, &result);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    fprintf(log, "%s\n%s\n", result.finished_before ? "finished before" : "", oc_error());
    oc_train_result_free(&result);
    fclose(log);
    return -(int)status;
}

static pid_t start(const struct job *job)
{
    fflush(NULL);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(child(job));
    return pid;
}

/* The exit code, or 256 and more where a signal ended it. */
static int ended(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int run_job(const struct job *job)
{
    return ended(start(job));
}

/* What the last child of a run wrote; the text is the caller's. */
static char *log_of(const char *run)
{
    char name[600], *text;
    size_t n;
    snprintf(name, sizeof name, "%s.log", run);
    assert_ok(oc__file_load(name, 1 << 20, &text, &n));
    return text;
}

static void log_says(const char *run, const char *part)
{
    char *const text = log_of(run);
    if (!strstr(text, part))
        fail_msg("%s says \"%s\", without \"%s\"", run, text, part);
    oc__free(text);
}

static void expect_exit(const struct job *job, int code)
{
    const int found = run_job(job);
    if (found != code)
        fail_msg("%s: exit code %d, not %d: %s", job->run, found, code, log_of(job->run));
}

/* The shell's word on it. */
__attribute__((format(printf, 1, 2)))
static void shell(const char *format, ...)
{
    struct str command = { 0 };
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&command, format, arguments);
    va_end(arguments);
    assert_int_equal(system(oc__str_text(&command)), 0);
    oc__str_free(&command);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void assert_same_file(const char *a, const char *b)
{
    char *text[2];
    size_t n[2];
    assert_ok(oc__file_load(a, 1 << 28, &text[0], &n[0]));
    assert_ok(oc__file_load(b, 1 << 28, &text[1], &n[1]));
    if (n[0] != n[1] || memcmp(text[0], text[1], n[0]))
        fail_msg("%s and %s differ", a, b);
    oc__free(text[0]);
    oc__free(text[1]);
}

static const char *inside(const char *run, const char *name)
{
    static char path[4][700];
    static int turn;
    char *const p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", run, name);
    return p;
}

static void assert_same_run(const char *a, const char *b)
{
    static const char *const files[] = { "model.safetensors", "last.safetensors", "metrics.csv" };
    for (size_t i = 0; i < COUNT(files); i++)
        assert_same_file(inside(a, files[i]), inside(b, files[i]));
}

/* The newest checkpoint's path, or NULL. */
static const char *newest(const char *run)
{
    static char path[700];
    struct names names;
    bool found = false;
    if (oc__list_directory(inside(run, "checkpoints"), &names) < 0)
        return NULL;
    for (size_t i = 0; i < names.n; i++)
        if (!strncmp(names.name[i], "ckpt-", 5) && !strstr(names.name[i], ".damaged")) {
            snprintf(path, sizeof path, "%s/checkpoints/%s", run, names.name[i]);
            found = true;
        }
    oc__names_free(&names);
    return found ? path : NULL;
}

static void flip_a_bit(const char *path, long from_end)
{
    FILE *const f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, from_end, SEEK_END), 0);
    const int c = fgetc(f);
    assert_int_equal(fseek(f, from_end, SEEK_END), 0);
    assert_true(c != EOF && fputc(c ^ 4, f) != EOF);
    assert_int_equal(fclose(f), 0);
}

/* In run.json, by as many. */
static void change_words(const char *run, const char *words, const char *others)
{
    char *text;
    size_t n;
    assert_ok(oc__file_load(inside(run, "run.json"), 1 << 20, &text, &n));
    char *const at = strstr(text, words);
    assert_non_null(at);
    assert_int_equal(strlen(words), strlen(others));
    memcpy(at, others, strlen(others));
    assert_ok(oc__write_file(inside(run, "run.json"), text, n, WRITE_REPLACE));
    oc__free(text);
}

/* The run that is left alone, made once. */
static const char *alone(void)
{
    static char run[600];
    if (!*run) {
        snprintf(run, sizeof run, "%s", place("alone"));
        expect_exit(&(struct job){ .run = run }, 0);
    }
    return run;
}

static void finish_and_compare(const char *run)
{
    expect_exit(&(struct job){ .run = run, .resume = true }, 0);
    assert_same_run(alone(), run);
}

/* ---- loader threads -------------------------------------------------------------------------- */

static void loader_threads_change_no_bit(void **state)
{
    static const int workers[] = { -1, 1, 2, 4 };
    (void)state;
    for (size_t i = 0; i < COUNT(workers); i++) {
        char name[32];
        snprintf(name, sizeof name, "workers%d", workers[i]);
        const char *const run = place(name);
        expect_exit(&(struct job){ .run = run, .train = { .workers = workers[i] } }, 0);
        assert_same_run(alone(), run);
    }
}

/* ---- killed ---------------------------------------------------------------------------------- */

enum { KILLS = 14, PATIENCE = 20000 };                  /* looks, 1 ms apart */

/* Waits until the child has saved something new, or is gone. */
static void wait_for_news(pid_t pid, const char *run, const char *before)
{
    char old[700];
    snprintf(old, sizeof old, "%s", before ? before : "");
    for (int i = 0; i < PATIENCE && kill(pid, 0) == 0; i++) {
        siginfo_t info = { 0 };
        const char *const now = newest(run);
        if (now && strcmp(now, old))
            return;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
            return;
        usleep(1000);
    }
}

/* Kills alternately at any moment of the start, and a moment after something was saved. */
static void a_run_killed_many_times_ends_as_if_left_alone(void **state)
{
    (void)state;
    const char *const reference = place("not-killed"), *const run = place("killed");
    int killed = 0;
    struct job job = { .run = run, .train = { .checkpoint_every = 3, .threads = 2, .epochs = 40 } };
    expect_exit(&(struct job){ .run = reference, .train = { .threads = 2, .epochs = 40 } }, 0);
    for (int k = 0; k < KILLS; k++) {
        char before[700];
        job.resume = oc__is_file(inside(run, "run.json"));
        snprintf(before, sizeof before, "%s", newest(run) ? newest(run) : "");
        const pid_t pid = start(&job);
        if (k % 2)
            wait_for_news(pid, run, before);
        usleep((useconds_t)oc__below(11, (uint64_t)k, k % 2 ? 8000 : 60000));
        kill(pid, SIGKILL);
        killed += ended(pid) == 256 + SIGKILL;
    }
    print_message("killed %d times\n", killed);
    assert_true(killed >= 10);
    job.resume = oc__is_file(inside(run, "run.json"));
    expect_exit(&job, 0);
    assert_same_run(reference, run);
}

static void a_run_killed_before_any_checkpoint_begins_again(void **state)
{
    (void)state;
    const char *const run = place("early");
    alone();
    const pid_t pid = start(&(struct job){ .run = run });
    for (int i = 0; i < PATIENCE && !oc__is_file(inside(run, "run.json")); i++)
        usleep(200);
    kill(pid, SIGKILL);
    ended(pid);
    shell("rm -f '%s'/checkpoints/*", run);             /* whatever it may have saved already */
    finish_and_compare(run);
}

/* As a kill leaves it that comes after the last epoch, before the run is called finished. */
static void a_run_killed_at_the_very_end_is_finished(void **state)
{
    (void)state;
    const char *const run = place("end");
    expect_exit(&(struct job){ .run = run }, 0);
    change_words(run, "\"finished\"", "\"running\" ");
    assert_int_equal(unlink(inside(run, "last.safetensors")), 0);
    assert_int_equal(unlink(inside(run, "model.safetensors")), 0);
    finish_and_compare(run);
}

static void weights_that_were_loaded_survive_a_kill(void **state)
{
    (void)state;
    const char *const whole = place("loaded"), *const run = place("loaded-killed");
    expect_exit(&(struct job){ .run = whole, .loaded = true }, 0);
    const pid_t pid = start(&(struct job){ .run = run, .loaded = true });
    for (int i = 0; i < PATIENCE && !oc__is_file(inside(run, "run.json")); i++)
        usleep(200);
    kill(pid, SIGKILL);
    ended(pid);
    expect_exit(&(struct job){ .run = run, .resume = true }, 0);
    assert_same_run(whole, run);
}

/* ---- stopped --------------------------------------------------------------------------------- */

static void a_run_that_is_stopped_saves_and_goes_on(void **state)
{
    (void)state;
    alone();
    for (int step = 1; step <= 31; step += 15) {        /* first, last and some step of an epoch */
        char run[64];
        snprintf(run, sizeof run, "stopped-%d", step);
        const char *const path = place(run);
        expect_exit(&(struct job){ .run = path, .stop_at = step }, 7);
        log_says(path, "which is saved");
        change_words(path, "\"interrupted\"", "\"interrupted\"");
        expect_exit(&(struct job){ .run = path, .resume = true, .stop_at = 1 }, 7);
        change_words(path, "\"interrupted\"", "\"interrupted\"");
        finish_and_compare(path);
        change_words(path, "\"finished\"", "\"finished\"");
    }
}

/* The fourth sync of the save that stopping makes is that of the checkpoint's name. */
static void a_save_that_fails_when_stopped_is_tried_again_at_once(void **state)
{
    (void)state;
    alone();
    for (int at = 5; at <= 8; at++) {
        const char *const run = place(at % 2 ? "stopped-odd" : "stopped-even");
        shell("rm -rf '%s'", run);
        expect_exit(&(struct job){ .run = run, .stop_at = 1, .fail_at = at }, 7);
        log_says(run, "training goes on");
        finish_and_compare(run);
    }
}

/* Momenta, a schedule that remembers losses, updates of several runs, and no average. */
static void everything_that_training_remembers_is_in_a_checkpoint(void **state)
{
    (void)state;
    const oc_train_options other = {
        .optimizer = "rmsprop learning_rate=0.05 momentum=0.9", .accumulate = 3, .clip_norm = 0.5,
        .schedule = "plateau factor=0.5 patience=0", .loss = "softmax smoothing=0.1",
    };
    const char *const whole = place("other"), *const run = place("other-stopped");
    expect_exit(&(struct job){ .run = whole, .train = other }, 0);
    expect_exit(&(struct job){ .run = run, .train = other, .stop_at = 13 }, 7);
    expect_exit(&(struct job){ .run = run, .resume = true, .stop_at = 9 }, 7);
    expect_exit(&(struct job){ .run = run, .resume = true }, 0);
    assert_same_run(whole, run);
    char *table;
    size_t n;
    assert_ok(oc__file_load(inside(whole, "metrics.csv"), 1 << 20, &table, &n));
    if (!strstr(table, ",0.025\n"))
        fail_msg("the learning rate never fell: %s", table);
    oc__free(table);
}

/* Killed between the last checkpoint and the end, it knows that its patience has run out. */
static void patience_counts_on_over_a_stop(void **state)
{
    (void)state;
    const oc_train_options other = {
        .optimizer = "adam learning_rate=0.05", .epochs = 60, .patience = 4, .precision = OC_F64,
    };
    const char *const whole = place("patient"), *const run = place("patient-stopped");
    expect_exit(&(struct job){ .run = whole, .train = other }, 0);
    expect_exit(&(struct job){ .run = run, .train = other, .stop_at = 50 }, 7);
    expect_exit(&(struct job){ .run = run, .resume = true, .stop_at = 40 }, 7);
    expect_exit(&(struct job){ .run = run, .resume = true }, 0);
    assert_same_run(whole, run);
    change_words(run, "\"finished\"", "\"running\" ");
    expect_exit(&(struct job){ .run = run, .resume = true }, 0);
    assert_same_run(whole, run);
    change_words(run, "\"stopped_early\": true", "\"stopped_early\": true");
}

static void a_finished_run_is_left_as_it_is(void **state)
{
    (void)state;
    const char *const run = place("finished");
    expect_exit(&(struct job){ .run = run }, 0);
    shell("cp -r '%s' '%s-copy'", run, run);
    expect_exit(&(struct job){ .run = run, .resume = true }, 0);
    log_says(run, "finished before");
    shell("diff -r '%s' '%s-copy'", run, run);
}

/* ---- refused --------------------------------------------------------------------------------- */

/* A run that was stopped with several checkpoints. */
static const char *stopped_run(const char *name)
{
    const char *const run = place(name);
    expect_exit(&(struct job){ .run = run, .stop_at = 40, .train.checkpoint_every = 4 }, 7);
    return run;
}

static void a_damaged_checkpoint_is_passed_over(void **state)
{
    (void)state;
    const char *const run = stopped_run("damaged");
    flip_a_bit(newest(run), -1000);
    expect_exit(&(struct job){ .run = run, .resume = true }, 0);
    log_says(run, "crc32c");
    log_says(run, "trying an older one");
    assert_same_run(alone(), run);
}

static void a_checkpoint_cut_short_is_passed_over(void **state)
{
    (void)state;
    const char *const run = stopped_run("short");
    assert_int_equal(truncate(newest(run), 5000), 0);
    finish_and_compare(run);
    log_says(run, "trying an older one");
}

static void a_checkpoint_under_another_number_is_passed_over(void **state)
{
    (void)state;
    const char *const run = stopped_run("renamed");
    shell("cp '%s' '%s/checkpoints/ckpt-00000099.safetensors'", newest(run), run);
    finish_and_compare(run);
    log_says(run, "its name says 99");
}

static void a_run_with_nothing_but_damaged_checkpoints_is_refused(void **state)
{
    (void)state;
    const char *const run = stopped_run("hopeless");
    shell("for f in '%s'/checkpoints/*; do truncate -s 99 $f; done", run);
    shell("cp -r '%s' '%s-copy'", run, run);
    expect_exit(&(struct job){ .run = run, .resume = true }, 3);
    log_says(run, "no checkpoint is valid");
    shell("diff -r '%s' '%s-copy'", run, run);
}

static void other_data_threads_kernels_and_processes_are_refused(void **state)
{
    (void)state;
    const char *const run = stopped_run("strict");
    struct job job = { .run = run, .resume = true };
    job.options.data_spec = "synth:digits,train=301,test=60";
    expect_exit(&job, 3);
    log_says(run, "is not the data");
    job.options = (oc_resume_options){ .threads = 2 };
    expect_exit(&job, 2);
    log_says(run, "1 thread, not 2");
    change_words(run, "\"kernels\": \"", "\"kernels\":\"!");
    job.options = (oc_resume_options){ 0 };
    expect_exit(&job, 2);
    log_says(run, "was begun with the kernels '!");
    int lock;
    assert_ok(oc__lock(inside(run, "lock"), &lock));
    expect_exit(&job, 4);
    log_says(run, "another process holds this lock");
    oc__unlock(lock);
    expect_exit(&(struct job){ .run = run }, 4);        /* a new training in the same folder */
    log_says(run, "holds a run already");
    job.options = (oc_resume_options){ .threads = 2, .not_exact = true };
    expect_exit(&job, 0);
}

/* ---- disks that fail ------------------------------------------------------------------------- */

static void a_sync_that_fails_once_changes_nothing(void **state)
{
    (void)state;
    alone();
    for (int at = 5; at <= 14; at += 3) {
        char name[64];
        snprintf(name, sizeof name, "sync-%d", at);
        const char *const run = place(name);
        expect_exit(&(struct job){ .run = run, .fail_at = at }, 0);
        log_says(run, "the next save tries again");
        assert_same_run(alone(), run);
    }
}

static void a_disk_that_stays_broken_ends_the_run_resumably(void **state)
{
    (void)state;
    const char *const run = place("broken");
    expect_exit(&(struct job){ .run = run, .fail_at = 14, .fail_on = true }, 4);
    log_says(run, "cannot be synced");
    finish_and_compare(run);
}

static void files_that_may_not_grow_are_like_a_full_disk(void **state)
{
    (void)state;
    const char *const run = place("full");
    expect_exit(&(struct job){ .run = run, .file_limit = 20000 }, 4);
    finish_and_compare(run);
}

static int clear_place(void **state)
{
    (void)state;
    shell("rm -rf '%s'", test_directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loader_threads_change_no_bit),
        cmocka_unit_test(a_run_killed_many_times_ends_as_if_left_alone),
        cmocka_unit_test(a_run_killed_before_any_checkpoint_begins_again),
        cmocka_unit_test(a_run_killed_at_the_very_end_is_finished),
        cmocka_unit_test(weights_that_were_loaded_survive_a_kill),
        cmocka_unit_test(a_run_that_is_stopped_saves_and_goes_on),
        cmocka_unit_test(a_save_that_fails_when_stopped_is_tried_again_at_once),
        cmocka_unit_test(everything_that_training_remembers_is_in_a_checkpoint),
        cmocka_unit_test(patience_counts_on_over_a_stop),
        cmocka_unit_test(a_finished_run_is_left_as_it_is),
        cmocka_unit_test(a_damaged_checkpoint_is_passed_over),
        cmocka_unit_test(a_checkpoint_cut_short_is_passed_over),
        cmocka_unit_test(a_checkpoint_under_another_number_is_passed_over),
        cmocka_unit_test(a_run_with_nothing_but_damaged_checkpoints_is_refused),
        cmocka_unit_test(other_data_threads_kernels_and_processes_are_refused),
        cmocka_unit_test(a_sync_that_fails_once_changes_nothing),
        cmocka_unit_test(a_disk_that_stays_broken_ends_the_run_resumably),
        cmocka_unit_test(files_that_may_not_grow_are_like_a_full_disk),
    };
    return cmocka_run_group_tests(tests, make_place, clear_place);
}
