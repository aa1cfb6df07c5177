/* Structs to columns and back, by tables: one row says the column's name, its kind, and where the field is.  The
 * statements are made from the same tables, so that a field is added in one place (and in a migration).
 *
 * States, reasons, triggers and stages are kept as small numbers of the database's own, told in its table `word`:
 * the enums may be put in another order, or get new members in their middle, without a migration. */
#pragma once
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/event.h"

enum column_kind {
        COLUMN_INT64,  /* also uint64_t: the same 64 bits */
        COLUMN_WALL,   /* NULL: WALL_NEVER */
        COLUMN_UINT32,
        COLUMN_UID,    /* NULL: UINT32_MAX, nobody */
        COLUMN_INT32,
        COLUMN_STATUS, /* NULL: RUN_NO_STATUS */
        COLUMN_INT8,
        COLUMN_BOOL,
        COLUMN_ENUM,   /* an enum of int's size, through `words` */
        COLUMN_ENUM8,  /* the same in a uint8_t */
        COLUMN_DIGEST, /* 32 bytes, NULL: all zero */
        COLUMN_TEXT,   /* NULL: NULL */
};

enum word_kind { WORD_STATE, WORD_REASON, WORD_TRIGGER, WORD_STAGE, WORD_KIND_NR };

struct column {
        const char *name;
        uint8_t kind;     /* enum column_kind */
        uint8_t word;     /* enum word_kind, of enums */
        uint16_t offset;
};

#define WORD_MAX 64 /* codes and enum members of one kind, at most */

/* Between the enums and the database's codes.  Constant once loaded. */
struct words {
        uint8_t code[WORD_KIND_NR][WORD_MAX];  /* by member */
        int8_t member[WORD_KIND_NR][WORD_MAX]; /* by code; -1: a word that we don't know */
};

extern const struct column job_columns[], run_columns[], transition_columns[];
extern const size_t n_job_columns, n_run_columns, n_transition_columns;

/* Numbers of members of a kind, and the name of one. */
int word_members(enum word_kind kind);
const char *word_name(enum word_kind kind, int member);

/* Bits of enum run_state to bits of the database's codes. */
uint32_t words_state_bits(const struct words *w, uint32_t states);

/* Binds the fields of *base to the parameters `first` and on.  Texts and blobs are borrowed until the statement is
 * reset.  Returns SQLITE_OK or SQLITE_NOMEM. */
int columns_bind(sqlite3_stmt *st, int first, const struct words *w, const struct column *c, size_t n,
                 const void *base);

/* Fills *base from the result columns `first` and on.  Texts are borrowed until the next step.  -EBADMSG: not what
 * we write. */
int columns_read(sqlite3_stmt *st, int first, const struct words *w, const struct column *c, size_t n, void *base);

/* What a transition's row holds, the run aside. */
struct transition {
        struct wall at;
        enum run_state state;
        enum run_reason reason;
        uint32_t start;
        int32_t wait_status;
        uint8_t stage;
        int32_t error;
};
