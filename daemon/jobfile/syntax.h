/* What libyaml says about a text that is no YAML, in the words of somebody who wanted a job.  Pure. */
#pragma once
#include <yaml.h>

#include "jobfile/jobfile.h"

/* The last quoted scalar that went over several lines: a quote that was not closed usually ends at the next one. */
struct quoted {
        bool set;
        yaml_mark_t start, end;
};

/* Reports the parser's error.  0 or -ENOMEM. */
int syntax_report(const yaml_parser_t *parser, const char *text, size_t size, const struct quoted *last, struct diagnostics *errors);
