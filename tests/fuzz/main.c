/* The plain driver of the fuzz targets, for builds without libFuzzer: calls the target with each file of its corpus,
 * and with each changed a little, many times over, from a seed.  Prints TAP.
 *
 * fuzz-NAME [FILE …]: the corpus is tests/fuzz/corpus/NAME, or the files given.
 * FUZZ_ROUNDS: how often each file is changed (100).  SEED repeats a run. */
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "base/util.h"
#include "fuzz.h"

#define INPUT_MAX 65536

static uint8_t input[INPUT_MAX];
static size_t input_size;
static const char *input_name = "?";
static uint64_t state;

static uint64_t next_random(void)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
}

static void put(const char *text, size_t n)
{
        if (write(STDERR_FILENO, text, n) < 0)
                _exit(1);
}

/* The input that broke the target: printf's %b takes what is printed here. */
static void on_signal(int sig)
{
        static const char digits[] = "0123456789abcdef";

        put("broken by a variant of ", 23);
        put(input_name, strlen(input_name));
        put(":\n", 2);
        for (size_t i = 0; i < input_size; i++) {
                char byte[4] = { '\\', 'x', digits[input[i] >> 4], digits[input[i] & 15] };

                put(byte, 4);
        }
        put("\n", 1);
        signal(sig, SIG_DFL);
        raise(sig);
}

static size_t read_file(const char *path, uint8_t *data)
{
        FILE *f = fopen(path, "rb");
        size_t n;

        if (!f)
                return SIZE_MAX;
        n = fread(data, 1, INPUT_MAX, f);
        fclose(f);
        return n;
}

/* One small change: a byte set, a bit turned, bytes taken out, or put in twice, or the end cut off. */
static void mutate(void)
{
        size_t at, n;

        if (input_size == 0) {
                input[input_size++] = (uint8_t)next_random();
                return;
        }
        at = next_random() % input_size;
        n = 1 + next_random() % MIN((size_t)8, input_size - at);
        switch (next_random() % 6) {
        case 0:
                input[at] = (uint8_t)next_random();
                break;
        case 1:
                input[at] ^= (uint8_t)(1u << next_random() % 8);
                break;
        case 2:
                memmove(input + at, input + at + n, input_size - at - n);
                input_size -= n;
                break;
        case 3:
                if (input_size + n <= INPUT_MAX) {
                        memmove(input + at + n, input + at, input_size - at);
                        input_size += n;
                }
                break;
        case 4:
                input_size = at;
                break;
        default: /* a byte from elsewhere: fields and digits change places */
                input[at] = input[next_random() % input_size];
                break;
        }
}

/* The target is given a copy of the exact size, so that sanitizers see a read behind it. */
static void call(void)
{
        uint8_t *copy = malloc(input_size ? input_size : 1);

        if (!copy)
                abort();
        memcpy(copy, input, input_size);
        LLVMFuzzerTestOneInput(copy, input_size);
        free(copy);
}

static void run_file(const char *path, unsigned rounds)
{
        static uint8_t original[INPUT_MAX];
        size_t size = read_file(path, original);

        if (size == SIZE_MAX) {
                ok(false, "%s can be read", path);
                return;
        }
        input_name = path;
        memcpy(input, original, size);
        input_size = size;
        call();
        for (unsigned i = 0; i < rounds; i++) {
                memcpy(input, original, size);
                input_size = size;
                for (uint64_t k = 1 + next_random() % 4; k > 0; k--)
                        mutate();
                call();
        }
        ok(true, "%s and %u variants", strrchr(path, '/') ? strrchr(path, '/') + 1 : path, rounds);
}

static int is_visible(const struct dirent *d)
{
        return d->d_name[0] != '.';
}

static void run_folder(const char *dir, unsigned rounds)
{
        struct dirent **files;
        int n = scandir(dir, &files, is_visible, alphasort);

        for (int i = 0; i < n; i++) {
                char path[1024];

                snprintf(path, sizeof(path), "%s/%s", dir, files[i]->d_name);
                run_file(path, rounds);
                free(files[i]);
        }
        if (n >= 0)
                free(files);
        ok(n > 0, "%s holds a corpus", dir);
}

int main(int argc, char **argv)
{
        const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
        const char *top = getenv("top_srcdir"), *seed = getenv("SEED"), *text = getenv("FUZZ_ROUNDS");
        unsigned rounds = text ? (unsigned)atoi(text) : 100;
        char dir[512];

        /* libtool and the like put a prefix before the name; ours begins with fuzz-. */
        name = strstr(name, "fuzz-") ? strstr(name, "fuzz-") + 5 : name;
        state = (seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32) | 1;
        diag("SEED=%llu", (unsigned long long)state);
        signal(SIGABRT, on_signal);
        signal(SIGSEGV, on_signal);
        signal(SIGFPE, on_signal);
        signal(SIGILL, on_signal);
        signal(SIGBUS, on_signal);
        for (int i = 1; i < argc; i++)
                run_file(argv[i], rounds);
        if (argc == 1) {
                snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", top ? top : ".", name);
                run_folder(dir, rounds);
        }
        return tap_done();
}
