# daemon/log
