# daemon/shell
