# tests/unit/runner
