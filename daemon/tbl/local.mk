# daemon/tbl
