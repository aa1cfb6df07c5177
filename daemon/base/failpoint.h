/* Points of death: with JOBSCHEDD_CRASH_AT=name:n in the environment, the process that passes FAILPOINT("name") as
 * the n-th kills itself with SIGKILL there.  Passings are counted over a process and all its forks, if
 * failpoint_init() was called before they were made.  Only in builds with --enable-debug; otherwise nothing is left of
 * it.
 *
 *   runner.before_record  runner.after_record  runner.after_fork      a START: the record, the supervisor
 *   runner.before_void  runner.after_void                             an attempt is judged as not started
 *   runner.before_forget                                              its folder is removed
 *   supervisor.before_lock  supervisor.after_lock                     around the lock on the record
 *   supervisor.before_execing  supervisor.after_execing               around EXECING
 *   command.before_exec                                               the command's process, as its user
 *   supervisor.after_exec  supervisor.after_running                   around RUNNING
 *   supervisor.after_wait  supervisor.before_exited  supervisor.after_exited   around the end
 * Those of the daemon are named where its shell and store pass them. */
#pragma once

#ifdef JS_DEBUG
#define FAILPOINT(name) failpoint_pass(name)
#else
#define FAILPOINT(name) ((void)0)
#endif

/* Reads the variable, and takes it out of the environment of nobody: who starts programs makes their environment. */
void failpoint_init(void);
void failpoint_pass(const char *name);
