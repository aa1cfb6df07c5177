# daemon/runner
