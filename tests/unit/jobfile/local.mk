# tests/unit/jobfile
