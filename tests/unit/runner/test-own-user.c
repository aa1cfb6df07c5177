/* The same as test-attempt, by a daemon that is not root: jobs run as its own user. */
#define main attempt_main
int attempt_main(void);
#include "test-attempt.c"
#undef main

int main(void)
{
        const char *dir = getenv("top_builddir");
        const struct passwd *pw = getpwnam("nobody");

        if (geteuid() == 0 &&
            (!pw || setgroups(0, NULL) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
             setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)) {
                printf("1..0 # SKIP there is no user nobody\n");
                return 0;
        }
        if (access(dir ? dir : ".", R_OK | X_OK) < 0) {
                printf("1..0 # SKIP another user can't reach the build folder\n");
                return 0;
        }
        return attempt_main();
}
