/* What libyaml says about a text that is no YAML, in the words of somebody who wanted a job.  Pure. */
#pragma once
#include <yaml.h>

#include "jobfile/jobfile.h"

/* The last quoted scalar that went over several lines: a quote that was not closed usually ends at the next one. */
struct quoted {
        bool set;
        yaml_mark_t start, end;
};

/* A value that spoils the rest of the file for libyaml, though people can see where it ends. */
struct trap {
        size_t from, to;       /* bytes of the text; equal: there is none */
        uint32_t line, column; /* of the node that will stand there when something harmless is put in its place */
};

/* Reports the parser's error.  *ret_trap says what to replace to get at the errors behind it.  0 or -ENOMEM. */
int syntax_report(const yaml_parser_t *parser, const char *text, size_t size, const struct quoted *last,
                  struct diagnostics *errors, struct trap *ret_trap);
